import {
  assert,
  OK,
  type PhysAddr,
  type PhysicalMemory,
  PTE_GLOBAL,
  PTE_PRESENT,
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

/**
 * Not present for the processor, but a page: an area without any right (Linux: _PAGE_PROTNONE, also
 * in the place of G).
 */
export const PTE_NONE = PTE_GLOBAL;
/** An entry with one of these bits names a frame. */
export const PTE_USED = PTE_PRESENT | PTE_NONE;

/** Index into the table of `level` (4 = PML4 .. 1 = PT). */
export function tableIndex(address: VirtAddr, level: number): number {
  const low = address | 0;
  const high = Math.floor(address / TWO_32) | 0;
  if (level === 4) return (high >>> 7) & 511;
  if (level === 3) return ((high & 127) << 2) | (low >>> 30);
  if (level === 2) return (low >>> 21) & 511;
  return (low >>> 12) & 511;
}

/** Frame of an entry. Bit 12 of a large leaf is PAT, not an address bit. */
export function frameOf(low: number, high: number, large: boolean): PhysAddr {
  const mask = large ? LOW_FRAME_MASK_LARGE : LOW_FRAME_MASK;
  return (high & HIGH_FRAME_MASK) * TWO_32 + ((low & mask) >>> 0);
}

/**
 * Entries of page tables, read and written through the direct map, so each costs what a load or store
 * costs; only before the direct map exists straight in physical memory.
 */
export class PageTableEntries {
  /** Low and high word of the entry last read. */
  low = 0;
  high = 0;
  /** False until the direct map is in force. */
  direct = false;
  readonly #memory: PhysicalMemory;
  readonly #current: Current;

  constructor(memory: PhysicalMemory, current: Current) {
    this.#memory = memory;
    this.#current = current;
  }

  /** Reads an entry into `low` and `high`. */
  read(entry: PhysAddr): void {
    if (!this.direct) {
      this.low = this.#memory.load32(entry);
      this.high = this.#memory.load32(entry + 4);
      return;
    }
    const { mmu } = this.#current.cpu;
    const low = mmu.load64(directAddress(entry));
    assert(low >= 0, 'the direct map does not cover a page table');
    this.low = low;
    this.high = mmu.high;
  }

  /** Writes both words. */
  write(entry: PhysAddr, low: number, high: number): void {
    if (!this.direct) {
      this.#memory.store32(entry, low);
      this.#memory.store32(entry + 4, high);
      return;
    }
    const status = this.#current.cpu.mmu.store64(directAddress(entry), low, high);
    assert(status === OK, 'the direct map does not cover a page table');
  }

  /** Writes an entry of a frame with flags (low 12 bits) and bits of the high word. */
  put(entry: PhysAddr, physical: PhysAddr, flags: number, highFlags: number): void {
    const low = ((physical % TWO_32) + flags) >>> 0;
    this.write(entry, low, (Math.floor(physical / TWO_32) | highFlags) >>> 0);
  }
}
