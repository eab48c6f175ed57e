/**
 * CLOCK, the second chance (Corbató 1968): the slots stand in a circle, a hit sets a bit, the hand
 * clears bits until it meets a slot without one. A newcomer takes its victim's place, so no list is
 * needed; hit for hit it is FIFO with reinsertion.
 */
import { assert, type Meter, NIL, type VirtAddr } from '@hotpath/hw-x86';
import { HIT_MARKS, MARKED, type Policy, type PolicySlots } from '../policy.js';
import {
  PREV,
  RECORD_WORDS,
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
  private words!: Int32Array;
  private hand = 0;
  private count = 0;

  constructor(slots: PolicySlots) {
    this.slots = slots;
    this.records = slots.records;
    slots.records.addUser(this);
  }

  recordsGrew(records: SlotRecords): void {
    this.words = records.words;
  }

  miss(): void {}

  touch(slot: number): void {
    this.words[prevOf(slot)] = REFERENCED;
  }

  charge(slot: number, meter: Meter, recordBase: VirtAddr): void {
    meter.store(recordBase + 4 * (slot * RECORD_WORDS + PREV));
  }

  victim(): number {
    if (this.count === 0) return NIL;
    const words = this.words;
    const slots = this.slots;
    const slotCount = this.records.slotCount;
    let hand = this.hand;
    // Two rounds: the first may clear every bit, the second then finds a slot unless all are held.
    for (let left = 2 * slotCount + 1; left > 0; left -= 1) {
      if (hand >= slotCount) hand = 0;
      const state = words[prevOf(hand)];
      if (state === RESIDENT && !slots.isHeld(hand)) {
        this.hand = hand;
        return hand;
      }
      if (state === REFERENCED) words[prevOf(hand)] = RESIDENT;
      hand += 1;
    }
    this.hand = hand;
    return NIL;
  }

  insert(slot: number): void {
    this.words[prevOf(slot)] = RESIDENT;
    this.count += 1;
  }

  remove(slot: number): void {
    this.words[prevOf(slot)] = ABSENT;
    this.count -= 1;
    // The newcomer in this place is the youngest: the hand must come to it last.
    if (slot === this.hand) this.hand += 1;
  }

  replace(slot: number): void {
    this.words[prevOf(slot)] = RESIDENT;
    this.hand = slot + 1;
  }

  resize(): void {}

  checkInvariants(): void {
    const { words, slotCount } = this.records;
    let resident = 0;
    for (let slot = 0; slot < slotCount; slot++) {
      const state = words[slot * RECORD_WORDS + PREV];
      if (state === ABSENT) continue;
      assert(state === RESIDENT || state === REFERENCED, 'clock: a slot in an unknown state');
      resident += 1;
    }
    assert(resident === this.count, 'clock: the count is wrong');
    assert(this.hand >= 0 && this.hand <= slotCount + RING_LIMIT, 'clock: the hand is off');
  }
}
