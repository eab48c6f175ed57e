/**
 * The interface of a replacement policy. A policy orders slots; it knows nothing of data, devices or
 * dirt. One call site of a cache sees one policy class (`slotMapClass`), so that calls are inlined.
 */
import type { SlotRecords } from './slot-records.js';

/** What a policy is given to work on. */
export interface PolicySlots {
  /** Keys and links; a policy may use both links of a slot from `insert` to `remove`. */
  readonly records: SlotRecords;
  /**
   * Slot s may not be evicted now while `held[s] > 0` (pinned, or I/O in flight). `victim` must
   * pass over it; a slot in use counts as recent, so a policy may move it to its head.
   */
  held: Int32Array;
}

/**
 * A replacement policy over slots. The order of calls for a miss is `miss`, then while the cache is
 * full `victim` and `remove`, then `insert`; for a hit `touch`.
 */
export interface Policy {
  /** The key is not resident and is about to come in: look in the ghosts, adapt. */
  miss(key: number): void;
  /** A resident slot was used. The hot path: O(1), no allocation. */
  touch(slot: number): void;
  /** The slot that should make room for `key`, or NIL if all are held. It stays resident. */
  victim(key: number): number;
  /** The slot now holds the key that stands in its record. */
  insert(slot: number): void;
  /** The slot leaves: evicted for another (remember it as a ghost), or dropped by its owner. */
  remove(slot: number, evicted: boolean): void;
  /** The number of slots that may be resident has changed; columns may have grown. */
  resize(capacity: number): void;
  /** Throws InvariantError when its structures contradict each other. */
  checkInvariants(): void;
}

/** How a policy comes into being. */
export type PolicyClass = new (slots: PolicySlots, capacity: number) => Policy;
