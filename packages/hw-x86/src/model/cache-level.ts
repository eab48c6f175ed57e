import { assert } from '../errors.js';
import {
  nextRandom,
  REPLACE_FIFO,
  REPLACE_LRU,
  REPLACE_PLRU,
  REPLACE_RANDOM,
} from './replacement.js';

const EMPTY = -1;
// Stamps are 32-bit; before the clock leaves them, each set's order is written anew.
const CLOCK_END = 2 ** 31 - 2;

/**
 * One level of the data-cache hierarchy: set-associative, write-allocate, 64-byte lines, tags only.
 * A line is (physical page, line in page); the six line bits lie in the set index, so the tag is
 * the page number and fits a signed word up to 16 TiB.
 *
 * Under LRU a hit costs no search and no comparison of ways: a table says in which way a line was
 * put last (a guess, checked against the tag), and the way gets a new stamp. The oldest is looked
 * for on a miss alone, by arithmetic, since which way that is no branch predictor can know.
 * Under FIFO the tags of a set lie in order, newest first, empty ones last.
 */
export class CacheLevel {
  declare readonly setCount: number;
  declare readonly ways: number;
  declare readonly tags: Int32Array;
  declare private readonly setMask: number;
  declare private readonly policy: number;
  /** Last touch of each line, for LRU and tree-PLRU: 0 where nothing lies. */
  declare private readonly stamp: Int32Array;
  declare private readonly hint: Uint8Array;
  declare private readonly hintMask: number;
  #clock = 0;
  declare private random: number;

  constructor(bytes: number, ways: number, policy: number, seed: number) {
    this.setCount = bytes / ways / 64;
    assert(Number.isInteger(Math.log2(this.setCount)), 'cache: sets are a power of two');
    assert(this.setCount >= 64, 'cache: at least 64 sets');
    assert(ways <= 255, 'cache: at most 255 ways');
    this.ways = ways;
    this.setMask = this.setCount - 1;
    this.policy = policy;
    this.random = (seed ^ 0x6a09e667) | 1;
    this.tags = new Int32Array(this.setCount * ways).fill(EMPTY);
    const isStamped = policy === REPLACE_PLRU || policy === REPLACE_LRU;
    this.stamp = new Int32Array(isStamped ? this.tags.length : 0);
    let hintCount = this.setCount;
    while (policy === REPLACE_LRU && hintCount < this.tags.length * 2) hintCount *= 2;
    this.hint = new Uint8Array(policy === REPLACE_LRU ? hintCount : 0);
    this.hintMask = hintCount - 1;
  }

  /** Looks the line up and brings it in if it is absent; true on a hit. */
  access(page: number, line: number): boolean {
    const number = (page << 6) | line;
    const first = (number & this.setMask) * this.ways;
    if (this.policy !== REPLACE_LRU) return this.#accessOther(page, first);
    const slot = first + this.hint[number & this.hintMask];
    if (this.tags[slot] !== page) return this.#search(page, first, number & this.hintMask);
    this.stamp[slot] = this.#tick();
    return true;
  }

  /** True when the line is here; changes nothing. */
  has(page: number, line: number): boolean {
    const first = (((page << 6) | line) & this.setMask) * this.ways;
    for (let slot = first; slot < first + this.ways; slot++) {
      if (this.tags[slot] === page) return true;
    }
    return false;
  }

  /** Takes the line out, as another processor's write does; true when it was here. */
  invalidate(page: number, line: number): boolean {
    const first = (((page << 6) | line) & this.setMask) * this.ways;
    const end = first + this.ways;
    for (let slot = first; slot < end; slot++) {
      if (this.tags[slot] !== page) continue;
      if (this.policy === REPLACE_PLRU || this.policy === REPLACE_LRU) {
        this.tags[slot] = EMPTY;
        this.stamp[slot] = 0;
      } else {
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
    this.stamp.fill(0);
  }

  /** Columns and scalars that make up the state, for snapshots and hashes. */
  save(): CacheState {
    return {
      tags: this.tags.slice(),
      stamp: this.stamp.slice(),
      scalars: Float64Array.of(this.#clock, this.random),
    };
  }

  /** Puts a saved state of the same geometry back. */
  load(state: CacheState): void {
    assert(state.tags.length === this.tags.length, 'cache: state of another geometry');
    this.tags.set(state.tags);
    this.stamp.set(state.stamp);
    this.#clock = state.scalars[0];
    this.random = state.scalars[1];
  }

  /** No line twice in a set; no empty place before a used one where order counts; for tests. */
  checkInvariants(): void {
    for (let first = 0; first < this.tags.length; first += this.ways) {
      for (let slot = first; slot < first + this.ways; slot++) {
        if (this.tags[slot] === EMPTY) continue;
        const stamped = this.stamp.length !== 0;
        assert(!stamped || this.stamp[slot] > 0, 'cache: a line without a stamp');
        const ordered = this.policy === REPLACE_FIFO;
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

  // The guess was wrong: the line is in another way, or takes the place of the oldest.
  #search(page: number, first: number, hint: number): boolean {
    const tags = this.tags;
    const ways = this.ways;
    let way = 0;
    while (way < ways && tags[first + way] !== page) way++;
    const found = way < ways;
    if (!found) {
      way = this.#oldest(first);
      tags[first + way] = page;
    }
    this.hint[hint] = way;
    this.stamp[first + way] = this.#tick();
    return found;
  }

  // The least stamp and its way by masks of the sign; stamps are below 2**31, so nothing overflows.
  #oldest(first: number): number {
    const stamp = this.stamp;
    let least = stamp[first];
    let oldest = 0;
    for (let way = 1; way < this.ways; way++) {
      const difference = stamp[first + way] - least;
      const earlier = difference >> 31;
      least += difference & earlier;
      oldest += (way - oldest) & earlier;
    }
    return oldest;
  }

  #tick(): number {
    if (this.#clock >= CLOCK_END) this.#restamp();
    this.#clock += 1;
    return this.#clock;
  }

  #restamp(): void {
    const stamp = this.stamp;
    for (let first = 0; first < stamp.length; first += this.ways) {
      const slots = Array.from({ length: this.ways }, (_, way) => first + way);
      slots.sort((a, b) => stamp[a] - stamp[b]);
      slots.forEach((slot, order) => {
        stamp[slot] = this.tags[slot] === EMPTY ? 0 : order + 1;
      });
    }
    this.#clock = this.ways;
  }

  #accessOther(page: number, first: number): boolean {
    const tags = this.tags;
    const end = first + this.ways;
    let free = -1;
    for (let slot = first; slot < end; slot++) {
      if (tags[slot] === page) {
        if (this.policy === REPLACE_PLRU) this.stamp[slot] = this.#tick();
        return true;
      }
      if (tags[slot] === EMPTY && free === -1) free = slot;
    }
    if (this.policy === REPLACE_FIFO) {
      tags.copyWithin(first + 1, first, end - 1);
      tags[first] = page;
      return false;
    }
    let victim = free;
    if (victim === -1) {
      victim =
        this.policy === REPLACE_RANDOM
          ? first + (this.#nextRandom() % this.ways)
          : this.#victimOfTree(first);
    }
    tags[victim] = page;
    if (this.policy === REPLACE_PLRU) this.stamp[victim] = this.#tick();
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
      newest = Math.max(newest, this.stamp[slot]);
    }
    return newest;
  }

  #nextRandom(): number {
    this.random = nextRandom(this.random);
    return this.random >>> 0;
  }
}

/** What {@link CacheLevel.save} answers. */
export interface CacheState {
  readonly tags: Int32Array;
  readonly stamp: Int32Array;
  readonly scalars: Float64Array;
}
