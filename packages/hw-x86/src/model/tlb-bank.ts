import { assert } from '../errors.js';
import { HIGH_MASK, LOW_MASK, pageNumber, SIZE_4K } from './page-size.js';
import {
  nextRandom,
  oldestWay,
  REPLACE_FIFO,
  REPLACE_LRU,
  REPLACE_PLRU,
  REPLACE_RANDOM,
  victimOfTree,
} from './replacement.js';
import { SLOT_SPAN, SortedOrder } from './sorted-order.js';
import {
  RECORD,
  RECORD_FLAGS,
  RECORD_FRONTED,
  RECORD_HIGH,
  RECORD_PAGE,
  RECORD_PCID,
  STAMP,
  STAMP_STRIDE,
  type TlbStore,
} from './tlb-store.js';
import { UseOrder } from './use-order.js';

/** PCID of a global entry: it matches any. */
export const ANY_PCID = -1;

// Above this many ways a scan of the tags costs more than a hash table.
const SCAN_WAYS_MAX = 16;

/** What a bank is: its geometry and policy, and the records it shares with others. */
export interface BankOptions {
  readonly entryCount: number;
  /** Entries of one set; `entryCount` for a fully associative bank. */
  readonly ways: number;
  /** REPLACE_*. */
  readonly policy: number;
  readonly seed: number;
  /** Shared records; this bank uses slots `base .. base + entryCount - 1`. */
  readonly store: TlbStore;
  readonly base: number;
  /** Used slots by size, shared by the banks of a level. */
  readonly live: Int32Array;
  /** Every use goes through `touch`, so that the order of use can be kept as a list. */
  readonly isTouched?: boolean;
}

/**
 * One translation buffer: a first- or second-level TLB array or a paging-structure cache. Up to 16
 * ways a set is searched in place; above that one hash table finds the slot, so that 72 ways cost
 * no more to search than 4.
 *
 * Slots are the bank's own, 0 .. entryCount - 1; `words` and `stamps` show its part of the store.
 * Only large pages, fragments, open-bus pages and strict mode read the cold columns.
 *
 * Empty slots have tag 0.
 * For every used slot s: set(s) is its key's set and, where hashed, s is in the chain of its key.
 * live[z] is the number of used slots of size z in all banks that share the column.
 *
 * The stamp is written by the owner on every hit (one store) and is -1 in empty slots; order is only
 * computed on eviction.
 */
export class TlbBank {
  declare readonly entryCount: number;
  declare readonly ways: number;
  /** First slot of this bank in the store. */
  declare readonly base: number;
  /** RECORD words a slot. */
  declare readonly words: Int32Array;
  /** Physical address of the page, or of the next table in a paging-structure cache; cold. */
  declare readonly frame: Float64Array;
  /** What the leaf entry held, for strict mode; cold. */
  declare readonly entryLow: Int32Array;
  declare readonly entryHigh: Int32Array;
  /** STAMP_STRIDE doubles a slot. */
  declare readonly stamps: Float64Array;
  declare readonly live: Int32Array;
  /** True once a fragment of a larger page was stored here. */
  holdsFragments = false;
  /** Sets less one: a set is the low bits of the page number. */
  declare readonly setMask: number;
  declare private readonly policy: number;
  declare private readonly next: Int32Array;
  declare private readonly heads: Int32Array;
  declare private readonly isHashed: boolean;
  /** Slot that a page number was put into last; a guess, so it is checked against the tag. */
  declare readonly hint: Int16Array;
  declare private readonly hintMask: number;
  declare private readonly hashMask: number;
  declare private readonly filled: Float64Array;
  declare private readonly sorted: SortedOrder | null;
  declare private readonly useOrder: UseOrder | null;
  #used = 0;
  #fills = 0;
  declare private seed: number;

  constructor(options: BankOptions) {
    const { entryCount, ways, base, store } = options;
    const end = base + entryCount;
    const setCount = entryCount / ways;
    assert(entryCount > 0 && entryCount <= SLOT_SPAN, 'TLB bank: 1 to 4,096 entries');
    assert(Number.isInteger(Math.log2(setCount)), 'TLB bank: sets are a power of two');
    assert(setCount === 1 || ways <= 32, 'TLB bank: at most 32 ways unless fully associative');
    this.entryCount = entryCount;
    this.ways = ways;
    this.base = base;
    this.words = store.words.subarray(base * RECORD, end * RECORD);
    this.stamps = store.stamps.subarray(base * STAMP_STRIDE, end * STAMP_STRIDE);
    this.live = options.live;
    this.setMask = setCount - 1;
    this.policy = options.policy;
    this.seed = (options.seed ^ 0x9e3779b9) | 1;
    this.frame = new Float64Array(entryCount);
    this.entryLow = new Int32Array(entryCount);
    this.entryHigh = new Int32Array(entryCount);
    this.isHashed = ways > SCAN_WAYS_MAX;
    const headCount = this.isHashed ? powerAbove(entryCount * 2) : 4;
    this.next = new Int32Array(this.isHashed ? entryCount : 0).fill(-1);
    this.heads = new Int32Array(headCount).fill(-1);
    this.hashMask = headCount - 1;
    this.hint = new Int16Array(powerAbove(entryCount * 2));
    this.hintMask = this.hint.length - 1;
    this.filled = new Float64Array(entryCount);
    const isWhole = this.isHashed && setCount === 1;
    const isListed = isWhole && options.isTouched === true && options.policy === REPLACE_LRU;
    this.useOrder = isListed ? new UseOrder(entryCount) : null;
    this.sorted = isWhole ? new SortedOrder(entryCount) : null;
  }

  /** True for small sets under LRU: searched in place, and replaced by stamps alone. */
  get isPlain(): boolean {
    return !this.isHashed && this.policy === REPLACE_LRU && this.ways >= 4;
  }

  /** Slot that translates the address with this page size for this PCID, or -1. */
  find(low: number, high: number, size: number, pcid: number): number {
    const tag = ((low & LOW_MASK[size]) | size) + 1;
    const keyHigh = high & HIGH_MASK[size];
    return this.#find(tag, keyHigh, pageNumber(low, keyHigh, size), pcid);
  }

  /** As {@link find} for 4 KiB pages, the common case. */
  findSmall(low: number, high: number, pcid: number): number {
    return this.#find((low & -4096) + 1, high, low >>> 12, pcid);
  }

  /** As {@link find}, but never a global entry. */
  findOwn(low: number, high: number, size: number, pcid: number): number {
    const tag = ((low & LOW_MASK[size]) | size) + 1;
    const keyHigh = high & HIGH_MASK[size];
    const first = (pageNumber(low, keyHigh, size) & this.setMask) * this.ways;
    for (let slot = first; slot < first + this.ways; slot++) {
      const at = slot * RECORD;
      const same = this.words[at] === tag && this.words[at + RECORD_HIGH] === keyHigh;
      if (same && this.words[at + RECORD_PCID] === pcid) return slot;
    }
    return -1;
  }

  /**
   * Gives a slot that {@link victim} chose the key, dropping what it held. The caller fills the
   * other columns and the stamp.
   */
  claim(slot: number, low: number, high: number, size: number, pcid: number): void {
    const { words } = this;
    const at = slot * RECORD;
    const before = words[at];
    if (before !== 0) {
      this.live[(before - 1) & 3]--;
      if (this.isHashed) this.#unlink(slot);
    } else this.#used += 1;
    const tag = ((low & LOW_MASK[size]) | size) + 1;
    const keyHigh = high & HIGH_MASK[size];
    words[at] = tag;
    words[at + RECORD_HIGH] = keyHigh;
    words[at + RECORD_PCID] = pcid;
    words[at + RECORD_FRONTED] = 0;
    this.live[size]++;
    this.stamps[slot * STAMP_STRIDE + STAMP] = 0;
    this.hint[pageNumber(low, keyHigh, size) & this.hintMask] = slot;
    if (this.policy === REPLACE_FIFO) this.filled[slot] = ++this.#fills;
    if (!this.isHashed) return;
    const bucket = this.#hash(tag, keyHigh);
    this.next[slot] = this.heads[bucket];
    this.heads[bucket] = slot;
  }

  /** The slot that the next claim of this key should take: a free one, else by the policy. */
  victim(low: number, high: number, size: number): number {
    if (this.sorted !== null) return this.#victimOfWhole();
    const number = size === SIZE_4K ? low >>> 12 : pageNumber(low, high, size);
    const first = (number & this.setMask) * this.ways;
    // An empty slot's stamp is -1, below any other.
    const oldest =
      first + oldestWay(this.stamps, first * STAMP_STRIDE + STAMP, this.ways, STAMP_STRIDE);
    if (this.policy === REPLACE_LRU || this.words[oldest * RECORD] === 0) return oldest;
    return this.#victimOfSet(first);
  }

  /** A use of a slot where uses are reported one by one; `stamp` grows from use to use. */
  touch(slot: number, stamp: number): void {
    this.stamps[slot * STAMP_STRIDE + STAMP] = stamp;
    this.useOrder?.touch(slot);
  }

  /** Size code of a used slot. */
  sizeOf(slot: number): number {
    return (this.words[slot * RECORD] - 1) & 3;
  }

  /** 0 for an empty slot, else the masked low address word + size code + 1. */
  tagOf(slot: number): number {
    return this.words[slot * RECORD];
  }

  /** High address word of a used slot. */
  highOf(slot: number): number {
    return this.words[slot * RECORD + RECORD_HIGH];
  }

  /** PCID of a used slot. */
  pcidOf(slot: number): number {
    return this.words[slot * RECORD + RECORD_PCID];
  }

  /** Flags of a used slot. */
  flagsOf(slot: number): number {
    return this.words[slot * RECORD + RECORD_FLAGS];
  }

  /** Physical page of a used slot, or OPEN_BUS. */
  pageOf(slot: number): number {
    return this.words[slot * RECORD + RECORD_PAGE];
  }

  /** Empties a used slot. */
  drop(slot: number): void {
    this.live[this.sizeOf(slot)]--;
    this.#used -= 1;
    if (this.isHashed) this.#unlink(slot);
    this.words[slot * RECORD] = 0;
    this.stamps[slot * STAMP_STRIDE + STAMP] = -1;
  }

  /** Empties the bank. */
  clear(): void {
    if (this.#used === 0) return;
    for (let slot = 0; slot < this.entryCount; slot++) if (this.tagOf(slot) !== 0) this.drop(slot);
  }

  /** Used slots. */
  get liveCount(): number {
    return this.#used;
  }

  /** Every column and scalar, for snapshots and hashes. */
  save(): BankState {
    const words = this.words.slice();
    // What the front table holds is the host's business: it must not show in hashes.
    for (let slot = 0; slot < this.entryCount; slot++) words[slot * RECORD + RECORD_FRONTED] = 0;
    return {
      words,
      frame: this.frame.slice(),
      entryLow: this.entryLow.slice(),
      entryHigh: this.entryHigh.slice(),
      filled: this.filled.slice(),
      scalars: Float64Array.of(this.#fills, this.seed, this.holdsFragments ? 1 : 0),
    };
  }

  /** Puts a saved state of the same geometry back; `live` is counted again. */
  load(state: BankState): void {
    assert(state.words.length === this.words.length, 'TLB bank: state of another geometry');
    this.clear();
    this.frame.set(state.frame);
    this.entryLow.set(state.entryLow);
    this.entryHigh.set(state.entryHigh);
    for (let slot = 0; slot < this.entryCount; slot++) {
      const at = slot * RECORD;
      const tag = state.words[at];
      if (tag === 0) continue;
      const size = (tag - 1) & 3;
      const low = (tag - 1) & LOW_MASK[size];
      this.claim(slot, low, state.words[at + RECORD_HIGH], size, state.words[at + RECORD_PCID]);
    }
    this.words.set(state.words);
    this.filled.set(state.filled);
    this.#fills = state.scalars[0];
    this.seed = state.scalars[1];
    this.holdsFragments = state.scalars[2] !== 0;
    this.sorted?.forget();
    this.useOrder?.sortBy((slot) => this.#stampOf(slot));
  }

  /** Checks the invariants above; for tests. */
  checkInvariants(): void {
    const seen = new Uint8Array(this.entryCount);
    for (let bucket = 0; this.isHashed && bucket < this.heads.length; bucket++) {
      for (let slot = this.heads[bucket]; slot !== -1; slot = this.next[slot]) {
        assert(seen[slot] === 0, 'TLB bank: a slot is in two chains');
        seen[slot] = 1;
        assert(this.tagOf(slot) !== 0, 'TLB bank: an empty slot is in a chain');
        const chain = this.#hash(this.tagOf(slot), this.highOf(slot));
        assert(chain === bucket, 'TLB bank: wrong chain');
      }
    }
    let count = 0;
    for (let slot = 0; slot < this.entryCount; slot++) {
      const used = this.tagOf(slot) !== 0;
      if (used) count += 1;
      if (this.isHashed) assert(used === (seen[slot] === 1), 'TLB bank: chains lack a slot');
      assert(used === this.#stampOf(slot) >= 0, 'TLB bank: stamp of an empty slot');
      if (!used) continue;
      const size = this.sizeOf(slot);
      const number = pageNumber((this.tagOf(slot) - 1) & LOW_MASK[size], this.highOf(slot), size);
      assert(
        Math.floor(slot / this.ways) === (number & this.setMask),
        'TLB bank: a slot is in the wrong set',
      );
    }
    assert(count === this.#used, 'TLB bank: count of used slots');
    this.useOrder?.checkInvariants();
  }

  #find(tag: number, keyHigh: number, number: number, pcid: number): number {
    const { words } = this;
    const hinted = this.hint[number & this.hintMask];
    const guess = hinted * RECORD;
    if (words[guess] === tag && words[guess + RECORD_HIGH] === keyHigh) {
      const owner = words[guess + RECORD_PCID];
      if (owner === pcid || owner === ANY_PCID) return hinted;
    }
    if (this.isHashed) return this.#findHashed(tag, keyHigh, pcid);
    const first = (number & this.setMask) * this.ways;
    for (let slot = first; slot < first + this.ways; slot++) {
      const at = slot * RECORD;
      if (words[at] !== tag || words[at + RECORD_HIGH] !== keyHigh) continue;
      const owner = words[at + RECORD_PCID];
      if (owner === pcid || owner === ANY_PCID) return slot;
    }
    return -1;
  }

  #findHashed(tag: number, keyHigh: number, pcid: number): number {
    let slot = this.heads[this.#hash(tag, keyHigh)];
    while (slot !== -1) {
      const at = slot * RECORD;
      if (this.words[at] === tag && this.words[at + RECORD_HIGH] === keyHigh) {
        const owner = this.words[at + RECORD_PCID];
        if (owner === pcid || owner === ANY_PCID) return slot;
      }
      slot = this.next[slot];
    }
    return -1;
  }

  #unlink(slot: number): void {
    const bucket = this.#hash(this.tagOf(slot), this.highOf(slot));
    let at = this.heads[bucket];
    if (at === slot) {
      this.heads[bucket] = this.next[slot];
    } else {
      while (this.next[at] !== slot) {
        at = this.next[at];
        assert(at !== -1, 'TLB bank: a used slot is in no chain');
      }
      this.next[at] = this.next[slot];
    }
    this.next[slot] = -1;
  }

  #hash(tag: number, high: number): number {
    const mixed = Math.imul((tag >>> 12) ^ (tag << 9) ^ Math.imul(high, 0x2c1b3c6d), 0x297a2d39);
    return ((mixed >>> 15) ^ mixed) & this.hashMask;
  }

  #victimOfSet(first: number): number {
    if (this.policy === REPLACE_FIFO) return first + oldestWay(this.filled, first, this.ways, 1);
    if (this.policy === REPLACE_RANDOM) return first + (this.#random() % this.ways);
    return victimOfTree(this.stamps, first, this.ways);
  }

  #victimOfWhole(): number {
    if (this.#used < this.entryCount) return this.#firstEmpty();
    if (this.useOrder !== null) return this.useOrder.oldest;
    if (this.policy === REPLACE_RANDOM) return this.#random() % this.entryCount;
    if (this.policy === REPLACE_PLRU) return victimOfTree(this.stamps, 0, this.entryCount);
    const sorted = this.sorted as SortedOrder;
    if (this.policy === REPLACE_FIFO) return sorted.next(this.filled, 0, 1);
    return sorted.next(this.stamps, STAMP, STAMP_STRIDE);
  }

  #firstEmpty(): number {
    let slot = 0;
    while (this.tagOf(slot) !== 0) slot++;
    return slot;
  }

  #stampOf(slot: number): number {
    return this.stamps[slot * STAMP_STRIDE + STAMP];
  }

  #random(): number {
    this.seed = nextRandom(this.seed);
    return this.seed >>> 0;
  }
}

function powerAbove(least: number): number {
  let power = 4;
  while (power < least) power *= 2;
  return power;
}

/** What {@link TlbBank.save} answers. */
export interface BankState {
  readonly words: Int32Array;
  readonly frame: Float64Array;
  readonly entryLow: Int32Array;
  readonly entryHigh: Int32Array;
  readonly filled: Float64Array;
  readonly scalars: Float64Array;
}
