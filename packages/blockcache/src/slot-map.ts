/**
 * A map from keys to slots with a bound and a replacement policy: what the block cache itself stands
 * on, and useful alone. Values are the caller's: columns indexed by slot.
 */
import { ArgumentError, assert, checkInteger, NIL } from '@hotpath/hw-x86';
import { hashOf, KeyTable } from './key-table.js';
import type { Policy, PolicyClass } from './policy.js';
import {
  KEY,
  KEY_STRIDE,
  LINK_STRIDE,
  NEXT,
  type RecordsUser,
  SlotRecords,
} from './slot-records.js';

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

/** A class of maps specialised to one policy. */
export type SlotMapClass = new (capacity: number) => SlotMap;

/**
 * Makes a map class whose hot call sites see only the given policy: V8 keeps type feedback per
 * closure, so each class made here is compiled for its own policy and inlines it. One shared class
 * would see every policy in use and cost two to five times as much a hit.
 */
// biome-ignore lint/complexity/noExcessiveLinesPerFunction: a whole class, made anew per policy.
export function slotMapClass(PolicyOf: PolicyClass): SlotMapClass {
  return class implements SlotMap, RecordsUser {
    readonly records: SlotRecords;
    readonly table: KeyTable;
    readonly policy: Policy;
    held: Int32Array;
    capacity: number;
    size = 0;
    hit = false;
    evictedKey = NIL;
    // The arrays of records and table once more: a hit touches them through no other object.
    #keys!: Float64Array;
    #links!: Int32Array;
    #buckets!: Int32Array;
    #shift = 0;
    #slotBits = 0;
    #slotMask = 0;
    #tagShift = 0;
    readonly #canReplace: boolean;
    /** Slots below were used at least once; the free ones among them are chained by NEXT. */
    #fresh = 0;
    #free = NIL;

    constructor(capacity: number) {
      checkInteger('ERR_CAPACITY', 'capacity', capacity, 1, SLOT_LIMIT);
      this.capacity = capacity;
      this.records = new SlotRecords(capacity);
      this.held = new Int32Array(capacity);
      this.table = new KeyTable(this.records);
      this.#copyTable();
      this.records.addUser(this);
      this.policy = new PolicyOf(this, capacity);
      this.#canReplace = this.policy.replace !== undefined;
    }

    #copyTable(): void {
      this.#buckets = this.table.buckets;
      this.#shift = this.table.shift;
      this.#slotBits = this.table.slotBits;
      this.#slotMask = this.table.slotMask;
      this.#tagShift = this.table.tagShift;
    }

    recordsGrew(records: SlotRecords): void {
      this.#keys = records.keys;
      this.#links = records.links;
    }

    find(key: number): number {
      const buckets = this.#buckets;
      const slotBits = this.#slotBits;
      const mask = buckets.length - 1;
      const hash = hashOf(key);
      const tag = (hash >>> this.#tagShift) << slotBits;
      let bucket = hash >>> this.#shift;
      let entry = buckets[bucket];
      while (entry !== 0) {
        if ((entry ^ tag) >>> slotBits === 0) {
          const slot = (entry & this.#slotMask) - 1;
          if (this.#keys[slot * KEY_STRIDE + KEY] === key) return slot;
        }
        bucket = (bucket + 1) & mask;
        entry = buckets[bucket];
      }
      return NIL;
    }

    get(key: number): number {
      const slot = this.find(key);
      if (slot !== NIL) this.policy.touch(slot);
      return slot;
    }

    getOrInsert(key: number): number {
      const found = this.find(key);
      if (found === NIL) return this.#bringIn(key);
      this.policy.touch(found);
      this.hit = true;
      return found;
    }

    // Apart from the hit, so that the hit is small enough to be inlined.
    #bringIn(key: number): number {
      checkKey(key);
      this.hit = false;
      this.evictedKey = NIL;
      this.policy.miss(key);
      while (this.size >= this.capacity) {
        const victim = this.policy.victim(key);
        if (victim === NIL) return NIL;
        this.evictedKey = this.keyOf(victim);
        if (this.#canReplace && this.size === this.capacity) return this.#replace(victim, key);
        this.remove(victim, true);
      }
      return this.insert(key);
    }

    #replace(slot: number, key: number): number {
      assert(this.held[slot] === 0, 'slot map: a held slot is replaced');
      this.table.remove(slot);
      this.#keys[slot * KEY_STRIDE + KEY] = key;
      this.table.insert(slot);
      this.policy.replace?.(slot);
      return slot;
    }

    keyOf(slot: number): number {
      return this.#keys[slot * KEY_STRIDE + KEY];
    }

    touch(slot: number): void {
      this.policy.touch(slot);
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
      let slot = this.#free;
      if (slot === NIL) {
        slot = this.#fresh;
        this.#fresh += 1;
      } else {
        this.#free = this.#links[slot * LINK_STRIDE + NEXT];
      }
      this.#keys[slot * KEY_STRIDE + KEY] = key;
      this.table.insert(slot);
      this.policy.insert(slot);
      this.size += 1;
      return slot;
    }

    remove(slot: number, evicted: boolean): void {
      assert(this.held[slot] === 0, 'slot map: a held slot is removed');
      this.policy.remove(slot, evicted);
      this.table.remove(slot);
      this.#keys[slot * KEY_STRIDE + KEY] = NIL;
      this.#links[slot * LINK_STRIDE + NEXT] = this.#free;
      this.#free = slot;
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
        this.#copyTable();
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
      for (let s = this.#free; s !== NIL; s = this.#links[s * LINK_STRIDE + NEXT]) free += 1;
      assert(this.size + free === this.#fresh, 'slot map: a slot is neither resident nor free');
    }
  };
}
