import type { ByteCount, PhysAddr, VirtAddr } from './units.js';

/** Data read. */
export const ACCESS_READ = 0;
/** Data write. */
export const ACCESS_WRITE = 1;
/** Instruction fetch. */
export const ACCESS_FETCH = 2;

/** INVPCID type 0: one address in one PCID. */
export const INVPCID_ADDRESS = 0;
/** INVPCID type 1: all non-global entries of one PCID. */
export const INVPCID_CONTEXT = 1;
/** INVPCID type 2: everything, global entries included. */
export const INVPCID_ALL_GLOBAL = 2;
/** INVPCID type 3: everything but global entries. */
export const INVPCID_ALL = 3;

/**
 * Address translation as in Intel SDM vol. 3, chapter 4, with two levels of TLB, paging-structure
 * caches and timing. Every access is one call; a hit in the first-level TLB costs about 4 ns of
 * host time and allocates nothing.
 *
 * Each load answers the value and each store OK, or NIL with `faultVector`, `faultCode` and
 * `faultAddress` set: the supervisor handles the fault and calls again. An access may cross a page
 * boundary; if either page faults nothing is stored.
 */
export interface Mmu {
  /**
   * Physical address, or NIL with the fault set. For bulk work, a page at a time.
   * @param access - ACCESS_READ, ACCESS_WRITE or ACCESS_FETCH
   */
  translate(address: VirtAddr, access: number): PhysAddr;

  /** 0..255, or NIL. */
  load8(address: VirtAddr): number;
  /** 0..65,535, or NIL. */
  load16(address: VirtAddr): number;
  /** 0..2**32 - 1, or NIL. */
  load32(address: VirtAddr): number;
  /** The low 32 bits, or NIL; the high 32 bits are then in `high`. */
  load64(address: VirtAddr): number;
  /** Bits 63:32 of the last `load64`, unsigned. */
  readonly high: number;
  /** Stores the low 8 bits; OK or NIL. */
  store8(address: VirtAddr, value: number): number;
  /** Stores the low 16 bits; OK or NIL. */
  store16(address: VirtAddr, value: number): number;
  /** Stores the low 32 bits; OK or NIL. */
  store32(address: VirtAddr, value: number): number;
  /** Stores two words; OK or NIL. */
  store64(address: VirtAddr, low: number, high: number): number;
  /**
   * `wordCount` 64-bit stores of zeros from `address` up, all in one page (registers pushed on a
   * stack): OK or NIL, and then nothing is stored. Charged as so many single ones; one look-up.
   */
  storeRun(address: VirtAddr, wordCount: number): number;
  /** `wordCount` 64-bit loads whose values do not matter (registers popped), likewise. */
  loadRun(address: VirtAddr, wordCount: number): number;
  /** Instruction fetch of 32 bits: the value, or NIL. */
  fetch32(address: VirtAddr): number;

  /**
   * Copies from virtual to physical memory with the current privilege, a page at a time, touching
   * each line once. Returns the bytes moved: fewer than asked means a fault at that point.
   */
  copyFrom(from: VirtAddr, to: PhysAddr, byteCount: ByteCount): number;
  /** Copies from physical to virtual memory; otherwise as {@link Mmu.copyFrom}. */
  copyTo(to: VirtAddr, from: PhysAddr, byteCount: ByteCount): number;

  /** 14 for a page fault (#PF), 13 for general protection (#GP: not canonical). */
  readonly faultVector: number;
  /** Error code as the processor pushes it (PF_PRESENT, PF_WRITE, ...). */
  readonly faultCode: number;
  /** The address as CR2 has it. */
  readonly faultAddress: VirtAddr;

  /**
   * MOV to CR3: root of the page tables, process-context identifier (0 without CR4.PCIDE), and
   * bit 63, "keep the entries of this PCID". Global entries stay.
   */
  setRoot(root: PhysAddr, pcid?: number, keep?: boolean): void;
  /** The root in force. */
  readonly root: PhysAddr;
  /** CR0 and CR4 and IA32_EFER as numbers below 2**32; a changed PGE, PCIDE, SMEP, PAE or PG flushes. */
  setControl(cr0: number, cr4: number, efer: number): void;
  /** RFLAGS.AC, which suspends SMAP (STAC and CLAC). */
  setAlignmentCheck(on: boolean): void;
  /** INVLPG: the page of `address` in the current PCID, global entries in any. */
  invalidate(address: VirtAddr): void;
  /** INVPCID with one of the four types. */
  invalidateContext(type: number, pcid: number, address: VirtAddr): void;
}
