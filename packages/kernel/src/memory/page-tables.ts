/**
 * Page tables in modelled memory (Intel SDM vol. 3, 4.5). The kernel reads and writes entries
 * through its direct map, so each costs what a load or store costs; only before the direct map
 * exists does it write physical memory.
 */
import {
  ArgumentError,
  assert,
  ENOMEM,
  type FrameSource,
  HUGE_PAGE_BYTES,
  LARGE_PAGE_BYTES,
  NIL,
  OK,
  PAGE_BYTES,
  type PhysAddr,
  type PhysicalMemory,
  PTE_LARGE,
  PTE_NO_EXECUTE_HIGH,
  PTE_PRESENT,
  PTE_USER,
  PTE_WRITE,
  type VirtAddr,
} from '@hotpath/hw-x86';
import type { Current } from '../current.js';
import { directAddress } from './memory-map.js';
import { frameOf, PageTableEntries, PTE_USED, tableIndex } from './page-table-entries.js';

/** Flag of {@link PageTables.map} besides the PTE bits: XD, kept out of the 12 low bits. */
export const MAP_NO_EXECUTE = 0x1000;

function leafLevel(pageBytes: number): number {
  if (pageBytes === PAGE_BYTES) return 1;
  if (pageBytes === LARGE_PAGE_BYTES) return 2;
  if (pageBytes === HUGE_PAGE_BYTES) return 3;
  throw new ArgumentError(
    'ERR_PAGE_SIZE',
    `page size is ${pageBytes}; allowed: 4096, 2097152, 1073741824`,
  );
}

/** Bytes that one entry of a table of each level covers. */
const SPAN = [0, PAGE_BYTES, LARGE_PAGE_BYTES, HUGE_PAGE_BYTES, 512 * HUGE_PAGE_BYTES];

/** Sees the leaves of a range; the entry just read is in `entries.low` and `entries.high`. */
export interface LeafVisitor {
  /** @param entry - its address; it may be written */
  leaf(entry: PhysAddr, virtual: VirtAddr, pageBytes: number): void;
}

/** Builds, changes and reads the trees of tables; one instance serves every root. */
export class PageTables {
  /** The entries, for who walks a range of them. */
  readonly entries: PageTableEntries;
  /** Bytes that this entry maps. */
  pageBytes = 0;
  /** Table frames in use, roots included. */
  tableCount = 0;
  readonly #memory: PhysicalMemory;
  readonly #frames: FrameSource;
  readonly #current: Current;
  #zeroFrame: PhysAddr = NIL;

  constructor(memory: PhysicalMemory, frames: FrameSource, current: Current) {
    this.#memory = memory;
    this.#frames = frames;
    this.#current = current;
    this.entries = new PageTableEntries(memory, current);
  }

  /** Low and high word of the entry that `find` or `unmap` met. */
  get low(): number {
    return this.entries.low;
  }

  get high(): number {
    return this.entries.high;
  }

  /**
   * From now on entries are reached through the direct map and charged.
   * @param zeroFrame - a frame of zeros, from which new tables are cleared
   */
  useDirectMap(zeroFrame: PhysAddr): void {
    this.entries.direct = true;
    this.#zeroFrame = zeroFrame;
  }

  /** An empty table, or NIL without memory. */
  createTable(): PhysAddr {
    const table = this.#frames.allocate();
    if (table === NIL) return NIL;
    if (this.entries.direct) this.#copy(table, this.#zeroFrame, PAGE_BYTES);
    else this.#memory.fill(table, PAGE_BYTES, 0);
    this.tableCount += 1;
    return table;
  }

  /**
   * A root whose kernel half is that of `kernelRoot`: the kernel's PDPTs are made at boot and shared
   * by every address space, so a later kernel mapping is seen by all. NIL without memory.
   */
  createRoot(kernelRoot: PhysAddr): PhysAddr {
    const root = this.createTable();
    if (root === NIL) return NIL;
    this.#copy(root + PAGE_BYTES / 2, kernelRoot + PAGE_BYTES / 2, PAGE_BYTES / 2);
    return root;
  }

  /** Makes the PDPT that covers `address`, at boot, for the kernel half that all roots share. */
  reserveTopLevel(root: PhysAddr, address: VirtAddr): void {
    const entry = root + tableIndex(address, 4) * 8;
    this.entries.read(entry);
    if ((this.low & PTE_PRESENT) !== 0) return;
    const table = this.createTable();
    assert(table !== NIL, 'no frame for a kernel PDPT at boot');
    this.entries.put(entry, table, PTE_PRESENT | PTE_WRITE, 0);
  }

  /**
   * Maps one page. Upper levels get all rights (U/S for user addresses), the leaf decides.
   * @param flags - PTE bits of the leaf, and MAP_NO_EXECUTE; PTE_PRESENT is added
   * @returns OK, or ENOMEM (tables made on the way stay)
   */
  map(root: PhysAddr, virtual: VirtAddr, physical: PhysAddr, pageBytes: number, flags: number) {
    return this.place(root, virtual, physical, pageBytes, flags | PTE_PRESENT);
  }

  /** As {@link PageTables.map}, with the leaf's flags as they are: it may be PTE_NONE. */
  place(root: PhysAddr, virtual: VirtAddr, physical: PhysAddr, pageBytes: number, flags: number) {
    const bottom = leafLevel(pageBytes);
    assert(virtual % pageBytes === 0 && physical % pageBytes === 0, 'mapping is not aligned');
    const entry = this.#descend(root, virtual, bottom, true);
    if (entry === NIL) return ENOMEM;
    this.entries.read(entry);
    assert((this.low & PTE_USED) === 0, 'page is mapped already');
    this.entries.put(
      entry,
      physical,
      (flags & 0xfff) | (bottom > 1 ? PTE_LARGE : 0),
      flags & MAP_NO_EXECUTE ? PTE_NO_EXECUTE_HIGH : 0,
    );
    return OK;
  }

  /**
   * Finds the leaf of an address: its physical page, with `low`, `high` and `pageBytes` set, or NIL.
   * The walk is charged like any other access of the kernel's.
   */
  find(root: PhysAddr, virtual: VirtAddr): PhysAddr {
    const entry = this.#descend(root, virtual, 1, false);
    if (entry === NIL) return NIL;
    this.entries.read(entry);
    return (this.low & PTE_USED) === 0
      ? NIL
      : frameOf(this.low, this.high, this.pageBytes > PAGE_BYTES);
  }

  /** Address of the leaf's entry, which stands in `entries`, or NIL; as {@link PageTables.find}. */
  findEntry(root: PhysAddr, virtual: VirtAddr): PhysAddr {
    const entry = this.#descend(root, virtual, 1, false);
    if (entry === NIL) return NIL;
    this.entries.read(entry);
    return (this.low & PTE_USED) === 0 ? NIL : entry;
  }

  /**
   * Changes the leaf of a mapped 4 KiB page to another frame or other rights. The caller invalidates
   * the TLBs.
   */
  remap(root: PhysAddr, virtual: VirtAddr, physical: PhysAddr, flags: number): void {
    const entry = this.#descend(root, virtual, 1, false);
    assert(entry !== NIL && this.pageBytes === PAGE_BYTES, 'a page that is not mapped is changed');
    const high = (flags & MAP_NO_EXECUTE) !== 0 ? PTE_NO_EXECUTE_HIGH : 0;
    this.entries.put(entry, physical, (flags & 0xfff) | PTE_PRESENT, high);
  }

  /** The same for a page of 2 MiB. */
  remapLarge(root: PhysAddr, virtual: VirtAddr, physical: PhysAddr, flags: number): void {
    const entry = this.#descend(root, virtual, 2, false);
    assert(entry !== NIL, 'a page that is not mapped is changed');
    const high = (flags & MAP_NO_EXECUTE) !== 0 ? PTE_NO_EXECUTE_HIGH : 0;
    this.entries.put(entry, physical, (flags & 0xfff) | PTE_PRESENT | PTE_LARGE, high);
  }

  /** Shows every leaf of `start..end - 1` to the visitor, in order; what is not mapped costs little. */
  visit(root: PhysAddr, start: VirtAddr, end: VirtAddr, visitor: LeafVisitor): void {
    this.#visit(root, 4, start, end, visitor);
  }

  /** Puts 512 leaves of 4 KiB in the place of one of 2 MiB: OK or ENOMEM. The caller invalidates. */
  splitLarge(root: PhysAddr, virtual: VirtAddr): number {
    const entry = this.#descend(root, virtual, 2, false);
    assert(entry !== NIL, 'a page that is not mapped is split');
    this.entries.read(entry);
    const { low, high } = this;
    const used = (low & PTE_USED) !== 0 && (low & PTE_LARGE) !== 0;
    assert(used && this.pageBytes === LARGE_PAGE_BYTES, 'what is split is no large page');
    const table = this.createTable();
    if (table === NIL) return ENOMEM;
    const frame = frameOf(low, high, true);
    const flags = low & 0xfff & ~PTE_LARGE;
    const highFlags = (high & PTE_NO_EXECUTE_HIGH) >>> 0;
    for (let index = 0; index < 512; index++) {
      this.entries.put(table + index * 8, frame + index * PAGE_BYTES, flags, highFlags);
    }
    this.entries.put(entry, table, PTE_PRESENT | PTE_WRITE | PTE_USER, 0);
    return OK;
  }

  /**
   * Takes the table of 4 KiB leaves below a 2 MiB entry out and puts a large leaf there.
   * @returns the table, for {@link PageTables.freeTable} once the TLBs have been told
   */
  joinLarge(root: PhysAddr, virtual: VirtAddr, physical: PhysAddr, flags: number): PhysAddr {
    const entry = this.#descend(root, virtual, 2, false);
    assert(entry !== NIL, 'pages that are not mapped are joined');
    this.entries.read(entry);
    const table = frameOf(this.low, this.high, false);
    const high = (flags & MAP_NO_EXECUTE) !== 0 ? PTE_NO_EXECUTE_HIGH : 0;
    this.entries.put(entry, physical, (flags & 0xfff) | PTE_PRESENT | PTE_LARGE, high);
    return table;
  }

  /** True if 4 KiB leaves, or nothing, may lie below the 2 MiB around `virtual`: a table is there. */
  hasTable(root: PhysAddr, virtual: VirtAddr): boolean {
    const entry = this.#descend(root, virtual, 2, false);
    if (entry === NIL || this.pageBytes !== LARGE_PAGE_BYTES) return entry !== NIL;
    this.entries.read(entry);
    return (this.low & PTE_USED) !== 0;
  }

  /**
   * Takes out the tables that only served `start..end - 1`, of which every leaf is gone: those whose
   * whole range lies in `floor..ceiling - 1`, where nothing else is. `release` gets their frames, and
   * gives them to {@link PageTables.freeTable} once the TLBs have been told.
   */
  takeTables(
    root: PhysAddr,
    start: VirtAddr,
    end: VirtAddr,
    floor: VirtAddr,
    ceiling: VirtAddr,
    release: (table: PhysAddr) => void,
  ): void {
    this.#takeTables(root, 4, start, end, floor, ceiling, release);
  }

  /** Gives a table's frame back. */
  freeTable(table: PhysAddr): void {
    this.#frames.free(table);
    this.tableCount -= 1;
  }

  /** Takes a leaf out; its physical page or NIL. The caller invalidates the TLBs. */
  unmap(root: PhysAddr, virtual: VirtAddr): PhysAddr {
    const entry = this.#descend(root, virtual, 1, false);
    if (entry === NIL) return NIL;
    this.entries.read(entry);
    if ((this.low & PTE_USED) === 0) return NIL;
    const physical = frameOf(this.low, this.high, this.pageBytes > PAGE_BYTES);
    this.entries.write(entry, 0, 0);
    return physical;
  }

  #copy(to: PhysAddr, from: PhysAddr, bytes: number): void {
    const moved = this.#current.cpu.mmu.copyTo(directAddress(to), from, bytes);
    assert(moved === bytes, 'the direct map does not cover a table');
  }

  /** Every present entry points into memory. Reads memory directly: free of charge. */
  checkInvariants(root: PhysAddr): void {
    this.#check(root, 4);
  }

  #check(table: PhysAddr, level: number): void {
    for (let index = 0; index < 512; index++) {
      const low = this.#memory.load32(table + index * 8);
      if ((low & PTE_PRESENT) === 0) continue;
      const high = this.#memory.load32(table + index * 8 + 4);
      const frame = frameOf(low, high, false);
      assert(frame < this.#memory.byteCount, 'an entry points outside memory');
      if (level > 1 && (low & PTE_LARGE) === 0) this.#check(frame, level - 1);
    }
  }

  #visit(
    table: PhysAddr,
    level: number,
    start: VirtAddr,
    end: VirtAddr,
    visitor: LeafVisitor,
  ): void {
    const span = SPAN[level];
    let next: VirtAddr;
    for (let at = start; at < end; at = next) {
      next = Math.min(end, Math.floor(at / span) * span + span);
      const entry = table + tableIndex(at, level) * 8;
      this.entries.read(entry);
      const { low } = this;
      if ((low & PTE_USED) === 0) continue;
      if (level === 1 || (low & PTE_LARGE) !== 0) {
        visitor.leaf(entry, Math.floor(at / span) * span, span);
      } else {
        this.#visit(frameOf(low, this.high, false), level - 1, at, next, visitor);
      }
    }
  }

  #takeTables(
    table: PhysAddr,
    level: number,
    start: VirtAddr,
    end: VirtAddr,
    floor: VirtAddr,
    ceiling: VirtAddr,
    release: (table: PhysAddr) => void,
  ): void {
    const span = SPAN[level];
    let next: VirtAddr;
    for (let at = start; at < end; at = next) {
      const base = Math.floor(at / span) * span;
      next = Math.min(end, base + span);
      const entry = table + tableIndex(at, level) * 8;
      this.entries.read(entry);
      if ((this.low & PTE_PRESENT) === 0 || (this.low & PTE_LARGE) !== 0) continue;
      const child = frameOf(this.low, this.high, false);
      if (level > 2) this.#takeTables(child, level - 1, at, next, floor, ceiling, release);
      if (base < floor || base + span > ceiling) continue;
      this.entries.put(entry, 0, 0, 0);
      release(child);
    }
  }

  /** Address of the entry at level `bottom`, or of a larger leaf above it; NIL if a level is missing. */
  #descend(root: PhysAddr, virtual: VirtAddr, bottom: number, create: boolean): PhysAddr {
    let table = root;
    this.pageBytes = 512 * HUGE_PAGE_BYTES;
    for (let level = 4; level > bottom; level--) {
      const entry = table + tableIndex(virtual, level) * 8;
      this.entries.read(entry);
      this.pageBytes /= 512;
      if ((this.low & PTE_PRESENT) === 0) {
        if (!create) return NIL;
        table = this.createTable();
        if (table === NIL) return NIL;
        this.entries.put(entry, table, PTE_PRESENT | PTE_WRITE | (virtual >= 0 ? PTE_USER : 0), 0);
      } else if ((this.low & PTE_LARGE) !== 0) {
        this.pageBytes = level === 3 ? HUGE_PAGE_BYTES : LARGE_PAGE_BYTES;
        assert(!create, 'a larger page is mapped here already');
        return entry;
      } else {
        table = frameOf(this.low, this.high, false);
      }
    }
    this.pageBytes = bottom === 1 ? PAGE_BYTES : bottom === 2 ? LARGE_PAGE_BYTES : HUGE_PAGE_BYTES;
    return table + tableIndex(virtual, bottom) * 8;
  }
}
