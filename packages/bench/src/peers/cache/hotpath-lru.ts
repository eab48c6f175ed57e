import { LruMap } from '@hotpath/blockcache';
import type { Contestant } from '../../harness/contestant.js';
import { type CacheWorkload, requestedKeys } from './requests.js';
import { getOrInsertSlots } from './slots.js';

/** Keys to slots; the value lies in a column of the caller, as in the block cache itself. */
export const contestant: Contestant<CacheWorkload> = {
  name: '@hotpath/blockcache LRU',
  package: '@hotpath/blockcache',
  prepare(workload, seed) {
    const map = new LruMap(workload.capacity);
    const values = new Uint32Array(workload.capacity);
    const keys = requestedKeys(workload, seed);
    return { operationCount: keys.length, run: () => getOrInsertSlots(map, values, keys) };
  },
};
