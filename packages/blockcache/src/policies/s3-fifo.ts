/**
 * S3-FIFO (Yang et al., SOSP 2023): a small FIFO (a tenth) filters out what is used only once; what
 * was hit twice in it moves to the main FIFO, where hits give further rounds; ghosts of the small one
 * return to main directly.
 */
import { assert, type Meter, NIL, type VirtAddr } from '@hotpath/hw-x86';
import { GhostKeys } from '../ghost-keys.js';
import type { Policy, PolicySlots } from '../policy.js';
import { PREV, RECORD_WORDS } from '../slot-records.js';
import { SlotRing } from '../slot-ring.js';

const SMALL = 0;
const MAIN = 1;
/** Hits in the small queue that make a slot move to main. */
const PROMOTE_HITS = 2;
/** Most rounds that hits earn in main. */
const ROUND_LIMIT = 3;
const HIT_LIMIT = 255;

/** S3-FIFO. `touch` is one store; the others O(1), `victim` amortised. */
export class S3FifoPolicy implements Policy {
  readonly #slots: PolicySlots;
  readonly #small: SlotRing;
  readonly #main: SlotRing;
  readonly #ghosts: GhostKeys;
  #list: Uint8Array;
  #hits: Uint8Array;
  #mainLimit = 0;
  #returns = false;

  constructor(slots: PolicySlots, capacity: number) {
    this.#slots = slots;
    this.#small = new SlotRing(slots.records, SMALL);
    this.#main = new SlotRing(slots.records, MAIN);
    this.#ghosts = new GhostKeys(Math.floor(capacity * 0.9), 1);
    this.#list = new Uint8Array(slots.records.slotCount);
    this.#hits = new Uint8Array(slots.records.slotCount);
    this.#setLimit(capacity);
  }

  #setLimit(capacity: number): void {
    // The paper's tenth is no slot at all below a capacity of ten: one slot then.
    this.#mainLimit = capacity - Math.max(1, Math.floor(capacity * 0.1));
  }

  miss(key: number): void {
    this.#returns = this.#ghosts.remove(key) !== NIL;
  }

  touch(slot: number): void {
    const hits = this.#hits[slot];
    if (hits < HIT_LIMIT) this.#hits[slot] = hits + 1;
  }

  charge(slot: number, meter: Meter, recordBase: VirtAddr): void {
    meter.store(recordBase + 4 * (slot * RECORD_WORDS + PREV));
  }

  victim(): number {
    for (let turn = 0; turn < 2; turn++) {
      if (this.#main.size <= this.#mainLimit && this.#small.size > 0) {
        const slot = this.#fromSmall();
        if (slot !== NIL) return slot;
      }
      const slot = this.#fromMain();
      if (slot !== NIL) return slot;
    }
    return this.#fromSmall();
  }

  #fromSmall(): number {
    for (let left = this.#small.size; left > 0; left -= 1) {
      const slot = this.#small.last();
      if (this.#hits[slot] >= PROMOTE_HITS) {
        this.#small.remove(slot);
        this.#hits[slot] = 0;
        this.#list[slot] = MAIN;
        this.#main.push(slot);
      } else if (!this.#slots.isHeld(slot)) return slot;
      else this.#small.renew(slot);
    }
    return NIL;
  }

  #fromMain(): number {
    for (let left = this.#main.size * (ROUND_LIMIT + 1); left > 0; left -= 1) {
      const slot = this.#main.last();
      const hits = this.#hits[slot];
      if (hits === 0 && !this.#slots.isHeld(slot)) return slot;
      if (hits > 0) this.#hits[slot] = Math.min(hits, ROUND_LIMIT) - 1;
      this.#main.renew(slot);
    }
    return NIL;
  }

  insert(slot: number): void {
    this.#hits[slot] = 0;
    this.#list[slot] = this.#returns ? MAIN : SMALL;
    (this.#returns ? this.#main : this.#small).push(slot);
    this.#returns = false;
  }

  remove(slot: number, evicted: boolean): void {
    if (this.#list[slot] === MAIN) {
      this.#main.remove(slot);
      return;
    }
    this.#small.remove(slot);
    if (evicted) this.#ghosts.push(this.#slots.records.keyOf(slot), 0);
  }

  resize(capacity: number): void {
    this.#setLimit(capacity);
    this.#ghosts.resize(Math.floor(capacity * 0.9));
    const slotCount = this.#slots.records.slotCount;
    const list = new Uint8Array(slotCount);
    list.set(this.#list);
    this.#list = list;
    const hits = new Uint8Array(slotCount);
    hits.set(this.#hits);
    this.#hits = hits;
  }

  checkInvariants(): void {
    this.#small.checkInvariants();
    this.#main.checkInvariants();
    this.#ghosts.checkInvariants();
    for (let s = this.#main.last(); s !== NIL; s = this.#main.newer(s)) {
      assert(this.#list[s] === MAIN, 's3-fifo: a slot of main says it is in small');
    }
  }
}
