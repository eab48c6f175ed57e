/** Input and loop that every contestant of the area `cache` shares. */

import { Random, zipfKeys } from '../../harness/random.js';

/** Get-or-insert of Zipf-distributed keys. */
export interface CacheWorkload {
  /** Entries that the cache holds at most. */
  readonly capacity: number;
  /** Keys are 0..itemCount-1. */
  readonly itemCount: number;
  /** P(rank r) is proportional to 1 / r^exponent. */
  readonly exponent: number;
  /** Requests of one round. */
  readonly requestCount: number;
}

/** What rivals have in common. */
export interface KeyedCache {
  get(key: number): number | undefined;
  set(key: number, value: number): unknown;
}

/** The keys of one round, the same for every contestant. */
export function requestedKeys(workload: CacheWorkload, seed: number): Uint32Array {
  const { requestCount, itemCount, exponent } = workload;
  return zipfKeys(new Random(seed), requestCount, itemCount, exponent);
}

/** Gets each key or inserts it; the sum of the missed keys tells apart any two sets of hits. */
export function getOrInsert(cache: KeyedCache, keys: Uint32Array): number {
  let missed = 0;
  for (let index = 0; index < keys.length; index++) {
    const key = keys[index];
    if (cache.get(key) === undefined) {
      cache.set(key, key);
      missed += (key + 1) * (1 + (index & 1023));
    }
  }
  return missed;
}
