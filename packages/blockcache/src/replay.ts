/** Replays a stream of keys through a policy and says which requests hit. */
import { ArgumentError, checkInteger } from '@hotpath/hw-x86';
import { beladyHits } from './belady.js';
import type { PolicyClass } from './policy.js';
import { POLICY_NAMES, type PolicyName, slotMapFor } from './policy-names.js';
import { SLOT_LIMIT } from './slot-map.js';

/** Names that {@link replayKeys} takes: the online policies, and Belady's for comparison. */
export const REPLAY_POLICIES = [...POLICY_NAMES, 'belady'] as const;

/** What a replay found. */
export interface ReplayResult {
  readonly policy: string;
  readonly capacity: number;
  readonly requests: number;
  readonly misses: number;
  /** Hits divided by requests, 0 for an empty stream. */
  readonly hitRatio: number;
  /** FNV-1a (32 bits) over one byte a request, 1 for a hit; eight lower-case hexadecimal digits. */
  readonly hitHash: string;
}

const FNV_OFFSET = 2_166_136_261;
const FNV_PRIME = 16_777_619;

/**
 * Runs every key through a cache of `capacity` keys; each miss brings its key in. O(n), Belady
 * O(n log capacity).
 * @param keys - whole numbers `0 .. 2**53 - 1`
 * @throws ArgumentError for an unknown policy, a capacity outside `1 .. 2**26`, or a bad key.
 */
export function replayKeys(
  policy: PolicyName | 'belady' | PolicyClass,
  capacity: number,
  keys: ArrayLike<number>,
): ReplayResult {
  checkInteger('ERR_CAPACITY', 'capacity', capacity, 1, SLOT_LIMIT);
  if (typeof policy === 'string' && !(REPLAY_POLICIES as readonly string[]).includes(policy)) {
    throw new ArgumentError(
      'ERR_POLICY',
      `policy is ${policy}; allowed: ${REPLAY_POLICIES.join(', ')}`,
    );
  }
  const hits = policy === 'belady' ? beladyHits(keys, capacity) : online(policy, capacity, keys);
  let hash = FNV_OFFSET;
  let misses = 0;
  for (const hit of hits) {
    hash = Math.imul(hash ^ hit, FNV_PRIME);
    misses += 1 - hit;
  }
  return {
    policy: typeof policy === 'string' ? policy : policy.name,
    capacity,
    requests: hits.length,
    misses,
    hitRatio: hits.length === 0 ? 0 : (hits.length - misses) / hits.length,
    hitHash: (hash >>> 0).toString(16).padStart(8, '0'),
  };
}

function online(
  policy: PolicyName | PolicyClass,
  capacity: number,
  keys: ArrayLike<number>,
): Uint8Array {
  const map = new (slotMapFor(policy))(capacity);
  const hits = new Uint8Array(keys.length);
  for (let i = 0; i < keys.length; i++) {
    map.getOrInsert(keys[i]);
    hits[i] = map.hit ? 1 : 0;
  }
  return hits;
}
