import {
  assert,
  type ByteCount,
  checkInteger,
  type Meter,
  NIL,
  PAGE_BYTES,
  type TraceHook,
} from '@hotpath/hw-x86';
import { Magazines } from './magazines.js';
import { refusalOf } from './refusal.js';
import type { SlabAllocator } from './slab-allocator.js';
import type { SlabCacheOptions } from './slab-cache-options.js';
import { type ObjectChecks, RED_ZONE_BYTES } from './slab-debug.js';
import { MAX_OBJECT_BYTES, type SlabGeometry, slabGeometry } from './slab-geometry.js';
import { SlabLists } from './slab-lists.js';
import type { SlabTable, TableReader } from './slab-table.js';
import {
  SITE_BASE,
  TRACE_FREE_REFUSED,
  TRACE_OBJECT_ALLOCATE,
  TRACE_OBJECT_FREE,
} from './trace-events.js';

const SITE_MAGAZINE_EMPTY = SITE_BASE + 32;
const SITE_MAGAZINE_FULL = SITE_BASE + 33;
const SITE_REFUSED = SITE_BASE + 35;

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
  /** Something sees every operation: meter, trace, debugging, or there are several CPUs. */
  private watched: boolean;
  private checks: ObjectChecks | null = null;
  private readonly owner: SlabAllocator;
  private readonly meter: Meter | null;
  private readonly trace: TraceHook | null;

  /** For {@link SlabAllocator.createCache}. */
  constructor(owner: SlabAllocator, id: number, options: SlabCacheOptions) {
    const { name, objectBytes } = options;
    const zone = options.debug?.redZones === true ? RED_ZONE_BYTES : 0;
    const left = zone === 0 ? 0 : Math.max(zone, options.align ?? zone);
    checkInteger('ERR_OBJECT_BYTES', `objectBytes of ${name}`, objectBytes, 1, MAX_OBJECT_BYTES);
    this.geometry = slabGeometry(objectBytes, options.align, left, zone);
    const { stride } = this.geometry;
    const size =
      options.magazineObjects ?? Math.max(2, Math.min(128, Math.floor((2 * PAGE_BYTES) / stride)));
    checkInteger('ERR_MAGAZINE', 'magazineObjects', size, 1, 1024);
    const minEmpty = checkInteger('ERR_MIN_EMPTY', 'minEmpty', options.minEmpty ?? 1, 0, 1_000_000);
    this.name = name;
    this.objectBytes = objectBytes;
    this.align = Math.max(16, options.align ?? 16);
    this.id = id;
    this.owner = owner;
    this.meter = owner.meter;
    this.trace = owner.trace;
    this.base = owner.base;
    const debugged = options.debug !== undefined;
    this.watched = this.meter !== null || this.trace !== null || owner.cpuCount > 1 || debugged;
    // The first line of the region holds the cache's own fields, the magazines follow.
    const bytes = 64 + owner.cpuCount * Magazines.byteCount(size);
    const fieldsBase = this.meter === null ? 0 : this.meter.region(`slab.${name}`, bytes);
    this.lists = new SlabLists({
      table: owner.table,
      pages: owner.pages,
      geometry: this.geometry,
      cacheId: id,
      minEmpty,
      needsOut: debugged || owner.cpuCount > 1,
      trace: this.trace,
      fieldsBase,
    });
    this.magazines = new Magazines(this.lists, owner.table, size, owner.cpuCount, fieldsBase + 64);
    owner.table.subscribe(this);
    this.load();
  }

  adopt(table: SlabTable): void {
    const fill = this.top - this.first;
    this.words = table.words;
    this.ownersAt = table.ownersAt;
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
    // Beyond the array, where nobody owns anything.
    this.ownersAt = 2 ** 30 - 1;
  }

  /** An object's address, or the allocator's `none` when memory is out. O(1); its bytes are undefined. */
  allocate(): number {
    const { words, top } = this;
    const offset = words[top];
    if (offset < 0) return this.allocateSlowly();
    this.top = top - 1;
    words[offset >>> 9] |= 1 << (offset >>> 4);
    return this.base + offset;
  }

  /**
   * Takes an object back. O(1).
   * @throws ArgumentError ERR_DOUBLE_FREE, ERR_INTERIOR_POINTER, ERR_FOREIGN_POINTER; nothing is changed
   */
  free(address: number): void {
    const exact = address - this.base;
    const offset = exact | 0;
    if (offset !== exact || this.words[this.ownersAt + (offset >>> 12)] !== this.id) {
      this.refuse(address);
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
    const top = this.top + 1;
    if (words[top] < 0) {
      this.freeSlowly(offset);
      return;
    }
    words[offset >>> 9] = word ^ mask;
    words[top] = offset;
    this.top = top;
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
    if (meter !== null) {
      meter.load(magazines.fillAddress);
      meter.branch(SITE_MAGAZINE_EMPTY, magazines.fill === 0);
    }
    if (magazines.fill === 0 && !this.reload()) return this.owner.none;
    const offset = magazines.pop();
    this.words[offset >>> 9] |= 1 << (offset >>> 4);
    if (meter !== null) {
      const word = this.owner.table.usedBase + (offset >>> 9) * 4;
      meter.load(word);
      meter.store(word);
      meter.retire(6);
    }
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
    if (meter !== null) {
      const word = this.owner.table.usedBase + (offset >>> 9) * 4;
      meter.load(this.magazines.fillAddress);
      meter.load(this.owner.table.ownersBase + (offset >>> 12) * 4);
      meter.load(word);
      meter.store(word);
      meter.retire(10);
      meter.branch(SITE_REFUSED, false);
      meter.branch(SITE_MAGAZINE_FULL, this.magazines.fill === this.magazines.size);
    }
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
    const exact = address - this.base;
    const offset = exact | 0;
    if (offset !== exact || (offset & 15) !== 0) return false;
    if (this.words[this.ownersAt + (offset >>> 12)] !== this.id) return false;
    return (this.words[offset >>> 9] & (1 << (offset >>> 4))) !== 0;
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
