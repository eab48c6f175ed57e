import { assert, NIL, PAGE_BYTES, type VirtAddr } from '@hotpath/hw-x86';
import { AREA_LIMIT } from '../params.js';

/** The area may be written. */
export const AREA_WRITE = 1;
/** Code may be fetched from the area; all others are mapped with XD. */
export const AREA_EXECUTE = 2;
/** The area may be read. */
export const AREA_READ = 4;
/** Stores reach the file and every other mapping of it, not a private copy. */
export const AREA_SHARED = 8;
/** A stack: an access below it, above the limit, moves its start down. */
export const AREA_GROWS_DOWN = 16;
/** madvise(MADV_HUGEPAGE): large pages wanted. */
export const AREA_HUGE = 32;
/** madvise(MADV_NOHUGEPAGE). */
export const AREA_NO_HUGE = 64;
/** The file behind a shared area is open for writing: mprotect may add the right to write. */
export const AREA_MAY_WRITE = 128;
/** madvise(MADV_RANDOM): no read-ahead. */
export const AREA_RANDOM = 256;
/** madvise(MADV_SEQUENTIAL). */
export const AREA_SEQUENTIAL = 512;

/** Port: who is told of the files that areas show. Every area with a file holds one reference. */
export interface AreaFiles {
  /** One more area shows the open file. */
  share(open: number, file: number): void;
  /** One area less does. */
  release(open: number, file: number): void;
}

/** What an area is, besides its range. */
export interface AreaKind {
  readonly flags: number;
  /** Open file, or NIL: anonymous memory. */
  readonly open: number;
  /** The open file's number in the page cache, or NIL. */
  readonly file: number;
  /** Page of the file at the area's start. */
  readonly page: number;
}

/** Anonymous private memory with these flags. */
export function anonymous(flags: number): AreaKind {
  return { flags, open: NIL, file: NIL, page: 0 };
}

/**
 * The areas of one address space (Linux: vm_area_struct), columns in address order:
 *
 *   start[i] < end[i] <= start[i + 1]
 *   neighbours that touch differ in flags or file, or their pages do not continue
 *
 * Look-up is a binary search; insertion and removal move the columns' tails.
 */
export class AreaList {
  start = new Float64Array(8);
  end = new Float64Array(8);
  flags = new Uint16Array(8);
  /** Open file, or NIL. */
  open = new Int32Array(8);
  /** Page-cache file, or NIL. */
  file = new Int32Array(8);
  /** Page of the file at `start`. */
  page = new Float64Array(8);
  count = 0;
  /** Areas that the last `find` looked at, for who charges for it. */
  readonly probes = new Uint16Array(16);
  probeCount = 0;
  readonly #files: AreaFiles;

  constructor(files: AreaFiles) {
    this.#files = files;
  }

  /** Index of the area that holds `address`, or NIL. */
  find(address: VirtAddr): number {
    const at = this.firstEndingAfter(address);
    return at < this.count && this.start[at] <= address ? at : NIL;
  }

  /** Index of the first area whose end is above `address`; `count` if there is none. */
  firstEndingAfter(address: VirtAddr): number {
    let low = 0;
    let high = this.count;
    this.probeCount = 0;
    while (low < high) {
      const middle = (low + high) >>> 1;
      this.probes[this.probeCount++] = middle;
      if (this.end[middle] <= address) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** True if any area has a byte of `start..end - 1`. */
  overlaps(start: VirtAddr, end: VirtAddr): boolean {
    const at = this.firstEndingAfter(start);
    return at < this.count && this.start[at] < end;
  }

  /** True if every byte of `start..end - 1` is in some area. */
  covers(start: VirtAddr, end: VirtAddr): boolean {
    let at = this.firstEndingAfter(start);
    let reached = start;
    while (reached < end && at < this.count && this.start[at] <= reached) {
      reached = this.end[at];
      at += 1;
    }
    return reached >= end;
  }

  /** Adds an area in a free range and joins it to like neighbours; false if the table is full. */
  insert(start: VirtAddr, end: VirtAddr, kind: AreaKind): boolean {
    assert(start < end && !this.overlaps(start, end), 'an area is put where one is');
    const at = this.firstEndingAfter(start);
    if (!this.#open(at)) return false;
    this.start[at] = start;
    this.end[at] = end;
    this.flags[at] = kind.flags;
    this.open[at] = kind.open;
    this.file[at] = kind.file;
    this.page[at] = kind.page;
    if (kind.open !== NIL) this.#files.share(kind.open, kind.file);
    this.join(at);
    this.join(at - 1);
    return true;
  }

  /** Cuts the area that has bytes on both sides of `address` in two; false if the table is full. */
  splitAt(address: VirtAddr): boolean {
    const at = this.find(address);
    if (at === NIL || this.start[at] === address) return true;
    if (!this.#open(at + 1)) return false;
    this.start[at + 1] = address;
    this.end[at + 1] = this.end[at];
    this.end[at] = address;
    this.flags[at + 1] = this.flags[at];
    this.open[at + 1] = this.open[at];
    this.file[at + 1] = this.file[at];
    this.page[at + 1] = this.page[at] + (address - this.start[at]) / PAGE_BYTES;
    if (this.open[at] !== NIL) this.#files.share(this.open[at], this.file[at]);
    return true;
  }

  /** True if there is room for as many areas more. */
  hasRoom(areas: number): boolean {
    return this.count + areas <= AREA_LIMIT;
  }

  /** Takes one area out. */
  remove(at: number): void {
    if (this.open[at] !== NIL) this.#files.release(this.open[at], this.file[at]);
    this.#move(at, at + 1);
    this.count -= 1;
  }

  /** Makes areas `at` and `at + 1` one if they touch and are alike. */
  join(at: number): void {
    if (at < 0 || at + 1 >= this.count || !this.#continues(at)) return;
    this.end[at] = this.end[at + 1];
    this.remove(at + 1);
  }

  /** The same areas for another space, which has none. */
  copyTo(other: AreaList): void {
    assert(other.count === 0, 'areas are copied onto others');
    for (let at = 0; at < this.count; at++) {
      const made = other.#open(at);
      assert(made, 'as many areas as elsewhere do not fit');
      other.start[at] = this.start[at];
      other.end[at] = this.end[at];
      other.flags[at] = this.flags[at];
      other.open[at] = this.open[at];
      other.file[at] = this.file[at];
      other.page[at] = this.page[at];
      if (this.open[at] !== NIL) other.#files.share(this.open[at], this.file[at]);
    }
  }

  /** Asserts order, and that like neighbours are one. */
  checkInvariants(): void {
    for (let i = 0; i < this.count; i++) {
      assert(this.start[i] < this.end[i], 'an empty area');
      assert(this.start[i] % PAGE_BYTES === 0 && this.end[i] % PAGE_BYTES === 0, 'half a page');
      assert(i === 0 || this.end[i - 1] <= this.start[i], 'areas overlap');
      assert(i === 0 || !this.#continues(i - 1), 'like areas are two');
    }
  }

  #continues(at: number): boolean {
    const next = at + 1;
    if (this.end[at] !== this.start[next] || this.flags[at] !== this.flags[next]) return false;
    if (this.open[at] !== this.open[next]) return false;
    const pages = (this.end[at] - this.start[at]) / PAGE_BYTES;
    return this.open[at] === NIL || this.page[at] + pages === this.page[next];
  }

  /** Makes room at index `at`. */
  #open(at: number): boolean {
    if (this.count === AREA_LIMIT) return false;
    if (this.count === this.start.length) this.#grow();
    this.#move(at + 1, at);
    this.count += 1;
    return true;
  }

  #move(to: number, from: number): void {
    this.start.copyWithin(to, from, this.count);
    this.end.copyWithin(to, from, this.count);
    this.flags.copyWithin(to, from, this.count);
    this.open.copyWithin(to, from, this.count);
    this.file.copyWithin(to, from, this.count);
    this.page.copyWithin(to, from, this.count);
  }

  #grow(): void {
    const room = this.start.length * 2;
    const { start, end, flags, open, file, page } = this;
    this.start = new Float64Array(room);
    this.start.set(start);
    this.end = new Float64Array(room);
    this.end.set(end);
    this.flags = new Uint16Array(room);
    this.flags.set(flags);
    this.open = new Int32Array(room);
    this.open.set(open);
    this.file = new Int32Array(room);
    this.file.set(file);
    this.page = new Float64Array(room);
    this.page.set(page);
  }
}
