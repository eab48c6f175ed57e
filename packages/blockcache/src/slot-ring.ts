/**
 * A doubly linked ring over slots, closed through a pseudo-slot (its head), so that linking never
 * branches on an empty list.
 */
import { assert, type Meter, NIL, type VirtAddr } from '@hotpath/hw-x86';
import type { PolicySlots } from './policy.js';
import {
  NEXT,
  PREV,
  RECORD_WORDS,
  type RecordsUser,
  RING_LIMIT,
  type SlotRecords,
} from './slot-records.js';

// Numbers where names would be clearer: bundlers turn constants of a module into variables, whose every
// use V8 then loads and checks. A test holds them to the names of slot-records.ts.

/** Where the PREV link of a slot stands: a shift, since a product would be checked for overflow. */
export function prevOf(slot: number): number {
  return (slot << 2) + 18;
}

/** Where the NEXT link of a slot stands. */
export function nextOf(slot: number): number {
  return (slot << 2) + 19;
}

/** Where the lower half of a slot's key stands; the upper half follows. */
export function keyAt(slot: number): number {
  return (slot << 2) + 16;
}

/** Moves a slot of the ring with this head to its front. */
export function moveToHead(words: Int32Array, head: number, slot: number): void {
  const first = words[nextOf(head)];
  // Linking the first slot before itself would make a ring of one and lose all the others.
  if (first === slot) return;
  const prev = words[prevOf(slot)];
  const next = words[nextOf(slot)];
  words[nextOf(prev)] = next;
  words[prevOf(next)] = prev;
  words[prevOf(slot)] = head;
  words[nextOf(slot)] = first;
  words[prevOf(first)] = slot;
  words[nextOf(head)] = slot;
}

// next(prev(s)) === s === prev(next(s)) for every slot s in a ring and for the head.

/** One of the at most four rings of a policy. All calls O(1) and free of allocation. */
export class SlotRing implements RecordsUser {
  /** The records' own array: a hop less on every hit. */
  private words!: Int32Array;
  private readonly head: number;
  private length = 0;

  /** @param ring - 0 to 3, different for each ring over the same records */
  constructor(records: SlotRecords, ring: number) {
    assert(ring >= 0 && ring < RING_LIMIT, 'slot ring: no such ring');
    records.addUser(this);
    this.head = -1 - ring;
    const words = records.words;
    words[this.head * RECORD_WORDS + PREV] = this.head;
    words[this.head * RECORD_WORDS + NEXT] = this.head;
  }

  recordsGrew(records: SlotRecords): void {
    this.words = records.words;
  }

  /** Slots in the ring. */
  get size(): number {
    return this.length;
  }

  /** The slot at the tail (the oldest), or NIL. */
  last(): number {
    const slot = this.words[this.head * RECORD_WORDS + PREV];
    return slot < 0 ? NIL : slot;
  }

  /** The slot at the head (the newest), or NIL. */
  first(): number {
    const slot = this.words[this.head * RECORD_WORDS + NEXT];
    return slot < 0 ? NIL : slot;
  }

  /** The slot one nearer to the head, or NIL at the head. */
  newer(slot: number): number {
    const newer = this.words[slot * RECORD_WORDS + PREV];
    return newer < 0 ? NIL : newer;
  }

  /** Puts a slot that is in no ring at the head. */
  push(slot: number): void {
    const words = this.words;
    const head = this.head;
    const first = words[nextOf(head)];
    words[prevOf(slot)] = head;
    words[nextOf(slot)] = first;
    words[prevOf(first)] = slot;
    words[nextOf(head)] = slot;
    this.length += 1;
  }

  /** Takes out a slot of this ring. */
  remove(slot: number): void {
    const words = this.words;
    const prev = words[prevOf(slot)];
    const next = words[nextOf(slot)];
    words[nextOf(prev)] = next;
    words[prevOf(next)] = prev;
    this.length -= 1;
  }

  /** Moves a slot of this ring to the head. */
  renew(slot: number): void {
    moveToHead(this.words, this.head, slot);
  }

  /**
   * The oldest slot that is not held, or NIL; held ones met on the way count as new. O(1) amortised.
   */
  oldestFree(slots: PolicySlots): number {
    for (let left = this.length; left > 0; left -= 1) {
      const slot = this.last();
      if (!slots.isHeld(slot)) return slot;
      this.renew(slot);
    }
    return NIL;
  }

  /** Tells a meter what `renew(slot)` will load and store; `base` is where the records lie. */
  chargeRenew(slot: number, meter: Meter, base: VirtAddr): void {
    const words = this.words;
    const at = (of: number, link: number) => base + 4 * (of * RECORD_WORDS + link);
    meter.load(at(this.head, NEXT));
    meter.retire(1);
    const first = words[this.head * RECORD_WORDS + NEXT];
    if (first === slot) return;
    meter.load(at(slot, PREV));
    meter.load(at(slot, NEXT));
    meter.store(at(words[slot * RECORD_WORDS + PREV], NEXT));
    meter.store(at(words[slot * RECORD_WORDS + NEXT], PREV));
    meter.store(at(slot, PREV));
    meter.store(at(slot, NEXT));
    meter.store(at(first, PREV));
    meter.store(at(this.head, NEXT));
  }

  /** Throws InvariantError unless the ring is whole and as long as it says. O(size). */
  checkInvariants(): void {
    const words = this.words;
    let count = 0;
    let slot = this.head;
    do {
      const next = words[slot * RECORD_WORDS + NEXT];
      assert(words[next * RECORD_WORDS + PREV] === slot, 'slot ring: links disagree');
      slot = next;
      count += 1;
      assert(count <= this.length + 1, 'slot ring: more slots than its size');
    } while (slot !== this.head);
    assert(count === this.length + 1, 'slot ring: fewer slots than its size');
  }
}
