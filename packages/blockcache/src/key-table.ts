/**
 * Open-addressing index from a key (a whole number below 2**53) to a slot. Linear probing with
 * backward-shift deletion: no tombstones, so a table never wears out. The keys themselves lie in the
 * slot records, so a bucket costs four bytes.
 */
import { assert, NIL } from '@hotpath/hw-x86';
import type { RecordsUser, SlotRecords } from './slot-records.js';
import { keyAt } from './slot-ring.js';

// An entry is 0 when empty, else its lower `slotBits` bits are slot + 1 and the rest, the tag, are the
// same bits of the key's hash: one xor and one mask tell almost every other key apart without a look at
// its record. The tag's lower `homeBits` bits are the lower bits of the home bucket, which gives the
// distance from home when entries move; the upper bits of the home come from the hash's lower end.
// For every slot s in the table, each bucket from home(s) to where s lies is occupied.
// Occupied buckets === count <= 3/4 of all.

/** Home bits in a tag below which a distance from home could be ambiguous. */
const HOME_BITS_SAFE = 10;
/** Home bits that are left in a tag before further hash bits are taken in. */
const HOME_BITS_KEPT = 12;
const EXTRA_BITS_MAX = 8;

/** 32 bits of hash of a key, all of them good: keys are often multiples of a power of two. */
export function hashOf(key: number): number {
  // 2**32; a finaliser constant of MurmurHash3; 2**32 divided by the golden ratio, made odd.
  const high = key >= 4_294_967_296 ? Math.imul((key / 4_294_967_296) | 0, 0x85ebca6b) : 0;
  const mixed = (key | 0) ^ high;
  const product = Math.imul(mixed ^ (mixed >>> 15), 0x9e3779b1);
  return product ^ (product >>> 15);
}

/** Buckets for `capacity` keys: a power of two, at most three quarters full. */
function bucketCountFor(capacity: number): number {
  let buckets = 4;
  while (buckets * 3 < capacity * 4) buckets *= 2;
  return buckets;
}

/** The index of a {@link SlotMap}; `find` about one cache miss beside the record's. */
export class KeyTable implements RecordsUser {
  private readonly records: SlotRecords;
  /** The records' own array: a hop less on every look-up. */
  private keys!: Float64Array;
  /** The entries. Read only for others; replaced by `rebuild`. */
  buckets!: Int32Array;
  /** Number of buckets - 1. */
  mask = 0;
  /** Lower bits of an entry, which hold slot + 1. */
  slotBits = 0;
  /** `2**slotBits - 1`. */
  slotMask = 0;
  /** Bits of the home bucket that stand in the tag. */
  homeBits = 0;
  private homeMask = 0;
  /** Whether a tag gives the distance from home for certain. */
  private hasHome = false;

  constructor(records: SlotRecords) {
    this.records = records;
    records.addUser(this);
    this.allocate();
  }

  private allocate(): void {
    const { slotCount } = this.records;
    const bucketCount = bucketCountFor(slotCount);
    this.buckets = new Int32Array(bucketCount);
    this.mask = bucketCount - 1;
    this.slotBits = 32 - Math.clz32(slotCount);
    this.slotMask = 2 ** this.slotBits - 1;
    const tagBits = 32 - this.slotBits;
    const extraBits = Math.max(0, Math.min(EXTRA_BITS_MAX, tagBits - HOME_BITS_KEPT));
    this.homeBits = Math.min(Math.log2(bucketCount), tagBits - extraBits);
    this.homeMask = 2 ** this.homeBits - 1;
    this.hasHome = bucketCount <= 2 ** this.homeBits || this.homeBits >= HOME_BITS_SAFE;
  }

  recordsGrew(records: SlotRecords): void {
    this.keys = records.keys;
  }

  /** Home bucket of `key`, where its probe begins. */
  home(key: number): number {
    return this.homeOf(hashOf(key));
  }

  private homeOf(hash: number): number {
    return ((hash >>> this.slotBits) ^ (hash << this.homeBits)) & this.mask;
  }

  /** Whether a look at the record is needed to tell this entry's key from `key`. */
  mayBe(entry: number, key: number): boolean {
    return ((entry ^ hashOf(key)) & ~this.slotMask) === 0;
  }

  /**
   * Slot of `key`, or NIL. O(1) expected. {@link SlotMap} has the same loop written out over arrays
   * of its own.
   */
  find(key: number): number {
    const { buckets, mask, slotMask } = this;
    const keys = this.keys;
    const hash = hashOf(key);
    let bucket = this.homeOf(hash);
    let entry = buckets[bucket];
    while (entry !== 0) {
      if (((entry ^ hash) & ~slotMask) === 0) {
        const slot = (entry & slotMask) - 1;
        if (keys[keyAt(slot)] === key) return slot;
      }
      bucket = (bucket + 1) & mask;
      entry = buckets[bucket];
    }
    return NIL;
  }

  /** Enters a slot whose key stands in its record and is not in the table. O(1) expected. */
  insert(slot: number): void {
    this.insertHashed(slot, hashOf(this.keys[keyAt(slot)]));
  }

  /** As `insert`, for who knows the key's hash already. */
  insertHashed(slot: number, hash: number): void {
    const { buckets, mask } = this;
    const home = this.homeOf(hash);
    let bucket = home;
    while (buckets[bucket] !== 0) bucket = (bucket + 1) & mask;
    // So far from home that the tag is ambiguous: somebody picks keys that collide.
    if (((bucket - home) & mask) > this.homeMask) this.hasHome = false;
    buckets[bucket] = (hash & ~this.slotMask) | (slot + 1);
  }

  /** Takes out a slot that is in the table. O(1) expected. */
  remove(slot: number): void {
    const { buckets, mask, slotMask } = this;
    let hole = this.homeOf(hashOf(this.keys[keyAt(slot)]));
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
      if (this.distance(entry, next) >= ((next - hole) & mask)) {
        buckets[hole] = entry;
        hole = next;
      }
    }
    buckets[hole] = 0;
  }

  /** How far from its home an entry lies; from the tag alone where that is certain. */
  private distance(entry: number, bucket: number): number {
    if (this.hasHome) return (bucket - (entry >>> this.slotBits)) & this.homeMask;
    const slot = (entry & this.slotMask) - 1;
    return (bucket - this.home(this.keys[keyAt(slot)])) & this.mask;
  }

  /** Enters every listed slot into a table fit for the records' new size. O(slots). */
  rebuild(slots: Iterable<number>): void {
    this.allocate();
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
      assert(slot >= 0 && slot < this.records.slotCount, 'key table: an entry names no slot');
      const key = this.keys[keyAt(slot)];
      assert(this.find(key) === slot, 'key table: a slot is not found by its own key');
      const away = (bucket - this.home(key)) & this.mask;
      assert(this.distance(entry, bucket) === away, 'key table: a tag gives a wrong distance');
    }
    assert(occupied === count, 'key table: occupied buckets differ from the count');
    assert(occupied * 4 <= this.buckets.length * 3 || occupied < 4, 'key table: too full');
  }
}
