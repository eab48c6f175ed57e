import { type PolicyClass, slotMapClass } from '@hotpath/blockcache';
import type { KeyStream } from '../traces/io-trace.js';

/** What a policy made of a stream of page accesses; exact. */
export interface IoReplay {
  /** Pages that the cache holds. */
  readonly capacity: number;
  readonly requests: number;
  readonly misses: number;
  /** Hits by requests, 0..1. */
  readonly hitRatio: number;
  /** FNV-1a-32 over one byte for each request, 1 where it hit; eight lower-case hex digits. */
  readonly hitHash: string;
}

const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/**
 * Sends every access, reads and writes alike, through the index of the block cache under a policy.
 * No warm-up: the first access of each page misses.
 * @throws ArgumentError ERR_CAPACITY
 */
export function replayIo(stream: KeyStream, policy: PolicyClass, capacity: number): IoReplay {
  const map = new (slotMapClass(policy))(capacity);
  const { keys } = stream;
  let misses = 0;
  let hash = FNV_OFFSET;
  for (let index = 0; index < keys.length; index++) {
    map.getOrInsert(keys[index]);
    const bit = map.hit ? 1 : 0;
    misses += 1 - bit;
    hash = Math.imul(hash ^ bit, FNV_PRIME);
  }
  map.checkInvariants();
  return {
    capacity,
    requests: keys.length,
    misses,
    hitRatio: keys.length === 0 ? 0 : 1 - misses / keys.length,
    hitHash: (hash >>> 0).toString(16).padStart(8, '0'),
  };
}
