import {
  assert,
  ENOMEM,
  isErrno,
  NIL,
  OK,
  PAGE_BYTES,
  PENDING,
  PF_PRESENT,
  PF_WRITE,
  PTE_WRITE,
  type VirtAddr,
} from '@hotpath/hw-x86';
import type { PageCache } from '@hotpath/pagecache';
import { type KernelPaths, PATH_FILE_PAGE, PATH_PAGE_AROUND } from '../kernel-paths.js';
import { FAULT_AROUND_PAGES, TASK_LIMIT } from '../params.js';
import type { Call } from '../syscall/call.js';
import type { TaskWaits } from '../task/waits.js';
import type { AddressSpace } from './address-space.js';
import { AREA_RANDOM, AREA_SHARED } from './area-list.js';
import type { FrameReferences } from './frame-references.js';
import type { MappableFiles } from './mapped-files.js';
import {
  FAULT_BLOCKED,
  FAULT_BUS,
  FAULT_NO_MEMORY,
  FAULT_RESOLVED,
  type PageFaults,
  rightsOf,
} from './page-fault.js';
import type { PageTables } from './page-tables.js';
import type { ReverseMap } from './reverse-map.js';
import type { TlbShootdown } from './tlb-shootdown.js';

/** What a task whose fault is blocked waits for. */
const WAIT_NONE = 0;
const WAIT_PAGE = 1;
const WAIT_BLOCK = 2;
const WAIT_DIRTY = 3;
const WAIT_MEMORY = 4;

/** What faults on files work on. */
export interface FileFaultPorts {
  readonly pages: PageCache;
  readonly files: MappableFiles;
  readonly tables: PageTables;
  readonly frames: FrameReferences;
  readonly shootdown: TlbShootdown;
  readonly reverse: ReverseMap;
  readonly waits: TaskWaits;
  readonly faults: PageFaults;
  readonly paths: KernelPaths;
}

/**
 * Faults on pages of files (Linux: do_read_fault, do_cow_fault, do_shared_fault). What is mapped is
 * the page cache's own frame, read-only until the first store: a store to a shared page makes it
 * dirty and the entry writable, until write-back cleans it; a store to a private one copies it. A
 * read fault maps neighbours that are in the cache too.
 */
export class FileFaults {
  /** Faults that found the page in the cache, and those that had to read it. */
  minorCount = 0;
  majorCount = 0;
  /** Pages mapped beside the one that was asked for. */
  aroundCount = 0;
  readonly #ports: FileFaultPorts;
  readonly #waiting = new Uint8Array(TASK_LIMIT);
  /** 1 where a store has waited for dirty pages to be written, and has not been let through yet. */
  readonly #hasWaited = new Uint8Array(TASK_LIMIT);

  constructor(ports: FileFaultPorts) {
    this.#ports = ports;
  }

  /** A fault in an area of a file; see {@link PageFaults.handle}. Without a call it cannot wait. */
  handle(
    space: AddressSpace,
    area: number,
    page: VirtAddr,
    code: number,
    call: Call | null,
  ): number {
    const { pages, files, waits } = this.#ports;
    const { areas } = space;
    const file = areas.file[area];
    const index = areas.page[area] + (page - areas.start[area]) / PAGE_BYTES;
    if (index * PAGE_BYTES >= pages.size(file)) return FAULT_BUS;
    if ((code & PF_PRESENT) !== 0) return this.#writeProtected(space, area, page, index, call);
    const handle = files.handleOf(areas.open[area]);
    let slot = pages.find(file, index);
    if (slot === NIL) {
      if (call === null) return FAULT_BUS;
      this.majorCount += 1;
      if ((areas.flags[area] & AREA_RANDOM) === 0) pages.readAheadMiss(handle, index, 1);
      slot = pages.getMissed(file, index, waits, waits.begin(call));
      if (slot === PENDING) return this.#block(call, WAIT_PAGE);
      if (isErrno(slot)) return slot === ENOMEM ? FAULT_NO_MEMORY : FAULT_BUS;
    } else {
      this.minorCount += 1;
    }
    pages.readAheadUsed(handle, slot, 1);
    return this.#map(space, area, page, slot, code, call);
  }

  /** Goes on after the wake-up; see {@link PageFaults.finish}. */
  finish(space: AddressSpace, address: VirtAddr, code: number, call: Call): number {
    const { pages, tables } = this.#ports;
    const waited = this.#waiting[call.task];
    assert(waited !== WAIT_NONE, 'a fault goes on that does not wait');
    this.#waiting[call.task] = WAIT_NONE;
    const { brought } = call;
    if (waited === WAIT_DIRTY) {
      this.#hasWaited[call.task] = 1;
      return FAULT_RESOLVED;
    }
    if (waited === WAIT_MEMORY) return FAULT_RESOLVED;
    if (isErrno(brought)) return brought === ENOMEM ? FAULT_NO_MEMORY : FAULT_BUS;
    if (waited === WAIT_BLOCK) return FAULT_RESOLVED;
    const { areas } = space;
    const page = Math.floor(address / PAGE_BYTES) * PAGE_BYTES;
    const area = areas.find(address);
    // Other threads may have unmapped or mapped here meanwhile; then the access shows what is true.
    const same =
      area !== NIL &&
      areas.file[area] === pages.fileOfSlot(brought) &&
      areas.page[area] + (page - areas.start[area]) / PAGE_BYTES === pages.pageOfSlot(brought) &&
      tables.find(space.root, page) === NIL;
    if (!same) {
      pages.release(brought);
      return FAULT_RESOLVED;
    }
    pages.readAheadUsed(this.#ports.files.handleOf(areas.open[area]), brought, 1);
    return this.#map(space, area, page, brought, code, call);
  }

  /** The task of the call sleeps until there may be memory: then its access is tried again. */
  waitForMemory(call: Call): void {
    this.#waiting[call.task] = WAIT_MEMORY;
  }

  #block(call: Call, what: number): number {
    this.#waiting[call.task] = what;
    return FAULT_BLOCKED;
  }

  /** Maps a pinned page of the cache, or a copy of it. The pin goes in any case. */
  #map(
    space: AddressSpace,
    area: number,
    page: VirtAddr,
    slot: number,
    code: number,
    call: Call | null,
  ): number {
    const { pages, paths } = this.#ports;
    paths.pass(PATH_FILE_PAGE);
    const flags = space.areas.flags[area];
    const write = (code & PF_WRITE) !== 0;
    let outcome = FAULT_RESOLVED;
    // Truncated away while it was read: the access tells what is there now.
    if (pages.fileOfSlot(slot) !== NIL) {
      if (write && (flags & AREA_SHARED) === 0) outcome = this.#mapCopy(space, flags, page, slot);
      else if (write) return this.#mapShared(space, area, page, slot, call);
      else outcome = this.#mapFrame(space, rightsOf(flags) & ~PTE_WRITE, page, slot);
    }
    pages.release(slot);
    if (outcome === FAULT_RESOLVED && !write) this.#mapAround(space, area, page);
    return outcome;
  }

  #mapFrame(space: AddressSpace, rights: number, page: VirtAddr, slot: number): number {
    const { pages, reverse, tables } = this.#ports;
    // The entry first: a table made for it may start write-back, which must find list and entry alike.
    if (tables.map(space.root, page, pages.frame(slot), PAGE_BYTES, rights) !== OK) {
      return FAULT_NO_MEMORY;
    }
    const mapped = reverse.mapped(slot, space.pcid, page);
    assert(mapped, 'a page of the cache goes while it is mapped');
    space.residentPages += 1;
    return FAULT_RESOLVED;
  }

  #mapCopy(space: AddressSpace, flags: number, page: VirtAddr, slot: number): number {
    const { faults, frames, pages, tables } = this.#ports;
    const frame = frames.allocate();
    if (frame === NIL) return FAULT_NO_MEMORY;
    faults.copy(frame, pages.frame(slot));
    faults.copyCount += 1;
    if (tables.map(space.root, page, frame, PAGE_BYTES, rightsOf(flags)) !== OK) {
      frames.free(frame);
      return FAULT_NO_MEMORY;
    }
    space.residentPages += 1;
    return FAULT_RESOLVED;
  }

  #mapShared(
    space: AddressSpace,
    area: number,
    page: VirtAddr,
    slot: number,
    call: Call | null,
  ): number {
    const { pages, tables } = this.#ports;
    const reserved = this.#reserve(space, area, slot, call);
    if (reserved !== FAULT_RESOLVED) return reserved;
    if (this.#mustWait(call)) {
      pages.release(slot);
      return FAULT_BLOCKED;
    }
    const rights = rightsOf(space.areas.flags[area]);
    let outcome = FAULT_RESOLVED;
    if (tables.find(space.root, page) === NIL) {
      outcome = this.#mapFrame(space, rights & ~PTE_WRITE, page, slot);
    }
    if (outcome === FAULT_RESOLVED) outcome = this.#makeWritable(space, rights, page, slot);
    pages.release(slot);
    return outcome;
  }

  /** A store to a page that is there, but read-only. */
  #writeProtected(
    space: AddressSpace,
    area: number,
    page: VirtAddr,
    index: number,
    call: Call | null,
  ): number {
    const { faults, frames, pages, reverse, shootdown, tables } = this.#ports;
    const { areas } = space;
    const old = tables.find(space.root, page);
    assert(old !== NIL, 'a fault on a present page finds no page');
    if (frames.isAnonymous(old)) return faults.writeProtected(space, area, page);
    this.minorCount += 1;
    if ((areas.flags[area] & AREA_SHARED) !== 0) {
      const slot = pages.peek(areas.file[area], index);
      assert(slot !== NIL, 'a mapped page is not in the cache');
      return this.#mapShared(space, area, page, slot, call);
    }
    const frame = frames.allocate();
    if (frame === NIL) return FAULT_NO_MEMORY;
    // Taking the frame may have made the cache give up this very page.
    if (tables.find(space.root, page) !== old) {
      frames.free(frame);
      return FAULT_RESOLVED;
    }
    faults.copy(frame, old);
    faults.copyCount += 1;
    tables.remap(space.root, page, frame, rightsOf(areas.flags[area]));
    shootdown.userRange(space, page, 1);
    reverse.unmapped(old, space.pcid, page, false);
    return FAULT_RESOLVED;
  }

  /** Sees to it that the page has a place on the medium; drops the pin unless it answers RESOLVED. */
  #reserve(space: AddressSpace, area: number, slot: number, call: Call | null): number {
    const { files, pages, waits } = this.#ports;
    if (call === null) {
      pages.release(slot);
      return FAULT_BUS;
    }
    const { areas } = space;
    const index = pages.pageOfSlot(slot);
    const status = files.reserve(areas.open[area], index, waits, waits.begin(call));
    if (status >= 0) return FAULT_RESOLVED;
    pages.release(slot);
    if (status === PENDING) return this.#block(call, WAIT_BLOCK);
    return status === ENOMEM ? FAULT_NO_MEMORY : FAULT_BUS;
  }

  #makeWritable(space: AddressSpace, rights: number, page: VirtAddr, slot: number): number {
    const { pages, shootdown, tables } = this.#ports;
    const writable = pages.makeWritable(slot);
    assert(writable, 'a page of the cache goes while it is mapped');
    tables.remap(space.root, page, pages.frame(slot), rights);
    shootdown.userRange(space, page, 1);
    return FAULT_RESOLVED;
  }

  /**
   * Too many dirty pages: whoever makes more waits (Linux: balance_dirty_pages), once for each store,
   * and before the page is made writable: write-back would take the right away again before the
   * store that it was for, for ever where the limit is small.
   */
  #mustWait(call: Call | null): boolean {
    const { pages, waits } = this.#ports;
    if (call === null) return false;
    if (this.#hasWaited[call.task] === 1) {
      this.#hasWaited[call.task] = 0;
      return false;
    }
    if (pages.throttle(waits, waits.begin(call)) !== PENDING) return false;
    this.#waiting[call.task] = WAIT_DIRTY;
    return true;
  }

  /** Neighbours within the aligned window that are in the cache and not mapped yet. */
  #mapAround(space: AddressSpace, area: number, page: VirtAddr): void {
    const { pages, paths, tables } = this.#ports;
    const { areas } = space;
    const window = FAULT_AROUND_PAGES * PAGE_BYTES;
    const base = Math.floor(page / window) * window;
    const start = Math.max(base, areas.start[area]);
    const end = Math.min(base + window, areas.end[area]);
    const shift = areas.page[area] - areas.start[area] / PAGE_BYTES;
    const file = areas.file[area];
    const last = Math.ceil(pages.size(file) / PAGE_BYTES);
    const rights = rightsOf(areas.flags[area]) & ~PTE_WRITE;
    for (let at = start; at < end; at += PAGE_BYTES) {
      const index = at / PAGE_BYTES + shift;
      if (at === page || index >= last || !pages.isResident(file, index)) continue;
      if (tables.findEntry(space.root, at) !== NIL) continue;
      const slot = pages.peek(file, index);
      if (slot === NIL) continue;
      paths.pass(PATH_PAGE_AROUND);
      if (this.#mapFrame(space, rights, at, slot) === FAULT_RESOLVED) this.aroundCount += 1;
      pages.release(slot);
    }
  }
}
