import {
  PF_PRESENT,
  PF_RESERVED,
  PTE_ACCESSED,
  PTE_DIRTY,
  PTE_GLOBAL,
  PTE_LARGE,
  PTE_PRESENT,
  PTE_USER,
  PTE_WRITE,
} from '../architecture.js';
import { TSC, WALK_CYCLES } from '../cells.js';
import { ACCESS_WRITE } from '../mmu.js';
import { OK } from '../status.js';
import type { PhysAddr } from '../units.js';
import { type AccessRights, FLAG_NO_EXECUTE } from './access-rights.js';
import type { CacheHierarchy } from './cache-hierarchy.js';
import type { ModelMemory } from './memory.js';
import { OPEN_BUS } from './open-bus.js';
import { SIZE_1G, SIZE_2M, SIZE_4K, SIZE_512G } from './page-size.js';
import type { TlbBank } from './tlb-bank.js';
import { RECORD, RECORD_FLAGS, RECORD_PAGE } from './tlb-store.js';

/** The walk was refused for lack of rights: the caller completes the error code. */
export const DENIED = 1;

/** Physical address of the meter's data: behind the largest memory. */
export const METER_FRAMES: PhysAddr = 2 ** 43;
const METER_TABLES: PhysAddr = METER_FRAMES + 2 ** 41;

// In the flags of a paging-structure-cache entry: the next table lies where no memory answers.
const FLAG_BEYOND = 0x800;

/**
 * The page walker of one processor (Intel SDM vol. 3, 4.5): reads up to four entries through the
 * data caches, starting from the deepest paging-structure cache that knows the way.
 *
 * Results are left in fields, so that a walk allocates nothing.
 */
export class PageWalk {
  /** Rights of the translation found: PTE_WRITE, PTE_USER, FLAG_NO_EXECUTE, the leaf's D and G. */
  flags = 0;
  /** SIZE_4K, SIZE_2M or SIZE_1G. */
  size = SIZE_4K;
  /** Physical address of the page. */
  frame: PhysAddr = 0;
  /** What the leaf holds. */
  leafLow = 0;
  leafHigh = 0;
  /** Bits of the error code beyond those of the access, when `run` did not answer OK. */
  fault = 0;
  /** Bits of an entry's high word that must be zero: 51:MAXPHYADDR, and XD unless EFER.NXE. */
  reservedHigh = 0;
  /** Physical page number of the page's begin, or OPEN_BUS where no memory answers. */
  page = 0;
  /** PCID that entries are cached under. */
  pcid = 0;
  /** Stamps of the paging-structure caches. */
  clock = 0;
  /** Entries read by the last walk: 4 without paging-structure caches and large pages. */
  levelsRead = 0;

  declare private readonly memory: ModelMemory;
  declare private readonly pageCount: number;
  declare private readonly chunkShift: number;
  declare private readonly chunkMask: number;
  declare private readonly cells: Float64Array;
  declare private readonly caches: CacheHierarchy | null;
  declare private readonly stepCycles: number;
  /** Paging-structure caches by the size an entry reaches: [, PDE, PDPTE, PML4E], or null. */
  readonly #paths: readonly (TlbBank | null)[];
  // By level: where an entry that the walk used lies, and what it leads to.
  readonly #usedTable = new Int32Array(5);
  readonly #usedIndex = new Int32Array(5);
  readonly #usedFlags = new Int32Array(5);
  readonly #usedPage = new Int32Array(5);
  #root: PhysAddr = 0;
  #rootPage = 0;
  #rootFlags = PTE_WRITE | PTE_USER;
  #low = 0;
  #high = 0;

  constructor(
    memory: ModelMemory,
    cells: Float64Array,
    caches: CacheHierarchy | null,
    stepCycles: number,
    paths: readonly (TlbBank | null)[],
  ) {
    this.memory = memory;
    this.pageCount = memory.byteCount / 4096;
    this.chunkShift = memory.chunkPageShift;
    this.chunkMask = 2 ** memory.chunkPageShift - 1;
    this.cells = cells;
    this.caches = caches;
    this.stepCycles = stepCycles;
    this.#paths = paths;
  }

  /** Root of the tables. */
  get root(): PhysAddr {
    return this.#root;
  }

  set root(root: PhysAddr) {
    this.#root = root;
    this.#rootPage = Math.floor(root / 4096) | 0;
    const beyond = root >= this.memory.byteCount ? FLAG_BEYOND : 0;
    this.#rootFlags = PTE_WRITE | PTE_USER | beyond;
  }

  /**
   * Walks for the address (low, high). OK: the fields above hold the translation and A and, on a
   * write, D are set. DENIED or a not-present or reserved entry: `fault` says which, nothing is set.
   *
   * Tables are page numbers and entries pairs of words all the way: no double, no division.
   */
  run(low: number, high: number, access: number, rights: AccessRights): number {
    let level = 4;
    let table = this.#rootPage;
    let flags = this.#rootFlags;
    for (let size = SIZE_2M; size <= SIZE_512G; size++) {
      const bank = this.#paths[size];
      if (bank === null) continue;
      const slot = bank.find(low, high, size, this.pcid);
      if (slot === -1) continue;
      bank.touch(slot, ++this.clock);
      level = size;
      table = bank.pageOf(slot);
      flags = bank.flagsOf(slot);
      break;
    }
    const firstLevel = level;
    let accessed = PTE_ACCESSED;
    this.levelsRead = 0;
    for (;;) {
      const index = entryIndex(low, high, level);
      this.#read(table, index, flags);
      const entryLow = this.#low;
      const entryHigh = this.#high;
      if ((entryLow & PTE_PRESENT) === 0) {
        this.fault = 0;
        return DENIED;
      }
      if (this.#isReserved(entryLow, entryHigh, level)) {
        this.fault = PF_PRESENT | PF_RESERVED;
        return DENIED;
      }
      flags &= entryLow | ~(PTE_WRITE | PTE_USER);
      if (entryHigh < 0) flags |= FLAG_NO_EXECUTE;
      accessed &= entryLow;
      this.#usedTable[level] = table;
      this.#usedIndex[level] = index;
      if (level === 1 || (entryLow & PTE_LARGE) !== 0) {
        this.leafLow = entryLow;
        this.leafHigh = entryHigh;
        const result = this.#finish(flags, level, access, rights);
        if (result !== OK) return result;
        if (accessed === 0) this.#setAccessed(firstLevel, level);
        for (let passed = firstLevel; passed > level; passed--) this.#remember(low, high, passed);
        return OK;
      }
      table = (entryHigh << 20) | (entryLow >>> 12);
      if (this.#isBeyond(table, entryHigh)) flags |= FLAG_BEYOND;
      this.#usedFlags[level] = flags;
      this.#usedPage[level] = table;
      level -= 1;
    }
  }

  /**
   * Looks the translation up without caches, time or A bits: `flags`, `frame`, `size` and the leaf
   * are set. False when an entry is not present or reserved. For strict mode and inspection.
   */
  inspect(low: number, high: number): boolean {
    let table = this.root;
    this.flags = PTE_WRITE | PTE_USER;
    for (let level = 4; ; level--) {
      const address = table + entryIndex(low, high, level) * 8;
      this.#load(address);
      this.leafLow = this.#low;
      this.leafHigh = this.#high;
      this.size = level - 1;
      if ((this.#low & PTE_PRESENT) === 0) return false;
      if (this.#isReserved(this.#low, this.#high, level)) return false;
      this.flags &= this.#low | ~(PTE_WRITE | PTE_USER);
      if (this.#high < 0) this.flags |= FLAG_NO_EXECUTE;
      table = (this.#high & 0xfffff) * 2 ** 32 + ((this.#low & -4096) >>> 0);
      if (level > 1 && (this.#low & PTE_LARGE) === 0) continue;
      this.frame = level === 1 ? table : table - (this.#low & 0x1000);
      return true;
    }
  }

  /**
   * Walk of the meter's direct map of 2 MiB pages, whose tables lie behind all memory: three levels
   * through the same paging-structure caches and data caches, always present.
   * @param offset - byte offset in the meter's range
   */
  runMeter(low: number, high: number, offset: number): void {
    let level = 4;
    for (let size = SIZE_1G; size <= SIZE_512G; size++) {
      const bank = this.#paths[size];
      const slot = bank === null ? -1 : bank.find(low, high, size, this.pcid);
      if (bank === null || slot === -1) continue;
      bank.touch(slot, ++this.clock);
      level = size;
      break;
    }
    this.levelsRead = 0;
    const firstLevel = level;
    for (; level >= 2; level--) {
      const reach = level === 2 ? 2 ** 21 : level === 3 ? 2 ** 30 : 2 ** 39;
      const address = METER_TABLES + (4 - level) * 2 ** 30 + Math.floor(offset / reach) * 8;
      this.#charge(Math.floor(address / 4096) | 0, (address & 0xfff) >>> 6);
      this.#usedFlags[level] = PTE_WRITE;
      this.#usedPage[level] = 0;
    }
    for (let passed = firstLevel; passed > 2; passed--) this.#remember(low, high, passed);
    this.size = SIZE_2M;
  }

  #finish(flags: number, level: number, access: number, rights: AccessRights): number {
    this.flags = flags & ~FLAG_BEYOND;
    if (!rights.allows(flags, access)) {
      this.fault = PF_PRESENT;
      return DENIED;
    }
    const { leafLow, leafHigh } = this;
    this.size = level - 1;
    // Bit 12 of a large page's entry is PAT, not address.
    const address = level === 1 ? leafLow & -4096 : leafLow & -8192;
    this.frame = (leafHigh & 0xfffff) * 2 ** 32 + (address >>> 0);
    const page = (leafHigh << 20) | (address >>> 12);
    this.page = this.#isBeyond(page, leafHigh) ? OPEN_BUS : page;
    this.flags |= leafLow & (PTE_GLOBAL | PTE_DIRTY);
    if (access === ACCESS_WRITE) {
      this.flags |= PTE_DIRTY;
      if ((leafLow & PTE_DIRTY) === 0) this.#set(level, PTE_DIRTY);
    }
    return OK;
  }

  #isBeyond(page: number, entryHigh: number): boolean {
    return (entryHigh & 0xff800) !== 0 || page >= this.pageCount;
  }

  // Entries are cached only by a walk that succeeded, so each has its A bit set (4.10.3.1) and no
  // entry is ever made from one that was not present or had reserved bits.
  #remember(low: number, high: number, level: number): void {
    const size = level - 1;
    const bank = this.#paths[size];
    if (bank === null) return;
    let slot = bank.find(low, high, size, this.pcid);
    if (slot === -1) {
      slot = bank.victim(low, high, size);
      bank.claim(slot, low, high, size, this.pcid);
    }
    bank.words[slot * RECORD + RECORD_FLAGS] = this.#usedFlags[level];
    bank.words[slot * RECORD + RECORD_PAGE] = this.#usedPage[level];
    bank.touch(slot, ++this.clock);
  }

  #isReserved(low: number, high: number, level: number): boolean {
    if ((high & this.reservedHigh) !== 0) return true;
    if ((low & PTE_LARGE) === 0 || level === 1) return false;
    if (level === 4) return true;
    return (low & (level === 3 ? 0x3fffe000 : 0x001fe000)) !== 0;
  }

  // What no memory answers reads as all ones, so that a walk through it meets reserved bits.
  #read(table: number, index: number, flags: number): void {
    this.#charge(table, index >>> 3);
    if ((flags & FLAG_BEYOND) !== 0) {
      this.#low = -1;
      this.#high = -1;
      return;
    }
    const memory = this.memory;
    const chunk = table >>> this.chunkShift;
    if (!memory.isPresent(chunk)) memory.touch(chunk);
    const words = memory.wordViews[chunk];
    const at = ((table & this.chunkMask) << 10) | (index << 1);
    this.#low = words[at];
    this.#high = words[at + 1];
  }

  #charge(page: number, line: number): void {
    this.levelsRead += 1;
    const cycles = this.caches === null ? this.stepCycles : this.caches.data(page, line);
    this.cells[TSC] += cycles;
    this.cells[WALK_CYCLES] += cycles;
  }

  // For inspection: by address, without time.
  #load(address: PhysAddr): void {
    if (address >= this.memory.byteCount) {
      this.#low = -1;
      this.#high = -1;
      return;
    }
    this.#low = this.memory.load32(address) | 0;
    this.#high = this.memory.load32(address + 4) | 0;
  }

  #setAccessed(firstLevel: number, lastLevel: number): void {
    for (let level = firstLevel; level >= lastLevel; level--) this.#set(level, PTE_ACCESSED);
  }

  #set(level: number, bits: number): void {
    const table = this.#usedTable[level];
    const words = this.memory.wordViews[table >>> this.chunkShift];
    const at = ((table & this.chunkMask) << 10) | (this.#usedIndex[level] << 1);
    if ((words[at] & bits) !== bits) words[at] |= bits;
  }
}

/** Index into the table of a level (4: PML4 .. 1: page table) for an address. */
export function entryIndex(low: number, high: number, level: number): number {
  if (level === 1) return (low >>> 12) & 511;
  if (level === 2) return (low >>> 21) & 511;
  if (level === 3) return ((low >>> 30) | (high << 2)) & 511;
  return (high >>> 7) & 511;
}

/** Bits of an entry's high word that are reserved for a physical address width. */
export function reservedHighBits(physicalAddressBits: number, noExecute: boolean): number {
  const address = (0xfffff & ~(2 ** (physicalAddressBits - 32) - 1)) | 0;
  return noExecute ? address : address | -0x80000000;
}
