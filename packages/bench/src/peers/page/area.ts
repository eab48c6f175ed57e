import type { Area } from '../../harness/contestant.js';
import type { PageWorkload } from './work.js';

const MIB = 2 ** 20;
const FILES = [
  'hotpath-views',
  'hotpath-arrays',
  'hotpath-read',
  'hotpath-uncached',
  'fs-read-sync',
  'fs-read-kept',
  'copy-and-map',
];
const LOOKUPS = ['hotpath-lookup', 'map-lookup'];
const SQLITE = ['sqlite-hotpath', 'sqlite-array'];
const LAYERS = ['one-frame', 'two-copies'];

/** Page caches: 4 KiB pieces of a host file. */
export const area: Area<PageWorkload> = {
  title: 'file pages',
  operation: '4 KiB piece',
  contestants: [
    ...FILES,
    'hotpath-lookup',
    'map-lookup',
    'sqlite-hotpath',
    'sqlite-array',
    'one-frame',
    'two-copies',
  ],
  workloads: [
    {
      name: 'warm-sequential',
      title: 'a cached file of 16 MiB, page after page',
      parameters: { kind: 'sequential', fileBytes: 16 * MIB, passes: 64 },
      without: ['hotpath-uncached', 'fs-read-kept', ...LOOKUPS, ...SQLITE, ...LAYERS],
    },
    {
      name: 'warm-random',
      title: 'a cached file of 16 MiB, pages at random',
      parameters: { kind: 'random', fileBytes: 16 * MIB, passes: 64 },
      without: ['hotpath-uncached', 'fs-read-kept', ...LOOKUPS, ...SQLITE, ...LAYERS],
    },
    {
      name: 'cold-sequential',
      title:
        'a file of 64 MiB, once from end to end, through an empty cache of 4 MiB; all but views take 128 KiB a call',
      parameters: { kind: 'cold', fileBytes: 64 * MIB },
      without: ['hotpath-arrays', 'fs-read-kept', 'copy-and-map', ...LOOKUPS, ...SQLITE, ...LAYERS],
    },
    {
      name: 'cold-kept',
      title: 'the same through an empty cache that keeps all of it',
      parameters: { kind: 'cold', fileBytes: 64 * MIB, kept: true },
      without: [
        'hotpath-arrays',
        'hotpath-uncached',
        'copy-and-map',
        ...LOOKUPS,
        ...SQLITE,
        ...LAYERS,
      ],
    },
    {
      name: 'lookup',
      title: 'look-up of 16 Ki pages at random, no copy',
      parameters: { kind: 'random', fileBytes: 64 * MIB, passes: 64 },
      without: [...FILES, ...SQLITE, ...LAYERS],
    },
    {
      name: 'sqlite',
      title: 'SQLite inserts 20,000 rows and reads them back, over the page cache and over arrays',
      parameters: { kind: 'sqlite', fileBytes: 0, rowCount: 20_000 },
      without: [...FILES, ...LOOKUPS, ...LAYERS],
    },
    {
      name: 'two-caches',
      title:
        'a device of 32 MiB at random through a page cache over a block cache, either holds it all',
      parameters: { kind: 'random', fileBytes: 32 * MIB },
      without: [...FILES, ...LOOKUPS, ...SQLITE],
    },
  ],
};
