import { assert, NIL } from '@hotpath/hw-x86';

/** A ring over slots, old to young; index `limit` is the sentinel, so linking never branches on empty. */
export class LruList {
  readonly #limit: number;
  readonly #next: Int32Array;
  readonly #previous: Int32Array;
  #count = 0;

  constructor(limit: number) {
    this.#limit = limit;
    this.#next = new Int32Array(limit + 1).fill(NIL);
    this.#previous = new Int32Array(limit + 1).fill(NIL);
    this.#next[limit] = limit;
    this.#previous[limit] = limit;
  }

  /** Slots on the ring. */
  get count(): number {
    return this.#count;
  }

  /** True if the slot is on the ring. */
  has(slot: number): boolean {
    return this.#next[slot] !== NIL;
  }

  /** The slot that has been here longest, or NIL. */
  get oldest(): number {
    const slot = this.#next[this.#limit];
    return slot === this.#limit ? NIL : slot;
  }

  /** Puts a slot at the young end. */
  add(slot: number): void {
    assert(this.#next[slot] === NIL, 'a slot is put on its LRU ring twice');
    const youngest = this.#previous[this.#limit];
    this.#next[youngest] = slot;
    this.#previous[slot] = youngest;
    this.#next[slot] = this.#limit;
    this.#previous[this.#limit] = slot;
    this.#count += 1;
  }

  /** Takes a slot off, if it is on. */
  remove(slot: number): void {
    const next = this.#next[slot];
    if (next === NIL) return;
    const previous = this.#previous[slot];
    this.#next[previous] = next;
    this.#previous[next] = previous;
    this.#next[slot] = NIL;
    this.#previous[slot] = NIL;
    this.#count -= 1;
  }
}
