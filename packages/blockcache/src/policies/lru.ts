/** Least recently used: one ring, a hit moves to the head, the tail goes. */
import { type Meter, NIL, type VirtAddr } from '@hotpath/hw-x86';
import { HIT_TO_HEAD, type Policy, type PolicySlots } from '../policy.js';
import { SlotRing } from '../slot-ring.js';

/** LRU. All calls O(1); `victim` O(1) amortised, moving each held slot it meets to the head. */
export class LruPolicy implements Policy {
  readonly onHit = HIT_TO_HEAD;
  private readonly slots: PolicySlots;
  private readonly ring: SlotRing;

  constructor(slots: PolicySlots) {
    this.slots = slots;
    this.ring = new SlotRing(slots.records, 0);
  }

  miss(): void {}

  touch(slot: number): void {
    this.ring.renew(slot);
  }

  charge(slot: number, meter: Meter, recordBase: VirtAddr): void {
    this.ring.chargeRenew(slot, meter, recordBase);
  }

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
