import {
  assert,
  NIL,
  PAGE_BYTES,
  type PhysAddr,
  PTE_ACCESSED,
  PTE_DIRTY,
  PTE_WRITE,
  type VirtAddr,
} from '@hotpath/hw-x86';
import type { Mappings, PageCache } from '@hotpath/pagecache';
import type { AddressSpace } from './address-space.js';
import type { MappedFiles } from './mapped-files.js';
import type { PageTables } from './page-tables.js';
import type { TlbShootdown } from './tlb-shootdown.js';
import type { Unmapper } from './unmapper.js';

/** What the map works on. */
export interface ReverseMapPorts {
  readonly tables: PageTables;
  readonly shootdown: TlbShootdown;
  readonly files: MappedFiles;
  readonly unmapper: Unmapper;
  /** The space of a PCID that is in use. */
  spaceOf(pcid: number): AddressSpace;
}

/**
 * From pages of the page cache to the page-table entries that show them (Linux: rmap): a list of
 * (space, address) for each slot, and the slot of each frame that is mapped.
 *
 *   slotOf[f] === s  exactly while list s is not empty and s has frame f
 *   length of list s === mapCount(s) of the page cache
 */
export class ReverseMap implements Mappings {
  readonly #slotOf: Int32Array;
  readonly #head: Int32Array;
  #next = new Int32Array(256);
  #pcid = new Uint16Array(256);
  #address = new Float64Array(256);
  #used = 0;
  #free = NIL;
  #ports!: ReverseMapPorts;
  #pages!: PageCache;

  /**
   * @param memoryBytes - physical memory, for four bytes a frame
   * @param slotLimit - of the page cache
   */
  constructor(memoryBytes: number, slotLimit: number) {
    this.#slotOf = new Int32Array(Math.ceil(memoryBytes / PAGE_BYTES)).fill(NIL);
    this.#head = new Int32Array(slotLimit).fill(NIL);
  }

  /** Wires the map; once, at boot (page cache and map need each other). */
  connect(pages: PageCache, ports: ReverseMapPorts): void {
    this.#pages = pages;
    this.#ports = ports;
  }

  /** An entry of the space now shows the pinned page; false if it was truncated away meanwhile. */
  mapped(slot: number, pcid: number, address: VirtAddr): boolean {
    if (!this.#pages.mapped(slot)) return false;
    this.#slotOf[this.#pages.frame(slot) / PAGE_BYTES] = slot;
    const node = this.#take();
    this.#next[node] = this.#head[slot];
    this.#pcid[node] = pcid;
    this.#address[node] = address;
    this.#head[slot] = node;
    return true;
  }

  /** An entry is gone and no TLB holds it; `stored` is its D bit. */
  unmapped(frame: PhysAddr, pcid: number, address: VirtAddr, stored: boolean): void {
    const slot = this.slotOf(frame);
    assert(slot !== NIL, 'a frame that is no mapped page of a file is unmapped');
    let before = NIL;
    let node = this.#head[slot];
    while (this.#pcid[node] !== pcid || this.#address[node] !== address) {
      assert(node !== NIL, 'an entry is unmapped that the page does not know');
      before = node;
      node = this.#next[node];
    }
    if (before === NIL) this.#head[slot] = this.#next[node];
    else this.#next[before] = this.#next[node];
    this.#give(node);
    if (this.#head[slot] === NIL) this.#slotOf[frame / PAGE_BYTES] = NIL;
    this.#pages.unmapped(slot, stored);
  }

  /** Slot of a frame that some entry shows as a page of a file, or NIL. */
  slotOf(frame: PhysAddr): number {
    return this.#slotOf[frame / PAGE_BYTES];
  }

  clean(slot: number): boolean {
    return this.#clear(slot, PTE_WRITE | PTE_DIRTY, PTE_DIRTY);
  }

  referenced(slot: number): boolean {
    // A bit cleared without a flush may be set late by a TLB entry that has it: a use unseen, no harm.
    return this.#clear(slot, PTE_ACCESSED, 0);
  }

  unmap(slot: number): boolean {
    const { tables, shootdown, spaceOf } = this.#ports;
    let stored = false;
    if (this.#head[slot] === NIL) return false;
    for (let node = this.#head[slot]; node !== NIL; ) {
      const space = spaceOf(this.#pcid[node]);
      const frame = tables.unmap(space.root, this.#address[node]);
      assert(frame !== NIL, 'a page is not mapped where it is said to be');
      if ((tables.low & PTE_DIRTY) !== 0) stored = true;
      space.residentPages -= 1;
      shootdown.userRange(space, this.#address[node], 1);
      this.#slotOf[frame / PAGE_BYTES] = NIL;
      const next = this.#next[node];
      this.#give(node);
      node = next;
    }
    this.#head[slot] = NIL;
    return stored;
  }

  unmapRange(file: number, first: number, last: number, copies: boolean): void {
    const { files, spaceOf, unmapper } = this.#ports;
    const spaces = files.spacesOf(file);
    if (spaces === null || !copies) return;
    for (const pcid of new Set(spaces)) {
      const space = spaceOf(pcid);
      const { areas } = space;
      for (let at = 0; at < areas.count; at++) {
        if (areas.file[at] !== file) continue;
        const shift = areas.start[at] - areas.page[at] * PAGE_BYTES;
        const start = Math.max(areas.start[at], first * PAGE_BYTES + shift);
        const end = Math.min(areas.end[at], (last + 1) * PAGE_BYTES + shift);
        if (start < end) unmapper.dropCopies(space, start, end);
      }
    }
  }

  /** Asserts the equations above. */
  checkInvariants(): void {
    for (let slot = 0; slot < this.#head.length; slot++) {
      let length = 0;
      for (let node = this.#head[slot]; node !== NIL; node = this.#next[node]) {
        const space = this.#ports.spaceOf(this.#pcid[node]);
        const frame = this.#ports.tables.find(space.root, this.#address[node]);
        assert(frame === this.#pages.frame(slot), 'an entry shows another frame than its page');
        length += 1;
      }
      assert(length === this.#pages.mapCount(slot), 'a list is not as long as its page is mapped');
      if (length === 0) continue;
      assert(this.slotOf(this.#pages.frame(slot)) === slot, 'a mapped frame has another slot');
    }
  }

  /** Clears bits in every entry of a page; true if one of `wanted` (0: of the same) was set. */
  #clear(slot: number, bits: number, wanted: number): boolean {
    const { tables, shootdown, spaceOf } = this.#ports;
    const { entries } = tables;
    let seen = false;
    for (let node = this.#head[slot]; node !== NIL; node = this.#next[node]) {
      const space = spaceOf(this.#pcid[node]);
      const entry = tables.findEntry(space.root, this.#address[node]);
      assert(entry !== NIL, 'a page is not mapped where it is said to be');
      const { low, high } = entries;
      if ((low & bits) === 0) continue;
      if ((low & (wanted === 0 ? bits : wanted)) !== 0) seen = true;
      entries.write(entry, (low & ~bits) >>> 0, high);
      if ((low & bits & ~PTE_ACCESSED) !== 0) shootdown.userRange(space, this.#address[node], 1);
    }
    return seen;
  }

  #take(): number {
    if (this.#free !== NIL) {
      const node = this.#free;
      this.#free = this.#next[node];
      return node;
    }
    if (this.#used === this.#next.length) this.#grow();
    return this.#used++;
  }

  #give(node: number): void {
    this.#next[node] = this.#free;
    this.#free = node;
  }

  #grow(): void {
    const next = new Int32Array(this.#used * 2);
    const pcid = new Uint16Array(this.#used * 2);
    const address = new Float64Array(this.#used * 2);
    next.set(this.#next);
    pcid.set(this.#pcid);
    address.set(this.#address);
    this.#next = next;
    this.#pcid = pcid;
    this.#address = address;
  }
}
