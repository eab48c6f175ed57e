/**
 * A map from keys to slots with a bound and a replacement policy: what the block cache itself stands
 * on, and useful alone. Values are the caller's: columns indexed by slot.
 */
import { ArgumentError, assert, checkInteger, NIL } from '@hotpath/hw-x86';
import { hashOf, KeyTable } from './key-table.js';
import type { Policy, PolicyClass, PolicySlots } from './policy.js';
import { joinKey, type RecordsUser, SlotRecords, upperHalf } from './slot-records.js';
import { keyAt, moveToHead, nextOf, prevOf } from './slot-ring.js';

/** Most slots of one map: table entries are 32-bit words. */
export const SLOT_LIMIT = 2 ** 26;
/** Largest key. */
export const KEY_LIMIT = Number.MAX_SAFE_INTEGER;

/**
 * A bounded map from keys (whole numbers `0 .. 2**53 - 1`) to slots. No call allocates, but
 * while the slots are taken into use for the first time the index doubles now and then: O(1) amortised.
 */
export interface SlotMap {
  /** Most keys that may be resident. */
  readonly capacity: number;
  /** Resident keys. */
  readonly size: number;
  /** Keys and links of the slots. */
  readonly records: SlotRecords;
  /**
   * Slots with `held[slot] > 0` are never chosen as victims. Made when first asked for, replaced by
   * {@link SlotMap.resize}.
   */
  readonly held: Int32Array;
  /** The policy's structures. */
  readonly policy: Policy;
  /** The index. */
  readonly table: KeyTable;

  /** Slot of a key, or NIL; not a use in the policy's eyes. */
  find(key: number): number;
  /** Slot of a key, or NIL; a use. */
  get(key: number): number;
  /**
   * Slot of a key; a missing one comes in, evicting if full. {@link SlotMap.hit} says which it
   * was. NIL only if all slots are held.
   */
  getOrInsert(key: number): number;
  /** Whether the last `getOrInsert` found its key. */
  readonly hit: boolean;
  /** The key that the last `getOrInsert` evicted, or NIL. Its slot is the one answered. */
  readonly evictedKey: number;
  /** Key of a resident slot; NIL of one that was taken out and not used again. */
  keyOf(slot: number): number;
  /** A use of a resident slot. */
  touch(slot: number): void;
  /** Tells the policy that `key` is about to come in. Once a miss. */
  miss(key: number): void;
  /** Slot that should go to make room for `key`, or NIL if all are held. It stays. */
  victim(key: number): number;
  /** Enters a key that is not resident; needs room (`size < capacity`). */
  insert(key: number): number;
  /** Takes a resident slot out: evicted for another, or dropped. */
  remove(slot: number, evicted: boolean): void;
  /** Takes a key out; whether it was there. */
  delete(key: number): boolean;
  /**
   * Changes the bound while in use; columns only grow. When it shrinks below `size`, the caller
   * evicts until it fits. O(slots) when growing.
   */
  resize(capacity: number): void;
  /** Resident slots, in no order. */
  slots(): IterableIterator<number>;
  /** Throws InvariantError when the structures contradict each other. */
  checkInvariants(): void;
}

/** Upper halves of keys are below. */
const HIGH_LIMIT = 2 ** 21;

// Where the map keeps what a miss passes on: key words of ring heads, which no ring needs. As arguments
// or fields, keys above 2**31 would be boxed.
const ASKED_LOW = 0;
const ASKED_HIGH = 1;
const ASKED_HASH = 4;
const GONE_LOW = 8;
const GONE_HIGH = 9;

function badKey(key: number): never {
  throw new ArgumentError('ERR_KEY', `key is ${key}; allowed: a whole number 0..2**53-1`);
}

/** A class of maps with one policy. */
export type SlotMapClass = new (capacity: number) => SlotMap;

/**
 * The map class of a policy. All of them share one body of code, at the top level of this module: V8
 * then treats what it closes over as constants. What hits of LRU and CLOCK do stands in that body (see
 * `Policy.onHit`), so that their hits make no call that depends on the policy.
 */
export function slotMapClass(PolicyOf: PolicyClass): SlotMapClass {
  function PolicyMap(capacity: number): SlotMap {
    return new PolicySlotMap(PolicyOf, capacity);
  }
  return PolicyMap as unknown as SlotMapClass;
}

// Private to TypeScript only: each access of a #field is checked against its name, and a hit makes ten.
class PolicySlotMap implements SlotMap, PolicySlots, RecordsUser {
  readonly records: SlotRecords;
  readonly table: KeyTable;
  readonly policy: Policy;
  capacity: number;
  size = 0;
  hit = false;
  // The arrays of records and table once more: a hit touches them through no other object.
  private words!: Int32Array;
  private buckets!: Int32Array;
  private mask = 0;
  private homeShift = 0;
  private slotShift = 0;
  private tagMask = 0;
  private readonly onHit: number;
  private readonly canReplace: boolean;
  private pins: Int32Array | null = null;
  /** Slots below were used at least once; the free ones among them are chained by NEXT. */
  private fresh = 0;
  private free = NIL;

  constructor(PolicyOf: PolicyClass, capacity: number) {
    checkInteger('ERR_CAPACITY', 'capacity', capacity, 1, SLOT_LIMIT);
    this.capacity = capacity;
    this.records = new SlotRecords(capacity);
    this.table = new KeyTable(this.records);
    this.copyTable();
    this.records.addUser(this);
    this.words[GONE_LOW] = NIL;
    this.words[GONE_HIGH] = NIL;
    this.policy = new PolicyOf(this, capacity);
    this.onHit = this.policy.onHit ?? 0;
    this.canReplace = this.policy.replace !== undefined;
  }

  private copyTable(): void {
    this.buckets = this.table.buckets;
    this.mask = this.table.mask;
    this.homeShift = this.table.homeShift;
    this.slotShift = this.table.slotShift;
    this.tagMask = this.table.tagMask;
  }

  get held(): Int32Array {
    this.pins ??= new Int32Array(this.records.slotCount);
    return this.pins;
  }

  // A map without pins has no column of them: at a million slots it would be a cache miss an eviction.
  isHeld(slot: number): boolean {
    const pins = this.pins;
    return pins !== null && pins[slot] > 0;
  }

  get evictedKey(): number {
    return joinKey(this.words[GONE_LOW], this.words[GONE_HIGH]);
  }

  recordsGrew(records: SlotRecords): void {
    this.words = records.words;
  }

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

  get(key: number): number {
    const slot = this.find(key);
    if (slot !== NIL) this.touch(slot);
    return slot;
  }

  getOrInsert(key: number): number {
    // The loop of `find` once more: as a call it costs a tenth of a hit.
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
        if (words[at] === low && words[at + 1] === high) {
          this.touch(slot);
          this.hit = true;
          return slot;
        }
      }
      bucket = (bucket + 1) & mask;
      entry = buckets[bucket];
    }
    if (high < 0 || high >= HIGH_LIMIT) badKey(key);
    words[ASKED_LOW] = low;
    words[ASKED_HIGH] = high;
    words[ASKED_HASH] = hash;
    return this.bringIn();
  }

  // Apart from the hit, so that the hit is small enough to be inlined.
  private bringIn(): number {
    const words = this.words;
    this.hit = false;
    words[GONE_LOW] = NIL;
    words[GONE_HIGH] = NIL;
    if (this.canReplace) {
      if (this.size < this.capacity) return this.enter();
      // A policy that replaces has no ghosts and asks for no key.
      if (this.size === this.capacity) return this.replace(this.policy.victim(NIL));
    }
    const key = joinKey(words[ASKED_LOW], words[ASKED_HIGH]);
    this.policy.miss(key);
    while (this.size >= this.capacity) {
      const victim = this.policy.victim(key);
      if (victim === NIL) return NIL;
      const at = keyAt(victim);
      words[GONE_LOW] = words[at];
      words[GONE_HIGH] = words[at + 1];
      this.remove(victim, true);
    }
    return this.enter();
  }

  private replace(slot: number): number {
    if (slot === NIL) return NIL;
    assert(!this.isHeld(slot), 'slot map: a held slot is replaced');
    const words = this.words;
    const at = keyAt(slot);
    words[GONE_LOW] = words[at];
    words[GONE_HIGH] = words[at + 1];
    this.table.remove(slot);
    words[at] = words[ASKED_LOW];
    words[at + 1] = words[ASKED_HIGH];
    this.table.insertHashed(slot, words[ASKED_HASH]);
    this.policy.replace?.(slot);
    return slot;
  }

  keyOf(slot: number): number {
    const at = keyAt(slot);
    return joinKey(this.words[at], this.words[at + 1]);
  }

  // HIT_TO_HEAD; HIT_MARKS, which stores MARKED; as numbers for the reason given in slot-ring.ts.
  touch(slot: number): void {
    const onHit = this.onHit;
    if (onHit === 1) moveToHead(this.words, -1, slot);
    else if (onHit === 2) this.words[prevOf(slot)] = 2;
    else this.policy.touch(slot);
  }

  miss(key: number): void {
    this.policy.miss(key);
  }

  victim(key: number): number {
    return this.policy.victim(key);
  }

  insert(key: number): number {
    assert(this.size < this.capacity, 'slot map: insert into a full map');
    const low = key | 0;
    const high = upperHalf(key, low);
    if (high < 0 || high >= HIGH_LIMIT) badKey(key);
    this.words[ASKED_LOW] = low;
    this.words[ASKED_HIGH] = high;
    this.words[ASKED_HASH] = hashOf(low, high);
    return this.enter();
  }

  private enter(): number {
    const words = this.words;
    let slot = this.free;
    if (slot === NIL) {
      slot = this.fresh;
      this.fresh += 1;
    } else {
      this.free = words[nextOf(slot)];
    }
    const at = keyAt(slot);
    words[at] = words[ASKED_LOW];
    words[at + 1] = words[ASKED_HIGH];
    this.table.insertHashed(slot, words[ASKED_HASH]);
    if (this.mask !== this.table.mask) this.copyTable();
    this.policy.insert(slot);
    this.size += 1;
    return slot;
  }

  remove(slot: number, evicted: boolean): void {
    assert(!this.isHeld(slot), 'slot map: a held slot is removed');
    this.policy.remove(slot, evicted);
    this.table.remove(slot);
    const at = keyAt(slot);
    this.words[at] = NIL;
    this.words[at + 1] = NIL;
    this.words[nextOf(slot)] = this.free;
    this.free = slot;
    this.size -= 1;
  }

  delete(key: number): boolean {
    const slot = this.table.find(key);
    if (slot === NIL) return false;
    this.remove(slot, false);
    return true;
  }

  resize(capacity: number): void {
    checkInteger('ERR_CAPACITY', 'capacity', capacity, 1, SLOT_LIMIT);
    if (capacity > this.records.slotCount) {
      const slots = [...this.table.slots()];
      this.records.grow(capacity);
      if (this.pins !== null) {
        const pins = new Int32Array(capacity);
        pins.set(this.pins);
        this.pins = pins;
      }
      this.table.rebuild(slots);
      this.copyTable();
    }
    this.capacity = capacity;
    this.policy.resize(capacity);
  }

  slots(): IterableIterator<number> {
    return this.table.slots();
  }

  checkInvariants(): void {
    this.table.checkInvariants(this.size);
    this.policy.checkInvariants();
    let free = 0;
    for (let s = this.free; s !== NIL; s = this.words[nextOf(s)]) free += 1;
    assert(this.size + free === this.fresh, 'slot map: a slot is neither resident nor free');
    assert(this.mask === this.table.mask, "slot map: its mask is not the table's");
  }
}
