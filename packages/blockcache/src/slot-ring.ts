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

/** Where the key of a slot stands. */
export function keyAt(slot: number): number {
  return (slot << 1) + 8;
}

/** Moves a slot of the ring with this head to its front. */
export function moveToHead(links: Int32Array, head: number, slot: number): void {
  const first = links[nextOf(head)];
  // Linking the first slot before itself would make a ring of one and lose all the others.
  if (first === slot) return;
  const prev = links[prevOf(slot)];
  const next = links[nextOf(slot)];
  links[nextOf(prev)] = next;
  links[prevOf(next)] = prev;
  links[prevOf(slot)] = head;
  links[nextOf(slot)] = first;
  links[prevOf(first)] = slot;
  links[nextOf(head)] = slot;
}

// next(prev(s)) === s === prev(next(s)) for every slot s in a ring and for the head.

/** One of the at most four rings of a policy. All calls O(1) and free of allocation. */
export class SlotRing implements RecordsUser {
  /** The records' own array: a hop less on every hit. */
  private links!: Int32Array;
  private readonly head: number;
  private length = 0;

  /** @param ring - 0 to 3, different for each ring over the same records */
  constructor(records: SlotRecords, ring: number) {
    assert(ring >= 0 && ring < RING_LIMIT, 'slot ring: no such ring');
    records.addUser(this);
    this.head = -1 - ring;
    const links = records.links;
    links[this.head * LINK_STRIDE + PREV] = this.head;
    links[this.head * LINK_STRIDE + NEXT] = this.head;
  }

  recordsGrew(records: SlotRecords): void {
    this.links = records.links;
  }

  /** Slots in the ring. */
  get size(): number {
    return this.length;
  }

  /** The slot at the tail (the oldest), or NIL. */
  last(): number {
    const slot = this.links[this.head * LINK_STRIDE + PREV];
    return slot < 0 ? NIL : slot;
  }

  /** The slot at the head (the newest), or NIL. */
  first(): number {
    const slot = this.links[this.head * LINK_STRIDE + NEXT];
    return slot < 0 ? NIL : slot;
  }

  /** The slot one nearer to the head, or NIL at the head. */
  newer(slot: number): number {
    const newer = this.links[slot * LINK_STRIDE + PREV];
    return newer < 0 ? NIL : newer;
  }

  /** Puts a slot that is in no ring at the head. */
  push(slot: number): void {
    const links = this.links;
    const head = this.head;
    const first = links[nextOf(head)];
    links[prevOf(slot)] = head;
    links[nextOf(slot)] = first;
    links[prevOf(first)] = slot;
    links[nextOf(head)] = slot;
    this.length += 1;
  }

  /** Takes out a slot of this ring. */
  remove(slot: number): void {
    const links = this.links;
    const prev = links[prevOf(slot)];
    const next = links[nextOf(slot)];
    links[nextOf(prev)] = next;
    links[prevOf(next)] = prev;
    this.length -= 1;
  }

  /** Moves a slot of this ring to the head. */
  renew(slot: number): void {
    moveToHead(this.links, this.head, slot);
  }

  /** Tells a meter what `renew(slot)` will load and store; `base` is where the records lie. */
  chargeRenew(slot: number, meter: Meter, base: VirtAddr): void {
    const links = this.links;
    const at = (of: number, link: number) => base + 4 * (of * LINK_STRIDE + link);
    meter.load(at(this.head, NEXT));
    meter.retire(1);
    const first = links[this.head * LINK_STRIDE + NEXT];
    if (first === slot) return;
    meter.load(at(slot, PREV));
    meter.load(at(slot, NEXT));
    meter.store(at(links[slot * LINK_STRIDE + PREV], NEXT));
    meter.store(at(links[slot * LINK_STRIDE + NEXT], PREV));
    meter.store(at(slot, PREV));
    meter.store(at(slot, NEXT));
    meter.store(at(first, PREV));
    meter.store(at(this.head, NEXT));
  }

  /** Throws InvariantError unless the ring is whole and as long as it says. O(size). */
  checkInvariants(): void {
    const links = this.links;
    let count = 0;
    let slot = this.head;
    do {
      const next = links[slot * LINK_STRIDE + NEXT];
      assert(links[next * LINK_STRIDE + PREV] === slot, 'slot ring: links disagree');
      slot = next;
      count += 1;
      assert(count <= this.length + 1, 'slot ring: more slots than its size');
    } while (slot !== this.head);
    assert(count === this.length + 1, 'slot ring: fewer slots than its size');
  }
}
