import {
  assert,
  type ByteCount,
  checkInteger,
  NIL,
  PAGE_BYTES,
  type TraceHook,
} from '@hotpath/hw-x86';
import { CallMeter } from './call-meter.js';
import { Magazines } from './magazines.js';
import { refusalOf } from './refusal.js';
import type { SlabAllocator } from './slab-allocator.js';
import { cacheShape, type SlabCacheOptions } from './slab-cache-options.js';
import type { ObjectChecks } from './slab-debug.js';
import type { SlabGeometry } from './slab-geometry.js';
import { SlabLists } from './slab-lists.js';
import { NOBODY_AT, type SlabTable, type TableReader } from './slab-table.js';
import { TRACE_FREE_REFUSED, TRACE_OBJECT_ALLOCATE, TRACE_OBJECT_FREE } from './trace-events.js';

/**
 * A cache of objects of one size (Bonwick 1994; magazines: Bonwick and Adams 2001). A call touches
 * one magazine and one bitmap word, `free` also the owner of the page; every address is checked.
 *
 * used bit set <=> handed out
 */
export class SlabCache implements TableReader {
  readonly name: string;
  readonly objectBytes: ByteCount;
  readonly align: ByteCount;
  readonly geometry: SlabGeometry;
  /** 1..65,534: the owner of this cache's pages. */
  readonly id: number = 0;
  readonly lists: SlabLists;
  /** Frees that were refused. */
  refusedFrees = 0;
  /** Allocations that found no memory. */
  failedAllocations = 0;
  // The hot fields are initialised with values of their later kind: one that was undefined first
  // would be checked for being a number at every use.
  private words: Int32Array = new Int32Array(0);
  /** Word of the magazine's last object; NIL stands there when it is empty, or when watched. */
  private top = 0;
  /** First word of the running CPU's magazine. */
  private first = 0;
  private ownersAt = 0;
  /** Address of offset 0. */
  readonly base: number = 0;
  private readonly magazines: Magazines;
  private cpu = 0;
  /**
   * Something sees every operation (meter, trace, debugging), or addresses are no offsets, or there
   * are several CPUs.
   */
  private watched: boolean;
  private checks: ObjectChecks | null = null;
  private readonly owner: SlabAllocator;
  private readonly meter: CallMeter | null;
  private readonly trace: TraceHook | null;

  /** For {@link SlabAllocator.createCache}. */
  constructor(owner: SlabAllocator, id: number, options: SlabCacheOptions) {
    const { geometry, magazineObjects, minEmpty } = cacheShape(options);
    this.geometry = geometry;
    this.name = options.name;
    this.objectBytes = options.objectBytes;
    this.align = Math.max(16, options.align ?? 16);
    this.id = id;
    this.owner = owner;
    this.trace = owner.trace;
    this.base = owner.base;
    const debugged = options.debug !== undefined;
    const several = owner.cpuCount > 1;
    const seen = owner.meter !== null || owner.trace !== null || debugged;
    this.watched = seen || several || this.base !== 0;
    // The first line of the region holds the cache's own fields, the magazines follow.
    const bytes = 64 + owner.cpuCount * Magazines.byteCount(magazineObjects);
    const fieldsBase = owner.meter === null ? 0 : owner.meter.region(`slab.${this.name}`, bytes);
    this.lists = new SlabLists({
      table: owner.table,
      pages: owner.pages,
      geometry,
      cacheId: id,
      minEmpty,
      needsOut: debugged || several,
      trace: this.trace,
      fieldsBase,
    });
    this.magazines = new Magazines(
      this.lists,
      owner.table,
      magazineObjects,
      owner.cpuCount,
      fieldsBase + 64,
    );
    this.meter =
      owner.meter === null ? null : new CallMeter(owner.meter, owner.table, this.magazines);
    owner.table.subscribe(this);
    this.load();
  }

  adopt(table: SlabTable): void {
    const fill = this.top - this.first;
    this.words = table.words;
    this.ownersAt = table.directOwnersAt;
    this.first = this.magazines.first;
    this.top = this.first + fill;
  }

  /** Takes the running CPU's magazine in hand. */
  private load(): void {
    this.first = this.magazines.first;
    // From the first mark on, a pop finds it empty and a push finds it full.
    this.top = this.watched ? this.first - 2 : this.first + this.magazines.fill - 1;
  }

  /** Tells the magazines what the hot field knows. */
  private save(): Magazines {
    if (!this.watched) this.magazines.fill = this.top - this.first + 1;
    return this.magazines;
  }

  /** Debugging layer, of a cache that was made with debug options; before the first allocation. */
  attachChecks(checks: ObjectChecks): void {
    assert(this.lists.slabCount === 0, 'debugging begins before the first slab');
    this.checks = checks;
    this.watched = true;
    this.load();
  }

  /** The end: no page is this cache's from now on, and every allocation is refused by `checks`. */
  retire(checks: ObjectChecks): void {
    this.attachChecks(checks);
    this.magazines.release();
    this.ownersAt = NOBODY_AT;
  }

  /** An object's address, or the allocator's `none` when memory is out. O(1); its bytes are undefined. */
  allocate(): number {
    const { words, top } = this;
    const offset = words[top];
    if (offset < 0) return this.allocateSlowly();
    this.top = (top - 1) | 0;
    words[offset >>> 9] |= 1 << (offset >>> 4);
    return offset;
  }

  /**
   * Takes an object back. O(1).
   * @throws ArgumentError ERR_DOUBLE_FREE, ERR_INTERIOR_POINTER, ERR_FOREIGN_POINTER; nothing is changed
   */
  free(address: number): void {
    const offset = address | 0;
    if (offset !== address || this.words[(this.ownersAt + (offset >>> 12)) | 0] !== this.id) {
      this.freeElsewhere(address);
      return;
    }
    this.freeOwn(offset);
  }

  /** As {@link free}, of an offset in a page of this cache. */
  freeOwn(offset: number): void {
    const { words } = this;
    const word = words[offset >>> 9];
    const mask = 1 << (offset >>> 4);
    // Only the start of an object that is handed out has its bit set.
    if ((word & mask) === 0 || (offset & 15) !== 0) {
      this.refuse(this.base + offset);
      return;
    }
    const top = (this.top + 1) | 0;
    if (words[top] < 0) {
      this.freeSlowly(offset);
      return;
    }
    words[offset >>> 9] = word ^ mask;
    words[top] = offset;
    this.top = top;
  }

  /** Where addresses are no offsets; else the address is none of this cache's. */
  private freeElsewhere(address: number): void {
    const offset = this.offsetOf(address);
    if (this.base === 0 || offset === NIL) this.refuse(address);
    else this.freeOwn(offset);
  }

  /** Offset of an address in this cache's slabs, or NIL. */
  private offsetOf(address: number): number {
    const exact = address - this.base;
    const offset = exact | 0;
    return offset === exact && this.owner.cacheOf(address) === this ? offset : NIL;
  }

  private allocateSlowly(): number {
    if (this.watched) return this.allocateWatched();
    const loaded = this.reload();
    this.load();
    return loaded ? this.allocate() : this.owner.none;
  }

  private freeSlowly(offset: number): void {
    if (this.watched) {
      this.freeWatched(offset);
      return;
    }
    this.save().spill();
    this.load();
    this.freeOwn(offset);
  }

  /** The running CPU's magazine is empty: fills half of it; false when memory is out. */
  private reload(): boolean {
    const { magazines } = this;
    this.save();
    if (magazines.refill((magazines.size + 1) >>> 1) > 0) return true;
    // Memory is out, but other CPUs' magazines, quarantine and other caches may hold some.
    this.owner.reclaim(this.geometry.slabBytes / PAGE_BYTES);
    if (magazines.refill(1) > 0) return true;
    this.failedAllocations += 1;
    return false;
  }

  private allocateWatched(): number {
    const { checks, meter } = this;
    if (checks !== null) {
      if (!checks.mayAllocate()) {
        this.failedAllocations += 1;
        return this.owner.none;
      }
      const substitute = checks.substitute();
      if (substitute !== NIL) return substitute;
    }
    this.enterCpu();
    const { magazines } = this;
    if (meter !== null) meter.looked();
    if (magazines.fill === 0 && !this.reload()) return this.owner.none;
    const offset = magazines.pop();
    this.words[offset >>> 9] |= 1 << (offset >>> 4);
    if (meter !== null) meter.allocated(offset);
    const address = this.base + offset;
    if (checks !== null) checks.allocated(address);
    if (this.trace !== null) this.trace.emit(TRACE_OBJECT_ALLOCATE, address, this.id);
    return address;
  }

  /** `offset` is that of an object in use: `free` has checked it. */
  private freeWatched(offset: number): void {
    const { checks, meter } = this;
    this.enterCpu();
    if (checks !== null) checks.freed(this.base + offset);
    this.words[offset >>> 9] &= ~(1 << (offset >>> 4));
    if (meter !== null) meter.freed(offset);
    if (this.trace !== null) this.trace.emit(TRACE_OBJECT_FREE, this.base + offset, this.id);
    const reusable = checks === null ? offset : checks.delay(offset);
    if (reusable !== NIL) this.magazines.push(reusable);
  }

  private enterCpu(): void {
    if (this.cpu === this.owner.cpu) return;
    this.cpu = this.owner.cpu;
    this.magazines.enter(this.cpu);
    this.load();
  }

  /** Puts the objects of the running CPU's magazine back into their slabs. */
  flushMagazine(): void {
    this.enterCpu();
    this.save().flush();
    this.load();
  }

  /** Puts the objects of all magazines, and of quarantine, back into their slabs. */
  flushMagazines(): void {
    this.save().flushAll();
    this.load();
    this.checks?.drain((offset) => this.magazines.putBack(offset));
  }

  /** Gives all empty slabs back after flushing the magazines; bytes given back. O(free objects). */
  shrink(): ByteCount {
    this.flushMagazines();
    return this.lists.releaseEmpty(0) * this.geometry.slabBytes;
  }

  /** Objects of a magazine. */
  get magazineObjects(): number {
    return this.magazines.size;
  }

  /** Free objects that wait in magazines of all CPUs. O(CPUs). */
  get magazineFill(): number {
    return this.save().total;
  }

  /** What `allocate` answers when memory is out. */
  get none(): number {
    return this.owner.none;
  }

  /** Objects handed out. O(CPUs). */
  get liveObjects(): number {
    const delayed = this.checks === null ? 0 : this.checks.delayedCount;
    const substitutes = this.checks === null ? 0 : this.checks.substituteCount;
    const { objectTotal, availableObjects } = this.lists;
    return objectTotal - availableObjects - this.magazineFill - delayed + substitutes;
  }

  /** Bytes of the slabs that this cache holds. */
  get footprintBytes(): ByteCount {
    return this.lists.slabCount * this.geometry.slabBytes;
  }

  /** True when `address` is the start of an object of this cache that is handed out. O(1). */
  isLive(address: number): boolean {
    const offset = this.offsetOf(address);
    return offset !== NIL && (offset & 15) === 0 && this.owner.table.isUsed(offset);
  }

  /** Throws the reason why `address` cannot be freed, unless it is a guarded substitute. */
  private refuse(address: number): void {
    if (this.checks?.freeSubstitute(address)) return;
    this.refusedFrees += 1;
    if (this.trace !== null) this.trace.emit(TRACE_FREE_REFUSED, address, this.id);
    throw refusalOf(this, this.owner.cacheOf(address), address);
  }

  /** Calls `visit` with the address of every object that is handed out, upwards. O(pages). */
  forEachLive(visit: (address: number) => void): void {
    const { objectCount, stride } = this.geometry;
    this.lists.forEachSlab((head) => {
      const first = this.lists.firstOf(head);
      for (let slot = 0; slot < objectCount; slot += 1) {
        const offset = first + slot * stride;
        if (this.owner.table.isUsed(offset)) visit(this.base + offset);
      }
    });
    this.checks?.forEachSubstitute(visit);
  }

  /** Calls `visit` with the offset of every free slot outside its slab: in magazines, quarantine. */
  forEachWaiting(visit: (offset: number) => void): void {
    this.save().forEach(visit);
    this.checks?.forEachDelayed(visit);
  }

  /** The debugging layer, or null: for validation. */
  get debugging(): ObjectChecks | null {
    return this.checks;
  }

  /**
   * `count` objects at once into `target[0 ..]`, or none: false when memory is out. O(count).
   * @throws ArgumentError ERR_COUNT where `target` is too short
   */
  allocateBulk(target: number[] | Float64Array | Int32Array, count: number): boolean {
    const limit = Array.isArray(target) ? 2 ** 31 : target.length;
    checkInteger('ERR_COUNT', 'count', count, 0, limit);
    for (let i = 0; i < count; i += 1) {
      const address = this.allocate();
      if (address === this.owner.none) {
        this.freeBulk(target, i);
        return false;
      }
      target[i] = address;
    }
    return true;
  }

  /** Frees `addresses[0 .. count - 1]`; stops at the first that is refused. O(count). */
  freeBulk(addresses: ArrayLike<number>, count = addresses.length): void {
    for (let i = 0; i < count; i += 1) this.free(addresses[i]);
  }

  /**
   * Guarantees the next `count` allocations: so many slots are made ready and stay so, whatever
   * else is shrunk, until the next call; 0 ends it.
   * @returns whether the memory was there; where not, nothing is reserved
   * @throws ArgumentError ERR_COUNT
   */
  prefill(count: number): boolean {
    checkInteger('ERR_COUNT', 'count', count, 0, 2 ** 27);
    this.lists.reserved = 0;
    while (this.lists.availableObjects < count) {
      if (this.lists.grow() === NIL) return false;
    }
    this.lists.reserved = count;
    return true;
  }

  /** Walks magazines, slabs and maps; throws InvariantError. O(pages): for tests. */
  checkInvariants(): void {
    this.forEachWaiting((offset) => {
      assert(!this.owner.table.isUsed(offset), 'what waits in a magazine is not handed out');
    });
    this.magazines.checkInvariants();
    this.lists.checkInvariants(this.magazineFill);
  }
}
