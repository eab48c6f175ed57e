import { NIL } from '@hotpath/hw-x86';
import { MARKER } from './flags.js';
import { ADVICE_RANDOM, ADVICE_SEQUENTIAL, type HandleColumns } from './handle-columns.js';
import type { PageReader } from './page-reader.js';
import type { ResidentPages } from './resident-pages.js';

/** First window for a request of `count` pages: Linux's get_init_ra_size. */
export function initialWindow(count: number, limit: number): number {
  let size = 1;
  while (size < count) size *= 2;
  if (size <= limit / 32) return size * 4;
  if (size <= limit / 4) return size * 2;
  return limit;
}

/** The window after one of `size` pages: Linux's get_next_ra_size. */
export function nextWindow(size: number, limit: number): number {
  if (size < limit / 16) return Math.min(size * 4, limit);
  return Math.min(size * 2, limit);
}

/**
 * Read-ahead per open file by the rules of Linux (mm/readahead.c, 5.x to 6.x): a miss at the start
 * of the file or right after the last read begins a window; a marker page inside the window, when it
 * is used, starts the next window while the reader still has pages to go; a random read leaves the
 * state alone.
 */
export class ReadAhead {
  private readonly residents: ResidentPages;
  private readonly handles: HandleColumns;
  private readonly reader: PageReader;
  private readonly pageLimit: number;

  constructor(
    residents: ResidentPages,
    handles: HandleColumns,
    reader: PageReader,
    pageLimit: number,
  ) {
    this.residents = residents;
    this.handles = handles;
    this.reader = reader;
    this.pageLimit = pageLimit;
  }

  /** A read of `count` pages from `page` on has missed at `page`. */
  miss(handle: number, page: number, count: number): void {
    const { handles } = this;
    const file = handles.file[handle];
    const limit = this.limitOf(handle);
    if (limit === 0) return;
    if (handles.advice[handle] === ADVICE_RANDOM) {
      if (count > 1) this.read(file, page, Math.min(count, limit), 0);
      return;
    }
    const previous = handles.previousPage[handle];
    const follows = previous !== NIL && page - previous >= 0 && page - previous <= 1;
    if (page === 0 || count > limit || follows) {
      this.begin(handle, page, count, limit);
      return;
    }
    const history = this.historyBefore(file, page, limit);
    if (history > count) {
      // Interleaved streams: pages before this one are here, so somebody reads in sequence.
      const span = history >= page ? history * 2 : history;
      handles.start[handle] = page;
      handles.size[handle] = Math.min(span + count, limit);
      handles.asyncSize[handle] = 1;
      this.readWindow(handle);
      return;
    }
    if (count > 1) this.read(file, page, Math.min(count, limit), 0);
  }

  /** The reader uses a page with the marker: the next window is due. */
  marked(handle: number, slot: number, count: number): void {
    const { handles, residents } = this;
    residents.columns.flags[slot] &= ~MARKER;
    const limit = this.limitOf(handle);
    if (limit === 0 || handles.advice[handle] === ADVICE_RANDOM) return;
    const page = residents.columns.page[slot];
    const { start, size, asyncSize } = handles;
    if (page === start[handle] + size[handle] - asyncSize[handle]) {
      start[handle] += size[handle];
      size[handle] = nextWindow(size[handle], limit);
      asyncSize[handle] = size[handle];
      this.readWindow(handle);
      return;
    }
    // Somebody else's marker: their window ends at the next hole.
    const hole = residents.index.nextHole(residents.columns.file[slot], page + 1);
    if (hole - page > limit) return;
    start[handle] = hole;
    size[handle] = nextWindow(hole - page + count, limit);
    asyncSize[handle] = size[handle];
    this.readWindow(handle);
  }

  /** Brings in pages `first .. first+count-1` without any state: fadvise(WILLNEED), readahead(2). */
  read(file: number, first: number, count: number, asyncSize: number): void {
    const { residents } = this;
    if (residents.files.invalidator[file] !== 0) return;
    const pages = Math.ceil(residents.files.size[file] / 4096);
    const last = Math.min(first + count, pages) - 1;
    if (last < first) return;
    const marker = asyncSize > 0 ? first + count - asyncSize : NIL;
    this.reader.readAhead(file, first, last, marker);
  }

  private begin(handle: number, page: number, count: number, limit: number): void {
    const { start, size, asyncSize } = this.handles;
    start[handle] = page;
    size[handle] = initialWindow(count, limit);
    asyncSize[handle] = size[handle] > count ? size[handle] - count : size[handle];
    this.readWindow(handle);
  }

  private readWindow(handle: number): void {
    const { start, size, asyncSize, file } = this.handles;
    this.read(file[handle], start[handle], size[handle], asyncSize[handle]);
  }

  /** Pages in a row that are here right before `page`, at most `limit`. */
  private historyBefore(file: number, page: number, limit: number): number {
    let count = 0;
    while (count < limit && count < page && this.residents.lookup(file, page - 1 - count) !== NIL) {
      count++;
    }
    return count;
  }

  /** A window larger than a quarter of the cache would evict itself. */
  private limitOf(handle: number): number {
    const wanted =
      this.handles.advice[handle] === ADVICE_SEQUENTIAL ? this.pageLimit * 2 : this.pageLimit;
    return Math.min(wanted, this.residents.columns.slotLimit >>> 2);
  }
}
