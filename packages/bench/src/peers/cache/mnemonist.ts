import { LRUMap } from 'mnemonist';
import type { Contestant } from '../../harness/contestant.js';
import { type CacheWorkload, getOrInsert, requestedKeys } from './requests.js';

/** Keys and values in typed arrays: its fastest form for numbers. */
export const contestant: Contestant<CacheWorkload> = {
  name: 'mnemonist LRUMap',
  package: 'mnemonist',
  prepare(workload, seed) {
    const KeyArray = workload.wide === true ? Float64Array : Uint32Array;
    const cache = new LRUMap<number, number>(KeyArray, Uint32Array, workload.capacity);
    const keys = requestedKeys(workload, seed);
    return { operationCount: keys.length, run: () => getOrInsert(cache, keys) };
  },
};
