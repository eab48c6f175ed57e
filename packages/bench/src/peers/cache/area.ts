import type { Area } from '../../harness/contestant.js';
import type { CacheWorkload } from './requests.js';

const MIB = 2 ** 20;

function zipf(
  name: string,
  capacity: number,
  itemCount: number,
): Area<CacheWorkload>['workloads'][0] {
  return {
    name,
    title: `${capacity} entries, Zipf(1.0) over ${itemCount} keys`,
    parameters: { capacity, itemCount, exponent: 1, requestCount: 500_000 },
    // A Map in order of use takes microseconds a request from here on: minutes for one race.
    ...(capacity > 1024 ? { without: ['map'] } : {}),
  };
}

/** Caches: get a key or insert it. */
export const area: Area<CacheWorkload> = {
  title: 'caches',
  operation: 'get-or-insert',
  contestants: [
    'hotpath-lru',
    'hotpath-clock',
    'hotpath-block-cache',
    'lru-cache',
    'mnemonist',
    'quick-lru',
    'tiny-lru',
    'map',
  ],
  workloads: [
    zipf('zipf-1Ki', 2 ** 10, 2 ** 14),
    zipf('zipf-64Ki', 2 ** 16, MIB),
    zipf('zipf-1Mi', MIB, MIB),
    {
      name: 'evicting-1Mi',
      title: `${MIB} entries, uniform over ${4 * MIB} keys`,
      parameters: { capacity: MIB, itemCount: 4 * MIB, exponent: 0, requestCount: 2_000_000 },
      without: ['map'],
    },
    {
      name: 'wide-64Ki',
      title: `${2 ** 16} entries, Zipf(1.0) over ${MIB} keys of 53 bits`,
      parameters: {
        capacity: 2 ** 16,
        itemCount: MIB,
        exponent: 1,
        requestCount: 500_000,
        wide: true,
      },
      without: ['map'],
    },
  ],
};
