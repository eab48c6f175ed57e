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
 * One translation buffer: a first- or second-level TLB array or a paging-structure cache. Up to 16
 * ways a set is searched in place; above that one hash table finds the slot, so that 72 ways cost
 * no more to search than 4.
 *
 * Empty slots have tag 0; a used slot's `tag` is the masked low address word + size code + 1.
 * For every used slot s: set(s) is its key's set and, where hashed, s is in the chain of its key.
 * live[z] is the number of used slots of size z in all banks that share the column.
 *
 * `stamp` is written by the owner on every hit (one store) and is -1 in empty slots; order is only
 * computed on eviction.
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
  /** Physical page number of the page's begin, or OPEN_BUS where no memory answers. */
  readonly page: Int32Array;
  /** Physical address of the page, or of the next table in a paging-structure cache. */
  readonly frame: Float64Array;
  /** What the leaf entry held, for strict mode. */
  readonly entryLow: Int32Array;
  readonly entryHigh: Int32Array;
  readonly stamp: Float64Array;
  readonly live: Int32Array;
  /** True once a fragment of a larger page was stored here. */
  holdsFragments = false;
  readonly #setMask: number;
  readonly #policy: number;
  readonly #next: Int32Array;
  readonly #heads: Int32Array;
  readonly #isHashed: boolean;
  /** Slot that a page number was put into last; a guess, so it is checked against the tag. */
  readonly #hint: Int16Array;
  readonly #hintMask: number;
  readonly #hashMask: number;
  readonly #filled: Float64Array;
  readonly #order: Float64Array;
  #orderUsed: number;
  #used = 0;
  #fills = 0;
  #random: number;

  /**
   * @param ways - entries of one set; `entryCount` for a fully associative bank
   * @param stamp - shared column; this bank uses `base .. base + entryCount - 1`
   * @param live - used slots by size, shared by the banks of a level
   */
  constructor(
    entryCount: number,
    ways: number,
    policy: number,
    seed: number,
    stamp: Float64Array,
    base: number,
    live: Int32Array,
  ) {
    const setCount = entryCount / ways;
    assert(entryCount > 0 && entryCount <= SLOT_SPAN, 'TLB bank: 1 to 4,096 entries');
    assert(Number.isInteger(Math.log2(setCount)), 'TLB bank: sets are a power of two');
    assert(setCount === 1 || ways <= 32, 'TLB bank: at most 32 ways unless fully associative');
    this.entryCount = entryCount;
    this.ways = ways;
    this.base = base;
    this.stamp = stamp;
    this.live = live;
    this.#setMask = setCount - 1;
    this.#policy = policy;
    this.#random = (seed ^ 0x9e3779b9) | 1;
    this.tag = new Int32Array(entryCount);
    this.high = new Int32Array(entryCount);
    this.pcid = new Int32Array(entryCount);
    this.flags = new Int32Array(entryCount);
    this.page = new Int32Array(entryCount);
    this.frame = new Float64Array(entryCount);
    this.entryLow = new Int32Array(entryCount);
    this.entryHigh = new Int32Array(entryCount);
    this.#isHashed = ways > SCAN_WAYS_MAX;
    let headCount = 4;
    while (this.#isHashed && headCount < entryCount * 2) headCount *= 2;
    this.#next = new Int32Array(this.#isHashed ? entryCount : 0).fill(-1);
    this.#heads = new Int32Array(headCount).fill(-1);
    let hintCount = 4;
    while (hintCount < entryCount * 2) hintCount *= 2;
    this.#hint = new Int16Array(hintCount);
    this.#hintMask = hintCount - 1;
    this.#hashMask = headCount - 1;
    this.#filled = new Float64Array(entryCount);
    this.#order = new Float64Array(this.#isHashed ? entryCount : 0);
    this.#orderUsed = this.#order.length;
    stamp.fill(-1, base, base + entryCount);
  }

  /** Slot that translates the address with this page size for this PCID, or -1. */
  find(low: number, high: number, size: number, pcid: number): number {
    const tag = ((low & LOW_MASK[size]) | size) + 1;
    const keyHigh = high & HIGH_MASK[size];
    const number = pageNumber(low, keyHigh, size);
    const hinted = this.#hint[number & this.#hintMask];
    if (this.tag[hinted] === tag && this.high[hinted] === keyHigh) {
      const owner = this.pcid[hinted];
      if (owner === pcid || owner === ANY_PCID) return hinted;
    }
    if (this.#isHashed) return this.#findHashed(tag, keyHigh, pcid);
    const tags = this.tag;
    const first = (number & this.#setMask) * this.ways;
    const end = first + this.ways;
    for (let slot = first; slot < end; slot++) {
      if (tags[slot] !== tag || this.high[slot] !== keyHigh) continue;
      const owner = this.pcid[slot];
      if (owner === pcid || owner === ANY_PCID) return slot;
    }
    return -1;
  }

  /** As {@link find}, but never a global entry. */
  findOwn(low: number, high: number, size: number, pcid: number): number {
    const tag = ((low & LOW_MASK[size]) | size) + 1;
    const keyHigh = high & HIGH_MASK[size];
    const first = (pageNumber(low, keyHigh, size) & this.#setMask) * this.ways;
    for (let slot = first; slot < first + this.ways; slot++) {
      const same = this.tag[slot] === tag && this.high[slot] === keyHigh;
      if (same && this.pcid[slot] === pcid) return slot;
    }
    return -1;
  }

  /**
   * Gives a slot that {@link victim} chose the key, dropping what it held. The caller fills the
   * other columns and the stamp.
   */
  claim(slot: number, low: number, high: number, size: number, pcid: number): void {
    if (this.tag[slot] !== 0) {
      this.live[(this.tag[slot] - 1) & 3]--;
      if (this.#isHashed) this.#unlink(slot);
    } else this.#used += 1;
    const tag = ((low & LOW_MASK[size]) | size) + 1;
    const keyHigh = high & HIGH_MASK[size];
    this.tag[slot] = tag;
    this.high[slot] = keyHigh;
    this.pcid[slot] = pcid;
    this.live[size]++;
    this.stamp[this.base + slot] = 0;
    this.#hint[pageNumber(low, keyHigh, size) & this.#hintMask] = slot;
    if (this.#policy === REPLACE_FIFO) this.#filled[slot] = ++this.#fills;
    if (!this.#isHashed) return;
    const bucket = this.#hash(tag, keyHigh);
    this.#next[slot] = this.#heads[bucket];
    this.#heads[bucket] = slot;
  }

  /** The slot that the next claim of this key should take: a free one, else by the policy. */
  victim(low: number, high: number, size: number): number {
    if (this.ways > SCAN_WAYS_MAX && this.#setMask === 0) return this.#victimOfWhole();
    const first = (pageNumber(low, high, size) & this.#setMask) * this.ways;
    // An empty slot's stamp is -1, below any other.
    const oldest = first + this.#oldest(this.stamp, this.base + first);
    if (this.#policy === REPLACE_LRU || this.tag[oldest] === 0) return oldest;
    return this.#victimOfSet(first);
  }

  /** Size code of a used slot. */
  sizeOf(slot: number): number {
    return (this.tag[slot] - 1) & 3;
  }

  /** Empties a used slot. */
  drop(slot: number): void {
    this.live[this.sizeOf(slot)]--;
    this.#used -= 1;
    if (this.#isHashed) this.#unlink(slot);
    this.tag[slot] = 0;
    this.stamp[this.base + slot] = -1;
  }

  /** Empties the bank. */
  clear(): void {
    if (this.#used === 0) return;
    for (let slot = 0; slot < this.entryCount; slot++) if (this.tag[slot] !== 0) this.drop(slot);
  }

  /** Used slots. */
  get liveCount(): number {
    return this.#used;
  }

  /** Every column and scalar, for snapshots and hashes. */
  save(): BankState {
    const base = this.base;
    return {
      tag: this.tag.slice(),
      high: this.high.slice(),
      pcid: this.pcid.slice(),
      flags: this.flags.slice(),
      page: this.page.slice(),
      frame: this.frame.slice(),
      entryLow: this.entryLow.slice(),
      entryHigh: this.entryHigh.slice(),
      stamp: this.stamp.slice(base, base + this.entryCount),
      filled: this.#filled.slice(),
      scalars: Float64Array.of(this.#fills, this.#random, this.holdsFragments ? 1 : 0),
    };
  }

  /** Puts a saved state of the same geometry back; `live` is counted again. */
  load(state: BankState): void {
    assert(state.tag.length === this.entryCount, 'TLB bank: state of another geometry');
    this.clear();
    this.pcid.set(state.pcid);
    this.flags.set(state.flags);
    this.page.set(state.page);
    this.frame.set(state.frame);
    this.entryLow.set(state.entryLow);
    this.entryHigh.set(state.entryHigh);
    for (let slot = 0; slot < this.entryCount; slot++) {
      if (state.tag[slot] === 0) continue;
      const size = (state.tag[slot] - 1) & 3;
      this.claim(
        slot,
        (state.tag[slot] - 1) & LOW_MASK[size],
        state.high[slot],
        size,
        this.pcid[slot],
      );
    }
    this.stamp.set(state.stamp, this.base);
    this.#filled.set(state.filled);
    this.#fills = state.scalars[0];
    this.#random = state.scalars[1];
    this.holdsFragments = state.scalars[2] !== 0;
    this.#orderUsed = this.#order.length;
  }

  /** Checks the invariants above; for tests. */
  checkInvariants(): void {
    const seen = new Uint8Array(this.entryCount);
    for (let bucket = 0; this.#isHashed && bucket < this.#heads.length; bucket++) {
      for (let slot = this.#heads[bucket]; slot !== -1; slot = this.#next[slot]) {
        assert(seen[slot] === 0, 'TLB bank: a slot is in two chains');
        seen[slot] = 1;
        assert(this.tag[slot] !== 0, 'TLB bank: an empty slot is in a chain');
        assert(this.#hash(this.tag[slot], this.high[slot]) === bucket, 'TLB bank: wrong chain');
      }
    }
    let count = 0;
    for (let slot = 0; slot < this.entryCount; slot++) {
      const used = this.tag[slot] !== 0;
      if (used) count += 1;
      if (this.#isHashed) assert(used === (seen[slot] === 1), 'TLB bank: chains lack a slot');
      assert(used === this.stamp[this.base + slot] >= 0, 'TLB bank: stamp of an empty slot');
      if (!used) continue;
      const size = this.sizeOf(slot);
      const number = pageNumber((this.tag[slot] - 1) & LOW_MASK[size], this.high[slot], size);
      assert(
        Math.floor(slot / this.ways) === (number & this.#setMask),
        'TLB bank: a slot is in the wrong set',
      );
    }
    assert(count === this.#used, 'TLB bank: count of used slots');
  }

  #findHashed(tag: number, keyHigh: number, pcid: number): number {
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

  #unlink(slot: number): void {
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
    this.#next[slot] = -1;
  }

  #hash(tag: number, high: number): number {
    const mixed = Math.imul((tag >>> 12) ^ (tag << 9) ^ Math.imul(high, 0x2c1b3c6d), 0x297a2d39);
    return ((mixed >>> 15) ^ mixed) & this.#hashMask;
  }

  // The way with the least stamp. Way and stamp in one number and Math.min: no branch to
  // mispredict. Stamps come in halves, so stamp * 64 leaves five bits for the way.
  #oldest(column: Float64Array, from: number): number {
    let least = column[from] * 64;
    for (let way = 1; way < this.ways; way++)
      least = Math.min(least, column[from + way] * 64 + way);
    return least & 31;
  }

  #victimOfSet(first: number): number {
    if (this.#policy === REPLACE_FIFO) return first + this.#oldest(this.#filled, first);
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
    if (this.#used < this.entryCount) return this.tag.indexOf(0);
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

/** Low 32 bits of the page number in units of the size: sets and hints are its low bits. */
function pageNumber(low: number, high: number, size: number): number {
  if (size === SIZE_4K) return low >>> 12;
  if (size === SIZE_2M) return (low >>> 21) | (high << 11);
  if (size === SIZE_1G) return (low >>> 30) | (high << 2);
  return high >>> 7;
}

/** What {@link TlbBank.save} answers. */
export interface BankState {
  readonly tag: Int32Array;
  readonly high: Int32Array;
  readonly pcid: Int32Array;
  readonly flags: Int32Array;
  readonly page: Int32Array;
  readonly frame: Float64Array;
  readonly entryLow: Int32Array;
  readonly entryHigh: Int32Array;
  readonly stamp: Float64Array;
  readonly filled: Float64Array;
  readonly scalars: Float64Array;
}
