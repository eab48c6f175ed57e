import { assert } from '../errors.js';
import { REPLACE_FIFO, REPLACE_LRU, REPLACE_PLRU, REPLACE_RANDOM } from './tlb-bank.js';

const EMPTY = -1;

/**
 * One level of the data-cache hierarchy: set-associative, write-allocate, 64-byte lines, tags only.
 * A line is (physical page, line in page); the six line bits lie in the set index, so the tag is
 * the page number and fits a signed word up to 16 TiB.
 *
 * Under LRU and FIFO the tags of a set lie in order, newest first, empty ones last. So the common
 * hit, on the newest line of its set, is one comparison and no store, and a miss is one pass.
 */
export class CacheLevel {
  readonly setCount: number;
  readonly ways: number;
  readonly tags: Int32Array;
  readonly #setMask: number;
  readonly #policy: number;
  /** Last touch of each line, for tree-PLRU alone. */
  readonly #stamp: Float64Array;
  #clock = 0;
  #random: number;

  constructor(bytes: number, ways: number, policy: number, seed: number) {
    this.setCount = bytes / ways / 64;
    assert(Number.isInteger(Math.log2(this.setCount)), 'cache: sets are a power of two');
    assert(this.setCount >= 64, 'cache: at least 64 sets');
    this.ways = ways;
    this.#setMask = this.setCount - 1;
    this.#policy = policy;
    this.#random = (seed ^ 0x6a09e667) | 1;
    this.tags = new Int32Array(this.setCount * ways).fill(EMPTY);
    this.#stamp = new Float64Array(policy === REPLACE_PLRU ? this.tags.length : 0);
  }

  /** Looks the line up and brings it in if it is absent; true on a hit. */
  access(page: number, line: number): boolean {
    const first = (((page << 6) | line) & this.#setMask) * this.ways;
    if (this.tags[first] === page && this.#policy !== REPLACE_PLRU) return true;
    if (this.#policy === REPLACE_LRU) return this.#accessOrdered(page, first);
    return this.#accessOther(page, first);
  }

  /** True when the line is here; changes nothing. */
  has(page: number, line: number): boolean {
    const first = (((page << 6) | line) & this.#setMask) * this.ways;
    for (let slot = first; slot < first + this.ways; slot++) {
      if (this.tags[slot] === page) return true;
    }
    return false;
  }

  /** Takes the line out, as another processor's write does; true when it was here. */
  invalidate(page: number, line: number): boolean {
    const first = (((page << 6) | line) & this.#setMask) * this.ways;
    const end = first + this.ways;
    for (let slot = first; slot < end; slot++) {
      if (this.tags[slot] !== page) continue;
      if (this.#policy === REPLACE_PLRU) this.tags[slot] = EMPTY;
      else {
        this.tags.copyWithin(slot, slot + 1, end);
        this.tags[end - 1] = EMPTY;
      }
      return true;
    }
    return false;
  }

  /** Empties the level (WBINVD). */
  clear(): void {
    this.tags.fill(EMPTY);
    this.#stamp.fill(0);
  }

  /** Columns and scalars that make up the state, for snapshots and hashes. */
  save(): CacheState {
    return {
      tags: this.tags.slice(),
      stamp: this.#stamp.slice(),
      scalars: Float64Array.of(this.#clock, this.#random),
    };
  }

  /** Puts a saved state of the same geometry back. */
  load(state: CacheState): void {
    assert(state.tags.length === this.tags.length, 'cache: state of another geometry');
    this.tags.set(state.tags);
    this.#stamp.set(state.stamp);
    this.#clock = state.scalars[0];
    this.#random = state.scalars[1];
  }

  /** No line twice in a set; no empty place before a used one where order counts; for tests. */
  checkInvariants(): void {
    for (let first = 0; first < this.tags.length; first += this.ways) {
      for (let slot = first; slot < first + this.ways; slot++) {
        if (this.tags[slot] === EMPTY) continue;
        const ordered = this.#policy === REPLACE_LRU || this.#policy === REPLACE_FIFO;
        assert(
          !ordered || slot === first || this.tags[slot - 1] !== EMPTY,
          'cache: an empty place before a used one',
        );
        for (let other = slot + 1; other < first + this.ways; other++) {
          assert(this.tags[slot] !== this.tags[other], 'cache: a line is in its set twice');
        }
      }
    }
  }

  // Moves the line to the front; on a miss that pushes the oldest out at the end.
  #accessOrdered(page: number, first: number): boolean {
    const tags = this.tags;
    const end = first + this.ways;
    let moved = tags[first];
    tags[first] = page;
    for (let slot = first + 1; slot < end; slot++) {
      const tag = tags[slot];
      tags[slot] = moved;
      if (tag === page) return true;
      moved = tag;
    }
    return false;
  }

  #accessOther(page: number, first: number): boolean {
    const tags = this.tags;
    const end = first + this.ways;
    let free = -1;
    for (let slot = first; slot < end; slot++) {
      if (tags[slot] === page) {
        if (this.#policy === REPLACE_PLRU) this.#stamp[slot] = ++this.#clock;
        return true;
      }
      if (tags[slot] === EMPTY && free === -1) free = slot;
    }
    if (this.#policy === REPLACE_FIFO) {
      tags.copyWithin(first + 1, first, end - 1);
      tags[first] = page;
      return false;
    }
    let victim = free;
    if (victim === -1) {
      victim =
        this.#policy === REPLACE_RANDOM
          ? first + (this.#nextRandom() % this.ways)
          : this.#victimOfTree(first);
    }
    tags[victim] = page;
    if (this.#policy === REPLACE_PLRU) this.#stamp[victim] = ++this.#clock;
    return false;
  }

  // A tree-PLRU bit points away from the half touched last: the half with the older newest stamp.
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
      newest = Math.max(newest, this.#stamp[slot]);
    }
    return newest;
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

/** What {@link CacheLevel.save} answers. */
export interface CacheState {
  readonly tags: Int32Array;
  readonly stamp: Float64Array;
  readonly scalars: Float64Array;
}
