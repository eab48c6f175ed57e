import { assert, NIL } from '@hotpath/hw-x86';

/**
 * Two rings over the slots, inactive and active; their sentinels are the indices `slotLimit` and
 * `slotLimit + 1`, so linking never branches on empty. Next runs from the young end to the old.
 */
export class LruLists {
  readonly slotLimit: number;
  /** Also the free list of PageColumns: a free slot is on no ring. */
  readonly next: Int32Array;
  readonly previous: Int32Array;
  inactiveCount = 0;
  activeCount = 0;

  constructor(slotLimit: number) {
    this.slotLimit = slotLimit;
    this.next = new Int32Array(slotLimit + 2);
    this.previous = new Int32Array(slotLimit + 2);
    for (let end = slotLimit; end < slotLimit + 2; end++) {
      this.next[end] = end;
      this.previous[end] = end;
    }
  }

  /** Puts a slot at the young end. */
  add(slot: number, active: boolean): void {
    const end = active ? this.slotLimit + 1 : this.slotLimit;
    const first = this.next[end];
    this.next[slot] = first;
    this.previous[slot] = end;
    this.previous[first] = slot;
    this.next[end] = slot;
    if (active) this.activeCount++;
    else this.inactiveCount++;
  }

  /** Takes a slot off the ring it is on. */
  remove(slot: number, active: boolean): void {
    const next = this.next[slot];
    const previous = this.previous[slot];
    this.next[previous] = next;
    this.previous[next] = previous;
    if (active) this.activeCount--;
    else this.inactiveCount--;
  }

  /** The oldest slot of a ring, or NIL. */
  oldest(active: boolean): number {
    const end = active ? this.slotLimit + 1 : this.slotLimit;
    const slot = this.previous[end];
    return slot === end ? NIL : slot;
  }

  /** Throws unless both rings close and their counts are right. */
  checkInvariants(isActive: (slot: number) => boolean): void {
    for (let end = this.slotLimit; end < this.slotLimit + 2; end++) {
      const active = end === this.slotLimit + 1;
      let count = 0;
      for (let slot = this.next[end]; slot !== end; slot = this.next[slot]) {
        assert(this.previous[this.next[slot]] === slot, 'an LRU ring is broken');
        assert(isActive(slot) === active, 'a page is on the wrong LRU ring');
        assert(++count <= this.slotLimit, 'an LRU ring does not close');
      }
      const counted = active ? this.activeCount : this.inactiveCount;
      assert(count === counted, 'an LRU ring is miscounted');
    }
  }
}
