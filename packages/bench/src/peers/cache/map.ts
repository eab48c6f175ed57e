import type { Contestant } from '../../harness/contestant.js';
import { type CacheWorkload, getOrInsert, type KeyedCache, requestedKeys } from './requests.js';

/** What people write by hand: a Map in order of use. */
class MapInOrderOfUse implements KeyedCache {
  private readonly map = new Map<number, number>();
  private readonly capacity: number;

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  get(key: number): number | undefined {
    const value = this.map.get(key);
    if (value !== undefined) {
      this.map.delete(key);
      this.map.set(key, value);
    }
    return value;
  }

  set(key: number, value: number): void {
    if (this.map.size === this.capacity) this.map.delete(this.map.keys().next().value!);
    this.map.set(key, value);
  }
}

export const contestant: Contestant<CacheWorkload> = {
  name: 'Map, delete and set',
  prepare(workload, seed) {
    const cache = new MapInOrderOfUse(workload.capacity);
    const keys = requestedKeys(workload, seed);
    return { operationCount: keys.length, run: () => getOrInsert(cache, keys) };
  },
};
