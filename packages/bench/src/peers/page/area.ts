import type { Area } from '../../harness/contestant.js';
import type { PageWorkload } from './work.js';

const MIB = 2 ** 20;

/** Page caches: 4 KiB pieces of a host file. */
export const area: Area<PageWorkload> = {
  title: 'file pages',
  operation: '4 KiB piece',
  contestants: [
    'hotpath-views',
    'hotpath-read',
    'fs-read-sync',
    'copy-and-map',
    'hotpath-lookup',
    'map-lookup',
    'sqlite-hotpath',
    'sqlite-array',
  ],
  workloads: [
    {
      name: 'warm-sequential',
      title: 'a cached file of 16 MiB, page after page',
      parameters: { kind: 'sequential', fileBytes: 16 * MIB },
      without: ['hotpath-lookup', 'map-lookup', 'sqlite-hotpath', 'sqlite-array'],
    },
    {
      name: 'warm-random',
      title: 'a cached file of 16 MiB, pages at random',
      parameters: { kind: 'random', fileBytes: 16 * MIB },
      without: ['hotpath-lookup', 'map-lookup', 'sqlite-hotpath', 'sqlite-array'],
    },
    {
      name: 'cold-sequential',
      title: 'a file of 64 MiB, page after page, our cache empty; fs.readSync takes 128 KiB a call',
      parameters: { kind: 'cold', fileBytes: 64 * MIB },
      without: [
        'hotpath-read',
        'copy-and-map',
        'hotpath-lookup',
        'map-lookup',
        'sqlite-hotpath',
        'sqlite-array',
      ],
    },
    {
      name: 'lookup',
      title: 'look-up of 16 Ki pages at random, no copy',
      parameters: { kind: 'random', fileBytes: 64 * MIB },
      without: [
        'hotpath-views',
        'hotpath-read',
        'fs-read-sync',
        'copy-and-map',
        'sqlite-hotpath',
        'sqlite-array',
      ],
    },
    {
      name: 'sqlite',
      title: 'SQLite inserts 20,000 rows and reads them back, over the page cache and over arrays',
      parameters: { kind: 'sqlite', fileBytes: 0, rowCount: 20_000 },
      without: [
        'hotpath-views',
        'hotpath-read',
        'fs-read-sync',
        'copy-and-map',
        'hotpath-lookup',
        'map-lookup',
      ],
    },
  ],
};
