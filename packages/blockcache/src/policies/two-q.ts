/**
 * 2Q, the full version (Johnson and Shasha, VLDB 1994): newcomers pass through a FIFO (A1in, a quarter
 * of the slots); who comes back soon after leaving it (A1out, ghosts, half as many as slots) enters
 * the LRU main list (Am). A scan only ever fills A1in.
 */
import { assert, type Meter, NIL, type VirtAddr } from '@hotpath/hw-x86';
import { GhostKeys } from '../ghost-keys.js';
import type { Policy, PolicySlots } from '../policy.js';
import { SlotRing } from '../slot-ring.js';

const IN = 0;
const MAIN = 1;

/** 2Q. All calls O(1), `victim` amortised. */
export class TwoQPolicy implements Policy {
  readonly #slots: PolicySlots;
  readonly #in: SlotRing;
  readonly #main: SlotRing;
  readonly #ghosts: GhostKeys;
  #list: Uint8Array;
  #inLimit: number;
  /** The key that comes in next was a ghost. */
  #returns = false;

  constructor(slots: PolicySlots, capacity: number) {
    this.#slots = slots;
    this.#in = new SlotRing(slots.records, IN);
    this.#main = new SlotRing(slots.records, MAIN);
    this.#ghosts = new GhostKeys(Math.floor(capacity / 2), 1);
    this.#list = new Uint8Array(slots.records.slotCount);
    this.#inLimit = Math.floor(capacity / 4);
  }

  miss(key: number): void {
    this.#returns = this.#ghosts.remove(key) !== NIL;
  }

  touch(slot: number): void {
    if (this.#list[slot] === MAIN) this.#main.renew(slot);
  }

  charge(slot: number, meter: Meter, recordBase: VirtAddr): void {
    if (this.#list[slot] === MAIN) this.#main.chargeRenew(slot, meter, recordBase);
  }

  victim(): number {
    const fromIn = this.#in.size > this.#inLimit;
    const slot = (fromIn ? this.#in : this.#main).oldestFree(this.#slots);
    return slot !== NIL ? slot : (fromIn ? this.#main : this.#in).oldestFree(this.#slots);
  }

  insert(slot: number): void {
    this.#list[slot] = this.#returns ? MAIN : IN;
    (this.#returns ? this.#main : this.#in).push(slot);
    this.#returns = false;
  }

  remove(slot: number, evicted: boolean): void {
    if (this.#list[slot] === MAIN) {
      this.#main.remove(slot);
      return;
    }
    this.#in.remove(slot);
    if (evicted) this.#ghosts.push(this.#slots.records.keyOf(slot), 0);
  }

  resize(capacity: number): void {
    this.#inLimit = Math.floor(capacity / 4);
    this.#ghosts.resize(Math.floor(capacity / 2));
    const list = new Uint8Array(this.#slots.records.slotCount);
    list.set(this.#list);
    this.#list = list;
  }

  checkInvariants(): void {
    this.#in.checkInvariants();
    this.#main.checkInvariants();
    this.#ghosts.checkInvariants();
    for (let s = this.#in.last(); s !== NIL; s = this.#in.newer(s)) {
      assert(this.#list[s] === IN, '2q: a slot of A1in says it is in Am');
    }
  }
}
