import type { VirtAddr } from '@hotpath/hw-x86';

/**
 * The two magazines of one CPU (Bonwick and Adams 2001, 3.1): one in use, the other wholly full or
 * wholly empty, so that a loop on the edge does not fill and flush for ever. While the CPU runs,
 * the cache holds these values in fields of its own.
 */
export class MagazinePair {
  /** The one in use: offsets of free objects, the next to hand out last. */
  loaded: Int32Array;
  other: Int32Array;
  loadedFill = 0;
  /** 0 or the magazine's size. */
  otherFill = 0;
  /** Where they lie, for the meter. */
  loadedBase: VirtAddr;
  otherBase: VirtAddr;

  constructor(size: number, base: VirtAddr) {
    this.loaded = new Int32Array(size);
    this.other = new Int32Array(size);
    this.loadedBase = base;
    this.otherBase = base + size * 4;
  }
}
