/**
 * A doubly linked ring over slots, closed through a pseudo-slot (its head), so that linking never
 * branches on an empty list.
 */
import { assert, type Meter, NIL, type VirtAddr } from '@hotpath/hw-x86';
import {
  LINK_STRIDE,
  NEXT,
  PREV,
  type RecordsUser,
  RING_LIMIT,
  type SlotRecords,
} from './slot-records.js';

// next(prev(s)) === s === prev(next(s)) for every slot s in a ring and for the head.

/** One of the at most four rings of a policy. All calls O(1) and free of allocation. */
export class SlotRing implements RecordsUser {
  /** The records' own array: a hop less on every hit. */
  #links!: Int32Array;
  readonly #head: number;
  #size = 0;

  /** @param ring - 0 to 3, different for each ring over the same records */
  constructor(records: SlotRecords, ring: number) {
    assert(ring >= 0 && ring < RING_LIMIT, 'slot ring: no such ring');
    records.addUser(this);
    this.#head = -1 - ring;
    const links = records.links;
    links[this.#head * LINK_STRIDE + PREV] = this.#head;
    links[this.#head * LINK_STRIDE + NEXT] = this.#head;
  }

  recordsGrew(records: SlotRecords): void {
    this.#links = records.links;
  }

  /** Slots in the ring. */
  get size(): number {
    return this.#size;
  }

  /** The slot at the tail (the oldest), or NIL. */
  last(): number {
    const slot = this.#links[this.#head * LINK_STRIDE + PREV];
    return slot < 0 ? NIL : slot;
  }

  /** The slot at the head (the newest), or NIL. */
  first(): number {
    const slot = this.#links[this.#head * LINK_STRIDE + NEXT];
    return slot < 0 ? NIL : slot;
  }

  /** The slot one nearer to the head, or NIL at the head. */
  newer(slot: number): number {
    const newer = this.#links[slot * LINK_STRIDE + PREV];
    return newer < 0 ? NIL : newer;
  }

  /** Puts a slot that is in no ring at the head. */
  push(slot: number): void {
    const links = this.#links;
    const head = this.#head;
    const first = links[head * LINK_STRIDE + NEXT];
    links[slot * LINK_STRIDE + PREV] = head;
    links[slot * LINK_STRIDE + NEXT] = first;
    links[first * LINK_STRIDE + PREV] = slot;
    links[head * LINK_STRIDE + NEXT] = slot;
    this.#size += 1;
  }

  /** Takes out a slot of this ring. */
  remove(slot: number): void {
    const links = this.#links;
    const prev = links[slot * LINK_STRIDE + PREV];
    const next = links[slot * LINK_STRIDE + NEXT];
    links[prev * LINK_STRIDE + NEXT] = next;
    links[next * LINK_STRIDE + PREV] = prev;
    this.#size -= 1;
  }

  /** Moves a slot of this ring to the head. */
  renew(slot: number): void {
    const links = this.#links;
    const head = this.#head;
    const first = links[head * LINK_STRIDE + NEXT];
    // Linking the first slot before itself would make a ring of one and lose all the others.
    if (first === slot) return;
    const prev = links[slot * LINK_STRIDE + PREV];
    const next = links[slot * LINK_STRIDE + NEXT];
    links[prev * LINK_STRIDE + NEXT] = next;
    links[next * LINK_STRIDE + PREV] = prev;
    links[slot * LINK_STRIDE + PREV] = head;
    links[slot * LINK_STRIDE + NEXT] = first;
    links[first * LINK_STRIDE + PREV] = slot;
    links[head * LINK_STRIDE + NEXT] = slot;
  }

  /** Tells a meter what `renew(slot)` will load and store; `base` is where the records lie. */
  chargeRenew(slot: number, meter: Meter, base: VirtAddr): void {
    const links = this.#links;
    const at = (of: number, link: number) => base + 4 * (of * LINK_STRIDE + link);
    meter.load(at(this.#head, NEXT));
    meter.retire(1);
    const first = links[this.#head * LINK_STRIDE + NEXT];
    if (first === slot) return;
    meter.load(at(slot, PREV));
    meter.load(at(slot, NEXT));
    meter.store(at(links[slot * LINK_STRIDE + PREV], NEXT));
    meter.store(at(links[slot * LINK_STRIDE + NEXT], PREV));
    meter.store(at(slot, PREV));
    meter.store(at(slot, NEXT));
    meter.store(at(first, PREV));
    meter.store(at(this.#head, NEXT));
  }

  /** Throws InvariantError unless the ring is whole and as long as it says. O(size). */
  checkInvariants(): void {
    const links = this.#links;
    let count = 0;
    let slot = this.#head;
    do {
      const next = links[slot * LINK_STRIDE + NEXT];
      assert(links[next * LINK_STRIDE + PREV] === slot, 'slot ring: links disagree');
      slot = next;
      count += 1;
      assert(count <= this.#size + 1, 'slot ring: more slots than its size');
    } while (slot !== this.#head);
    assert(count === this.#size + 1, 'slot ring: fewer slots than its size');
  }
}
