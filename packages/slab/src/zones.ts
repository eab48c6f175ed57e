import {
  ArgumentError,
  assert,
  type ByteCount,
  checkInteger,
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
  /** Page number of the first page in the columns; congruent to its frame number. */
  readonly index: number;
  /** Largest order that the zone may hold: beyond it index and frame number are not congruent. */
  readonly maxOrder: number;
  freePages: number;
}

/**
 * Checks the ranges, cuts them at `lowLimit` and places them in one index space. The index of a
 * page is congruent to its frame number modulo the largest block that its zone can hold, so that
 * `index ^ (1 << order)` is the buddy and blocks are aligned physically.
 * @throws ArgumentError ERR_PAGE_RANGE
 */
export function layOutZones(ranges: readonly PageRange[], lowLimit: PhysAddr): Zone[] {
  if (ranges.length === 0) throw new ArgumentError('ERR_PAGE_RANGE', 'no range of pages was given');
  const zones: Zone[] = [];
  let end = 0;
  for (const range of cutAt(ranges, lowLimit)) {
    checkRange(range, end);
    end = range.start + range.byteCount;
    const pageCount = range.byteCount / PAGE_BYTES;
    const previous = zones[zones.length - 1];
    const from = previous === undefined ? 0 : previous.index + previous.pageCount;
    const index = congruentIndex(range.start / PAGE_BYTES, pageCount, from);
    const maxOrder = congruentOrder(range.start / PAGE_BYTES, index);
    zones.push({ start: range.start, pageCount, index, maxOrder, freePages: 0 });
  }
  return zones;
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

/** Smallest index from `from` on that is congruent to the frame number. */
function congruentIndex(frame: number, pageCount: number, from: number): number {
  const order = Math.min(MAX_ORDER, 31 - Math.clz32(Math.min(pageCount, 2 ** 30)));
  const block = 2 ** order;
  const index = from + ((((frame - from) % block) + block) % block);
  assert(index % block === frame % block, 'a zone is placed congruently to its frames');
  return index;
}

function congruentOrder(frame: number, index: number): number {
  let order = MAX_ORDER;
  while (frame % 2 ** order !== index % 2 ** order) order -= 1;
  return order;
}
