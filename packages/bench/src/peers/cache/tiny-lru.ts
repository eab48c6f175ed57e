import { lru } from 'tiny-lru';
import type { Contestant } from '../../harness/contestant.js';
import { type CacheWorkload, getOrInsert, requestedKeys } from './requests.js';

export const contestant: Contestant<CacheWorkload> = {
  name: 'tiny-lru',
  package: 'tiny-lru',
  prepare(workload, seed) {
    const cache = lru<number>(workload.capacity);
    const keys = requestedKeys(workload, seed);
    return { operationCount: keys.length, run: () => getOrInsert(cache, keys) };
  },
};
