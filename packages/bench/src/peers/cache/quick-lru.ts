import QuickLRU from 'quick-lru';
import type { Contestant } from '../../harness/contestant.js';
import { type CacheWorkload, getOrInsert, requestedKeys } from './requests.js';

export const contestant: Contestant<CacheWorkload> = {
  name: 'quick-lru',
  package: 'quick-lru',
  semantics: 'no true LRU: holds up to twice the capacity',
  prepare(workload, seed) {
    const cache = new QuickLRU<number, number>({ maxSize: workload.capacity });
    const keys = requestedKeys(workload, seed);
    return { operationCount: keys.length, run: () => getOrInsert(cache, keys) };
  },
};
