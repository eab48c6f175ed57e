import {
  assert,
  LARGE_PAGE_BYTES,
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
import { type KernelPaths, PATH_NEW_PAGE } from '../kernel-paths.js';
import { SPACE_LIMIT } from '../params.js';
import type { Call } from '../syscall/call.js';
import type { AddressSpace } from './address-space.js';
import { AREA_EXECUTE, AREA_READ, AREA_SHARED, AREA_WRITE } from './area-list.js';
import type { FileFaults } from './file-fault.js';
import type { FrameReferences } from './frame-references.js';
import type { LargePages } from './large-pages.js';
import { directAddress } from './memory-map.js';
import type { OutOfMemory } from './out-of-memory.js';
import { MAP_NO_EXECUTE, type PageTables } from './page-tables.js';
import type { SharedMemory } from './shared-memory.js';
import type { TlbShootdown } from './tlb-shootdown.js';

/** Start, end and flags of an area, as the meter sees them, and areas of a space that it tells apart. */
const AREA_BYTES = 24;
const METERED_AREAS = 64;

/** The page is there now: run the access again. */
export const FAULT_RESOLVED = 0;
/** No area, or not these rights: SIGSEGV, or EFAULT inside a system call. */
export const FAULT_SEGMENT = 1;
/** No frame is left: the task cannot go on. */
export const FAULT_NO_MEMORY = 2;
/** Beyond the end of the file, or the file cannot be read or written there: SIGBUS, or EFAULT. */
export const FAULT_BUS = 3;
/** A page is on its way, and wakes the call's task: then {@link PageFaults.finish}. */
export const FAULT_BLOCKED = 4;

/** What faults work on. */
export interface PageFaultPorts {
  readonly current: Current;
  readonly tables: PageTables;
  readonly frames: FrameReferences;
  readonly shootdown: TlbShootdown;
  readonly shared: SharedMemory;
  readonly large: LargePages;
  /** A frame of zeros, the source of every clearing copy. */
  readonly zeroFrame: PhysAddr;
  /** Takes the look-up of the area. */
  readonly meter: Meter;
  readonly paths: KernelPaths;
}

/** The rights of an area as bits of a leaf. */
export function rightsOf(flags: number): number {
  return (
    PTE_USER |
    ((flags & AREA_WRITE) !== 0 ? PTE_WRITE : 0) |
    ((flags & AREA_EXECUTE) !== 0 ? 0 : MAP_NO_EXECUTE)
  );
}

/**
 * Brings in what a #PF of a user address asks for. First touch of an anonymous page takes a frame,
 * clears it through the direct map, and maps it (Linux: do_anonymous_page). A write to a page that
 * is read-only although its area is not is copy-on-write: the last one to name the frame keeps it,
 * others get a copy (do_wp_page). Pages of files are {@link FileFaults}' work.
 */
export class PageFaults {
  /** Faults resolved by a new zeroed page. */
  anonymousCount = 0;
  /** Of these, by a page of 2 MiB. */
  largeCount = 0;
  /** Faults resolved by a copy. */
  copyCount = 0;
  /** Copy-on-write faults of a frame that nobody shared any more. */
  reuseCount = 0;
  /** Faults refused. */
  refusedCount = 0;
  readonly #ports: PageFaultPorts;
  readonly #areaBase: VirtAddr;
  #files!: FileFaults;
  #outOfMemory!: OutOfMemory;

  constructor(ports: PageFaultPorts) {
    this.#ports = ports;
    const bytes = (SPACE_LIMIT + 1) * METERED_AREAS * AREA_BYTES;
    this.#areaBase = ports.meter.region('kernel.areas', bytes);
  }

  /** Wires what comes later in boot: faults on files, and what is done when memory is out. */
  connect(files: FileFaults, outOfMemory: OutOfMemory): void {
    this.#files = files;
    this.#outOfMemory = outOfMemory;
  }

  /**
   * @param address - CR2
   * @param vector - VECTOR_PF; anything else (#GP of a non-canonical address) is refused
   * @param code - error code of the fault
   * @param call - of the task, for the wait if there must be one; null: there can be none
   * @returns FAULT_RESOLVED .. FAULT_BLOCKED
   */
  handle(
    space: AddressSpace,
    address: VirtAddr,
    vector: number,
    code: number,
    call: Call | null,
  ): number {
    const area = vector === VECTOR_PF ? space.reach(address) : NIL;
    this.#charge(space);
    const { flags, file, open } = space.areas;
    if (area === NIL || !this.#allowed(flags[area], code)) {
      this.refusedCount += 1;
      return FAULT_SEGMENT;
    }
    const page = Math.floor(address / PAGE_BYTES) * PAGE_BYTES;
    let outcome: number;
    if (file[area] !== NIL) outcome = this.#files.handle(space, area, page, code, call);
    else if ((code & PF_PRESENT) !== 0) outcome = this.writeProtected(space, area, page);
    else if (open[area] !== NIL) outcome = this.#sharedMemory(space, area, page);
    else outcome = this.#anonymous(space, area, page);
    return outcome === FAULT_NO_MEMORY ? this.#relieve(space, call) : outcome;
  }

  /** Goes on after the wake-up that ended a FAULT_BLOCKED; results as of `handle`. */
  finish(space: AddressSpace, address: VirtAddr, code: number, call: Call): number {
    const outcome = this.#files.finish(space, address, code, call);
    return outcome === FAULT_NO_MEMORY ? this.#relieve(space, call) : outcome;
  }

  /** No frame: the task waits until somebody else has ended for it, or ends. */
  #relieve(space: AddressSpace, call: Call | null): number {
    if (!this.#outOfMemory.relieve(space, call)) return FAULT_NO_MEMORY;
    if (call !== null) this.#files.waitForMemory(call);
    return FAULT_BLOCKED;
  }

  /** A write to an anonymous page that is there but read-only. */
  writeProtected(space: AddressSpace, area: number, page: VirtAddr): number {
    const { frames, shootdown, tables } = this.#ports;
    const rights = rightsOf(space.areas.flags[area]);
    let old = tables.find(space.root, page);
    assert(old !== NIL, 'a fault on a present page finds no page');
    if (tables.pageBytes === LARGE_PAGE_BYTES) {
      if (this.#ports.large.reuse(space, page, old, rights)) {
        this.reuseCount += 1;
        return FAULT_RESOLVED;
      }
      old = tables.find(space.root, page);
      if (tables.pageBytes === LARGE_PAGE_BYTES) return FAULT_NO_MEMORY;
    }
    let frame = old;
    if (frames.isShared(old) && (space.areas.flags[area] & AREA_SHARED) === 0) {
      frame = frames.allocate();
      if (frame === NIL) return FAULT_NO_MEMORY;
      this.copy(frame, old);
      this.copyCount += 1;
    } else {
      this.reuseCount += 1;
    }
    tables.remap(space.root, page, frame, rights);
    // Before the old frame can go to anybody else, no TLB may lead to it.
    shootdown.userRange(space, page, 1);
    if (frame !== old) frames.free(old);
    return FAULT_RESOLVED;
  }

  /** Fills a new page of a space: copies a frame through the direct map. */
  copy(to: PhysAddr, from: PhysAddr): void {
    this.#ports.paths.pass(PATH_NEW_PAGE);
    const moved = this.#ports.current.cpu.mmu.copyTo(directAddress(to), from, PAGE_BYTES);
    assert(moved === PAGE_BYTES, 'the direct map does not cover a frame');
  }

  #anonymous(space: AddressSpace, area: number, page: VirtAddr): number {
    const { frames, large, tables } = this.#ports;
    const rights = rightsOf(space.areas.flags[area]);
    if (large.tryMap(space, area, page, rights)) {
      this.anonymousCount += 1;
      this.largeCount += 1;
      return FAULT_RESOLVED;
    }
    const frame = this.#zeroed();
    if (frame === NIL) return FAULT_NO_MEMORY;
    if (tables.map(space.root, page, frame, PAGE_BYTES, rights) !== OK) {
      frames.free(frame);
      return FAULT_NO_MEMORY;
    }
    space.residentPages += 1;
    this.anonymousCount += 1;
    return FAULT_RESOLVED;
  }

  #sharedMemory(space: AddressSpace, area: number, page: VirtAddr): number {
    const { frames, shared, tables } = this.#ports;
    const { areas } = space;
    const index = areas.page[area] + (page - areas.start[area]) / PAGE_BYTES;
    let frame = shared.take(areas.open[area], index);
    if (frame === NIL) {
      if (shared.has(areas.open[area], index)) return FAULT_NO_MEMORY;
      frame = this.#zeroed();
      if (frame === NIL) return FAULT_NO_MEMORY;
      shared.put(areas.open[area], index, frame);
      this.anonymousCount += 1;
    }
    const rights = rightsOf(areas.flags[area]);
    if (tables.map(space.root, page, frame, PAGE_BYTES, rights) !== OK) {
      frames.free(frame);
      return FAULT_NO_MEMORY;
    }
    space.residentPages += 1;
    return FAULT_RESOLVED;
  }

  #zeroed(): PhysAddr {
    const frame = this.#ports.frames.allocate();
    if (frame !== NIL) this.copy(frame, this.#ports.zeroFrame);
    return frame;
  }

  #charge(space: AddressSpace): void {
    const { areas } = space;
    const row = this.#areaBase + space.pcid * METERED_AREAS * AREA_BYTES;
    for (let i = 0; i < areas.probeCount; i++) {
      this.#ports.meter.load(row + (areas.probes[i] % METERED_AREAS) * AREA_BYTES);
    }
  }

  #allowed(flags: number, code: number): boolean {
    if ((code & PF_WRITE) !== 0) return (flags & AREA_WRITE) !== 0;
    if ((code & PF_FETCH) !== 0) return (code & PF_PRESENT) === 0 && (flags & AREA_EXECUTE) !== 0;
    return (code & PF_PRESENT) === 0 && (flags & AREA_READ) !== 0;
  }
}
