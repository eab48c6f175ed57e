import type { Completion, PhysAddr } from '@hotpath/hw-x86';

/**
 * Port: where the pages of files come from and go to. The kernel implements it over its file
 * system and block cache, `@hotpath/pagecache/node` over a host file, a test over an array.
 *
 * Every call answers OK or an errno (finished, the sink is not called) or PENDING (the sink is
 * called once, later, never from inside the call). `frames[0 .. count-1]` stay the transfer's own
 * until it has finished. Calls for disjoint pages of a file may overlap in time; the cache never
 * has two transfers of the same page under way, and `truncate` and `punch` never overlap a transfer
 * of the pages they remove.
 */
export interface BackingStore {
  /** True if `punch` works; when false, `PageCache.punch` answers ENOSYS. */
  readonly canPunch: boolean;
  /** Fills `count` whole frames with pages `page ..`; what the store does not hold reads as zeros. */
  readPages(
    file: number,
    page: number,
    frames: Float64Array,
    count: number,
    sink: Completion,
    tag: number,
  ): number;
  /**
   * Writes pages `page ..` from `count` frames. Only the first `byteCount` bytes of the run lie
   * inside the file (`(count-1)*4096 < byteCount <= count*4096`); the rest of the last frame is
   * zero and need not be stored. Need not be durable before `sync`.
   */
  writePages(
    file: number,
    page: number,
    frames: Float64Array,
    count: number,
    byteCount: number,
    sink: Completion,
    tag: number,
  ): number;
  /** Sets the file's size. Bytes above a smaller size are gone; new bytes read as zeros. */
  truncate(file: number, size: number, sink: Completion, tag: number): number;
  /** Makes pages `page .. page+count-1` a hole that reads as zeros; the size stays. */
  punch(file: number, page: number, count: number, sink: Completion, tag: number): number;
  /** Makes every write of this file that has finished, and its size, durable. */
  sync(file: number, sink: Completion, tag: number): number;
  /**
   * Optional: the page in this frame has left the cache, and the frame is about to hold another page
   * without having been given back. A store that knows frames by what they hold (a block cache whose
   * slots point into them) forgets this one.
   */
  forgetFrame?(frame: PhysAddr): void;
}

/**
 * Port: who has mapped cached frames into address spaces. The cache counts mappings
 * (`PageCache.mapped`, `unmapped`) and calls back when it needs the page tables changed. No
 * callback may call the cache.
 */
export interface Mappings {
  /**
   * Write-protects every mapping of the page and clears its D bits, so that the next store faults
   * and comes back as `PageCache.makeWritable`. True if a D bit was set.
   */
  clean(slot: number): boolean;
  /** Removes every mapping of the page. True if a D bit was set. */
  unmap(slot: number): boolean;
  /** Collects and clears the A bits of the page's mappings. True if one was set. */
  referenced(slot: number): boolean;
  /**
   * Pages `first .. last` of the file are about to go: removes what is mapped there that is not a
   * page of the cache, that is private copies (when `copies` is true, as truncate wants it).
   */
  unmapRange(file: number, first: number, last: number, copies: boolean): void;
}

/** Moves bytes between a cached frame and the caller of a read or write. */
export interface CopyPort {
  /**
   * Copies `count` bytes (1 to 4,096) from physical address `from` to the caller's byte `at` (counted
   * from the start of the operation). Returns how many it copied; fewer means that the caller's
   * memory must be brought in before going on, and `PageIo.step` then answers COPY_FAULT.
   */
  copyOut(from: PhysAddr, at: number, count: number): number;
  /** The same from the caller's byte `at` to physical address `to`. */
  copyIn(to: PhysAddr, at: number, count: number): number;
}
