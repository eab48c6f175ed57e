/**
 * Where things lie in the 48-bit address space, after Linux's Documentation/arch/x86/x86_64/mm.rst.
 *
 * ```
 *  0000_1000_0000_0000   heap, grows up to brk
 *  0000_7fff_ff6f_f000   mappings of mmap, from here down
 *  0000_7fff_ffff_f000   stack, grows down, at most 8 MiB, with a gap of 1 MiB kept below it
 *  ffff_8000_0000_0000   direct map of all physical memory, largest pages that fit
 *  ffff_c000_0000_0000   vmalloc, 4 KiB pages: kernel stacks too
 *  ffff_d000_0000_0000   vmalloc, 2 MiB and 1 GiB pages
 * ```
 * Kernel addresses are negative numbers (sign-extended), and so exact.
 */
import {
  assert,
  GIB,
  HUGE_PAGE_BYTES,
  LARGE_PAGE_BYTES,
  PAGE_BYTES,
  type PhysAddr,
  type VirtAddr,
} from '@hotpath/hw-x86';
import { USER_STACK_BYTES } from '../params.js';

const TIB = 1024 * GIB;

/** First byte of the user heap. */
export const USER_HEAP: VirtAddr = 16 * TIB;
/** One past the highest byte of the user stack. */
export const USER_STACK_TOP: VirtAddr = 128 * TIB - 4096;
/** Free bytes kept between a stack and whatever lies below it (Linux: stack_guard_gap). */
export const STACK_GUARD_BYTES = 256 * PAGE_BYTES;
/** Mappings whose place the kernel chooses end here, or lower. */
export const MMAP_TOP: VirtAddr = USER_STACK_TOP - USER_STACK_BYTES - STACK_GUARD_BYTES;
/** Lowest address of a mapping (Linux: mmap_min_addr). */
export const MMAP_BOTTOM: VirtAddr = 65536;
/** One past the highest user address. */
export const USER_END: VirtAddr = 128 * TIB;

/** Physical address 0 in the direct map. */
export const DIRECT_MAP: VirtAddr = -128 * TIB;
/** Bytes of the direct map's window: 64 TiB. */
export const DIRECT_MAP_BYTES = 64 * TIB;
/** Window of vmalloc with 4 KiB pages. */
export const VMALLOC: VirtAddr = -64 * TIB;
/** Window of vmalloc with large pages: apart, so that a table never has to give way to a leaf. */
export const VMALLOC_HUGE: VirtAddr = -48 * TIB;
/** Bytes of each of the two windows. */
export const VMALLOC_BYTES = 16 * TIB;

/** The kernel's view of a physical byte. */
export function directAddress(address: PhysAddr): VirtAddr {
  assert(address >= 0 && address < DIRECT_MAP_BYTES, 'physical address outside the direct map');
  return DIRECT_MAP + address;
}

/** True for an address that a user program may name at all. */
export function isUserAddress(address: VirtAddr): boolean {
  return address >= 0 && address < USER_END;
}

/** The largest page that is aligned at both addresses and fits into the rest. */
export function largestPage(virtual: VirtAddr, physical: PhysAddr, rest: number): number {
  for (const bytes of [HUGE_PAGE_BYTES, LARGE_PAGE_BYTES]) {
    if (virtual % bytes === 0 && physical % bytes === 0 && rest >= bytes) return bytes;
  }
  return 4096;
}
