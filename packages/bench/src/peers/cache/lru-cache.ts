import { LRUCache } from 'lru-cache';
import type { Contestant } from '../../harness/contestant.js';
import { type CacheWorkload, getOrInsert, requestedKeys } from './requests.js';

export const contestant: Contestant<CacheWorkload> = {
  name: 'lru-cache',
  package: 'lru-cache',
  prepare(workload, seed) {
    const cache = new LRUCache<number, number>({ max: workload.capacity });
    const keys = requestedKeys(workload, seed);
    return { operationCount: keys.length, run: () => getOrInsert(cache, keys) };
  },
};
