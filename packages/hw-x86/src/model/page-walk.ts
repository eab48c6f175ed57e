import {
  PF_PRESENT,
  PF_RESERVED,
  PTE_ACCESSED,
  PTE_DIRTY,
  PTE_LARGE,
  PTE_PRESENT,
  PTE_USER,
  PTE_WRITE,
} from '../architecture.js';
import { TSC, WALK_CYCLES } from '../cells.js';
import { ACCESS_WRITE } from '../mmu.js';
import { OK } from '../status.js';
import type { PhysAddr } from '../units.js';
import type { CacheHierarchy } from './cache-hierarchy.js';
import type { ModelMemory } from './memory.js';
import { SIZE_1G, SIZE_2M, SIZE_4K, SIZE_512G, type TlbBank } from './tlb-bank.js';

/** XD of any level, in a TLB entry's flags (bit 9, which page-table entries leave to software). */
export const FLAG_NO_EXECUTE = 0x200;
/** The walk was refused for lack of rights: the caller completes the error code. */
export const DENIED = 1;

/** Physical address of the meter's data: behind the largest memory. */
export const METER_FRAMES: PhysAddr = 2 ** 43;
const METER_TABLES: PhysAddr = METER_FRAMES + 2 ** 41;

/** Answers whether the rights gathered by a walk allow the access that is being made. */
export interface RightsCheck {
  allows(flags: number, access: number): boolean;
}

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
  /** Where the leaf lies and what it holds now. */
  leafAddress: PhysAddr = 0;
  leafLow = 0;
  leafHigh = 0;
  /** Bits of the error code beyond those of the access, when `run` did not answer OK. */
  fault = 0;
  /** Bits of an entry's high word that must be zero: 51:MAXPHYADDR, and XD unless EFER.NXE. */
  reservedHigh = 0;
  /** Root of the tables, and the PCID its entries are cached under. */
  root: PhysAddr = 0;
  pcid = 0;
  /** Stamps of the paging-structure caches. */
  clock = 0;
  /** Entries read by the last walk: 4 without paging-structure caches and large pages. */
  levelsRead = 0;

  readonly #memory: ModelMemory;
  readonly #cells: Float64Array;
  readonly #caches: CacheHierarchy | null;
  readonly #stepCycles: number;
  /** Paging-structure caches by the size an entry reaches: [, PDE, PDPTE, PML4E], or null. */
  readonly #paths: readonly (TlbBank | null)[];
  readonly #used = new Float64Array(5);
  readonly #usedFlags = new Int32Array(5);
  readonly #usedFrame = new Float64Array(5);

  #low = 0;
  #high = 0;

  constructor(
    memory: ModelMemory,
    cells: Float64Array,
    caches: CacheHierarchy | null,
    stepCycles: number,
    paths: readonly (TlbBank | null)[],
  ) {
    this.#memory = memory;
    this.#cells = cells;
    this.#caches = caches;
    this.#stepCycles = stepCycles;
    this.#paths = paths;
  }

  /**
   * Walks for the address (low, high). OK: the fields above hold the translation and A and, on a
   * write, D are set. DENIED or a not-present or reserved entry: `fault` says which, nothing is set.
   */
  run(low: number, high: number, access: number, check: RightsCheck): number {
    let level = 4;
    let table = this.root;
    let flags = PTE_WRITE | PTE_USER;
    for (let size = SIZE_2M; size <= SIZE_512G; size++) {
      const bank = this.#paths[size];
      if (bank === null) continue;
      const slot = bank.find(low, high, size, this.pcid);
      if (slot === -1) continue;
      bank.stamp[bank.base + slot] = ++this.clock;
      level = size;
      table = bank.frame[slot];
      flags = bank.flags[slot];
      break;
    }
    const firstLevel = level;
    this.levelsRead = 0;
    for (;;) {
      const address = table + entryIndex(low, high, level) * 8;
      this.#read(address);
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
      this.#used[level] = address;
      const frame = (entryHigh & 0xfffff) * 2 ** 32 + ((entryLow & -4096) >>> 0);
      if (level === 1 || (entryLow & PTE_LARGE) !== 0) {
        this.leafAddress = address;
        this.leafLow = entryLow;
        this.leafHigh = entryHigh;
        const result = this.#finish(flags, frame, level, firstLevel, access, check);
        if (result !== OK) return result;
        for (let passed = firstLevel; passed > level; passed--) this.#remember(low, high, passed);
        return OK;
      }
      this.#usedFlags[level] = flags;
      this.#usedFrame[level] = frame;
      table = frame;
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
      this.leafAddress = address;
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
      bank.stamp[bank.base + slot] = ++this.clock;
      level = size;
      break;
    }
    this.levelsRead = 0;
    const firstLevel = level;
    for (; level >= 2; level--) {
      const reach = level === 2 ? 2 ** 21 : level === 3 ? 2 ** 30 : 2 ** 39;
      this.#charge(METER_TABLES + (4 - level) * 2 ** 30 + Math.floor(offset / reach) * 8);
      this.#usedFlags[level] = PTE_WRITE;
      this.#usedFrame[level] = 0;
    }
    for (let passed = firstLevel; passed > 2; passed--) this.#remember(low, high, passed);
    this.size = SIZE_2M;
  }

  #finish(
    flags: number,
    frame: PhysAddr,
    level: number,
    firstLevel: number,
    access: number,
    check: RightsCheck,
  ): number {
    this.flags = flags;
    if (!check.allows(flags, access)) {
      this.fault = PF_PRESENT;
      return DENIED;
    }
    for (let used = firstLevel; used >= level; used--) {
      const dirty = access === ACCESS_WRITE && used === level ? PTE_DIRTY : 0;
      this.#set(this.#used[used], PTE_ACCESSED | dirty);
    }
    this.size = level - 1;
    // Bit 12 of a large page's entry is PAT, not address.
    this.frame = level === 1 ? frame : frame - (this.leafLow & 0x1000);
    this.flags = flags | (this.leafLow & 0x100);
    if (access === ACCESS_WRITE || (this.leafLow & PTE_DIRTY) !== 0) this.flags |= PTE_DIRTY;
    return OK;
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
    bank.flags[slot] = this.#usedFlags[level];
    bank.frame[slot] = this.#usedFrame[level];
    bank.stamp[bank.base + slot] = ++this.clock;
  }

  #isReserved(low: number, high: number, level: number): boolean {
    if ((high & this.reservedHigh) !== 0) return true;
    if ((low & PTE_LARGE) === 0 || level === 1) return false;
    if (level === 4) return true;
    return (low & (level === 3 ? 0x3fffe000 : 0x001fe000)) !== 0;
  }

  #read(address: PhysAddr): void {
    this.#load(address);
    this.#charge(address);
  }

  #charge(address: PhysAddr): void {
    this.levelsRead += 1;
    let cycles = this.#stepCycles;
    if (this.#caches !== null) {
      const low = address | 0;
      cycles = this.#caches.data(Math.floor(address / 4096) | 0, (low & 0xfff) >>> 6);
    }
    this.#cells[TSC] += cycles;
    this.#cells[WALK_CYCLES] += cycles;
  }

  // What no memory answers reads as all ones, so that a walk through it meets reserved bits.
  #load(address: PhysAddr): void {
    const memory = this.#memory;
    if (address >= memory.byteCount) {
      this.#low = -1;
      this.#high = -1;
      return;
    }
    const chunk = Math.floor(address / memory.chunkBytes);
    if (!memory.isPresent(chunk)) memory.touch(chunk);
    const offset = address - chunk * memory.chunkBytes;
    this.#low = memory.views[chunk].getInt32(offset, true);
    this.#high = memory.views[chunk].getInt32(offset + 4, true);
  }

  #set(address: PhysAddr, bits: number): void {
    const memory = this.#memory;
    const chunk = Math.floor(address / memory.chunkBytes);
    const offset = address - chunk * memory.chunkBytes;
    const view = memory.views[chunk];
    const before = view.getInt32(offset, true);
    if ((before & bits) !== bits) view.setInt32(offset, before | bits, true);
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
