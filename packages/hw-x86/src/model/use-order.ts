import { assert } from '../errors.js';

const NONE = -1;

/**
 * Exact order of use over the slots of one fully associative bank, newest first: a doubly linked
 * list, so that touch and victim are O(1) with any number of slots.
 *
 * For every slot s: older[newer[s]] === s, unless s is the newest.
 */
export class UseOrder {
  declare private readonly newer: Int16Array;
  declare private readonly older: Int16Array;
  #newest = 0;
  #oldest = NONE;

  constructor(slotCount: number) {
    this.newer = new Int16Array(slotCount);
    this.older = new Int16Array(slotCount);
    for (let slot = 0; slot < slotCount; slot++) {
      this.newer[slot] = slot - 1;
      this.older[slot] = slot + 1 === slotCount ? NONE : slot + 1;
    }
    this.#oldest = slotCount - 1;
  }

  /** The slot used longest ago. */
  get oldest(): number {
    return this.#oldest;
  }

  /** Makes a slot the newest. */
  touch(slot: number): void {
    if (slot === this.#newest) return;
    const newer = this.newer[slot];
    const older = this.older[slot];
    this.older[newer] = older;
    if (older === NONE) this.#oldest = newer;
    else this.newer[older] = newer;
    this.newer[this.#newest] = slot;
    this.older[slot] = this.#newest;
    this.newer[slot] = NONE;
    this.#newest = slot;
  }

  /** Puts the slots in the order of their stamps, after a load. */
  sortBy(stampOf: (slot: number) => number): void {
    const slots = Array.from(this.newer, (_, slot) => slot);
    for (const slot of slots.sort((a, b) => stampOf(a) - stampOf(b))) this.touch(slot);
  }

  /** The list is one, both ways; for tests. */
  checkInvariants(): void {
    let count = 0;
    for (let slot = this.#newest; slot !== NONE; slot = this.older[slot]) {
      const older = this.older[slot];
      assert(older === NONE ? slot === this.#oldest : this.newer[older] === slot, 'use order');
      count += 1;
      assert(count <= this.newer.length, 'use order: a ring');
    }
    assert(count === this.newer.length, 'use order: a slot is missing');
  }
}
