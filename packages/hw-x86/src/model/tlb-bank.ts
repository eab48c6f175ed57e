import { assert } from '../errors.js';

/** Page-size codes: what a key is masked with. The last is for PML4 entries in paging caches. */
export const SIZE_4K = 0;
/** 2 MiB. */
export const SIZE_2M = 1;
/** 1 GiB. */
export const SIZE_1G = 2;
/** 512 GiB: reach of one PML4 entry. */
export const SIZE_512G = 3;

/** Bits of the low address word that belong to the page number, by size code. */
export const LOW_MASK = Int32Array.of(-4096, -2097152, -1073741824, 0);
/** Bits of the high address word that belong to the page number, by size code. */
export const HIGH_MASK = Int32Array.of(-1, -1, -1, -128);

/** Replacement policies of a bank or cache. */
export const REPLACE_LRU = 0;
/** Tree pseudo-LRU. */
export const REPLACE_PLRU = 1;
/** First in, first out. */
export const REPLACE_FIFO = 2;
/** Seeded random. */
export const REPLACE_RANDOM = 3;

/** PCID of a global entry: it matches any. */
export const ANY_PCID = -1;

// Above this many ways a scan for the oldest costs more than sorting now and then.
const SCAN_WAYS_MAX = 16;
const SLOT_SPAN = 4096;

/**
 * One translation buffer: a first- or second-level TLB array or a paging-structure cache.
 * Set-associative replacement, but one hash table for look-up whatever the associativity, so that
 * 72 ways cost no more to search than 4.
 *
 * Empty slots have tag 0; a used slot's `tag` is the masked low address word + size code + 1.
 * For every used slot s: s is in the chain of hash(tag[s], high[s]) and set(s) is its key's set.
 * liveBySize[z] is the number of used slots of size z.
 *
 * `stamp` is written by the owner on every hit (one store); order is only computed on eviction.
 */
export class TlbBank {
  readonly entryCount: number;
  readonly ways: number;
  /** First index of this bank in the shared `stamp` column. */
  readonly base: number;
  readonly tag: Int32Array;
  readonly high: Int32Array;
  readonly pcid: Int32Array;
  /** PTE_* rights as accumulated over the levels, and the leaf's D and G. */
  readonly flags: Int32Array;
  /** Physical address of the page, or of the next table in a paging-structure cache. */
  readonly frame: Float64Array;
  /** Where the leaf entry lies and what it held, for strict mode. */
  readonly entryAddress: Float64Array;
  readonly entryLow: Int32Array;
  readonly entryHigh: Int32Array;
  readonly stamp: Float64Array;
  readonly liveBySize = new Int32Array(4);
  /** True once a fragment of a larger page was stored here. */
  holdsFragments = false;
  readonly #setMask: number;
  readonly #policy: number;
  readonly #next: Int32Array;
  readonly #heads: Int32Array;
  readonly #hashMask: number;
  readonly #filled: Float64Array;
  readonly #order: Float64Array;
  #orderUsed: number;
  #fills = 0;
  #random: number;

  /**
   * @param ways - entries of one set; `entryCount` for a fully associative bank
   * @param stamp - shared column; this bank uses `base .. base + entryCount - 1`
   */
  constructor(
    entryCount: number,
    ways: number,
    policy: number,
    seed: number,
    stamp: Float64Array,
    base: number,
  ) {
    const setCount = entryCount / ways;
    assert(entryCount > 0 && entryCount <= SLOT_SPAN, 'TLB bank: 1 to 4,096 entries');
    assert(Number.isInteger(Math.log2(setCount)), 'TLB bank: sets are a power of two');
    this.entryCount = entryCount;
    this.ways = ways;
    this.base = base;
    this.stamp = stamp;
    this.#setMask = setCount - 1;
    this.#policy = policy;
    this.#random = (seed ^ 0x9e3779b9) | 1;
    this.tag = new Int32Array(entryCount);
    this.high = new Int32Array(entryCount);
    this.pcid = new Int32Array(entryCount);
    this.flags = new Int32Array(entryCount);
    this.frame = new Float64Array(entryCount);
    this.entryAddress = new Float64Array(entryCount);
    this.entryLow = new Int32Array(entryCount);
    this.entryHigh = new Int32Array(entryCount);
    this.#next = new Int32Array(entryCount).fill(-1);
    let headCount = 4;
    while (headCount < entryCount * 2) headCount *= 2;
    this.#heads = new Int32Array(headCount).fill(-1);
    this.#hashMask = headCount - 1;
    this.#filled = new Float64Array(entryCount);
    this.#order = new Float64Array(entryCount);
    this.#orderUsed = entryCount;
  }

  /** Slot that translates the address with this page size for this PCID, or -1. */
  find(low: number, high: number, size: number, pcid: number): number {
    if (this.liveBySize[size] === 0) return -1;
    const tag = ((low & LOW_MASK[size]) | size) + 1;
    const keyHigh = high & HIGH_MASK[size];
    let slot = this.#heads[this.#hash(tag, keyHigh)];
    while (slot !== -1) {
      if (this.tag[slot] === tag && this.high[slot] === keyHigh) {
        const owner = this.pcid[slot];
        if (owner === pcid || owner === ANY_PCID) return slot;
      }
      slot = this.#next[slot];
    }
    return -1;
  }

  /** As {@link find}, but never a global entry. */
  findOwn(low: number, high: number, size: number, pcid: number): number {
    if (this.liveBySize[size] === 0) return -1;
    const tag = ((low & LOW_MASK[size]) | size) + 1;
    const keyHigh = high & HIGH_MASK[size];
    let slot = this.#heads[this.#hash(tag, keyHigh)];
    while (slot !== -1) {
      const same = this.tag[slot] === tag && this.high[slot] === keyHigh;
      if (same && this.pcid[slot] === pcid) return slot;
      slot = this.#next[slot];
    }
    return -1;
  }

  /**
   * Takes the victim of the key's set, or a free slot, and gives it the key. The caller fills
   * flags, frame and the rest. Answers the slot; `isUsed(slot)` was checked by {@link victim}.
   */
  claim(slot: number, low: number, high: number, size: number, pcid: number): void {
    if (this.tag[slot] !== 0) this.drop(slot);
    const tag = ((low & LOW_MASK[size]) | size) + 1;
    const keyHigh = high & HIGH_MASK[size];
    this.tag[slot] = tag;
    this.high[slot] = keyHigh;
    this.pcid[slot] = pcid;
    this.#filled[slot] = ++this.#fills;
    this.liveBySize[size]++;
    const bucket = this.#hash(tag, keyHigh);
    this.#next[slot] = this.#heads[bucket];
    this.#heads[bucket] = slot;
  }

  /** The slot that the next claim of this key should take: a free one, else by the policy. */
  victim(low: number, high: number, size: number): number {
    if (this.#setMask === 0 && this.ways > SCAN_WAYS_MAX) return this.#victimOfWhole();
    const first = this.#setOf(low, high, size) * this.ways;
    for (let slot = first; slot < first + this.ways; slot++) {
      if (this.tag[slot] === 0) return slot;
    }
    if (this.#policy === REPLACE_LRU) return this.#oldest(this.stamp, this.base, first);
    return this.#victimOfSet(first);
  }

  /** Size code of a used slot. */
  sizeOf(slot: number): number {
    return (this.tag[slot] - 1) & 3;
  }

  /** Empties a used slot. */
  drop(slot: number): void {
    const bucket = this.#hash(this.tag[slot], this.high[slot]);
    let at = this.#heads[bucket];
    if (at === slot) {
      this.#heads[bucket] = this.#next[slot];
    } else {
      while (this.#next[at] !== slot) {
        at = this.#next[at];
        assert(at !== -1, 'TLB bank: a used slot is in no chain');
      }
      this.#next[at] = this.#next[slot];
    }
    this.liveBySize[this.sizeOf(slot)]--;
    this.tag[slot] = 0;
    this.#next[slot] = -1;
  }

  /** Empties the bank. */
  clear(): void {
    this.tag.fill(0);
    this.#next.fill(-1);
    this.#heads.fill(-1);
    this.liveBySize.fill(0);
    this.#orderUsed = this.entryCount;
  }

  /** Used slots. */
  get liveCount(): number {
    return this.liveBySize[0] + this.liveBySize[1] + this.liveBySize[2] + this.liveBySize[3];
  }

  /** Checks the invariants above; for tests. */
  checkInvariants(): void {
    const seen = new Uint8Array(this.entryCount);
    for (let bucket = 0; bucket < this.#heads.length; bucket++) {
      for (let slot = this.#heads[bucket]; slot !== -1; slot = this.#next[slot]) {
        assert(seen[slot] === 0, 'TLB bank: a slot is in two chains');
        seen[slot] = 1;
        assert(this.tag[slot] !== 0, 'TLB bank: an empty slot is in a chain');
        assert(this.#hash(this.tag[slot], this.high[slot]) === bucket, 'TLB bank: wrong chain');
      }
    }
    const live = new Int32Array(4);
    for (let slot = 0; slot < this.entryCount; slot++) {
      assert((this.tag[slot] !== 0) === (seen[slot] === 1), 'TLB bank: chains lack a slot');
      if (this.tag[slot] === 0) continue;
      const size = this.sizeOf(slot);
      live[size]++;
      const set = this.#setOf((this.tag[slot] - 1) & LOW_MASK[size], this.high[slot], size);
      assert(Math.floor(slot / this.ways) === set, 'TLB bank: a slot is in the wrong set');
    }
    for (let size = 0; size < 4; size++) {
      assert(live[size] === this.liveBySize[size], 'TLB bank: live counts');
    }
  }

  #hash(tag: number, high: number): number {
    const mixed = Math.imul((tag >>> 12) ^ (tag << 9) ^ Math.imul(high, 0x2c1b3c6d), 0x297a2d39);
    return ((mixed >>> 15) ^ mixed) & this.#hashMask;
  }

  #setOf(low: number, high: number, size: number): number {
    if (size === SIZE_4K) return (low >>> 12) & this.#setMask;
    if (size === SIZE_2M) return ((low >>> 21) | (high << 11)) & this.#setMask;
    if (size === SIZE_1G) return ((low >>> 30) | (high << 2)) & this.#setMask;
    return (high >>> 7) & this.#setMask;
  }

  #oldest(column: Float64Array, base: number, first: number): number {
    let oldest = first;
    let least = column[base + first];
    for (let slot = first + 1; slot < first + this.ways; slot++) {
      const value = column[base + slot];
      if (value < least) {
        least = value;
        oldest = slot;
      }
    }
    return oldest;
  }

  #victimOfSet(first: number): number {
    if (this.#policy === REPLACE_FIFO) return this.#oldest(this.#filled, 0, first);
    if (this.#policy === REPLACE_RANDOM) return first + (this.#nextRandom() % this.ways);
    return this.#victimOfTree(first);
  }

  // A tree-PLRU bit points away from the half that was touched last, so the tree need not be kept:
  // the half whose newest stamp is older is where the bit points.
  #victimOfTree(first: number): number {
    let low = first;
    let count = this.ways;
    while (count > 1) {
      const half = count >>> 1;
      if (this.#newest(low, half) < this.#newest(low + half, count - half)) count = half;
      else {
        low += half;
        count -= half;
      }
    }
    return low;
  }

  #newest(first: number, count: number): number {
    let newest = -1;
    for (let slot = first; slot < first + count; slot++) {
      newest = Math.max(newest, this.stamp[this.base + slot]);
    }
    return newest;
  }

  // Exact LRU in amortised O(log n) with hits that only store a stamp: sort once, then hand out
  // the slots in that order, skipping those touched since. What was touched since is newer than
  // everything that was not, and every skip is paid for by that touch.
  #victimOfWhole(): number {
    if (this.liveCount < this.entryCount) {
      for (let slot = 0; slot < this.entryCount; slot++) if (this.tag[slot] === 0) return slot;
    }
    if (this.#policy === REPLACE_RANDOM) return this.#nextRandom() % this.entryCount;
    if (this.#policy === REPLACE_PLRU) return this.#victimOfTree(0);
    const column = this.#policy === REPLACE_FIFO ? this.#filled : this.stamp;
    const base = this.#policy === REPLACE_FIFO ? 0 : this.base;
    for (;;) {
      while (this.#orderUsed < this.entryCount) {
        const key = this.#order[this.#orderUsed++];
        const stamp2 = Math.floor(key / SLOT_SPAN);
        const slot = key - stamp2 * SLOT_SPAN;
        if (column[base + slot] * 2 === stamp2) return slot;
      }
      for (let slot = 0; slot < this.entryCount; slot++) {
        // Stamps come in halves: a straddling access touches two pages in one instruction.
        this.#order[slot] = column[base + slot] * 2 * SLOT_SPAN + slot;
      }
      this.#order.sort();
      this.#orderUsed = 0;
    }
  }

  #nextRandom(): number {
    let x = this.#random;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#random = x;
    return x >>> 0;
  }
}
