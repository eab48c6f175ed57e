import { assert, type Meter, NIL, type VirtAddr } from '@hotpath/hw-x86';

/**
 * Doubly linked queues over shared slots: a slot is in at most one of `ringCount` rings. All O(1).
 *
 * Layout: `links[2 * i + 0..1]` = next, previous (8 bytes); index `slotCount + ring` is the ring's
 * sentinel, so that linking never branches on empty.
 *   For every i in a ring: next[previous[i]] === i and previous[next[i]] === i.
 */
export class Rings {
  readonly slotCount: number;
  readonly ringCount: number;
  readonly size: Int32Array;
  private readonly links: Int32Array;
  private readonly meter: Meter | null;
  private readonly base: VirtAddr;

  constructor(slotCount: number, ringCount: number, meter: Meter | null = null) {
    assert(slotCount > 0 && ringCount > 0, 'ring sizes above 0');
    this.slotCount = slotCount;
    this.ringCount = ringCount;
    this.size = new Int32Array(ringCount);
    this.links = new Int32Array(2 * (slotCount + ringCount)).fill(NIL);
    for (let i = slotCount; i < slotCount + ringCount; i++) {
      this.links[2 * i] = i;
      this.links[2 * i + 1] = i;
    }
    this.meter = meter;
    this.base = meter === null ? 0 : meter.region('sched.rings', 8 * (slotCount + ringCount));
  }

  /** Whether the slot is in a ring. */
  contains(slot: number): boolean {
    return this.links[2 * slot] !== NIL;
  }

  /** First slot of the ring, or NIL. */
  first(ring: number): number {
    const slot = this.links[2 * (this.slotCount + ring)];
    if (this.meter !== null) this.meter.load(this.base + 8 * (this.slotCount + ring));
    return slot >= this.slotCount ? NIL : slot;
  }

  /** The slot behind this one, or NIL. */
  next(slot: number): number {
    const after = this.links[2 * slot];
    return after >= this.slotCount ? NIL : after;
  }

  /** Adds at the tail. */
  pushTail(slot: number, ring: number): void {
    const head = this.slotCount + ring;
    this.insert(slot, this.links[2 * head + 1], head, ring);
  }

  /** Adds at the head. */
  pushHead(slot: number, ring: number): void {
    const head = this.slotCount + ring;
    this.insert(slot, head, this.links[2 * head], ring);
  }

  private insert(slot: number, before: number, after: number, ring: number): void {
    const links = this.links;
    assert(links[2 * slot] === NIL, 'an inserted slot is in no ring');
    links[2 * slot] = after;
    links[2 * slot + 1] = before;
    links[2 * before] = slot;
    links[2 * after + 1] = slot;
    this.size[ring]++;
    if (this.meter !== null) {
      this.meter.store(this.base + 8 * slot);
      this.meter.store(this.base + 8 * before);
      this.meter.store(this.base + 8 * after);
      this.meter.retire(4);
    }
  }

  /** Takes the slot out of the ring it is in. */
  remove(slot: number, ring: number): void {
    const links = this.links;
    const after = links[2 * slot];
    const before = links[2 * slot + 1];
    assert(after !== NIL, 'a removed slot is in a ring');
    links[2 * before] = after;
    links[2 * after + 1] = before;
    links[2 * slot] = NIL;
    this.size[ring]--;
    if (this.meter !== null) {
      this.meter.load(this.base + 8 * slot);
      this.meter.store(this.base + 8 * before);
      this.meter.store(this.base + 8 * after);
      this.meter.retire(4);
    }
  }

  /** Takes the first slot out of the ring and answers it, or NIL. */
  shift(ring: number): number {
    const links = this.links;
    const head = this.slotCount + ring;
    const slot = links[2 * head];
    if (this.meter !== null) this.meter.load(this.base + 8 * head);
    if (slot >= this.slotCount) return NIL;
    const after = links[2 * slot];
    links[2 * head] = after;
    links[2 * after + 1] = head;
    links[2 * slot] = NIL;
    this.size[ring]--;
    if (this.meter !== null) {
      this.meter.load(this.base + 8 * slot);
      this.meter.store(this.base + 8 * head);
      this.meter.store(this.base + 8 * after);
      this.meter.retire(4);
    }
    return slot;
  }

  /** Verifies links and sizes. O(n). */
  checkInvariants(): void {
    let linked = 0;
    for (let ring = 0; ring < this.ringCount; ring++) {
      let count = 0;
      let at = this.slotCount + ring;
      do {
        const after = this.links[2 * at];
        assert(this.links[2 * after + 1] === at, 'the next slot points back');
        if (after < this.slotCount) count++;
        at = after;
      } while (at !== this.slotCount + ring);
      assert(count === this.size[ring], 'a ring holds as many slots as it counts');
      linked += count;
    }
    let present = 0;
    for (let slot = 0; slot < this.slotCount; slot++) if (this.contains(slot)) present++;
    assert(present === linked, 'every linked slot is reached from a ring');
  }
}
