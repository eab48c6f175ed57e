import {
  ArgumentError,
  assert,
  LARGE_PAGE_BYTES,
  NIL,
  PAGE_BYTES,
  type PhysAddr,
  type VirtAddr,
} from '@hotpath/hw-x86';
import { USER_STACK_BYTES } from '../params.js';
import { AREA_GROWS_DOWN, type AreaFiles, AreaList, anonymous } from './area-list.js';
import { isUserAddress, MMAP_BOTTOM, STACK_GUARD_BYTES } from './memory-map.js';
import type { FlushedSpace } from './tlb-shootdown.js';

/** Where the parts of a new address space lie; see {@link file://./layout.ts}. */
export interface SpaceLayout {
  /** One past the highest byte of the stack. */
  readonly stackTop: VirtAddr;
  /** First byte of the heap. */
  readonly heapStart: VirtAddr;
  /** Mappings end here, or lower. */
  readonly mmapTop: VirtAddr;
}

/** One user address space (Linux: mm_struct). */
export class AddressSpace implements FlushedSpace {
  readonly root: PhysAddr;
  /** 1..4095; 0 is the kernel's own. */
  readonly pcid: number;
  readonly areas: AreaList;
  readonly layout: SpaceLayout;
  /** End of the heap, as brk sees it. */
  heapEnd: VirtAddr;
  /** Bytes to which the stack may grow (RLIMIT_STACK). */
  stackBytes = USER_STACK_BYTES;
  /** 4 KiB pages mapped into the user half. */
  residentPages = 0;
  /** Of these, in pages of 2 MiB. */
  largePages = 0;
  flushCount = 0;
  readonly seenFlush: Float64Array;

  constructor(
    root: PhysAddr,
    pcid: number,
    cpuCount: number,
    files: AreaFiles,
    layout: SpaceLayout,
  ) {
    this.root = root;
    this.pcid = pcid;
    this.areas = new AreaList(files);
    this.layout = layout;
    this.heapEnd = layout.heapStart;
    this.seenFlush = new Float64Array(cpuCount).fill(-1);
  }

  /** Index of the area that holds `address`, or NIL. */
  findArea(address: VirtAddr): number {
    return this.areas.find(address);
  }

  /**
   * Adds an area of private anonymous memory, mapped on first touch. False if the table is full.
   * @throws ArgumentError `ERR_AREA` unless it is aligned, in the user half and free
   */
  addArea(start: VirtAddr, end: VirtAddr, flags: number): boolean {
    const fits =
      start < end &&
      start % PAGE_BYTES === 0 &&
      end % PAGE_BYTES === 0 &&
      isUserAddress(start) &&
      isUserAddress(end - 1);
    if (!fits || this.areas.overlaps(start, end)) {
      throw new ArgumentError(
        'ERR_AREA',
        `area is ${start}..${end}; allowed: a free, page-aligned range of the user half`,
      );
    }
    return this.areas.insert(start, end, anonymous(flags));
  }

  /**
   * The area of `address` after a stack has grown down to it if it may: within USER_STACK_BYTES, and
   * with STACK_GUARD_BYTES left free below. NIL if there is none.
   */
  reach(address: VirtAddr): number {
    const { areas } = this;
    const at = areas.firstEndingAfter(address);
    if (at === areas.count) return NIL;
    if (areas.start[at] <= address) return at;
    if ((areas.flags[at] & AREA_GROWS_DOWN) === 0) return NIL;
    const start = Math.floor(address / PAGE_BYTES) * PAGE_BYTES;
    if (start < areas.end[at] - this.stackBytes) return NIL;
    if (at > 0 && areas.end[at - 1] > start - STACK_GUARD_BYTES) return NIL;
    areas.start[at] = start;
    return at;
  }

  /**
   * A free range for a mapping, as high as there is one below `layout.mmapTop`; its start or NIL.
   * Ranges of 2 MiB and more are aligned so that large pages fit. O(areas passed over).
   */
  findGap(bytes: number): VirtAddr {
    const { areas, layout } = this;
    const align = bytes >= LARGE_PAGE_BYTES ? LARGE_PAGE_BYTES : PAGE_BYTES;
    let ceiling = layout.mmapTop;
    for (let at = areas.firstEndingAfter(ceiling - 1); ; at--) {
      // Area `at` is above the gap; area `at - 1` below it.
      if (at < areas.count) ceiling = Math.min(ceiling, areas.start[at] - this.#guard(at));
      const floor = at > 0 ? areas.end[at - 1] : MMAP_BOTTOM;
      const start = Math.floor((ceiling - bytes) / align) * align;
      if (start >= floor) return start;
      if (at === 0) return NIL;
    }
  }

  /** Bytes of all areas. O(areas). */
  get byteCount(): number {
    const { areas } = this;
    let bytes = 0;
    for (let at = 0; at < areas.count; at++) bytes += areas.end[at] - areas.start[at];
    return bytes;
  }

  /** True if a mapping may be placed at `start..end - 1`: free, and out of a stack's way. */
  isFree(start: VirtAddr, end: VirtAddr): boolean {
    const { areas } = this;
    const at = areas.firstEndingAfter(start);
    return at === areas.count || areas.start[at] - this.#guard(at) >= end;
  }

  /** Asserts that the areas are ordered and disjoint. */
  checkInvariants(): void {
    this.areas.checkInvariants();
    assert(this.residentPages >= 0, 'a space has fewer pages than none');
    assert(this.largePages * 512 <= this.residentPages, 'more large pages than pages');
  }

  #guard(at: number): number {
    return (this.areas.flags[at] & AREA_GROWS_DOWN) === 0 ? 0 : STACK_GUARD_BYTES;
  }
}
