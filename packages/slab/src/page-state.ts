/**
 * State of a page as one byte. A block (a power of two of pages, aligned to itself) or a run (any
 * number of pages) is described at its first page; all its other pages hold TAIL.
 *
 * free or used block of order k: FREE + k, USED + k with 0 <= k <= MAX_ORDER
 */

/** Not the first page of anything: inside a block or run, or a hole. */
export const TAIL = 0;
/** `FREE + order`: head of a free block. */
export const FREE = 32;
/** `USED + order`: head of an allocated block. */
export const USED = 64;
/** Head of an allocated run; its length in pages lies in the page's first link. */
export const RUN = 96;
/** `CACHED + order`: head of a block in a per-CPU list, neither free to merge nor allocated. */
export const CACHED = 128;

/** Largest order: 2**18 pages of 4 KiB are 1 GiB, the largest page of x86-64. */
export const MAX_ORDER = 18;
/** Number of orders, 0 included. */
export const ORDER_COUNT = MAX_ORDER + 1;

/** Smallest order whose block holds `pageCount` pages, `1 <= pageCount <= 2**18`. */
export function orderOf(pageCount: number): number {
  return 32 - Math.clz32(pageCount - 1);
}

/** Largest order of a slab: 8 pages. */
export const MAX_SLAB_ORDER = 3;
/** Bytes of the largest slab. Offsets of slabs count from a multiple of this. */
export const MAX_SLAB_BYTES = 4096 * 2 ** MAX_SLAB_ORDER;
