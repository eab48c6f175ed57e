import {
  ArgumentError,
  assert,
  type ByteCount,
  checkInteger,
  GIB,
  PAGE_BYTES,
  type PhysAddr,
} from '@hotpath/hw-x86';
import { MAX_ORDER } from './page-state.js';

/** A range of physical memory that holds pages. */
export interface PageRange {
  /** First address, a multiple of 4,096. */
  readonly start: PhysAddr;
  /** Length, a multiple of 4,096. */
  readonly byteCount: ByteCount;
}

/** One range as a zone: pages `index .. index + pageCount - 1` of the columns. */
export interface Zone {
  readonly start: PhysAddr;
  /** May grow, for the last zone only. */
  pageCount: number;
  /** Page number of the first page in the columns. */
  readonly index: number;
  /** Largest order that the zone may hold: beyond it index and frame number are not congruent. */
  readonly maxOrder: number;
  freePages: number;
}

/** The zones of an allocator and the window that slab caches use. */
export interface ZoneLayout {
  readonly zones: Zone[];
  /** Address of page 0 of the columns. */
  readonly base: PhysAddr;
  /** Address behind the low zones. */
  readonly lowLimit: PhysAddr;
  /** Last low zone. */
  readonly lowZone: number;
}

/**
 * Checks the ranges and places them in one index space. Low zones, the first `lowBytes` from the
 * base on, keep their distances, so that `address === base + index * 4096` for all of them; high
 * zones follow closely. The index of a page is congruent to its frame number modulo the largest
 * block of its zone, so that `index ^ (1 << order)` is the buddy and blocks are aligned physically.
 * @throws ArgumentError ERR_PAGE_RANGE
 */
export function layOutZones(
  ranges: readonly PageRange[],
  lowBytes: ByteCount,
  growsTo: PhysAddr,
): ZoneLayout {
  if (ranges.length === 0) throw new ArgumentError('ERR_PAGE_RANGE', 'no range of pages was given');
  let end = 0;
  for (const range of ranges) {
    checkRange(range, end);
    end = range.start + range.byteCount;
  }
  const first = ranges[0] as PageRange;
  const span = Math.floor((Math.max(end, growsTo) - first.start) / PAGE_BYTES);
  const block = PAGE_BYTES * 2 ** largestOrder(span);
  const base = first.start - (first.start % block);
  const lowLimit = base + Math.min(2 * GIB, lowBytes + (first.start - base));
  const zones: Zone[] = [];
  let lowZone = -1;
  for (const { start, byteCount } of cutAt(ranges, lowLimit)) {
    const frame = start / PAGE_BYTES;
    const pageCount = byteCount / PAGE_BYTES;
    const previous = zones[zones.length - 1];
    const from = previous === undefined ? 0 : previous.index + previous.pageCount;
    const low = start < lowLimit;
    const index = low ? (start - base) / PAGE_BYTES : congruentIndex(frame, pageCount, from);
    assert(index >= from, 'zones do not overlap in the columns');
    zones.push({ start, pageCount, index, maxOrder: congruentOrder(frame, index), freePages: 0 });
    if (low) lowZone += 1;
  }
  assert(lowZone >= 0, 'the first zone is low');
  return { zones, base, lowLimit, lowZone };
}

function cutAt(ranges: readonly PageRange[], lowLimit: PhysAddr): PageRange[] {
  const cut: PageRange[] = [];
  for (const { start, byteCount } of ranges) {
    if (start < lowLimit && start + byteCount > lowLimit) {
      cut.push({ start, byteCount: lowLimit - start });
      cut.push({ start: lowLimit, byteCount: start + byteCount - lowLimit });
    } else {
      cut.push({ start, byteCount });
    }
  }
  return cut;
}

function checkRange(range: PageRange, end: PhysAddr): void {
  const { start, byteCount } = range;
  checkInteger('ERR_PAGE_RANGE', 'start of a page range', start, end, 2 ** 43);
  checkInteger('ERR_PAGE_RANGE', 'length of a page range', byteCount, PAGE_BYTES, 2 ** 43);
  if (start % PAGE_BYTES !== 0 || byteCount % PAGE_BYTES !== 0) {
    throw new ArgumentError(
      'ERR_PAGE_RANGE',
      `page range ${start}+${byteCount}; allowed: multiples of ${PAGE_BYTES}`,
    );
  }
}

/** Largest order of an aligned block that `pageCount` pages could hold. */
function largestOrder(pageCount: number): number {
  return Math.min(MAX_ORDER, 31 - Math.clz32(Math.min(pageCount, 2 ** 30)));
}

/** Smallest index from `from` on that is congruent to the frame number. */
function congruentIndex(frame: number, pageCount: number, from: number): number {
  const block = 2 ** largestOrder(pageCount);
  const index = from + ((((frame - from) % block) + block) % block);
  assert(index % block === frame % block, 'a zone is placed congruently to its frames');
  return index;
}

function congruentOrder(frame: number, index: number): number {
  let order = MAX_ORDER;
  while (frame % 2 ** order !== index % 2 ** order) order -= 1;
  return order;
}
