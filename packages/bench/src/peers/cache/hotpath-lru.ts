import { LruPolicy, slotMapClass } from '@hotpath/blockcache';
import type { Contestant } from '../../harness/contestant.js';
import { type CacheWorkload, requestedKeys } from './requests.js';

const LruSlotMap = slotMapClass(LruPolicy);

/** Keys to slots; the value lies in a column of the caller, as in the block cache itself. */
export const contestant: Contestant<CacheWorkload> = {
  name: '@hotpath/blockcache LRU',
  package: '@hotpath/blockcache',
  prepare(workload, seed) {
    const map = new LruSlotMap(workload.capacity);
    const values = new Float64Array(workload.capacity);
    const keys = requestedKeys(workload, seed);
    return {
      operationCount: keys.length,
      run() {
        let missed = 0;
        for (let index = 0; index < keys.length; index++) {
          const key = keys[index];
          const slot = map.getOrInsert(key);
          if (map.hit && values[slot] === key) continue;
          values[slot] = key;
          missed += (key + 1) * (1 + (index & 1023));
        }
        return missed;
      },
    };
  },
};
