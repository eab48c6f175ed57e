/** Least recently used: one ring, a hit moves to the head, the tail goes. */
import type { Meter, VirtAddr } from '@hotpath/hw-x86';
import { HIT_TO_HEAD } from '../policy.js';
import { FifoPolicy } from './fifo.js';

// A subclass against the rule of this house: LRU is FIFO whose hits count as arrivals, word for word.

/** LRU. All calls O(1); `victim` O(1) amortised, moving each held slot it meets to the head. */
export class LruPolicy extends FifoPolicy {
  readonly onHit = HIT_TO_HEAD;

  override touch(slot: number): void {
    this.ring.renew(slot);
  }

  override charge(slot: number, meter: Meter, recordBase: VirtAddr): void {
    this.ring.chargeRenew(slot, meter, recordBase);
  }
}
