import {
  assert,
  type ByteCount,
  checkInteger,
  type Meter,
  NIL,
  PAGE_BYTES,
  type TraceHook,
  type VirtAddr,
} from '@hotpath/hw-x86';
import { MagazinePair } from './magazine-pair.js';
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
const SITE_OTHER = SITE_BASE + 34;
const SITE_REFUSED = SITE_BASE + 35;

/**
 * A cache of objects of one size (Bonwick 1994; magazines: Bonwick and Adams 2001). A call touches
 * one magazine and one bitmap word, `free` also the owner of the page; every address is checked.
 *
 * Longer than other files: the hot paths and whatever else touches their private fields stay together.
 *
 * used bit set <=> handed out; 0 <= top <= magazine size
 * watched: top === capacity === 0, so that every call takes the slow way; `held` is the fill
 */
export class SlabCache implements TableReader {
  readonly name: string;
  readonly objectBytes: ByteCount;
  readonly align: ByteCount;
  readonly geometry: SlabGeometry;
  /** 1..65,534: the owner of this cache's pages. */
  readonly id: number = 0;
  readonly magazineObjects: number = 0;
  readonly lists: SlabLists;
  /** Frees that were refused. */
  refusedFrees = 0;
  /** Allocations that found no memory. */
  failedAllocations = 0;
  // The hot fields are initialised with values of their later kind: one that was undefined first
  // would be checked for being a number at every use.
  private top = 0;
  private capacity = 0;
  private magazine: Int32Array = new Int32Array(0);
  private used: Int32Array = new Int32Array(0);
  private owners: Uint16Array = new Uint16Array(0);
  /** Address of offset 0. */
  readonly base: number = 0;
  private other: Int32Array = new Int32Array(0);
  private otherFill = 0;
  private held = 0;
  private cpu = 0;
  private loadedBase: VirtAddr;
  private otherBase: VirtAddr;
  private readonly pairs: MagazinePair[] = [];
  /** Something sees every operation: meter, trace, debugging, or there are several CPUs. */
  private watched: boolean;
  private checks: ObjectChecks | null = null;
  private readonly owner: SlabAllocator;
  private readonly meter: Meter | null;
  private readonly trace: TraceHook | null;
  private readonly fieldsBase: VirtAddr;

  /** For {@link SlabAllocator.createCache}. */
  constructor(owner: SlabAllocator, id: number, options: SlabCacheOptions) {
    const { name, objectBytes } = options;
    const zone = options.debug?.redZones === true ? RED_ZONE_BYTES : 0;
    const left = zone === 0 ? 0 : Math.max(zone, options.align ?? zone);
    checkInteger('ERR_OBJECT_BYTES', `objectBytes of ${name}`, objectBytes, 1, MAX_OBJECT_BYTES);
    this.geometry = slabGeometry(objectBytes, options.align, left, zone);
    const { stride } = this.geometry;
    const size =
      options.magazineObjects ?? Math.max(1, Math.min(64, Math.floor(PAGE_BYTES / stride)));
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
    this.magazineObjects = size;
    const bytes = 64 + owner.cpuCount * size * 8;
    // The first line of the region holds the cache's own fields, the magazines follow.
    this.fieldsBase = this.meter === null ? 0 : this.meter.region(`slab.${name}`, bytes);
    for (let cpu = 0; cpu < owner.cpuCount; cpu += 1) {
      this.pairs.push(new MagazinePair(size, this.fieldsBase + 64 + cpu * size * 8));
    }
    const pair = this.pairs[0];
    this.magazine = pair.loaded;
    this.other = pair.other;
    this.loadedBase = pair.loadedBase;
    this.otherBase = pair.otherBase;
    this.watched = this.meter !== null || this.trace !== null || owner.cpuCount > 1;
    this.capacity = this.watched ? 0 : size;
    this.lists = new SlabLists({
      table: owner.table,
      pages: owner.pages,
      geometry: this.geometry,
      cacheId: id,
      minEmpty,
      trace: this.trace,
      fieldsBase: this.fieldsBase,
    });
    owner.table.subscribe(this);
  }

  adopt(table: SlabTable): void {
    this.used = table.used;
    this.owners = table.owner;
  }

  /** Debugging layer; only before the first allocation. */
  attachChecks(checks: ObjectChecks): void {
    assert(this.lists.slabCount === 0, 'debugging begins before the first slab');
    this.checks = checks;
    this.watched = true;
    this.capacity = 0;
  }

  /** The end: no page is this cache's from now on, and every allocation is refused by `checks`. */
  retire(checks: ObjectChecks): void {
    this.attachChecks(checks);
    this.owners = new Uint16Array(0);
  }

  /** An object's address, or the allocator's `none` when memory is out. O(1); its bytes are undefined. */
  allocate(): number {
    const top = this.top - 1;
    if (top < 0) return this.allocateSlowly();
    this.top = top;
    const offset = this.magazine[top];
    this.used[offset >>> 9] |= 1 << (offset >>> 4);
    return this.base + offset;
  }

  /**
   * Takes an object back. O(1).
   * @throws ArgumentError ERR_DOUBLE_FREE, ERR_INTERIOR_POINTER, ERR_FOREIGN_POINTER; nothing is changed
   */
  free(address: number): void {
    const exact = address - this.base;
    const offset = exact | 0;
    // Only the start of an object that is handed out has its bit set.
    if (offset !== exact || (offset & 15) !== 0 || this.owners[offset >>> 12] !== this.id) {
      this.refuse(address);
      return;
    }
    const word = this.used[offset >>> 9];
    const mask = 1 << (offset >>> 4);
    if ((word & mask) === 0) {
      this.refuse(address);
      return;
    }
    const top = this.top;
    if (top === this.capacity) {
      this.freeSlowly(offset);
      return;
    }
    this.used[offset >>> 9] = word ^ mask;
    this.magazine[top] = offset;
    this.top = top + 1;
  }

  private allocateSlowly(): number {
    if (this.watched) return this.allocateWatched();
    return this.reload() ? this.allocate() : this.owner.none;
  }

  private freeSlowly(offset: number): void {
    if (this.watched) {
      this.freeWatched(offset);
      return;
    }
    this.unload();
    this.free(this.base + offset);
  }

  /** The magazine in use is empty: swap with the full one, or fill from the slabs. */
  private reload(): boolean {
    if (this.meter !== null) this.meter.branch(SITE_OTHER, this.otherFill === 0);
    if (this.otherFill !== 0) {
      this.swap();
      this.top = this.otherFill;
      this.otherFill = 0;
      return true;
    }
    // Half a magazine: a full one would be put aside by the next free.
    const half = (this.magazineObjects + 1) >>> 1;
    this.top = this.lists.fill(this.magazine, half, this.loadedBase);
    if (this.top === 0) this.reclaim();
    return this.top > 0;
  }

  /** Memory is out, but other CPUs' magazines, quarantine and other caches may hold some. */
  private reclaim(): void {
    this.save(0);
    this.owner.reclaim(this.geometry.slabBytes / PAGE_BYTES);
    this.restore();
    this.top = this.lists.fill(this.magazine, 1, this.loadedBase);
    if (this.top === 0) this.failedAllocations += 1;
  }

  /** The magazine in use is full: flush the other one and use that. */
  private unload(): void {
    if (this.meter !== null) this.meter.branch(SITE_OTHER, this.otherFill === 0);
    const fill = this.top;
    assert(fill === this.magazineObjects, 'only a full magazine is put aside');
    this.swap();
    if (this.otherFill !== 0) this.lists.put(this.magazine, this.otherFill, this.loadedBase);
    this.top = 0;
    this.otherFill = fill;
  }

  private swap(): void {
    const { magazine, loadedBase } = this;
    this.magazine = this.other;
    this.other = magazine;
    this.loadedBase = this.otherBase;
    this.otherBase = loadedBase;
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
    let top = this.held;
    if (meter !== null) {
      meter.load(this.fieldsBase);
      meter.branch(SITE_MAGAZINE_EMPTY, top === 0);
    }
    if (top === 0) {
      const loaded = this.reload();
      top = this.top;
      this.top = 0;
      if (!loaded) return this.owner.none;
    }
    this.held = top -= 1;
    const offset = this.magazine[top];
    this.used[offset >>> 9] |= 1 << (offset >>> 4);
    if (meter !== null) {
      const word = this.owner.table.usedBase + (offset >>> 9) * 4;
      meter.store(this.fieldsBase);
      meter.load(this.loadedBase + top * 4);
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
    this.used[offset >>> 9] &= ~(1 << (offset >>> 4));
    if (meter !== null) {
      const word = this.owner.table.usedBase + (offset >>> 9) * 4;
      meter.load(this.fieldsBase);
      meter.load(this.owner.table.ownerBase + (offset >>> 12) * 2);
      meter.load(word);
      meter.store(word);
      meter.retire(10);
      meter.branch(SITE_REFUSED, false);
      meter.branch(SITE_MAGAZINE_FULL, this.held === this.magazineObjects);
    }
    if (this.trace !== null) this.trace.emit(TRACE_OBJECT_FREE, this.base + offset, this.id);
    const reusable = checks === null ? offset : checks.delay(offset);
    if (reusable !== NIL) this.stow(reusable);
  }

  /** Puts a free slot into the running CPU's magazine, in watched mode. */
  private stow(offset: number): void {
    if (this.held === this.magazineObjects) {
      this.top = this.held;
      this.unload();
      this.held = 0;
    }
    this.magazine[this.held] = offset;
    if (this.meter !== null) {
      this.meter.store(this.loadedBase + this.held * 4);
      this.meter.store(this.fieldsBase);
    }
    this.held += 1;
  }

  /** Takes the running CPU's magazines in hand. */
  private enterCpu(): void {
    if (this.cpu === this.owner.cpu) return;
    this.save(this.held);
    this.cpu = this.owner.cpu;
    this.restore();
    this.held = this.pairs[this.cpu].loadedFill;
  }

  private save(fill: number): void {
    const pair = this.pairs[this.cpu];
    pair.loaded = this.magazine;
    pair.other = this.other;
    pair.loadedFill = fill;
    pair.otherFill = this.otherFill;
    pair.loadedBase = this.loadedBase;
    pair.otherBase = this.otherBase;
  }

  private restore(): void {
    const pair = this.pairs[this.cpu];
    this.magazine = pair.loaded;
    this.other = pair.other;
    this.otherFill = pair.otherFill;
    this.loadedBase = pair.loadedBase;
    this.otherBase = pair.otherBase;
  }

  /** Puts the objects of all magazines, and of quarantine, back into their slabs. */
  flushMagazines(): void {
    this.save(this.watched ? this.held : this.top);
    for (const pair of this.pairs) {
      this.lists.put(pair.loaded, pair.loadedFill, pair.loadedBase);
      this.lists.put(pair.other, pair.otherFill, pair.otherBase);
      pair.loadedFill = pair.otherFill = 0;
    }
    this.restore();
    this.top = this.held = 0;
    const one = new Int32Array(1);
    this.checks?.drain((offset) => {
      one[0] = offset;
      this.lists.put(one, 1, this.loadedBase);
    });
  }

  /** Gives all empty slabs back after flushing the magazines; bytes given back. O(free objects). */
  shrink(): ByteCount {
    this.flushMagazines();
    return this.lists.releaseEmpty(0) * this.geometry.slabBytes;
  }

  /** Free objects that wait in magazines of all CPUs. O(CPUs). */
  get magazineFill(): number {
    this.save(this.watched ? this.held : this.top);
    let sum = 0;
    for (const pair of this.pairs) sum += pair.loadedFill + pair.otherFill;
    return sum;
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
    if (this.owners[offset >>> 12] !== this.id) return false;
    return (this.used[offset >>> 9] & (1 << (offset >>> 4))) !== 0;
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
        if ((this.used[offset >>> 9] & (1 << (offset >>> 4))) !== 0) visit(this.base + offset);
      }
    });
    this.checks?.forEachSubstitute(visit);
  }

  /** Calls `visit` with the offset of every free slot outside its slab: in magazines, quarantine. */
  forEachWaiting(visit: (offset: number) => void): void {
    this.save(this.watched ? this.held : this.top);
    for (const pair of this.pairs) {
      for (let i = 0; i < pair.loadedFill; i += 1) visit(pair.loaded[i]);
      for (let i = 0; i < pair.otherFill; i += 1) visit(pair.other[i]);
    }
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
}
