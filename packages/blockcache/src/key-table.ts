/**
 * Open-addressing index from a key (a whole number below 2**53) to a slot. Linear probing with
 * backward-shift deletion: no tombstones, so a table never wears out. The keys themselves lie in the
 * slot records, so a bucket costs four bytes.
 */
import { assert, NIL } from '@hotpath/hw-x86';
import { type RecordsUser, type SlotRecords, upperHalf } from './slot-records.js';
import { keyAt } from './slot-ring.js';

// An entry is 0 when empty, else from its upper end: slot + 1; DISTANCE_BITS bits that say how far it lies
// from its home, FAR for that far or farther; the tag, which are the same bits of the key's hash. One xor
// and one mask tell almost every other key apart without a look at its record, and a removal moves
// entries back without a look at theirs. The home is the hash's upper end: of a run of block numbers it
// goes round the table in steps of the golden ratio, and hardly two meet.
// For every slot s in the table, each bucket from home(s) to where s lies is occupied.
// Buckets in use are 0 .. mask, a power of two; slots in the table are below fullAt <= 3/4 of them.

const DISTANCE_BITS = 4;
const FAR = 2 ** DISTANCE_BITS - 1;
/** Buckets in use at first. */
const BUCKETS_FIRST = 64;

/** 32 bits of hash of a key's halves, all of them good: keys are often multiples of a power of two. */
export function hashOf(low: number, high: number): number {
  // A finaliser constant of MurmurHash3; 2**32 divided by the golden ratio, made odd.
  const mixed = low ^ Math.imul(high, 0x85ebca6b);
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
  private words!: Int32Array;
  /**
   * The entries, with room for as many slots as the records have. Read only for others; replaced by
   * `rebuild`.
   */
  buckets!: Int32Array;
  /**
   * Number of buckets in use - 1. It doubles as more slots are used than ever before, so that a cache
   * that is not full yet touches few lines.
   */
  mask = 0;
  /** `hash >>> homeShift` is the home. */
  homeShift = 0;
  /** `(entry >>> slotShift) - 1` is the slot. */
  slotShift = 0;
  /** The bits of an entry that are the hash's. */
  tagMask = 0;
  private distanceShift = 0;
  /** The first slot for which the buckets in use are too few. */
  private fullAt = 0;

  constructor(records: SlotRecords) {
    this.records = records;
    records.addUser(this);
    this.allocate();
  }

  private allocate(): void {
    const { slotCount } = this.records;
    this.buckets = new Int32Array(bucketCountFor(slotCount));
    this.slotShift = Math.clz32(slotCount);
    this.distanceShift = this.slotShift - DISTANCE_BITS;
    this.tagMask = 2 ** this.distanceShift - 1;
    this.use(Math.min(this.buckets.length, BUCKETS_FIRST));
  }

  private use(bucketCount: number): void {
    this.mask = bucketCount - 1;
    this.homeShift = Math.clz32(this.mask);
    this.fullAt =
      bucketCount === this.buckets.length ? this.records.slotCount : (bucketCount * 3) / 4;
  }

  recordsGrew(records: SlotRecords): void {
    this.words = records.words;
  }

  /** Home bucket of `key`, where its probe begins. */
  home(key: number): number {
    return hashOf(key | 0, upperHalf(key, key | 0)) >>> this.homeShift;
  }

  /** Whether a look at the record is needed to tell this entry's key from `key`. */
  mayBe(entry: number, key: number): boolean {
    return ((entry ^ hashOf(key | 0, upperHalf(key, key | 0))) & this.tagMask) === 0;
  }

  /**
   * Slot of `key`, or NIL. O(1) expected. {@link SlotMap} has the same loop written out over arrays
   * of its own.
   */
  find(key: number): number {
    const { buckets, mask, tagMask, words } = this;
    const low = key | 0;
    const high = low >>> 0 === key ? 0 : upperHalf(key, low);
    const hash = hashOf(low, high);
    let bucket = hash >>> this.homeShift;
    let entry = buckets[bucket];
    while (entry !== 0) {
      if (((entry ^ hash) & tagMask) === 0) {
        const slot = (entry >>> this.slotShift) - 1;
        const at = keyAt(slot);
        if (words[at] === low && words[at + 1] === high) return slot;
      }
      bucket = (bucket + 1) & mask;
      entry = buckets[bucket];
    }
    return NIL;
  }

  private hashOfSlot(slot: number): number {
    const at = keyAt(slot);
    return hashOf(this.words[at], this.words[at + 1]);
  }

  /** Enters a slot whose key stands in its record and is not in the table. O(1) expected. */
  insert(slot: number): void {
    this.insertHashed(slot, this.hashOfSlot(slot));
  }

  /** As `insert`, for who knows the key's hash already. */
  insertHashed(slot: number, hash: number): void {
    while (slot >= this.fullAt) this.double();
    const { buckets, mask } = this;
    let bucket = hash >>> this.homeShift;
    let distance = 0;
    while (buckets[bucket] !== 0) {
      bucket = (bucket + 1) & mask;
      distance += 1;
    }
    const near = Math.min(distance, FAR);
    buckets[bucket] =
      ((slot + 1) << this.slotShift) | (near << this.distanceShift) | (hash & this.tagMask);
  }

  /** Takes out a slot that is in the table. O(1) expected. */
  remove(slot: number): void {
    const { buckets, mask, slotShift, distanceShift } = this;
    let hole = this.hashOfSlot(slot) >>> this.homeShift;
    while (buckets[hole] >>> slotShift !== slot + 1) {
      assert(buckets[hole] !== 0, 'key table: the slot to remove is not in the table');
      hole = (hole + 1) & mask;
    }
    // Pull back every follower whose home is not behind the hole, so that no probe ends early.
    let next = hole;
    for (;;) {
      next = (next + 1) & mask;
      const entry = buckets[next];
      if (entry === 0) break;
      let distance = (entry >>> distanceShift) & 15;
      if (distance === 15) distance = this.farDistance(entry, next);
      const back = (next - hole) & mask;
      if (distance >= back) {
        const near = Math.min(distance - back, FAR);
        buckets[hole] = (entry & ~(FAR << distanceShift)) | (near << distanceShift);
        hole = next;
      }
    }
    buckets[hole] = 0;
  }

  /** How far from its home an entry lies that says FAR. */
  private farDistance(entry: number, bucket: number): number {
    const slot = (entry >>> this.slotShift) - 1;
    return (bucket - (this.hashOfSlot(slot) >>> this.homeShift)) & this.mask;
  }

  /** Takes twice as many buckets in use. O(slots), and again only after as many more. */
  private double(): void {
    const { buckets, mask, slotShift } = this;
    const old = buckets.slice(0, mask + 1);
    buckets.fill(0, 0, mask + 1);
    this.use(2 * (mask + 1));
    for (let bucket = 0; bucket <= mask; bucket++) {
      if (old[bucket] !== 0) this.insert((old[bucket] >>> slotShift) - 1);
    }
  }

  /** Enters every listed slot into a table fit for the records' new size. O(slots). */
  rebuild(slots: Iterable<number>): void {
    this.allocate();
    for (const slot of slots) this.insert(slot);
  }

  /** Slots in the table, in no order. */
  *slots(): Generator<number, void, void> {
    for (const entry of this.buckets) if (entry !== 0) yield (entry >>> this.slotShift) - 1;
  }

  /** Throws InvariantError unless every slot is found from its home and `count` slots are here. */
  checkInvariants(count: number): void {
    let occupied = 0;
    for (const [bucket, entry] of this.buckets.entries()) {
      if (entry === 0) continue;
      occupied += 1;
      const slot = (entry >>> this.slotShift) - 1;
      assert(slot >= 0 && slot < this.fullAt, 'key table: an entry names no slot');
      assert(bucket <= this.mask, 'key table: an entry lies beyond the buckets in use');
      const key = this.records.keyOf(slot);
      assert(this.find(key) === slot, 'key table: a slot is not found by its own key');
      const away = (bucket - this.home(key)) & this.mask;
      const said = (entry >>> this.distanceShift) & FAR;
      assert(said === Math.min(away, FAR), 'key table: an entry tells a wrong distance');
    }
    assert(occupied === count, 'key table: occupied buckets differ from the count');
    assert(occupied * 4 <= (this.mask + 1) * 3 || occupied < 4, 'key table: too full');
  }
}
