/**
 * CLOCK, the second chance (Corbató 1968): the slots stand in a circle, a hit sets a bit, the hand
 * clears bits until it meets a slot without one. A newcomer takes its victim's place, so no list is
 * needed; hit for hit it is FIFO with reinsertion.
 */
import { assert, type Meter, NIL, type VirtAddr } from '@hotpath/hw-x86';
import { HIT_MARKS, MARKED, type Policy, type PolicySlots } from '../policy.js';
import {
  LINK_STRIDE,
  PREV,
  type RecordsUser,
  RING_LIMIT,
  type SlotRecords,
} from '../slot-records.js';
import { prevOf } from '../slot-ring.js';

// The word at PREV of each record, which lies beside the key that a hit has just read:
const ABSENT = 0;
const RESIDENT = 1;
const REFERENCED = MARKED;

/** CLOCK. `touch` is one store; `victim` O(1) amortised. */
export class ClockPolicy implements Policy, RecordsUser {
  readonly onHit = HIT_MARKS;
  private readonly slots: PolicySlots;
  private readonly records: SlotRecords;
  private links!: Int32Array;
  private hand = 0;
  private count = 0;

  constructor(slots: PolicySlots) {
    this.slots = slots;
    this.records = slots.records;
    slots.records.addUser(this);
  }

  recordsGrew(records: SlotRecords): void {
    this.links = records.links;
  }

  miss(): void {}

  touch(slot: number): void {
    this.links[prevOf(slot)] = REFERENCED;
  }

  charge(slot: number, meter: Meter, recordBase: VirtAddr): void {
    meter.store(recordBase + 4 * (slot * LINK_STRIDE + PREV));
  }

  victim(): number {
    if (this.count === 0) return NIL;
    const links = this.links;
    const held = this.slots.held;
    const slotCount = this.records.slotCount;
    let hand = this.hand;
    // Two rounds: the first may clear every bit, the second then finds a slot unless all are held.
    for (let left = 2 * slotCount + 1; left > 0; left -= 1) {
      if (hand >= slotCount) hand = 0;
      const state = links[prevOf(hand)];
      if (state === RESIDENT && held[hand] === 0) {
        this.hand = hand;
        return hand;
      }
      if (state === REFERENCED) links[prevOf(hand)] = RESIDENT;
      hand += 1;
    }
    this.hand = hand;
    return NIL;
  }

  insert(slot: number): void {
    this.links[prevOf(slot)] = RESIDENT;
    this.count += 1;
  }

  remove(slot: number): void {
    this.links[prevOf(slot)] = ABSENT;
    this.count -= 1;
    // The newcomer in this place is the youngest: the hand must come to it last.
    if (slot === this.hand) this.hand += 1;
  }

  replace(slot: number): void {
    this.links[prevOf(slot)] = RESIDENT;
    this.hand = slot + 1;
  }

  resize(): void {}

  checkInvariants(): void {
    const { links, slotCount } = this.records;
    let resident = 0;
    for (let slot = 0; slot < slotCount; slot++) {
      const state = links[slot * LINK_STRIDE + PREV];
      if (state === ABSENT) continue;
      assert(state === RESIDENT || state === REFERENCED, 'clock: a slot in an unknown state');
      resident += 1;
    }
    assert(resident === this.count, 'clock: the count is wrong');
    assert(this.hand >= 0 && this.hand <= slotCount + RING_LIMIT, 'clock: the hand is off');
  }
}
