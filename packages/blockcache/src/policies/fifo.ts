/** First in, first out: a hit changes nothing. */
import { NIL } from '@hotpath/hw-x86';
import type { Policy, PolicySlots } from '../policy.js';
import { SlotRing } from '../slot-ring.js';

/** FIFO. All calls O(1); a held slot met by `victim` counts as new. */
export class FifoPolicy implements Policy {
  private readonly slots: PolicySlots;
  private readonly ring: SlotRing;

  constructor(slots: PolicySlots) {
    this.slots = slots;
    this.ring = new SlotRing(slots.records, 0);
  }

  miss(): void {}

  touch(): void {}

  charge(): void {}

  victim(): number {
    const held = this.slots.held;
    const ring = this.ring;
    for (let left = ring.size; left > 0; left -= 1) {
      const slot = ring.last();
      if (held[slot] === 0) return slot;
      ring.renew(slot);
    }
    return NIL;
  }

  insert(slot: number): void {
    this.ring.push(slot);
  }

  remove(slot: number): void {
    this.ring.remove(slot);
  }

  replace(slot: number): void {
    this.ring.renew(slot);
  }

  resize(): void {}

  checkInvariants(): void {
    this.ring.checkInvariants();
  }
}
