import { assert } from '../errors.js';
import { REPLACE_FIFO, REPLACE_LRU, REPLACE_PLRU, REPLACE_RANDOM } from './tlb-bank.js';

const EMPTY = -1;

/**
 * One level of the data-cache hierarchy: set-associative, write-allocate, 64-byte lines, tags only.
 * A line is (physical page, line in page); the six line bits lie in the set index, so the tag is
 * the page number and fits a signed word up to 16 TiB.
 *
 * A hit on a set's most recent line changes nothing: it is the most recent one already. That is
 * why the common hit is one comparison and no store.
 */
export class CacheLevel {
  readonly setCount: number;
  readonly ways: number;
  /** mru[set] is the index into tags of the set's most recently used line. */
  readonly mru: Int32Array;
  readonly tags: Int32Array;
  readonly #stamp: Float64Array;
  readonly #setMask: number;
  readonly #policy: number;
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
    this.mru = new Int32Array(this.setCount);
    this.tags = new Int32Array(this.setCount * ways).fill(EMPTY);
    this.#stamp = new Float64Array(this.setCount * ways);
    for (let set = 0; set < this.setCount; set++) this.mru[set] = set * ways;
  }

  /** Looks the line up and brings it in if it is absent; true on a hit. */
  access(page: number, line: number): boolean {
    const set = ((page << 6) | line) & this.#setMask;
    return this.tags[this.mru[set]] === page || this.accessSet(page, set);
  }

  /** The rest of {@link access}, when the line is not the set's most recent one. */
  accessSet(page: number, set: number): boolean {
    const tags = this.tags;
    const first = set * this.ways;
    const end = first + this.ways;
    for (let slot = first; slot < end; slot++) {
      if (tags[slot] === page) {
        if (this.#policy !== REPLACE_FIFO) this.#stamp[slot] = ++this.#clock;
        this.mru[set] = slot;
        return true;
      }
    }
    const victim = this.#victim(first, end);
    tags[victim] = page;
    this.#stamp[victim] = ++this.#clock;
    this.mru[set] = victim;
    return false;
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
    for (let slot = first; slot < first + this.ways; slot++) {
      if (this.tags[slot] !== page) continue;
      this.tags[slot] = EMPTY;
      this.#stamp[slot] = 0;
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
      mru: this.mru.slice(),
      stamp: this.#stamp.slice(),
      clock: this.#clock,
      random: this.#random,
    };
  }

  /** Puts a saved state of the same geometry back. */
  load(state: CacheState): void {
    assert(state.tags.length === this.tags.length, 'cache: state of another geometry');
    this.tags.set(state.tags);
    this.mru.set(state.mru);
    this.#stamp.set(state.stamp);
    this.#clock = state.clock;
    this.#random = state.random;
  }

  /** No line twice in a set; the most recent pointer stays in its set; for tests. */
  checkInvariants(): void {
    for (let set = 0; set < this.setCount; set++) {
      const first = set * this.ways;
      const end = first + this.ways;
      assert(this.mru[set] >= first && this.mru[set] < end, 'cache: mru outside its set');
      for (let slot = first; slot < end; slot++) {
        if (this.tags[slot] === EMPTY) continue;
        for (let other = slot + 1; other < end; other++) {
          assert(this.tags[slot] !== this.tags[other], 'cache: a line is in its set twice');
        }
      }
    }
  }

  #victim(first: number, end: number): number {
    const stamp = this.#stamp;
    let oldest = first;
    let least = Number.POSITIVE_INFINITY;
    for (let slot = first; slot < end; slot++) {
      if (this.tags[slot] === EMPTY) return slot;
      if (stamp[slot] < least) {
        least = stamp[slot];
        oldest = slot;
      }
    }
    if (this.#policy === REPLACE_LRU || this.#policy === REPLACE_FIFO) return oldest;
    if (this.#policy === REPLACE_RANDOM) return first + (this.#nextRandom() % this.ways);
    assert(this.#policy === REPLACE_PLRU, 'cache: unknown replacement policy');
    return this.#victimOfTree(first);
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
  readonly mru: Int32Array;
  readonly stamp: Float64Array;
  readonly clock: number;
  readonly random: number;
}
