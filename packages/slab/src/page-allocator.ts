import {
  ArgumentError,
  assert,
  type ByteCount,
  checkInteger,
  type FrameSource,
  GIB,
  type Meter,
  NIL,
  PAGE_BYTES,
  type PhysAddr,
  type TraceHook,
} from '@hotpath/hw-x86';
import { Buddy } from './buddy.js';
import { CpuPages } from './cpu-pages.js';
import { CACHED, MAX_ORDER, MAX_SLAB_BYTES, orderOf, RUN, TAIL, USED } from './page-state.js';
import { TRACE_PAGES_ALLOCATE, TRACE_PAGES_EXHAUSTED, TRACE_PAGES_FREE } from './trace-events.js';
import { layOutZones, type PageRange, type Zone } from './zones.js';

/** Options of {@link PageAllocator}. */
export interface PageAllocatorOptions {
  /** Physical memory to hand out, ascending and disjoint; holes lie between the ranges. */
  readonly ranges: readonly PageRange[];
  /**
   * Bytes from the first range's start on that form low zones; default and most 2 GiB. Slab caches
   * live there, so that their offsets fit 31 bits; all else prefers the pages above.
   */
  readonly lowBytes?: ByteCount;
  /** CPUs with a list of order-0 pages each, 0..4,096; default 0: no lists. */
  readonly cpuCount?: number;
  /** Pages moved between a CPU's list and the buddy at once, 1..4,096; default 31, as in Linux. */
  readonly cpuBatch?: number;
  readonly meter?: Meter | null;
  readonly trace?: TraceHook | null;
}

/**
 * Page frames by the buddy system (Linux mm/page_alloc.c): blocks of order 0 to 18, each aligned to
 * its length, so that 2 MiB (order 9) and 1 GiB (order 18) pages come out of it; exact runs; a list
 * of single pages for each CPU. Metadata is 9 bytes a page and lies outside the pages, which are
 * never touched.
 */
export class PageAllocator implements FrameSource {
  /** Columns and lists, for reports and tests. */
  readonly buddy: Buddy;
  /** First address of the first zone. */
  readonly start: PhysAddr;
  /** Address behind the low zones. */
  readonly lowLimit: PhysAddr;
  private readonly lowZone: number;
  private readonly topZone: number;
  private readonly trace: TraceHook | null;
  private readonly cpus: CpuPages | null;

  /** @throws ArgumentError ERR_PAGE_RANGE, ERR_LOW_BYTES, ERR_CPU_COUNT, ERR_CPU_BATCH */
  constructor(options: PageAllocatorOptions) {
    const low = options.lowBytes ?? 2 * GIB;
    checkInteger('ERR_LOW_BYTES', 'lowBytes', low, MAX_SLAB_BYTES, 2 * GIB);
    const cpuCount = checkInteger('ERR_CPU_COUNT', 'cpuCount', options.cpuCount ?? 0, 0, 4096);
    const batch = checkInteger('ERR_CPU_BATCH', 'cpuBatch', options.cpuBatch ?? 31, 1, 4096);
    this.start = options.ranges[0]?.start ?? 0;
    // From a multiple of the largest slab's length on, as the slabs' offsets count.
    this.lowLimit = this.start - (this.start % MAX_SLAB_BYTES) + low - (low % PAGE_BYTES);
    const zones = layOutZones(options.ranges, this.lowLimit);
    this.topZone = zones.length - 1;
    this.lowZone = zones.findLastIndex((zone) => zone.start < this.lowLimit);
    assert(this.lowZone >= 0, 'the first zone is low');
    const meter = options.meter ?? null;
    this.buddy = new Buddy(zones, meter);
    this.trace = options.trace ?? null;
    this.cpus = cpuCount === 0 ? null : new CpuPages(cpuCount, batch, meter);
  }

  /** Zones by ascending address. */
  get zones(): readonly Zone[] {
    return this.buddy.zones;
  }

  /** Pages under management; holes are not counted. */
  get pageCount(): number {
    let sum = 0;
    for (const zone of this.zones) sum += zone.pageCount;
    return sum;
  }

  /** Free pages, those in per-CPU lists included. */
  get freePages(): number {
    let sum = this.cpus === null ? 0 : this.cpus.pageCount;
    for (const zone of this.zones) sum += zone.freePages;
    return sum;
  }

  /** Pages handed out. */
  get usedPages(): number {
    return this.pageCount - this.freePages;
  }

  /** Bytes of all columns and lists. */
  get metadataBytes(): ByteCount {
    return this.buddy.metadataBytes + (this.cpus === null ? 0 : this.cpus.metadataBytes);
  }

  /**
   * Says which CPU runs; its list serves single pages from now on.
   * @throws ArgumentError ERR_CPU
   */
  useCpu(cpu: number): void {
    if (this.cpus === null) return;
    this.cpus.current = checkInteger('ERR_CPU', 'cpu', cpu, 0, this.cpus.cpuCount - 1);
  }

  /**
   * A block of `2**order` pages, aligned to its length, or NIL. O(1) apart from at most 18 splits.
   * @throws ArgumentError ERR_ORDER
   */
  allocate(order = 0): PhysAddr {
    if (order === 0 && this.cpus !== null) return this.allocateOnCpu(this.cpus);
    return this.allocateBlock(order, this.topZone);
  }

  /** As {@link allocate}, but below {@link lowLimit}. */
  allocateLow(order = 0): PhysAddr {
    return this.allocateBlock(order, this.lowZone);
  }

  private allocateBlock(order: number, zone: number): PhysAddr {
    checkInteger('ERR_ORDER', 'order', order, 0, MAX_ORDER);
    const page = this.buddy.take(order, zone);
    if (page === NIL) return this.exhausted(order);
    this.buddy.writeState(page, USED + order);
    const address = this.buddy.addressOf(page);
    if (this.trace !== null) this.trace.emit(TRACE_PAGES_ALLOCATE, address, 1 << order);
    return address;
  }

  private allocateOnCpu(cpus: CpuPages): PhysAddr {
    let page = cpus.pop();
    if (page === NIL) {
      for (let i = 0; i < cpus.batch; i += 1) {
        page = this.buddy.take(0, this.topZone);
        if (page === NIL) break;
        this.buddy.writeState(page, CACHED);
        cpus.push(page);
      }
      page = cpus.pop();
      // The last free page may wait in another CPU's list.
      if (page === NIL) page = cpus.popAny();
      if (page === NIL) return this.exhausted(0);
    }
    assert(this.buddy.state[page] === CACHED, 'a page of a CPU list is marked as such');
    this.buddy.writeState(page, USED);
    const address = this.buddy.addressOf(page);
    if (this.trace !== null) this.trace.emit(TRACE_PAGES_ALLOCATE, address, 1);
    return address;
  }

  private exhausted(order: number): PhysAddr {
    if (this.trace !== null) this.trace.emit(TRACE_PAGES_EXHAUSTED, order, this.freePages);
    return NIL;
  }

  /**
   * Exactly `pageCount` pages in a row, or NIL; what a power of two has more goes back at once.
   * Aligned to `2**alignOrder` pages and to the length rounded up to a power of two.
   * @throws ArgumentError ERR_PAGE_COUNT, ERR_ORDER
   */
  allocateRun(pageCount: number, alignOrder = 0): PhysAddr {
    return this.allocatePages(pageCount, alignOrder, this.topZone);
  }

  /** As {@link allocateRun}, but below {@link lowLimit}. */
  allocateRunLow(pageCount: number, alignOrder = 0): PhysAddr {
    return this.allocatePages(pageCount, alignOrder, this.lowZone);
  }

  private allocatePages(pageCount: number, alignOrder: number, zone: number): PhysAddr {
    checkInteger('ERR_PAGE_COUNT', 'pages of a run', pageCount, 1, Number.MAX_SAFE_INTEGER);
    checkInteger('ERR_ORDER', 'alignOrder', alignOrder, 0, MAX_ORDER);
    if (pageCount > 2 ** MAX_ORDER) return this.exhausted(MAX_ORDER);
    const order = Math.max(orderOf(pageCount), alignOrder);
    const buddy = this.buddy;
    const page = buddy.take(order, zone);
    if (page === NIL) return this.exhausted(order);
    buddy.writeState(page, RUN);
    buddy.writeLink(2 * page, pageCount);
    buddy.release(buddy.zoneOf(page), page + pageCount, 2 ** order - pageCount);
    const address = buddy.addressOf(page);
    if (this.trace !== null) this.trace.emit(TRACE_PAGES_ALLOCATE, address, pageCount);
    return address;
  }

  /**
   * Takes back a block or run.
   * @param order - optional: the free is refused unless the block has this order
   * @throws ArgumentError ERR_DOUBLE_FREE, ERR_INTERIOR_POINTER, ERR_FOREIGN_POINTER, ERR_ORDER
   */
  free(address: PhysAddr, order = NIL): void {
    const buddy = this.buddy;
    const page = buddy.pageOf(address);
    const state = page === NIL ? TAIL : buddy.readState(page);
    if (state < USED || state === CACHED) throw this.refusal(address, page, state);
    if (order !== NIL && state !== USED + order) {
      throw new ArgumentError('ERR_ORDER', `block ${address} has another order than ${order}`);
    }
    const pageCount = state === RUN ? buddy.readLink(2 * page) : 2 ** (state - USED);
    if (this.trace !== null) this.trace.emit(TRACE_PAGES_FREE, address, pageCount);
    const z = buddy.zoneOf(page);
    if (state === USED && this.cpus !== null && z === this.topZone) {
      this.freeOnCpu(this.cpus, page);
      return;
    }
    buddy.writeState(page, TAIL);
    buddy.release(z, page, pageCount);
  }

  private freeOnCpu(cpus: CpuPages, page: number): void {
    if (!cpus.push(page)) {
      for (let i = 0; i < cpus.batch; i += 1) this.uncache(cpus.pop());
      cpus.push(page);
    }
    this.buddy.writeState(page, CACHED);
  }

  private uncache(page: number): void {
    assert(this.buddy.state[page] === CACHED, 'a page of a CPU list is marked as such');
    this.buddy.writeState(page, TAIL);
    this.buddy.release(this.buddy.zoneOf(page), page, 1);
  }

  private refusal(address: PhysAddr, page: number, state: number): ArgumentError {
    if (state === CACHED || (page !== NIL && this.buddy.isInFreeBlock(page))) {
      return new ArgumentError('ERR_DOUBLE_FREE', `page ${address} is free already`);
    }
    const inside = this.zones.some(
      (zone) => address >= zone.start && address < zone.start + zone.pageCount * PAGE_BYTES,
    );
    return inside
      ? new ArgumentError('ERR_INTERIOR_POINTER', `${address} is not the start of a block or run`)
      : new ArgumentError('ERR_FOREIGN_POINTER', `${address} is not an address of this allocator`);
  }

  /**
   * Changes a run's length where it lies: shrinking always works, growing where the pages behind it
   * are free. O(1) apart from merges.
   * @returns whether the run now has `pageCount` pages
   * @throws ArgumentError ERR_PAGE_COUNT, and as {@link free}
   */
  resizeRun(address: PhysAddr, pageCount: number): boolean {
    checkInteger('ERR_PAGE_COUNT', 'pages of a run', pageCount, 1, Number.MAX_SAFE_INTEGER);
    const buddy = this.buddy;
    const page = buddy.pageOf(address);
    const state = page === NIL ? TAIL : buddy.readState(page);
    if (state !== RUN) throw this.refusal(address, page, state);
    const old = buddy.readLink(2 * page);
    const z = buddy.zoneOf(page);
    if (pageCount > old) {
      if (!buddy.claim(z, page + old, page + pageCount)) return false;
    } else {
      buddy.release(z, page + pageCount, old - pageCount);
    }
    buddy.writeLink(2 * page, pageCount);
    return true;
  }

  /** Pages of the block or run that starts at `address`; 0 where none does. */
  pagesAt(address: PhysAddr): number {
    const page = this.buddy.pageOf(address);
    const state = page === NIL ? TAIL : this.buddy.readState(page);
    if (state === RUN) return this.buddy.readLink(2 * page);
    return state >= USED && state < RUN ? 2 ** (state - USED) : 0;
  }

  /** Gives the pages of all per-CPU lists back to the buddy, where they can merge. */
  drain(): void {
    const cpus = this.cpus;
    if (cpus === null) return;
    for (let page = cpus.popAny(); page !== NIL; page = cpus.popAny()) this.uncache(page);
  }

  /**
   * More pages behind the last zone, for memory that grew.
   * @throws ArgumentError ERR_PAGE_RANGE; a low zone cannot grow past {@link lowLimit}
   */
  extend(byteCount: ByteCount): void {
    checkInteger('ERR_PAGE_RANGE', 'bytes to add', byteCount, PAGE_BYTES, 2 ** 43);
    const zone = this.zones[this.topZone] as Zone;
    const end = zone.start + zone.pageCount * PAGE_BYTES;
    const limit = zone.start < this.lowLimit ? this.lowLimit : 2 ** 43;
    if (byteCount % PAGE_BYTES !== 0 || end + byteCount > limit) {
      const allowed = `multiples of ${PAGE_BYTES} up to address ${limit}`;
      throw new ArgumentError(
        'ERR_PAGE_RANGE',
        `${byteCount} bytes behind ${end}; allowed: ${allowed}`,
      );
    }
    this.buddy.extend(byteCount / PAGE_BYTES);
  }

  /** Throws InvariantError when lists and columns disagree. O(pages): for tests. */
  checkInvariants(): void {
    this.buddy.checkInvariants();
  }
}
