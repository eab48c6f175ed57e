import type { Area } from '../../harness/contestant.js';
import type { CacheWorkload } from './requests.js';

function zipf(
  name: string,
  capacity: number,
): { name: string; title: string; parameters: CacheWorkload } {
  const itemCount = capacity * 16;
  return {
    name,
    title: `LRU of ${capacity} entries, Zipf(1.0) over ${itemCount} keys`,
    parameters: { capacity, itemCount, exponent: 1, requestCount: 500_000 },
  };
}

/** Caches: get a key or insert it. */
export const area: Area<CacheWorkload> = {
  title: 'caches',
  operation: 'get-or-insert',
  contestants: ['hotpath-lru', 'lru-cache', 'mnemonist', 'quick-lru', 'tiny-lru', 'map'],
  workloads: [
    zipf('zipf-1Ki', 2 ** 10),
    // A Map in order of use takes 5.9 us a request here: minutes for one race.
    { ...zipf('zipf-64Ki', 2 ** 16), without: ['map'] },
  ],
};
