/**
 * Open-addressing index from a key (a whole number below 2**53) to a slot. Linear probing with
 * backward-shift deletion: no tombstones, so a table never wears out. The keys themselves lie in the
 * slot records, so a bucket costs four bytes.
 */
import { assert, NIL } from '@hotpath/hw-x86';
import { KEY, KEY_STRIDE, type RecordsUser, type SlotRecords } from './slot-records.js';

// bucket[b] is 0 when empty, else slot + 1. For every slot s in the table, each bucket from home(s)
// to where s lies is occupied. Occupied buckets === count <= 3/4 of all.

/** Multiplier of Fibonacci hashing: 2**32 divided by the golden ratio, made odd. */
const GOLDEN = 0x9e3779b1 | 0;
/** Spreads the upper 21 bits of a key over the lower 32 (a finaliser constant of MurmurHash3). */
const FOLD = 0x85ebca6b | 0;
const TWO_32 = 4_294_967_296;

/** Home bucket of a key in a table of `2**(32 - shift)` buckets. */
export function homeOf(key: number, shift: number): number {
  const high = key >= TWO_32 ? Math.imul((key / TWO_32) | 0, FOLD) : 0;
  const mixed = (key | 0) ^ high;
  return Math.imul(mixed ^ (mixed >>> 15), GOLDEN) >>> shift;
}

/** Buckets for `capacity` keys: a power of two, at most three quarters full. */
function bucketCountFor(capacity: number): number {
  let buckets = 4;
  while (buckets * 3 < capacity * 4) buckets *= 2;
  return buckets;
}

/** The index of a {@link SlotMap}; `find` about one cache miss beside the record's. */
export class KeyTable implements RecordsUser {
  readonly #records: SlotRecords;
  /** The records' own array: a hop less on every look-up. */
  #keys!: Float64Array;
  /** Slot + 1, or 0 for an empty bucket. Read only for others; replaced by `rebuild`. */
  buckets: Int32Array;
  /** 32 minus the binary logarithm of the number of buckets. */
  shift: number;

  constructor(records: SlotRecords) {
    this.#records = records;
    records.addUser(this);
    const bucketCount = bucketCountFor(records.slotCount);
    this.buckets = new Int32Array(bucketCount);
    this.shift = 32 - Math.log2(bucketCount);
  }

  recordsGrew(records: SlotRecords): void {
    this.#keys = records.keys;
  }

  /** Home bucket of `key`, where its probe begins. */
  home(key: number): number {
    return homeOf(key, this.shift);
  }

  /**
   * Slot of `key`, or NIL. O(1) expected. {@link SlotMap} has the same loop written out over arrays
   * of its own.
   */
  find(key: number): number {
    const buckets = this.buckets;
    const keys = this.#keys;
    const mask = buckets.length - 1;
    let bucket = homeOf(key, this.shift);
    let entry = buckets[bucket];
    while (entry !== 0) {
      if (keys[(entry - 1) * KEY_STRIDE + KEY] === key) return entry - 1;
      bucket = (bucket + 1) & mask;
      entry = buckets[bucket];
    }
    return NIL;
  }

  /** Enters a slot whose key stands in its record and is not in the table. O(1) expected. */
  insert(slot: number): void {
    const buckets = this.buckets;
    const mask = buckets.length - 1;
    let bucket = homeOf(this.#keys[slot * KEY_STRIDE + KEY], this.shift);
    while (buckets[bucket] !== 0) bucket = (bucket + 1) & mask;
    buckets[bucket] = slot + 1;
  }

  /** Takes out a slot that is in the table. O(1) expected. */
  remove(slot: number): void {
    const buckets = this.buckets;
    const keys = this.#keys;
    const shift = this.shift;
    const mask = buckets.length - 1;
    let hole = homeOf(keys[slot * KEY_STRIDE + KEY], shift);
    while (buckets[hole] !== slot + 1) {
      assert(buckets[hole] !== 0, 'key table: the slot to remove is not in the table');
      hole = (hole + 1) & mask;
    }
    // Pull back every follower whose home is not behind the hole, so that no probe ends early.
    let next = hole;
    for (;;) {
      next = (next + 1) & mask;
      const entry = buckets[next];
      if (entry === 0) break;
      const home = homeOf(keys[(entry - 1) * KEY_STRIDE + KEY], shift);
      if (((next - home) & mask) >= ((next - hole) & mask)) {
        buckets[hole] = entry;
        hole = next;
      }
    }
    buckets[hole] = 0;
  }

  /** Enters every listed slot into a table fit for the records' new size. O(slots). */
  rebuild(slots: Iterable<number>): void {
    const bucketCount = bucketCountFor(this.#records.slotCount);
    this.buckets = new Int32Array(bucketCount);
    this.shift = 32 - Math.log2(bucketCount);
    for (const slot of slots) this.insert(slot);
  }

  /** Slots in the table, in no order. */
  *slots(): Generator<number, void, void> {
    for (const entry of this.buckets) if (entry !== 0) yield entry - 1;
  }

  /** Throws InvariantError unless every slot is found from its home and `count` slots are here. */
  checkInvariants(count: number): void {
    let occupied = 0;
    for (const entry of this.buckets) {
      if (entry === 0) continue;
      occupied += 1;
      assert(entry - 1 < this.#records.slotCount, 'key table: an entry names no slot');
      const key = this.#keys[(entry - 1) * KEY_STRIDE + KEY];
      assert(this.find(key) === entry - 1, 'key table: a slot is not found by its own key');
    }
    assert(occupied === count, 'key table: occupied buckets differ from the count');
    assert(occupied * 4 <= this.buckets.length * 3 || occupied < 4, 'key table: too full');
  }
}
