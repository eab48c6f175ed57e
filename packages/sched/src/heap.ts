import { assert, type Meter, NIL, type VirtAddr } from '@hotpath/hw-x86';

/**
 * 4-ary min-heap over slots with positions, ordered by (key, sequence): equal keys leave in the order
 * they came. Insert, remove and change of key O(log n), first O(1); nothing is allocated.
 *
 * Keys lie by position, so that the four children of a place are compared within one cache line.
 * For every position p > 0: (keys, sequences)[(p - 1) / 4] precede (keys, sequences)[p];
 * position[slots[p]] === p.
 */
export class Heap {
  readonly slotCount: number;
  size = 0;
  private readonly slots: Int32Array;
  private readonly keys: Float64Array;
  private readonly sequences: Float64Array;
  private readonly position: Int32Array;
  private nextSequence = 0;
  private readonly meter: Meter | null;
  private readonly slotBase: VirtAddr;
  private readonly keyBase: VirtAddr;

  constructor(slotCount: number, meter: Meter | null = null) {
    assert(slotCount > 0, 'slot count above 0');
    this.slotCount = slotCount;
    this.slots = new Int32Array(slotCount);
    this.keys = new Float64Array(slotCount);
    this.sequences = new Float64Array(slotCount);
    this.position = new Int32Array(slotCount).fill(NIL);
    this.meter = meter;
    this.slotBase = meter === null ? 0 : meter.region('sched.heap', 4 * slotCount);
    this.keyBase = meter === null ? 0 : meter.region('sched.heap.keys', 16 * slotCount);
  }

  /** Whether the slot is in the heap. */
  contains(slot: number): boolean {
    return this.position[slot] !== NIL;
  }
  /** Slot with the smallest key, or NIL. O(1). */
  first(): number {
    return this.size === 0 ? NIL : this.slots[0];
  }
  /** Key of a slot in the heap. */
  keyOf(slot: number): number {
    return this.keys[this.position[slot]];
  }
  /** Slot at a heap position below `size`: for dumps. */
  at(position: number): number {
    return this.slots[position];
  }

  /** Adds a slot that is not in the heap; `sequence` orders equal keys, by default their coming. */
  insert(slot: number, key: number, sequence: number = this.nextSequence++): void {
    assert(this.position[slot] === NIL, 'an inserted slot is not in the heap');
    this.up(this.size++, slot, key, sequence);
  }

  /** Takes a slot out. */
  remove(slot: number): void {
    const at = this.position[slot];
    assert(at !== NIL, 'a removed slot is in the heap');
    this.position[slot] = NIL;
    const last = --this.size;
    if (at === last) return;
    this.settle(at, this.slots[last], this.keys[last], this.sequences[last]);
  }

  /** Gives a slot in the heap another key and sequence: one sift instead of two. */
  change(slot: number, key: number, sequence: number = this.nextSequence++): void {
    const at = this.position[slot];
    assert(at !== NIL, 'a changed slot is in the heap');
    this.settle(at, slot, key, sequence);
  }

  /** Adds `delta` to every key; the order cannot change. O(n). */
  shift(delta: number): void {
    for (let at = 0; at < this.size; at++) this.keys[at] += delta;
  }

  /** Puts a slot where place `at` has become free, or above or below. */
  private settle(at: number, slot: number, key: number, sequence: number): void {
    if (at > 0 && this.precedes(key, sequence, (at - 1) >> 2)) this.up(at, slot, key, sequence);
    else this.down(at, slot, key, sequence);
  }

  /** Whether a key goes before what lies at a place. */
  private precedes(key: number, sequence: number, at: number): boolean {
    if (this.meter !== null) {
      this.meter.load(this.keyBase + 16 * at);
      this.meter.retire(2);
    }
    const other = this.keys[at];
    return key < other || (key === other && sequence < this.sequences[at]);
  }

  private set(at: number, slot: number, key: number, sequence: number): void {
    this.slots[at] = slot;
    this.keys[at] = key;
    this.sequences[at] = sequence;
    this.position[slot] = at;
    if (this.meter !== null) {
      this.meter.store(this.slotBase + 4 * at);
      this.meter.store(this.keyBase + 16 * at);
    }
  }

  private up(start: number, slot: number, key: number, sequence: number): void {
    let at = start;
    while (at > 0) {
      const parent = (at - 1) >> 2;
      if (!this.precedes(key, sequence, parent)) break;
      this.set(at, this.slots[parent], this.keys[parent], this.sequences[parent]);
      at = parent;
    }
    this.set(at, slot, key, sequence);
  }

  private down(start: number, slot: number, key: number, sequence: number): void {
    const { keys, sequences, size } = this;
    let at = start;
    for (;;) {
      let least = 4 * at + 1;
      if (least >= size) break;
      const end = Math.min(least + 4, size);
      for (let other = least + 1; other < end; other++) {
        if (this.precedes(keys[other], sequences[other], least)) least = other;
      }
      if (this.precedes(key, sequence, least)) break;
      this.set(at, this.slots[least], keys[least], sequences[least]);
      at = least;
    }
    this.set(at, slot, key, sequence);
  }

  /** Verifies order and positions. O(n). */
  checkInvariants(): void {
    for (let at = 0; at < this.size; at++) {
      assert(this.position[this.slots[at]] === at, 'a slot knows its position');
      if (at === 0) continue;
      const before = this.precedes(this.keys[at], this.sequences[at], (at - 1) >> 2);
      assert(!before, 'a parent is not behind');
    }
    let present = 0;
    for (let slot = 0; slot < this.slotCount; slot++) if (this.contains(slot)) present++;
    assert(present === this.size, 'slots in the heap are counted');
  }
}
