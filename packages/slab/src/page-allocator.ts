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
import { CACHED, MAX_ORDER, MAX_SLAB_ORDER, orderOf, RUN, TAIL, USED } from './page-state.js';
import { TRACE_PAGES_ALLOCATE, TRACE_PAGES_EXHAUSTED, TRACE_PAGES_FREE } from './trace-events.js';
import { layOutZones, type PageRange, type Zone } from './zones.js';

/** Options of {@link PageAllocator}. */
export interface PageAllocatorOptions {
  /** Physical memory to hand out, ascending and disjoint; holes lie between the ranges. */
  readonly ranges: readonly PageRange[];
  /**
   * Bytes from the first range's start on that form low zones, 4,096 to 2 GiB; default 2 GiB. Slab
   * caches live there, so that their offsets fit 31 bits; all else prefers the pages above.
   */
  readonly lowBytes?: ByteCount;
  /**
   * Address up to which {@link PageAllocator.extend} will add pages, 0 to 2**43; default: it will
   * not. Blocks are no larger than what was foreseen here.
   */
  readonly growsTo?: PhysAddr;
  /** CPUs with lists of blocks of order 0 to 3 each, 1..4,096; default 1. */
  readonly cpuCount?: number;
  /** Half the pages that a CPU's list of order 0 holds, 1..4,096; default 64. */
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
  /** Address of page 0 of the columns: at or below the first zone's start. */
  readonly base: PhysAddr;
  /** Address behind the low zones. */
  readonly lowLimit: PhysAddr;
  private readonly lowZone: number;
  private readonly topZone: number;
  private readonly trace: TraceHook | null;
  /** Lists of blocks below {@link lowLimit}, and of those above: the same where none are above. */
  private readonly lowPagesets: CpuPages;
  private readonly topPagesets: CpuPages;

  /** @throws ArgumentError ERR_PAGE_RANGE, ERR_LOW_BYTES, ERR_CPU_COUNT, ERR_CPU_BATCH */
  constructor(options: PageAllocatorOptions) {
    const lowBytes = options.lowBytes ?? 2 * GIB;
    checkInteger('ERR_LOW_BYTES', 'lowBytes', lowBytes, PAGE_BYTES, 2 * GIB);
    const cpuCount = checkInteger('ERR_CPU_COUNT', 'cpuCount', options.cpuCount ?? 1, 1, 4096);
    const batch = checkInteger('ERR_CPU_BATCH', 'cpuBatch', options.cpuBatch ?? 64, 1, 4096);
    const growsTo = checkInteger('ERR_PAGE_RANGE', 'growsTo', options.growsTo ?? 0, 0, 2 ** 43);
    const { zones, base, lowLimit, lowZone } = layOutZones(options.ranges, lowBytes, growsTo);
    this.base = base;
    this.lowLimit = lowLimit;
    this.lowZone = lowZone;
    this.topZone = zones.length - 1;
    const meter = options.meter ?? null;
    this.buddy = new Buddy(zones, meter);
    this.trace = options.trace ?? null;
    this.lowPagesets = new CpuPages(cpuCount, batch, meter, 'pages.low');
    const oneKind = lowZone === this.topZone;
    this.topPagesets = oneKind
      ? this.lowPagesets
      : new CpuPages(cpuCount, batch, meter, 'pages.high');
  }

  /** Zones by ascending address. */
  get zones(): readonly Zone[] {
    return this.buddy.zones;
  }

  /** CPUs with lists of their own. */
  get cpuCount(): number {
    return this.lowPagesets.cpuCount;
  }

  /** Pages under management; holes are not counted. */
  get pageCount(): number {
    let sum = 0;
    for (const zone of this.zones) sum += zone.pageCount;
    return sum;
  }

  /** Free pages, those in per-CPU lists included. */
  get freePages(): number {
    let sum = 0;
    for (const lists of this.pagesets()) sum += lists.pageCount;
    for (const zone of this.zones) sum += zone.freePages;
    return sum;
  }

  /** Pages handed out. */
  get usedPages(): number {
    return this.pageCount - this.freePages;
  }

  /** Bytes of all columns and lists. */
  get metadataBytes(): ByteCount {
    let sum = this.buddy.metadataBytes;
    for (const lists of this.pagesets()) sum += lists.metadataBytes;
    return sum;
  }

  /**
   * Says which CPU runs; its list serves single pages from now on.
   * @throws ArgumentError ERR_CPU
   */
  useCpu(cpu: number): void {
    checkInteger('ERR_CPU', 'cpu', cpu, 0, this.lowPagesets.cpuCount - 1);
    this.lowPagesets.current = cpu;
    this.topPagesets.current = cpu;
  }

  /**
   * A block of `2**order` pages, aligned to its length, or NIL. O(1) apart from at most 18 splits.
   * @throws ArgumentError ERR_ORDER
   */
  allocate(order = 0): PhysAddr {
    checkInteger('ERR_ORDER', 'order', order, 0, MAX_ORDER);
    const page = this.takeBlock(order, this.topPagesets, this.topZone);
    return page === NIL ? this.exhausted(order) : this.addressOfTaken(page, 2 ** order);
  }

  /** As {@link allocate}, but below {@link lowLimit}. */
  allocateLow(order = 0): PhysAddr {
    checkInteger('ERR_ORDER', 'order', order, 0, MAX_ORDER);
    const page = this.takeLowPage(order);
    return page === NIL ? NIL : this.addressOfTaken(page, 2 ** order);
  }

  /** A low block's page number, or NIL: for slab caches, which count in pages. */
  takeLowPage(order: number): number {
    const page = this.takeBlock(order, this.lowPagesets, this.lowZone);
    if (page === NIL) this.exhausted(order);
    return page;
  }

  private addressOfTaken(page: number, pageCount: number): PhysAddr {
    const address = this.buddy.addressOf(page);
    if (this.trace !== null) this.trace.emit(TRACE_PAGES_ALLOCATE, address, pageCount);
    return address;
  }

  private takeBlock(order: number, lists: CpuPages, zone: number): number {
    const buddy = this.buddy;
    let page = NIL;
    if (order <= MAX_SLAB_ORDER) {
      page = lists.pop(order);
      if (page !== NIL) assert(buddy.state[page] === CACHED + order, 'a listed block is marked');
      else if (order === 0 && lists.cpuCount > 1) page = this.refill(lists, zone);
    }
    if (page === NIL) page = buddy.take(order, zone);
    if (page === NIL && this.drain() > 0) page = buddy.take(order, zone);
    if (page !== NIL) buddy.writeState(page, USED + order);
    return page;
  }

  /** Fetches a batch of single pages for the running CPU and returns the last of them, or NIL. */
  private refill(lists: CpuPages, zone: number): number {
    for (let i = 0; i < lists.batch; i += 1) {
      const page = this.buddy.take(0, zone);
      if (page === NIL) break;
      this.buddy.writeState(page, CACHED);
      lists.push(page, 0);
    }
    return lists.pop(0);
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
    let page = buddy.take(order, zone);
    if (page === NIL && this.drain() > 0) page = buddy.take(order, zone);
    if (page === NIL) return this.exhausted(order);
    buddy.writeState(page, RUN);
    buddy.writeLink(2 * page, pageCount);
    buddy.release(buddy.zoneOf(page), page + pageCount, 2 ** order - pageCount);
    return this.addressOfTaken(page, pageCount);
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
    if (state < USED || state >= CACHED) throw this.refusalOf(address);
    if (order !== NIL && state !== USED + order) {
      throw new ArgumentError('ERR_ORDER', `block ${address} has another order than ${order}`);
    }
    const pageCount = state === RUN ? buddy.readLink(2 * page) : 2 ** (state - USED);
    if (this.trace !== null) this.trace.emit(TRACE_PAGES_FREE, address, pageCount);
    if (state <= USED + MAX_SLAB_ORDER) {
      this.giveBlock(page, state - USED);
      return;
    }
    buddy.writeState(page, TAIL);
    buddy.release(buddy.zoneOf(page), page, pageCount);
  }

  /**
   * Makes an allocated block as many single pages, each to be freed by itself: what becomes of a
   * 2 MiB page that loses a part. O(pages).
   * @throws ArgumentError as {@link free}; a run is refused
   */
  split(address: PhysAddr): void {
    const page = this.buddy.pageOf(address);
    const state = page === NIL ? TAIL : this.buddy.readState(page);
    if (state < USED || state >= RUN) throw this.refusalOf(address);
    const end = page + 2 ** (state - USED);
    for (let at = page; at < end; at += 1) this.buddy.writeState(at, USED);
  }

  /** Takes back what {@link takeLowPage} gave. */
  giveLowPage(page: number, order: number): void {
    assert(this.buddy.readState(page) === USED + order, 'a slab gives back the block it got');
    this.giveBlock(page, order);
  }

  /** Puts a block of order 0 to 3 on the running CPU's list; a full list is halved first. */
  private giveBlock(page: number, order: number): void {
    const low = this.lowPagesets === this.topPagesets || page < this.lowPages;
    const lists = low ? this.lowPagesets : this.topPagesets;
    if (!lists.push(page, order)) {
      for (let left = lists.limit(order) >> 1; left > 0; left -= 1) {
        this.uncache(lists.pop(order), order);
      }
      lists.push(page, order);
    }
    this.buddy.writeState(page, CACHED + order);
  }

  private uncache(page: number, order: number): void {
    assert(this.buddy.state[page] === CACHED + order, 'a listed block is marked with its order');
    this.buddy.writeState(page, TAIL);
    this.buddy.release(this.buddy.zoneOf(page), page, 2 ** order);
  }

  /** Why {@link free} takes no block at `address`, where none starts; slow. */
  refusalOf(address: PhysAddr): ArgumentError {
    const page = this.buddy.pageOf(address);
    const state = page === NIL ? TAIL : this.buddy.state[page];
    if (state >= CACHED || (page !== NIL && this.buddy.isInFreeBlock(page))) {
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
    if (state !== RUN) throw this.refusalOf(address);
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

  /** Gives the blocks of all per-CPU lists back to the buddy, where they can merge; how many pages. */
  drain(): number {
    let pageCount = 0;
    for (const lists of this.pagesets()) {
      for (let order = 0; order <= MAX_SLAB_ORDER; order += 1) {
        for (let page = lists.popAny(order); page !== NIL; page = lists.popAny(order)) {
          this.uncache(page, order);
          pageCount += 2 ** order;
        }
      }
    }
    return pageCount;
  }

  private pagesets(): readonly CpuPages[] {
    return this.lowPagesets === this.topPagesets
      ? [this.lowPagesets]
      : [this.lowPagesets, this.topPagesets];
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

  /** Pages of the columns up to the end of the low zones, holes included. */
  get lowPages(): number {
    const zone = this.zones[this.lowZone] as Zone;
    return zone.index + zone.pageCount;
  }

  /** Throws InvariantError when lists and columns disagree. O(pages): for tests. */
  checkInvariants(): void {
    this.buddy.checkInvariants();
    for (const lists of this.pagesets()) lists.checkInvariants(this.buddy.state);
  }
}
