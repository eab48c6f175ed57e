/**
 * Open-addressing index from a key (a whole number below 2**53) to a slot. Linear probing with
 * backward-shift deletion: no tombstones, so a table never wears out. The keys themselves lie in the
 * slot records, so a bucket costs four bytes.
 */
import { assert, NIL } from '@hotpath/hw-x86';
import { KEY, KEY_STRIDE, type RecordsUser, type SlotRecords } from './slot-records.js';

// An entry is 0 when empty, else (tag << slotBits) + slot + 1. The tag is part of the key's hash: the
// lower bits of its home bucket, and below them `extraBits` bits more. It tells almost every other key
// apart without a look at its record, and gives the distance from home when entries move.
// For every slot s in the table, each bucket from home(s) to where s lies is occupied.
// Occupied buckets === count <= 3/4 of all.

/** Multiplier of Fibonacci hashing: 2**32 divided by the golden ratio, made odd. */
const GOLDEN = 0x9e3779b1 | 0;
/** Spreads the upper 21 bits of a key over the lower 32 (a finaliser constant of MurmurHash3). */
const FOLD = 0x85ebca6b | 0;
const TWO_32 = 4_294_967_296;

/** Home bits in a tag below which a distance from home could be ambiguous. */
const HOME_BITS_SAFE = 10;
/** Home bits that are left in a tag before further hash bits are taken in. */
const HOME_BITS_KEPT = 12;
const EXTRA_BITS_MAX = 8;

/** 32 bits of hash of a key; the home bucket is in the upper ones. */
export function hashOf(key: number): number {
  const high = key >= TWO_32 ? Math.imul((key / TWO_32) | 0, FOLD) : 0;
  const mixed = (key | 0) ^ high;
  return Math.imul(mixed ^ (mixed >>> 15), GOLDEN);
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
  /** The entries. Read only for others; replaced by `rebuild`. */
  buckets!: Int32Array;
  /** 32 minus the binary logarithm of the number of buckets. */
  shift = 0;
  /** Lower bits of an entry, which hold slot + 1. */
  slotBits = 0;
  /** `2**slotBits - 1`. */
  slotMask = 0;
  /** The tag of a hash is `(hash >>> tagShift) << slotBits`. */
  tagShift = 0;
  #extraBits = 0;
  #homeMask = 0;
  /** Whether a tag gives the distance from home for certain. */
  #hasHome = false;

  constructor(records: SlotRecords) {
    this.#records = records;
    records.addUser(this);
    this.#allocate();
  }

  #allocate(): void {
    const { slotCount } = this.#records;
    const bucketCount = bucketCountFor(slotCount);
    this.buckets = new Int32Array(bucketCount);
    this.shift = 32 - Math.log2(bucketCount);
    this.slotBits = 32 - Math.clz32(slotCount);
    this.slotMask = 2 ** this.slotBits - 1;
    const tagBits = 32 - this.slotBits;
    this.#extraBits = Math.max(0, Math.min(EXTRA_BITS_MAX, tagBits - HOME_BITS_KEPT, this.shift));
    this.tagShift = this.shift - this.#extraBits;
    const homeBits = tagBits - this.#extraBits;
    this.#homeMask = 2 ** Math.min(30, homeBits) - 1;
    this.#hasHome = homeBits >= HOME_BITS_SAFE;
  }

  recordsGrew(records: SlotRecords): void {
    this.#keys = records.keys;
  }

  /** Home bucket of `key`, where its probe begins. */
  home(key: number): number {
    return hashOf(key) >>> this.shift;
  }

  /** Whether a look at the record is needed to tell this entry's key from `key`. */
  mayBe(entry: number, key: number): boolean {
    const tag = (hashOf(key) >>> this.tagShift) << this.slotBits;
    return (entry ^ tag) >>> this.slotBits === 0;
  }

  /**
   * Slot of `key`, or NIL. O(1) expected. {@link SlotMap} has the same loop written out over arrays
   * of its own.
   */
  find(key: number): number {
    const { buckets, slotBits, slotMask } = this;
    const keys = this.#keys;
    const mask = buckets.length - 1;
    const hash = hashOf(key);
    const tag = (hash >>> this.tagShift) << slotBits;
    let bucket = hash >>> this.shift;
    let entry = buckets[bucket];
    while (entry !== 0) {
      if ((entry ^ tag) >>> slotBits === 0) {
        const slot = (entry & slotMask) - 1;
        if (keys[slot * KEY_STRIDE + KEY] === key) return slot;
      }
      bucket = (bucket + 1) & mask;
      entry = buckets[bucket];
    }
    return NIL;
  }

  /** Enters a slot whose key stands in its record and is not in the table. O(1) expected. */
  insert(slot: number): void {
    const buckets = this.buckets;
    const mask = buckets.length - 1;
    const hash = hashOf(this.#keys[slot * KEY_STRIDE + KEY]);
    let bucket = hash >>> this.shift;
    while (buckets[bucket] !== 0) bucket = (bucket + 1) & mask;
    buckets[bucket] = ((hash >>> this.tagShift) << this.slotBits) | (slot + 1);
  }

  /** Takes out a slot that is in the table. O(1) expected. */
  remove(slot: number): void {
    const { buckets, slotMask } = this;
    const mask = buckets.length - 1;
    let hole = hashOf(this.#keys[slot * KEY_STRIDE + KEY]) >>> this.shift;
    while ((buckets[hole] & slotMask) !== slot + 1) {
      assert(buckets[hole] !== 0, 'key table: the slot to remove is not in the table');
      hole = (hole + 1) & mask;
    }
    // Pull back every follower whose home is not behind the hole, so that no probe ends early.
    let next = hole;
    for (;;) {
      next = (next + 1) & mask;
      const entry = buckets[next];
      if (entry === 0) break;
      if (this.#distance(entry, next) >= ((next - hole) & mask)) {
        buckets[hole] = entry;
        hole = next;
      }
    }
    buckets[hole] = 0;
  }

  /** How far from its home an entry lies; from the tag alone where that is certain. */
  #distance(entry: number, bucket: number): number {
    const mask = this.buckets.length - 1;
    if (this.#hasHome) {
      return (bucket - (entry >>> (this.slotBits + this.#extraBits))) & this.#homeMask & mask;
    }
    const slot = (entry & this.slotMask) - 1;
    return (bucket - (hashOf(this.#keys[slot * KEY_STRIDE + KEY]) >>> this.shift)) & mask;
  }

  /** Enters every listed slot into a table fit for the records' new size. O(slots). */
  rebuild(slots: Iterable<number>): void {
    this.#allocate();
    for (const slot of slots) this.insert(slot);
  }

  /** Slots in the table, in no order. */
  *slots(): Generator<number, void, void> {
    for (const entry of this.buckets) if (entry !== 0) yield (entry & this.slotMask) - 1;
  }

  /** Throws InvariantError unless every slot is found from its home and `count` slots are here. */
  checkInvariants(count: number): void {
    let occupied = 0;
    for (const [bucket, entry] of this.buckets.entries()) {
      if (entry === 0) continue;
      occupied += 1;
      const slot = (entry & this.slotMask) - 1;
      assert(slot >= 0 && slot < this.#records.slotCount, 'key table: an entry names no slot');
      const key = this.#keys[slot * KEY_STRIDE + KEY];
      assert(this.find(key) === slot, 'key table: a slot is not found by its own key');
      const away = (bucket - this.home(key)) & (this.buckets.length - 1);
      assert(this.#distance(entry, bucket) === away, 'key table: a tag gives a wrong distance');
    }
    assert(occupied === count, 'key table: occupied buckets differ from the count');
    assert(occupied * 4 <= this.buckets.length * 3 || occupied < 4, 'key table: too full');
  }
}
