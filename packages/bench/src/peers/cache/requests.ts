/** Input and loop that every contestant of the area `cache` shares. */

import { Random, zipfKeys } from '../../harness/random.js';

/** Get-or-insert of keys. */
export interface CacheWorkload {
  /** Entries that the cache holds at most. */
  readonly capacity: number;
  /** Keys are drawn from this many. */
  readonly itemCount: number;
  /** P(rank r) is proportional to 1 / r^exponent; 0 is uniform. */
  readonly exponent: number;
  /** Requests of one round. */
  readonly requestCount: number;
  /** Keys are spread over 53 bits instead of 32. */
  readonly wide?: boolean;
}

/** What rivals have in common. */
export interface KeyedCache {
  get(key: number): number | undefined;
  set(key: number, value: number): unknown;
}

/** Numbers of one round's keys. */
export type Keys = Uint32Array | Float64Array;

/** The keys of one round, the same for every contestant. */
export function requestedKeys(workload: CacheWorkload, seed: number): Keys {
  const { requestCount, itemCount, exponent, wide = false } = workload;
  const random = new Random(seed);
  let ranks: Uint32Array;
  if (exponent > 0) ranks = zipfKeys(random, requestCount, itemCount, exponent);
  else {
    ranks = new Uint32Array(requestCount);
    for (let i = 0; i < requestCount; i++) ranks[i] = random.below(itemCount);
  }
  if (!wide) return ranks;
  // An odd multiplier and a sum below 2**53: distinct numbers, most of them far above 2**32.
  const spread = new Float64Array(requestCount);
  for (let i = 0; i < requestCount; i++) spread[i] = ranks[i] * 8_589_934_591 + 4_294_967_296;
  return spread;
}

/** Gets each key or inserts it; the hash of the missed keys tells apart any two sets of hits. */
export function getOrInsert(cache: KeyedCache, keys: Keys): number {
  let missed = 0;
  for (let index = 0; index < keys.length; index++) {
    const key = keys[index];
    if (cache.get(key) === undefined) {
      cache.set(key, index);
      missed = Math.imul(missed ^ key ^ index, 0x01000193);
    }
  }
  return missed;
}
