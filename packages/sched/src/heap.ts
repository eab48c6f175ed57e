import { assert, type Meter, NIL, type VirtAddr } from '@hotpath/hw-x86';

/**
 * 4-ary min-heap over slots with positions, ordered by (key, sequence): equal keys leave in the order
 * they came. Insert, remove and change of key O(log n), first O(1); nothing is allocated.
 *
 * For every position p > 0: (key, sequence) of heap[(p - 1) / 4] precedes that of heap[p];
 * position[heap[p]] === p.
 */
export class Heap {
  readonly slotCount: number;
  size = 0;
  private readonly heap: Int32Array;
  private readonly position: Int32Array;
  private readonly keys: Float64Array;
  private readonly sequences: Float64Array;
  private nextSequence = 0;
  private readonly meter: Meter | null;
  private readonly heapBase: VirtAddr;
  private readonly keyBase: VirtAddr;

  constructor(slotCount: number, meter: Meter | null = null) {
    assert(slotCount > 0, 'slot count above 0');
    this.slotCount = slotCount;
    this.heap = new Int32Array(slotCount);
    this.position = new Int32Array(slotCount).fill(NIL);
    this.keys = new Float64Array(slotCount);
    this.sequences = new Float64Array(slotCount);
    this.meter = meter;
    this.heapBase = meter === null ? 0 : meter.region('sched.heap', 4 * slotCount);
    this.keyBase = meter === null ? 0 : meter.region('sched.heap.keys', 16 * slotCount);
  }

  /** Whether the slot is in the heap. */
  contains(slot: number): boolean {
    return this.position[slot] !== NIL;
  }
  /** Slot with the smallest key, or NIL. O(1). */
  first(): number {
    return this.size === 0 ? NIL : this.heap[0];
  }
  /** Key of a slot in the heap. */
  keyOf(slot: number): number {
    return this.keys[slot];
  }
  /** Slot at a heap position below `size`: for dumps. */
  at(position: number): number {
    return this.heap[position];
  }

  /** Adds a slot that is not in the heap. */
  insert(slot: number, key: number): void {
    assert(this.position[slot] === NIL, 'an inserted slot is not in the heap');
    this.keys[slot] = key;
    this.sequences[slot] = this.nextSequence++;
    this.up(this.size++, slot);
  }

  /** Takes a slot out. */
  remove(slot: number): void {
    const at = this.position[slot];
    assert(at !== NIL, 'a removed slot is in the heap');
    this.position[slot] = NIL;
    const moved = this.heap[--this.size];
    if (moved === slot) return;
    const parent = (at - 1) >> 2;
    if (at > 0 && this.before(moved, this.heap[parent])) this.up(at, moved);
    else this.down(at, moved);
  }

  private before(a: number, b: number): boolean {
    if (this.meter !== null) {
      this.meter.load(this.keyBase + 16 * a);
      this.meter.load(this.keyBase + 16 * b);
      this.meter.retire(2);
    }
    const difference = this.keys[a] - this.keys[b];
    return difference < 0 || (difference === 0 && this.sequences[a] < this.sequences[b]);
  }

  private set(at: number, slot: number): void {
    this.heap[at] = slot;
    this.position[slot] = at;
    if (this.meter !== null) this.meter.store(this.heapBase + 4 * at);
  }

  private up(start: number, slot: number): void {
    let at = start;
    while (at > 0) {
      const parent = (at - 1) >> 2;
      const above = this.heap[parent];
      if (!this.before(slot, above)) break;
      this.set(at, above);
      at = parent;
    }
    this.set(at, slot);
  }

  private down(start: number, slot: number): void {
    let at = start;
    for (;;) {
      const child = 4 * at + 1;
      if (child >= this.size) break;
      let least = this.heap[child];
      let leastAt = child;
      const end = Math.min(child + 4, this.size);
      for (let other = child + 1; other < end; other++) {
        const candidate = this.heap[other];
        if (this.before(candidate, least)) {
          least = candidate;
          leastAt = other;
        }
      }
      if (!this.before(least, slot)) break;
      this.set(at, least);
      at = leastAt;
    }
    this.set(at, slot);
  }

  /** Verifies order and positions. O(n). */
  checkInvariants(): void {
    for (let at = 0; at < this.size; at++) {
      const slot = this.heap[at];
      assert(this.position[slot] === at, 'a slot knows its position');
      if (at > 0) assert(!this.before(slot, this.heap[(at - 1) >> 2]), 'a parent is not behind');
    }
    let present = 0;
    for (let slot = 0; slot < this.slotCount; slot++) if (this.contains(slot)) present++;
    assert(present === this.size, 'slots in the heap are counted');
  }
}
