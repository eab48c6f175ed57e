/**
 * A map from keys to slots with a bound and a replacement policy: what the block cache itself stands
 * on, and useful alone. Values are the caller's: columns indexed by slot.
 */
import { ArgumentError, assert, checkInteger, NIL } from '@hotpath/hw-x86';
import { hashOf, KeyTable } from './key-table.js';
import type { Policy, PolicyClass } from './policy.js';
import { type RecordsUser, SlotRecords } from './slot-records.js';
import { keyAt, moveToHead, nextOf, prevOf } from './slot-ring.js';

/** Most slots of one map: table entries are 32-bit words. */
export const SLOT_LIMIT = 2 ** 26;
/** Largest key. */
export const KEY_LIMIT = Number.MAX_SAFE_INTEGER;

/** A bounded map from keys (whole numbers `0 .. 2**53 - 1`) to slots. No call allocates. */
export interface SlotMap {
  /** Most keys that may be resident. */
  readonly capacity: number;
  /** Resident keys. */
  readonly size: number;
  /** Keys and links of the slots. */
  readonly records: SlotRecords;
  /** Slots with `held[slot] > 0` are never chosen as victims. Grows by {@link SlotMap.resize}. */
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
  /** Key of a resident slot. */
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

function checkKey(key: number): void {
  if (key >= 0 && key <= KEY_LIMIT && Math.floor(key) === key) return;
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
class PolicySlotMap implements SlotMap, RecordsUser {
  readonly records: SlotRecords;
  readonly table: KeyTable;
  readonly policy: Policy;
  held: Int32Array;
  capacity: number;
  size = 0;
  hit = false;
  // The arrays of records and table once more: a hit touches them through no other object.
  private keys!: Float64Array;
  private links!: Int32Array;
  private buckets!: Int32Array;
  private mask = 0;
  private slotBits = 0;
  private slotMask = 0;
  private homeBits = 0;
  private readonly onHit: number;
  private readonly canReplace: boolean;
  /** The missing key, then the evicted one: as arguments or fields they would be boxed. */
  private readonly passed = new Float64Array([0, NIL]);
  /** Slots below were used at least once; the free ones among them are chained by NEXT. */
  private fresh = 0;
  private free = NIL;

  constructor(PolicyOf: PolicyClass, capacity: number) {
    checkInteger('ERR_CAPACITY', 'capacity', capacity, 1, SLOT_LIMIT);
    this.capacity = capacity;
    this.records = new SlotRecords(capacity);
    this.held = new Int32Array(capacity);
    this.table = new KeyTable(this.records);
    this.copyTable();
    this.records.addUser(this);
    this.policy = new PolicyOf(this, capacity);
    this.onHit = this.policy.onHit ?? 0;
    this.canReplace = this.policy.replace !== undefined;
  }

  private copyTable(): void {
    this.buckets = this.table.buckets;
    this.mask = this.table.mask;
    this.slotBits = this.table.slotBits;
    this.slotMask = this.table.slotMask;
    this.homeBits = this.table.homeBits;
  }

  get evictedKey(): number {
    return this.passed[1];
  }

  recordsGrew(records: SlotRecords): void {
    this.keys = records.keys;
    this.links = records.links;
  }

  // Shifts, not products: a product of unknown numbers is checked for overflow and for -0.
  find(key: number): number {
    const { buckets, mask, slotMask } = this;
    const hash = hashOf(key);
    let bucket = ((hash >>> this.slotBits) ^ (hash << this.homeBits)) & mask;
    let entry = buckets[bucket];
    while (entry !== 0) {
      if (((entry ^ hash) & ~slotMask) === 0) {
        const slot = (entry & slotMask) - 1;
        if (this.keys[keyAt(slot)] === key) return slot;
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
    const { buckets, mask, slotMask } = this;
    const hash = hashOf(key);
    let bucket = ((hash >>> this.slotBits) ^ (hash << this.homeBits)) & mask;
    let entry = buckets[bucket];
    while (entry !== 0) {
      if (((entry ^ hash) & ~slotMask) === 0) {
        const slot = (entry & slotMask) - 1;
        if (this.keys[keyAt(slot)] === key) {
          this.touch(slot);
          this.hit = true;
          return slot;
        }
      }
      bucket = (bucket + 1) & mask;
      entry = buckets[bucket];
    }
    this.passed[0] = key;
    return this.bringIn();
  }

  // Apart from the hit, so that the hit is small enough to be inlined.
  private bringIn(): number {
    const passed = this.passed;
    checkKey(passed[0]);
    this.hit = false;
    passed[1] = NIL;
    if (this.canReplace) {
      if (this.size < this.capacity) return this.enter();
      // A policy that replaces has no ghosts and asks for no key.
      if (this.size === this.capacity) return this.replace(this.policy.victim(NIL));
    }
    const key = passed[0];
    this.policy.miss(key);
    while (this.size >= this.capacity) {
      const victim = this.policy.victim(key);
      if (victim === NIL) return NIL;
      passed[1] = this.keyOf(victim);
      this.remove(victim, true);
    }
    return this.enter();
  }

  private replace(slot: number): number {
    if (slot === NIL) return NIL;
    assert(this.held[slot] === 0, 'slot map: a held slot is replaced');
    const passed = this.passed;
    const keys = this.keys;
    const at = keyAt(slot);
    passed[1] = keys[at];
    this.table.remove(slot);
    keys[at] = passed[0];
    this.table.insert(slot);
    this.policy.replace?.(slot);
    return slot;
  }

  keyOf(slot: number): number {
    return this.keys[keyAt(slot)];
  }

  // HIT_TO_HEAD; HIT_MARKS, which stores MARKED; as numbers for the reason given in slot-ring.ts.
  touch(slot: number): void {
    const onHit = this.onHit;
    if (onHit === 1) moveToHead(this.links, -1, slot);
    else if (onHit === 2) this.links[prevOf(slot)] = 2;
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
    checkKey(key);
    this.passed[0] = key;
    return this.enter();
  }

  private enter(): number {
    let slot = this.free;
    if (slot === NIL) {
      slot = this.fresh;
      this.fresh += 1;
    } else {
      this.free = this.links[nextOf(slot)];
    }
    this.keys[keyAt(slot)] = this.passed[0];
    this.table.insert(slot);
    this.policy.insert(slot);
    this.size += 1;
    return slot;
  }

  remove(slot: number, evicted: boolean): void {
    assert(this.held[slot] === 0, 'slot map: a held slot is removed');
    this.policy.remove(slot, evicted);
    this.table.remove(slot);
    this.keys[keyAt(slot)] = NIL;
    this.links[nextOf(slot)] = this.free;
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
      const held = new Int32Array(capacity);
      held.set(this.held);
      this.held = held;
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
    for (let s = this.free; s !== NIL; s = this.links[nextOf(s)]) free += 1;
    assert(this.size + free === this.fresh, 'slot map: a slot is neither resident nor free');
  }
}
