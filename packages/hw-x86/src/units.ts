/**
 * Units as flavoured numbers: another unit is refused by the compiler, literals and arithmetic need
 * no cast. Arithmetic washes the flavour out, so every function asserts its range at the edge.
 */

declare const unit: unique symbol;

/** A number that carries the name of its unit: refuses another unit, takes literals and sums. */
export type Unit<Name extends string> = number & { readonly [unit]?: Name };

/** Physical address in bytes, `0 <= a < 2**52` (Intel SDM vol. 3, 4.1.4: MAXPHYADDR at most 52). */
export type PhysAddr = Unit<'PhysAddr'>;

/**
 * Canonical 48-bit virtual address, sign-extended: `-(2**47) <= a < 2**47`. The kernel half is
 * negative and therefore exact; the raw literal 0xffff8000_00000001 would round silently.
 */
export type VirtAddr = Unit<'VirtAddr'>;

/** Page frame number: physical address divided by 4,096. */
export type Pfn = Unit<'Pfn'>;

/** Processor cycles of the time-stamp counter, a whole number below 2**53. */
export type Cycles = Unit<'Cycles'>;

/** Nanoseconds. */
export type Nanoseconds = Unit<'Nanoseconds'>;

/** Index of a block on its device, `0 <= b < blockCount <= 2**53`. */
export type BlockNumber = Unit<'BlockNumber'>;

/** A length in bytes. */
export type ByteCount = Unit<'ByteCount'>;

/** 2**10 bytes. */
export const KIB = 1024;
/** 2**20 bytes. */
export const MIB = 1024 * 1024;
/** 2**30 bytes. */
export const GIB = 1024 * 1024 * 1024;

/** Bytes of the smallest page: 4 KiB. */
export const PAGE_BYTES = 4096;
/** Bytes of a page mapped by a page-directory entry with PS set: 2 MiB. */
export const LARGE_PAGE_BYTES = 2 * MIB;
/** Bytes of a page mapped by a PDPT entry with PS set: 1 GiB. */
export const HUGE_PAGE_BYTES = GIB;
/** Bytes of a cache line, and so the grain of the cache model. */
export const LINE_BYTES = 64;
