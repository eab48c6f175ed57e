import { ClockMap } from '@hotpath/blockcache';
import type { Contestant } from '../../harness/contestant.js';
import { type CacheWorkload, requestedKeys } from './requests.js';
import { getOrInsertSlots } from './slots.js';

/** As our LRU, with the second-chance policy. */
export const contestant: Contestant<CacheWorkload> = {
  name: '@hotpath/blockcache CLOCK',
  package: '@hotpath/blockcache',
  semantics: 'CLOCK, no LRU',
  prepare(workload, seed) {
    const map = new ClockMap(workload.capacity);
    const values = new Uint32Array(workload.capacity);
    const keys = requestedKeys(workload, seed);
    return { operationCount: keys.length, run: () => getOrInsertSlots(map, values, keys) };
  },
};
