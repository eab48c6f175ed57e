/** The state of the slots that all parts of a block cache share. */
import { assert, type PhysAddr } from '@hotpath/hw-x86';
import { DirtySet } from './dirty-set.js';
import { ATTACHED, DIRTY, VALID, WRITING } from './slot-flags.js';
import type { SlotMap } from './slot-map.js';
import type { SlotMemory } from './slot-memory.js';

// For every resident slot s: held(s) === pins of users + 1 if a read or write of it is in flight.
// dirty contains s exactly when flags(s) has DIRTY. A free slot has flags 0 and held 0.

/** Index, order, flags, generations and memory of the slots. */
export class Slots {
  readonly map: SlotMap;
  readonly memory: SlotMemory;
  readonly dirty: DirtySet;
  flags: Uint8Array;
  /** Counts the evictions of a slot, modulo 2**16: tells a stale handle. */
  generations: Uint16Array;

  constructor(map: SlotMap, memory: SlotMemory) {
    this.map = map;
    this.memory = memory;
    const slotCount = map.records.slotCount;
    this.dirty = new DirtySet(slotCount);
    this.flags = new Uint8Array(slotCount);
    this.generations = new Uint16Array(slotCount);
  }

  /** Address of the slot's block. */
  address(slot: number): PhysAddr {
    return this.memory.address(slot);
  }

  /** Sets DIRTY; whether it was clear. */
  setDirty(slot: number): boolean {
    if ((this.flags[slot] & DIRTY) !== 0) return false;
    this.flags[slot] |= DIRTY;
    this.dirty.add(slot);
    return true;
  }

  /** Clears DIRTY if it is set. */
  clearDirty(slot: number): void {
    if ((this.flags[slot] & DIRTY) === 0) return;
    this.flags[slot] &= ~DIRTY;
    this.dirty.remove(slot);
  }

  /** Takes a resident slot out of index and order; its own memory stays for the next user. */
  drop(slot: number, evicted: boolean): void {
    const flags = this.flags[slot];
    assert((flags & (DIRTY | WRITING)) === 0, 'slots: a dirty or written slot is dropped');
    if ((flags & ATTACHED) === 0) this.memory.disown(slot, false);
    this.flags[slot] = 0;
    this.generations[slot] += 1;
    this.map.remove(slot, evicted);
  }

  /** Makes room in the columns. */
  resize(capacity: number): void {
    if (capacity > this.flags.length) {
      this.memory.grow(capacity);
      const flags = new Uint8Array(capacity);
      flags.set(this.flags);
      this.flags = flags;
      const generations = new Uint16Array(capacity);
      generations.set(this.generations);
      this.generations = generations;
      this.dirty.grow(capacity);
    }
    this.map.resize(capacity);
  }

  /** Throws InvariantError when flags, dirty set, pins and map contradict each other. */
  checkInvariants(): void {
    this.map.checkInvariants();
    this.dirty.checkInvariants();
    const resident = new Uint8Array(this.flags.length);
    for (const slot of this.map.slots()) resident[slot] = 1;
    for (let slot = 0; slot < this.flags.length; slot++) {
      const flags = this.flags[slot];
      const isDirty = (flags & DIRTY) !== 0;
      assert(isDirty === this.dirty.has(slot), 'slots: flag and dirty set disagree');
      assert(this.map.held[slot] >= 0, 'slots: a slot has fewer pins than none');
      if (resident[slot] === 0) {
        assert(flags === 0, 'slots: a free slot has flags');
        assert(this.map.held[slot] === 0, 'slots: a free slot is held');
        continue;
      }
      assert((flags & VALID) !== 0 || !isDirty, 'slots: a slot that is being read is dirty');
      const busy = (flags & WRITING) !== 0 || (flags & VALID) === 0;
      assert(!busy || this.map.held[slot] > 0, 'slots: a slot with I/O in flight is not held');
    }
  }
}
