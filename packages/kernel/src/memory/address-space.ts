/**
 * User address spaces: a root, a PCID, and sorted areas that say what a fault may bring in (Linux:
 * mm_struct and vm_area_struct).
 */
import {
  ArgumentError,
  assert,
  NIL,
  OK,
  PAGE_BYTES,
  type PhysAddr,
  type VirtAddr,
} from '@hotpath/hw-x86';
import { AREA_LIMIT, FLUSH_CEILING_PAGES, SPACE_LIMIT } from '../params.js';
import type { FrameReferences } from './frame-references.js';
import { isUserAddress } from './memory-map.js';
import type { PageTables } from './page-tables.js';
import type { TlbShootdown } from './tlb-shootdown.js';

/** More pages than are flushed one by one. */
const FLUSH_ALL_PAGES = FLUSH_CEILING_PAGES + 1;

/** The area may be written. */
export const AREA_WRITE = 1;
/** Code may be fetched from the area; all others are mapped with XD. */
export const AREA_EXECUTE = 2;

/**
 * One address space. `areaStart[i] <= a < areaEnd[i]` are its areas, in order and disjoint:
 * `areaEnd[i] <= areaStart[i + 1]`.
 */
export class AddressSpace {
  readonly root: PhysAddr;
  /** 1..4095; 0 is the kernel's own. */
  readonly pcid: number;
  readonly areaStart = new Float64Array(AREA_LIMIT);
  readonly areaEnd = new Float64Array(AREA_LIMIT);
  readonly areaFlags = new Uint8Array(AREA_LIMIT);
  areaCount = 0;
  /** Frames mapped into the user half. */
  residentPages = 0;
  /** CPUs that have run it, a bit each: their TLBs may hold its entries. */
  cpuMask = 0;

  constructor(root: PhysAddr, pcid: number) {
    this.root = root;
    this.pcid = pcid;
  }

  /** Index of the area that holds `address`, or NIL. */
  findArea(address: VirtAddr): number {
    for (let i = 0; i < this.areaCount; i++) {
      if (address < this.areaStart[i]) return NIL;
      if (address < this.areaEnd[i]) return i;
    }
    return NIL;
  }

  /**
   * Adds an area of anonymous memory, mapped on first touch. False if the table of areas is full.
   * @throws ArgumentError `ERR_AREA` unless it is aligned, in the user half and free
   */
  addArea(start: VirtAddr, end: VirtAddr, flags: number): boolean {
    const fits =
      start < end &&
      start % PAGE_BYTES === 0 &&
      end % PAGE_BYTES === 0 &&
      isUserAddress(start) &&
      isUserAddress(end - 1);
    if (!fits || this.overlaps(start, end)) {
      throw new ArgumentError(
        'ERR_AREA',
        `area is ${start}..${end}; allowed: a free, page-aligned range of the user half`,
      );
    }
    if (this.areaCount === AREA_LIMIT) return false;
    let at = this.areaCount;
    while (at > 0 && this.areaStart[at - 1] > start) at -= 1;
    this.areaStart.copyWithin(at + 1, at, this.areaCount);
    this.areaEnd.copyWithin(at + 1, at, this.areaCount);
    this.areaFlags.copyWithin(at + 1, at, this.areaCount);
    this.areaStart[at] = start;
    this.areaEnd[at] = end;
    this.areaFlags[at] = flags;
    this.areaCount += 1;
    return true;
  }

  /** True if any area has a byte of `start..end - 1`. */
  overlaps(start: VirtAddr, end: VirtAddr): boolean {
    for (let i = 0; i < this.areaCount; i++) {
      if (start < this.areaEnd[i] && end > this.areaStart[i]) return true;
    }
    return false;
  }

  /** Asserts that the areas are ordered and disjoint. */
  checkInvariants(): void {
    for (let i = 0; i < this.areaCount; i++) {
      assert(this.areaStart[i] < this.areaEnd[i], 'an empty area');
      assert(i === 0 || this.areaEnd[i - 1] <= this.areaStart[i], 'areas overlap');
    }
  }
}

/** Makes and destroys address spaces and gives out PCIDs. */
export class AddressSpaces {
  readonly #kernelRoot: PhysAddr;
  readonly #tables: PageTables;
  readonly #frames: FrameReferences;
  readonly #shootdown: TlbShootdown;
  readonly #freePcids: number[] = [];
  #liveCount = 0;

  constructor(
    kernelRoot: PhysAddr,
    tables: PageTables,
    frames: FrameReferences,
    shootdown: TlbShootdown,
  ) {
    this.#kernelRoot = kernelRoot;
    this.#tables = tables;
    this.#frames = frames;
    this.#shootdown = shootdown;
    for (let pcid = SPACE_LIMIT; pcid >= 1; pcid--) this.#freePcids.push(pcid);
  }

  /** Address spaces alive. */
  get liveCount(): number {
    return this.#liveCount;
  }

  /** An empty address space that shares the kernel half, or null without memory or PCIDs. */
  create(): AddressSpace | null {
    const pcid = this.#freePcids.pop();
    if (pcid === undefined) return null;
    const root = this.#tables.createRoot(this.#kernelRoot);
    if (root === NIL) {
      this.#freePcids.push(pcid);
      return null;
    }
    this.#liveCount += 1;
    return new AddressSpace(root, pcid);
  }

  /**
   * A copy of a space: the same areas, every frame shared, and in both spaces writable only after a
   * fault that copies it. Null without memory or PCIDs; the parent's pages then take one fault more.
   */
  fork(parent: AddressSpace): AddressSpace | null {
    const child = this.create();
    if (child === null) return null;
    const status = this.#tables.shareUserHalf(parent.root, child.root, (frame) =>
      this.#frames.share(frame),
    );
    this.#shootdown.userRange(parent.pcid, 0, FLUSH_ALL_PAGES, parent.cpuMask);
    if (status !== OK) {
      this.destroy(child);
      return null;
    }
    child.areaStart.set(parent.areaStart);
    child.areaEnd.set(parent.areaEnd);
    child.areaFlags.set(parent.areaFlags);
    child.areaCount = parent.areaCount;
    child.residentPages = parent.residentPages;
    return child;
  }

  /** Flushes every TLB of the space, then gives back its frames, tables and PCID. */
  destroy(space: AddressSpace): void {
    this.#shootdown.userAll(space.pcid, space.root, space.cpuMask);
    this.#tables.destroyUserHalf(space.root, (frame) => this.#frames.free(frame));
    this.#freePcids.push(space.pcid);
    this.#liveCount -= 1;
  }
}
