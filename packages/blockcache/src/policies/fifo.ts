/** First in, first out: a hit changes nothing. */
import type { Meter, VirtAddr } from '@hotpath/hw-x86';
import type { Policy, PolicySlots } from '../policy.js';
import { SlotRing } from '../slot-ring.js';

/** FIFO. All calls O(1); a held slot met by `victim` counts as new. */
export class FifoPolicy implements Policy {
  protected readonly ring: SlotRing;
  private readonly slots: PolicySlots;

  constructor(slots: PolicySlots) {
    this.slots = slots;
    this.ring = new SlotRing(slots.records, 0);
  }

  miss(): void {}

  touch(_slot: number): void {}

  charge(_slot: number, _meter: Meter, _recordBase: VirtAddr): void {}

  victim(): number {
    return this.ring.oldestFree(this.slots);
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
