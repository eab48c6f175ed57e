import { checkInteger, PAGE_BYTES, type PhysAddr } from '@hotpath/hw-x86';
import type { PageAllocator } from './page-allocator.js';
import { FREE, MAX_ORDER, ORDER_COUNT } from './page-state.js';

/** Free blocks of each order, over all zones, as /proc/buddyinfo. O(free blocks). */
export function buddyInfo(pages: PageAllocator): number[] {
  const { buddy } = pages;
  const counts: number[] = new Array(ORDER_COUNT).fill(0);
  for (let list = 0; list < buddy.head.length; list += 1) {
    for (let at = buddy.head[list]; at !== 0; at = buddy.link[2 * (at - 1)]) {
      counts[list % ORDER_COUNT] += 1;
    }
  }
  return counts;
}

/**
 * Why a block of this order cannot be had (Linux mm/vmstat.c, extfrag_index): -1 where it can;
 * towards 0: too little memory is free; towards 1: enough is free, but in pieces.
 * @throws ArgumentError ERR_ORDER
 */
export function fragmentationIndex(pages: PageAllocator, order: number): number {
  checkInteger('ERR_ORDER', 'order', order, 0, MAX_ORDER);
  const counts = buddyInfo(pages);
  let blocks = 0;
  let free = 0;
  for (let k = 0; k <= MAX_ORDER; k += 1) {
    if (k >= order && counts[k] > 0) return -1;
    blocks += counts[k];
    free += counts[k] * 2 ** k;
  }
  if (blocks === 0) return 0;
  return Math.max(0, 1 - (1 + free / 2 ** order) / blocks);
}

/** The cheapest aligned place for a block that does not exist yet. */
export interface CompactionReport {
  readonly order: number;
  /** Where the block would be; NIL where no zone is large enough. */
  readonly address: PhysAddr;
  /** Pages in use there: they would have to move. */
  readonly pagesToMove: number;
  /** Whether as many pages are free elsewhere, so that moving them could work. */
  readonly possible: boolean;
}

/**
 * What compaction would have to do for one block of this order: nothing is moved, the allocator does
 * not know who holds its pages. O(pages).
 * @throws ArgumentError ERR_ORDER
 */
export function compactionReport(pages: PageAllocator, order: number): CompactionReport {
  checkInteger('ERR_ORDER', 'order', order, 0, MAX_ORDER);
  const { buddy } = pages;
  const length = 2 ** order;
  let address = -1;
  let pagesToMove = Number.POSITIVE_INFINITY;
  for (const zone of pages.zones) {
    if (order > zone.maxOrder) continue;
    const end = zone.index + zone.pageCount;
    const first = Math.ceil(zone.index / length) * length;
    for (let page = first; page + length <= end; page += length) {
      const used = length - freeWithin(buddy.state, page, length);
      if (used >= pagesToMove) continue;
      pagesToMove = used;
      address = zone.start + (page - zone.index) * PAGE_BYTES;
    }
  }
  if (address === -1) return { order, address, pagesToMove: 0, possible: false };
  const freeElsewhere = pages.freePages - (length - pagesToMove);
  return { order, address, pagesToMove, possible: freeElsewhere >= pagesToMove };
}

/** Free pages of an aligned stretch. A free block larger than the stretch covers it all. */
function freeWithin(state: Uint8Array, page: number, length: number): number {
  for (let order = Math.log2(length); order <= MAX_ORDER; order += 1) {
    const kind = state[page - (page % 2 ** order)];
    if (kind >= FREE + order && kind <= FREE + MAX_ORDER) return length;
  }
  let free = 0;
  for (let at = page; at < page + length; ) {
    const kind = state[at];
    const isFree = kind >= FREE && kind <= FREE + MAX_ORDER;
    if (isFree) free += 2 ** (kind - FREE);
    at += isFree ? 2 ** (kind - FREE) : 1;
  }
  return free;
}
