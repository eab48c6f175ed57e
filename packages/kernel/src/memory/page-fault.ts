import {
  assert,
  type Meter,
  NIL,
  OK,
  PAGE_BYTES,
  PF_FETCH,
  PF_PRESENT,
  PF_WRITE,
  type PhysAddr,
  PTE_USER,
  PTE_WRITE,
  VECTOR_PF,
  type VirtAddr,
} from '@hotpath/hw-x86';
import type { Current } from '../current.js';
import { AREA_LIMIT, SPACE_LIMIT } from '../params.js';
import { type AddressSpace, AREA_EXECUTE, AREA_WRITE } from './address-space.js';
import type { FrameReferences } from './frame-references.js';
import { directAddress } from './memory-map.js';
import { MAP_NO_EXECUTE, type PageTables } from './page-tables.js';
import type { TlbShootdown } from './tlb-shootdown.js';

/** Start, end and flags of an area, as the meter sees them. */
const AREA_BYTES = 24;

/** The page is there now: run the access again. */
export const FAULT_RESOLVED = 0;
/** No area, or not these rights: SIGSEGV, or EFAULT inside a system call. */
export const FAULT_SEGMENT = 1;
/** No frame is left: the task cannot go on. */
export const FAULT_NO_MEMORY = 2;

/**
 * Brings in what a #PF of a user address asks for. First touch of an anonymous page takes a frame,
 * clears it through the direct map, and maps it (Linux: do_anonymous_page). A write to a page that
 * is read-only although its area is not is copy-on-write: the last one to name the frame keeps it,
 * others get a copy (do_wp_page).
 */
export class PageFaults {
  /** Faults resolved by a new zeroed page. */
  anonymousCount = 0;
  /** Faults resolved by a copy. */
  copyCount = 0;
  /** Copy-on-write faults of a frame that nobody shared any more. */
  reuseCount = 0;
  /** Faults refused. */
  refusedCount = 0;
  readonly #current: Current;
  readonly #tables: PageTables;
  readonly #frames: FrameReferences;
  readonly #shootdown: TlbShootdown;
  readonly #zeroFrame: PhysAddr;

  readonly #meter: Meter;
  readonly #areaBase: VirtAddr;

  /**
   * @param zeroFrame - a frame of zeros, the source of every clearing copy
   * @param meter - takes the look-up of the area
   */
  constructor(
    current: Current,
    tables: PageTables,
    frames: FrameReferences,
    shootdown: TlbShootdown,
    zeroFrame: PhysAddr,
    meter: Meter,
  ) {
    this.#shootdown = shootdown;
    this.#meter = meter;
    this.#areaBase = meter.region('kernel.areas', (SPACE_LIMIT + 1) * AREA_LIMIT * AREA_BYTES);
    this.#current = current;
    this.#tables = tables;
    this.#frames = frames;
    this.#zeroFrame = zeroFrame;
  }

  /**
   * @param address - CR2
   * @param vector - VECTOR_PF; anything else (#GP of a non-canonical address) is refused
   * @param code - error code of the fault
   * @returns FAULT_RESOLVED, FAULT_SEGMENT or FAULT_NO_MEMORY
   */
  handle(space: AddressSpace, address: VirtAddr, vector: number, code: number): number {
    const area = vector === VECTOR_PF ? space.findArea(address) : NIL;
    for (let i = 0; i <= Math.max(area, 0); i++) {
      this.#meter.load(this.#areaBase + (space.pcid * AREA_LIMIT + i) * AREA_BYTES);
    }
    if (area === NIL || !this.#allowed(space.areaFlags[area], code)) {
      this.refusedCount += 1;
      return FAULT_SEGMENT;
    }
    const flags = space.areaFlags[area];
    const rights =
      PTE_USER |
      ((flags & AREA_WRITE) !== 0 ? PTE_WRITE : 0) |
      ((flags & AREA_EXECUTE) !== 0 ? 0 : MAP_NO_EXECUTE);
    const page = Math.floor(address / PAGE_BYTES) * PAGE_BYTES;
    return (code & PF_PRESENT) !== 0
      ? this.#copyOnWrite(space, page, rights)
      : this.#anonymous(space, page, rights);
  }

  #anonymous(space: AddressSpace, page: VirtAddr, rights: number): number {
    const frame = this.#frames.allocate();
    if (frame === NIL) return FAULT_NO_MEMORY;
    this.#copy(frame, this.#zeroFrame);
    if (this.#tables.map(space.root, page, frame, PAGE_BYTES, rights) !== OK) {
      this.#frames.free(frame);
      return FAULT_NO_MEMORY;
    }
    space.residentPages += 1;
    this.anonymousCount += 1;
    return FAULT_RESOLVED;
  }

  #copyOnWrite(space: AddressSpace, page: VirtAddr, rights: number): number {
    const old = this.#tables.find(space.root, page);
    assert(old !== NIL, 'a fault on a present page finds no page');
    let frame = old;
    if (this.#frames.isShared(old)) {
      frame = this.#frames.allocate();
      if (frame === NIL) return FAULT_NO_MEMORY;
      this.#copy(frame, old);
      this.copyCount += 1;
    } else {
      this.reuseCount += 1;
    }
    this.#tables.remap(space.root, page, frame, rights);
    // Before the old frame can go to anybody else, no TLB may lead to it.
    this.#shootdown.userRange(space.pcid, page, 1, space.cpuMask);
    if (frame !== old) this.#frames.free(old);
    return FAULT_RESOLVED;
  }

  #allowed(flags: number, code: number): boolean {
    if ((code & PF_WRITE) !== 0) return (flags & AREA_WRITE) !== 0;
    if ((code & PF_PRESENT) !== 0) return false;
    if ((code & PF_FETCH) !== 0) return (flags & AREA_EXECUTE) !== 0;
    return true;
  }

  #copy(to: PhysAddr, from: PhysAddr): void {
    const moved = this.#current.cpu.mmu.copyTo(directAddress(to), from, PAGE_BYTES);
    assert(moved === PAGE_BYTES, 'the direct map does not cover a frame');
  }
}
