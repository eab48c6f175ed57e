/**
 * Virtually contiguous kernel memory over frames from anywhere (Linux: mm/vmalloc.c). Pages are
 * mapped at once, global and never executable, and each range is followed by an unmapped guard page.
 */
import {
  ArgumentError,
  assert,
  HUGE_PAGE_BYTES,
  LARGE_PAGE_BYTES,
  NIL,
  OK,
  PAGE_BYTES,
  type PhysAddr,
  PTE_GLOBAL,
  PTE_WRITE,
  type VirtAddr,
} from '@hotpath/hw-x86';
import { VMALLOC, VMALLOC_BYTES, VMALLOC_HUGE } from './memory-map.js';
import { MAP_NO_EXECUTE, type PageTables } from './page-tables.js';
import { RangeAllocator } from './range-allocator.js';
import type { TlbShootdown } from './tlb-shootdown.js';

/** Port: aligned blocks of frames. `order` is log2 of the number of 4 KiB frames. */
export interface FrameBlocks {
  /** Address aligned to its size, or NIL. */
  allocate(order: number): PhysAddr;
  /** Gives back what `allocate` returned for the same order. */
  free(address: PhysAddr, order: number): void;
}

const KERNEL_DATA = PTE_WRITE | PTE_GLOBAL | MAP_NO_EXECUTE;

/** Length from which {@link Vmalloc.vmallocAuto} takes large pages. */
export const VMALLOC_LARGE_BYTES = LARGE_PAGE_BYTES;

/** Log2 of the frames in a page of the three sizes. */
function orderOf(pageBytes: number): number {
  if (pageBytes === PAGE_BYTES) return 0;
  return pageBytes === LARGE_PAGE_BYTES ? 9 : 18;
}

/** Allocates, maps, unmaps and frees kernel ranges. */
export class Vmalloc {
  /** Bytes mapped now, guard pages not included. */
  mappedBytes = 0;
  readonly #root: PhysAddr;
  readonly #tables: PageTables;
  readonly #frames: FrameBlocks;
  readonly #shootdown: TlbShootdown;
  readonly #small = new RangeAllocator(VMALLOC, VMALLOC_BYTES);
  readonly #large = new RangeAllocator(VMALLOC_HUGE, VMALLOC_BYTES);

  /** @param root - the kernel's root, whose upper half all address spaces share */
  constructor(root: PhysAddr, tables: PageTables, frames: FrameBlocks, shootdown: TlbShootdown) {
    this.#root = root;
    this.#tables = tables;
    this.#frames = frames;
    this.#shootdown = shootdown;
  }

  /**
   * `bytes` bytes, rounded up to 4 KiB pages, contents undefined; the address or NIL without memory.
   * @throws ArgumentError `ERR_VMALLOC_SIZE` unless 1 <= bytes <= 2**40
   */
  vmalloc(bytes: number): VirtAddr {
    return this.#allocate(this.#small, bytes, PAGE_BYTES);
  }

  /**
   * The same with the page size chosen by the length (Linux: vmalloc_huge): pages of 2 MiB from
   * `VMALLOC_LARGE_BYTES` on, if they waste less than an eighth and memory has such blocks;
   * otherwise, and then too, pages of 4 KiB.
   */
  vmallocAuto(bytes: number): VirtAddr {
    const rounded = Math.ceil(bytes / LARGE_PAGE_BYTES) * LARGE_PAGE_BYTES;
    if (bytes >= VMALLOC_LARGE_BYTES && rounded - bytes <= bytes / 8) {
      const start = this.vmallocHuge(bytes);
      if (start !== NIL) return start;
    }
    return this.vmalloc(bytes);
  }

  /**
   * The same with pages of 2 MiB or 1 GiB, so that one TLB entry reaches 512 or 262,144 times as far.
   * @param pageBytes - 2097152 (default) or 1073741824
   * @throws ArgumentError `ERR_VMALLOC_SIZE`, `ERR_PAGE_SIZE`
   */
  vmallocHuge(bytes: number, pageBytes: number = LARGE_PAGE_BYTES): VirtAddr {
    if (pageBytes !== LARGE_PAGE_BYTES && pageBytes !== HUGE_PAGE_BYTES) {
      throw new ArgumentError(
        'ERR_PAGE_SIZE',
        `page size is ${pageBytes}; allowed: 2097152 or 1073741824`,
      );
    }
    return this.#allocate(this.#large, bytes, pageBytes);
  }

  /**
   * Unmaps a range, tells every TLB, and gives its frames back.
   * @throws ArgumentError `ERR_VFREE` unless `address` came from vmalloc and is still allocated
   */
  vfree(address: VirtAddr): void {
    const ranges = address >= VMALLOC_HUGE ? this.#large : this.#small;
    const reserved = ranges.sizeOf(address);
    if (reserved === NIL) {
      throw new ArgumentError('ERR_VFREE', `address is ${address}; allowed: a result of vmalloc`);
    }
    const bytes = reserved - this.#guardBytes(ranges);
    assert(this.#tables.find(this.#root, address) !== NIL, 'a vmalloc range is not mapped');
    const { pageBytes } = this.#tables;
    this.#unmap(address, bytes / pageBytes, pageBytes);
    ranges.free(address);
  }

  /** Asserts the ranges' equations. */
  checkInvariants(): void {
    this.#small.checkInvariants();
    this.#large.checkInvariants();
  }

  #guardBytes(ranges: RangeAllocator): number {
    return ranges === this.#small ? PAGE_BYTES : LARGE_PAGE_BYTES;
  }

  #allocate(ranges: RangeAllocator, bytes: number, pageBytes: number): VirtAddr {
    if (!(bytes >= 1 && bytes <= 2 ** 40)) {
      throw new ArgumentError('ERR_VMALLOC_SIZE', `size is ${bytes}; allowed: 1..1099511627776`);
    }
    const pageCount = Math.ceil(bytes / pageBytes);
    const start = ranges.allocate(pageCount * pageBytes + this.#guardBytes(ranges), pageBytes);
    if (start === NIL) return NIL;
    for (let page = 0; page < pageCount; page++) {
      if (this.#mapOne(start + page * pageBytes, pageBytes)) continue;
      if (page > 0) this.#unmap(start, page, pageBytes);
      ranges.free(start);
      return NIL;
    }
    return start;
  }

  #mapOne(address: VirtAddr, pageBytes: number): boolean {
    const order = orderOf(pageBytes);
    const frame = this.#frames.allocate(order);
    if (frame === NIL) return false;
    if (this.#tables.map(this.#root, address, frame, pageBytes, KERNEL_DATA) === OK) {
      this.mappedBytes += pageBytes;
      return true;
    }
    this.#frames.free(frame, order);
    return false;
  }

  /** Entries out first, then the TLBs, then the frames: no one may write to a frame given away. */
  #unmap(start: VirtAddr, pageCount: number, pageBytes: number): void {
    const frames = new Float64Array(pageCount);
    for (let page = 0; page < pageCount; page++) {
      frames[page] = this.#tables.unmap(this.#root, start + page * pageBytes);
      assert(frames[page] !== NIL, 'a vmalloc page is not mapped');
    }
    this.#shootdown.kernelRange(start, pageCount, pageBytes);
    const order = orderOf(pageBytes);
    for (const frame of frames) this.#frames.free(frame, order);
    this.mappedBytes -= pageCount * pageBytes;
  }
}
