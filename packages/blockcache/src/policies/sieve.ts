/**
 * SIEVE (Zhang et al., NSDI 2024): a list in order of arrival and a hand that walks from the oldest to
 * the newest, sparing what was hit since it last came by. Unlike CLOCK, nothing is ever moved, so
 * newcomers stay apart from survivors.
 */
import { assert, type Meter, NIL, type VirtAddr } from '@hotpath/hw-x86';
import type { Policy, PolicySlots } from '../policy.js';
import { PREV, RECORD_WORDS } from '../slot-records.js';
import { SlotRing } from '../slot-ring.js';

/** SIEVE. `touch` is one store; `victim` O(1) amortised. */
export class SievePolicy implements Policy {
  readonly #slots: PolicySlots;
  readonly #ring: SlotRing;
  #visited: Uint8Array;
  /** Where the search goes on, or NIL: at the oldest. */
  #hand = NIL;

  constructor(slots: PolicySlots) {
    this.#slots = slots;
    this.#ring = new SlotRing(slots.records, 0);
    this.#visited = new Uint8Array(slots.records.slotCount);
  }

  miss(): void {}

  touch(slot: number): void {
    this.#visited[slot] = 1;
  }

  charge(slot: number, meter: Meter, recordBase: VirtAddr): void {
    meter.store(recordBase + 4 * (slot * RECORD_WORDS + PREV));
  }

  victim(): number {
    const ring = this.#ring;
    const visited = this.#visited;
    const slots = this.#slots;
    let hand = this.#hand;
    for (let left = 2 * ring.size + 1; left > 0 && ring.size > 0; left -= 1) {
      if (hand === NIL) hand = ring.last();
      if (visited[hand] === 0 && !slots.isHeld(hand)) {
        this.#hand = hand;
        return hand;
      }
      visited[hand] = 0;
      hand = ring.newer(hand);
    }
    this.#hand = hand;
    return NIL;
  }

  insert(slot: number): void {
    this.#visited[slot] = 0;
    this.#ring.push(slot);
  }

  remove(slot: number): void {
    if (this.#hand === slot) this.#hand = this.#ring.newer(slot);
    this.#ring.remove(slot);
  }

  replace(slot: number): void {
    if (this.#hand === slot) this.#hand = this.#ring.newer(slot);
    this.#visited[slot] = 0;
    this.#ring.renew(slot);
  }

  resize(): void {
    const slotCount = this.#slots.records.slotCount;
    if (slotCount <= this.#visited.length) return;
    const visited = new Uint8Array(slotCount);
    visited.set(this.#visited);
    this.#visited = visited;
  }

  checkInvariants(): void {
    this.#ring.checkInvariants();
    assert(this.#visited.length >= this.#slots.records.slotCount, 'sieve: a column is too short');
    assert(this.#hand === NIL || this.#ring.size > 0, 'sieve: a hand over an empty list');
  }
}
