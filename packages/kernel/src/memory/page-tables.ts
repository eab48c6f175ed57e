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

const TWO_32 = 4294967296;
/** Bits 51:12 of an entry: the low word's share. */
const LOW_FRAME_MASK = 0xfffff000;
const LOW_FRAME_MASK_LARGE = 0xffffe000;
/** Bits 51:32 of an entry, as they lie in the high word. */
const HIGH_FRAME_MASK = 0xfffff;

/** Flag of {@link PageTables.map} besides the PTE bits: XD, kept out of the 12 low bits. */
export const MAP_NO_EXECUTE = 0x1000;

/** Index into the table of `level` (4 = PML4 .. 1 = PT). */
function tableIndex(address: VirtAddr, level: number): number {
  const low = address | 0;
  const high = Math.floor(address / TWO_32) | 0;
  if (level === 4) return (high >>> 7) & 511;
  if (level === 3) return ((high & 127) << 2) | (low >>> 30);
  if (level === 2) return (low >>> 21) & 511;
  return (low >>> 12) & 511;
}

function leafLevel(pageBytes: number): number {
  if (pageBytes === PAGE_BYTES) return 1;
  if (pageBytes === LARGE_PAGE_BYTES) return 2;
  if (pageBytes === HUGE_PAGE_BYTES) return 3;
  throw new ArgumentError(
    'ERR_PAGE_SIZE',
    `page size is ${pageBytes}; allowed: 4096, 2097152, 1073741824`,
  );
}

/** Builds, changes and reads the trees of tables; one instance serves every root. */
export class PageTables {
  /** Low and high word of the entry that `find` or `unmap` met. */
  low = 0;
  high = 0;
  /** Bytes that this entry maps. */
  pageBytes = 0;
  /** Table frames in use, roots included. */
  tableCount = 0;
  /** False until the direct map is in force. */
  #direct = false;
  readonly #memory: PhysicalMemory;
  readonly #frames: FrameSource;
  readonly #current: Current;

  constructor(memory: PhysicalMemory, frames: FrameSource, current: Current) {
    this.#memory = memory;
    this.#frames = frames;
    this.#current = current;
  }

  /** From now on entries are reached through the direct map and charged. */
  useDirectMap(): void {
    this.#direct = true;
  }

  /** An empty table, or NIL without memory. */
  createTable(): PhysAddr {
    const table = this.#frames.allocate();
    if (table === NIL) return NIL;
    this.#memory.fill(table, PAGE_BYTES, 0);
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
    this.#memory.copy(root + PAGE_BYTES / 2, kernelRoot + PAGE_BYTES / 2, PAGE_BYTES / 2);
    return root;
  }

  /** Makes the PDPT that covers `address`, at boot, for the kernel half that all roots share. */
  reserveTopLevel(root: PhysAddr, address: VirtAddr): void {
    const entry = root + tableIndex(address, 4) * 8;
    this.#read(entry);
    if ((this.low & PTE_PRESENT) !== 0) return;
    const table = this.createTable();
    assert(table !== NIL, 'no frame for a kernel PDPT at boot');
    this.#write(entry, table, PTE_PRESENT | PTE_WRITE, 0);
  }

  /**
   * Maps one page. Upper levels get all rights (U/S for user addresses), the leaf decides.
   * @param flags - PTE bits of the leaf, and MAP_NO_EXECUTE; PTE_PRESENT is added
   * @returns OK, or ENOMEM (tables made on the way stay)
   */
  map(root: PhysAddr, virtual: VirtAddr, physical: PhysAddr, pageBytes: number, flags: number) {
    const bottom = leafLevel(pageBytes);
    assert(virtual % pageBytes === 0 && physical % pageBytes === 0, 'mapping is not aligned');
    const entry = this.#descend(root, virtual, bottom, true);
    if (entry === NIL) return ENOMEM;
    this.#read(entry);
    assert((this.low & PTE_PRESENT) === 0, 'page is mapped already');
    this.#write(
      entry,
      physical,
      (flags & 0xfff) | PTE_PRESENT | (bottom > 1 ? PTE_LARGE : 0),
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
    this.#read(entry);
    return (this.low & PTE_PRESENT) === 0 ? NIL : this.#frame(this.pageBytes > PAGE_BYTES);
  }

  /**
   * Changes the leaf of a mapped 4 KiB page to another frame or other rights. The caller invalidates
   * the TLBs.
   */
  remap(root: PhysAddr, virtual: VirtAddr, physical: PhysAddr, flags: number): void {
    const entry = this.#descend(root, virtual, 1, false);
    assert(entry !== NIL && this.pageBytes === PAGE_BYTES, 'a page that is not mapped is changed');
    const high = (flags & MAP_NO_EXECUTE) !== 0 ? PTE_NO_EXECUTE_HIGH : 0;
    this.#write(entry, physical, (flags & 0xfff) | PTE_PRESENT, high);
  }

  /**
   * Copies the tables of one user half into an empty other one, leaf by leaf; in both, leaves lose
   * the right to write. `share` is asked for each frame.
   * @returns OK, or ENOMEM with a part copied: destroy the copy
   */
  shareUserHalf(from: PhysAddr, to: PhysAddr, share: (frame: PhysAddr) => boolean): number {
    return this.#share(from, to, 4, 256, share);
  }

  /** Takes a leaf out; its physical page or NIL. The caller invalidates the TLBs. */
  unmap(root: PhysAddr, virtual: VirtAddr): PhysAddr {
    const entry = this.#descend(root, virtual, 1, false);
    if (entry === NIL) return NIL;
    this.#read(entry);
    if ((this.low & PTE_PRESENT) === 0) return NIL;
    const physical = this.#frame(this.pageBytes > PAGE_BYTES);
    const { low, high } = this;
    this.#write(entry, 0, 0, 0);
    this.low = low;
    this.high = high;
    return physical;
  }

  /**
   * Gives back the user half of a tree: every table frame, and every leaf to `release`. The TLBs
   * must have been flushed of this address space before any frame is used again.
   */
  destroyUserHalf(root: PhysAddr, release: (physical: PhysAddr, pageBytes: number) => void): void {
    this.#destroy(root, 4, 256, release);
    this.#frames.free(root);
    this.tableCount -= 1;
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
      const frame = (high & HIGH_FRAME_MASK) * TWO_32 + ((low & LOW_FRAME_MASK) >>> 0);
      assert(frame < this.#memory.byteCount, 'an entry points outside memory');
      if (level > 1 && (low & PTE_LARGE) === 0) this.#check(frame, level - 1);
    }
  }

  #share(
    from: PhysAddr,
    to: PhysAddr,
    level: number,
    entries: number,
    share: (frame: PhysAddr) => boolean,
  ): number {
    for (let index = 0; index < entries; index++) {
      this.#read(from + index * 8);
      if ((this.low & PTE_PRESENT) === 0) continue;
      const { low, high } = this;
      assert(level > 1 || (low & PTE_LARGE) === 0, 'a user page of an odd kind is shared');
      const frame = this.#frame(false);
      const flags = low & 0xfff & ~(level === 1 ? PTE_WRITE : 0);
      const highFlags = (high & PTE_NO_EXECUTE_HIGH) >>> 0;
      if (level === 1) {
        if (!share(frame)) return ENOMEM;
        if (flags !== (low & 0xfff)) this.#write(from + index * 8, frame, flags, highFlags);
        this.#write(to + index * 8, frame, flags, highFlags);
        continue;
      }
      const table = this.createTable();
      if (table === NIL) return ENOMEM;
      this.#write(to + index * 8, table, flags, highFlags);
      const status = this.#share(frame, table, level - 1, 512, share);
      if (status !== OK) return status;
    }
    return OK;
  }

  #destroy(
    table: PhysAddr,
    level: number,
    entries: number,
    release: (physical: PhysAddr, pageBytes: number) => void,
  ): void {
    for (let index = 0; index < entries; index++) {
      this.#read(table + index * 8);
      if ((this.low & PTE_PRESENT) === 0) continue;
      const large = level > 1 && (this.low & PTE_LARGE) !== 0;
      const frame = this.#frame(large);
      if (level === 1 || large) {
        release(frame, level === 1 ? PAGE_BYTES : level === 2 ? LARGE_PAGE_BYTES : HUGE_PAGE_BYTES);
        continue;
      }
      this.#destroy(frame, level - 1, 512, release);
      this.#frames.free(frame);
      this.tableCount -= 1;
    }
  }

  /** Address of the entry at level `bottom`, or of a larger leaf above it; NIL if a level is missing. */
  #descend(root: PhysAddr, virtual: VirtAddr, bottom: number, create: boolean): PhysAddr {
    let table = root;
    this.pageBytes = 512 * HUGE_PAGE_BYTES;
    for (let level = 4; level > bottom; level--) {
      const entry = table + tableIndex(virtual, level) * 8;
      this.#read(entry);
      this.pageBytes /= 512;
      if ((this.low & PTE_PRESENT) === 0) {
        if (!create) return NIL;
        table = this.createTable();
        if (table === NIL) return NIL;
        this.#write(entry, table, PTE_PRESENT | PTE_WRITE | (virtual >= 0 ? PTE_USER : 0), 0);
      } else if ((this.low & PTE_LARGE) !== 0) {
        this.pageBytes = level === 3 ? HUGE_PAGE_BYTES : LARGE_PAGE_BYTES;
        assert(!create, 'a larger page is mapped here already');
        return entry;
      } else {
        table = this.#frame(false);
      }
    }
    this.pageBytes = bottom === 1 ? PAGE_BYTES : bottom === 2 ? LARGE_PAGE_BYTES : HUGE_PAGE_BYTES;
    return table + tableIndex(virtual, bottom) * 8;
  }

  /** The address in the entry just read. Bit 12 of a large leaf is PAT, not an address bit. */
  #frame(large: boolean): PhysAddr {
    const mask = large ? LOW_FRAME_MASK_LARGE : LOW_FRAME_MASK;
    return (this.high & HIGH_FRAME_MASK) * TWO_32 + ((this.low & mask) >>> 0);
  }

  #read(entry: PhysAddr): void {
    if (!this.#direct) {
      this.low = this.#memory.load32(entry);
      this.high = this.#memory.load32(entry + 4);
      return;
    }
    const { mmu } = this.#current.cpu;
    const low = mmu.load64(directAddress(entry));
    assert(low !== NIL, 'the direct map does not cover a page table');
    this.low = low;
    this.high = mmu.high;
  }

  #write(entry: PhysAddr, physical: PhysAddr, flags: number, highFlags: number): void {
    const low = ((physical % TWO_32) + flags) >>> 0;
    const high = (Math.floor(physical / TWO_32) | highFlags) >>> 0;
    if (!this.#direct) {
      this.#memory.store32(entry, low);
      this.#memory.store32(entry + 4, high);
      return;
    }
    const status = this.#current.cpu.mmu.store64(directAddress(entry), low, high);
    assert(status === OK, 'the direct map does not cover a page table');
  }
}
