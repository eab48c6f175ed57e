/**
 * The interface of a replacement policy. A policy orders slots; it knows nothing of data, devices or
 * dirt. One call site of a cache sees one policy class (`slotMapClass`), so that calls are inlined.
 */
import type { Meter, VirtAddr } from '@hotpath/hw-x86';
import type { SlotRecords } from './slot-records.js';

/** What a policy is given to work on. */
export interface PolicySlots {
  /** Keys and links; a policy may use both links of a slot from `insert` to `remove`. */
  readonly records: SlotRecords;
  /**
   * Whether a slot may not be evicted now (pinned, or I/O in flight). `victim` must pass over it; a slot
   * in use counts as recent, so a policy may move it to its head.
   */
  isHeld(slot: number): boolean;
}

/** What a hit does to a slot, for {@link Policy.onHit}. */
export const HIT_TO_HEAD = 1;
/** See {@link HIT_TO_HEAD}. */
export const HIT_MARKS = 2;
/** The word that {@link HIT_MARKS} stores. */
export const MARKED = 2;

/**
 * A replacement policy over slots. The order of calls for a miss is `miss`, then while the cache is
 * full `victim` and `remove`, then `insert`; for a hit `touch`.
 */
export interface Policy {
  /** The key is not resident and is about to come in: look in the ghosts, adapt. */
  miss(key: number): void;
  /**
   * Optional, for speed: all that `touch` does is move the slot to the head of ring 0 (HIT_TO_HEAD), or
   * store MARKED in its PREV word (HIT_MARKS). A map then does so itself, without a call.
   */
  readonly onHit?: typeof HIT_TO_HEAD | typeof HIT_MARKS;
  /** A resident slot was used. The hot path: O(1), no allocation. */
  touch(slot: number): void;
  /**
   * Tells a meter what `touch(slot)` will load and store; `recordBase` is where the records lie. What
   * lies in columns of the policy's own may be left out if `touch` is a single store.
   */
  charge(slot: number, meter: Meter, recordBase: VirtAddr): void;
  /** The slot that should make room for `key`, or NIL if all are held. It stays resident. */
  victim(key: number): number;
  /** The slot now holds the key that stands in its record. */
  insert(slot: number): void;
  /** The slot leaves: evicted for another (remember it as a ghost), or dropped by its owner. */
  remove(slot: number, evicted: boolean): void;
  /**
   * Optional, for speed: the same as `remove(slot, true)` and `insert(slot)` in one, called after a
   * `victim` that answered this slot; its record holds the new key already. For policies without ghosts,
   * which are then asked for victims of key NIL and not told of misses.
   */
  replace?(slot: number): void;
  /** The number of slots that may be resident has changed; columns may have grown. */
  resize(capacity: number): void;
  /** Throws InvariantError when its structures contradict each other. */
  checkInvariants(): void;
}

/** How a policy comes into being. */
export type PolicyClass = new (slots: PolicySlots, capacity: number) => Policy;
