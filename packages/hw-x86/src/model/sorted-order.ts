/** Slots a key has room for. */
export const SLOT_SPAN = 4096;

/**
 * The slots of a fully associative bank by age, oldest first, for banks whose hits store a stamp and
 * do no more. Exact in amortised O(log n): sort once, then hand out the slots in that order, skipping
 * those touched since. What was touched since is newer than everything that was not, and every skip
 * is paid for by that touch.
 */
export class SortedOrder {
  /** Twice the stamp and the slot in one number: stamps come in halves. */
  readonly #keys: Float64Array;
  #used: number;

  /** @param slotCount - at most SLOT_SPAN */
  constructor(slotCount: number) {
    this.#keys = new Float64Array(slotCount);
    this.#used = slotCount;
  }

  /** The slot with the least stamp: slot s has column[base + s * stride]. */
  next(column: Float64Array, base: number, stride: number): number {
    const keys = this.#keys;
    for (;;) {
      while (this.#used < keys.length) {
        const key = keys[this.#used++];
        const twice = Math.floor(key / SLOT_SPAN);
        const slot = key - twice * SLOT_SPAN;
        if (column[base + slot * stride] * 2 === twice) return slot;
      }
      for (let slot = 0; slot < keys.length; slot++) {
        keys[slot] = column[base + slot * stride] * 2 * SLOT_SPAN + slot;
      }
      keys.sort();
      this.#used = 0;
    }
  }

  /** Sorts again at the next question: stamps were loaded. */
  forget(): void {
    this.#used = this.#keys.length;
  }
}
