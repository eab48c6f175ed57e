import {
  ArgumentError,
  assert,
  type ByteCount,
  checkInteger,
  type Meter,
  type TraceHook,
  type VirtAddr,
} from '@hotpath/hw-x86';
import type { SlabAllocator } from './slab-allocator.js';
import { MAX_OBJECT_BYTES, type SlabGeometry, slabGeometry } from './slab-geometry.js';
import { SlabLists, type SlabObserver } from './slab-lists.js';
import { BITS, FIRST, OWNER, PAGE_WORDS, type SlabTable, type TableReader } from './slab-table.js';
import {
  SITE_BASE,
  TRACE_FREE_REFUSED,
  TRACE_OBJECT_ALLOCATE,
  TRACE_OBJECT_FREE,
} from './trace-events.js';

const SITE_MAGAZINE_EMPTY = SITE_BASE + 32;
const SITE_MAGAZINE_FULL = SITE_BASE + 33;
const SITE_OTHER = SITE_BASE + 34;
const SITE_CHECK = SITE_BASE + 35;

/** Options of {@link SlabAllocator.createCache}. */
export interface SlabCacheOptions {
  /** Appears in slabinfo and in errors. */
  readonly name: string;
  /** 1..32,768. */
  readonly objectBytes: ByteCount;
  /** A power of two 8..4,096; default 8, or 16 from 16 bytes on. */
  readonly align?: ByteCount;
  /**
   * Called with the address of every slot when its slab is made; what it sets up must hold again
   * when the object is freed (Bonwick 1994, 2: object caching).
   */
  readonly construct?: ((address: number) => void) | null;
  /** Objects of a magazine, 1..1,024; default by size, 64 down to 2. */
  readonly magazineObjects?: number;
  /** Empty slabs kept, 0..1,000,000; default 1. */
  readonly minEmpty?: number;
}

/**
 * A cache of objects of one size (Bonwick 1994; magazines: Bonwick and Adams 2001). `allocate` and
 * `free` touch one magazine, one bitmap word and, for `free`, one page entry; every address is
 * checked. Two magazines a CPU: one in use, the other wholly full or wholly empty, so that a loop
 * on the edge does not refill and flush for ever.
 *
 * used bit set <=> handed out. For the magazine in use: floor <= top <= floor + magazineObjects
 */
export class SlabCache implements TableReader {
  readonly name: string;
  readonly objectBytes: ByteCount;
  readonly align: ByteCount;
  readonly geometry: SlabGeometry;
  /** 1..65,535, in the page entries. */
  readonly id: number;
  readonly magazineObjects: number;
  readonly lists: SlabLists;
  /** Frees that were refused. */
  refusedFrees = 0;
  /** Allocations that found no memory. */
  failedAllocations = 0;
  private top: number;
  private floor = 0;
  /** Entries of the CPU's other magazine: 0 or magazineObjects. */
  private otherFill = 0;
  private used: Int32Array = new Int32Array(0);
  private pages: Int32Array = this.used;
  private readonly magazine: Int32Array;
  private readonly base: number;
  private limit = 0;
  private readonly stride: number;
  private readonly inverse: number;
  /** Something watches every operation: meter, trace, more than one CPU. */
  private slow: boolean;
  private cpu = 0;
  private readonly parked: Int32Array;
  private readonly owner: SlabAllocator;
  private readonly meter: Meter | null;
  private readonly trace: TraceHook | null;
  private readonly magazineBase: VirtAddr;

  /** For {@link SlabAllocator.createCache}. */
  constructor(owner: SlabAllocator, id: number, options: SlabCacheOptions) {
    const { name, objectBytes } = options;
    checkInteger('ERR_OBJECT_BYTES', `objectBytes of ${name}`, objectBytes, 1, MAX_OBJECT_BYTES);
    this.name = name;
    this.objectBytes = objectBytes;
    this.align = options.align ?? (objectBytes >= 16 ? 16 : 8);
    this.geometry = slabGeometry(objectBytes, this.align);
    const magazineObjects = options.magazineObjects ?? defaultMagazine(this.geometry.stride);
    checkInteger('ERR_MAGAZINE', 'magazineObjects', magazineObjects, 1, 1024);
    checkInteger('ERR_MIN_EMPTY', 'minEmpty', options.minEmpty ?? 1, 0, 1_000_000);
    this.id = id;
    this.owner = owner;
    this.meter = owner.meter;
    this.trace = owner.trace;
    this.base = owner.base;
    this.stride = this.geometry.stride;
    this.inverse = this.geometry.inverse;
    this.magazineObjects = magazineObjects;
    this.top = 0;
    const cpuCount = owner.cpuCount;
    this.magazine = new Int32Array(cpuCount * 4 * magazineObjects);
    this.parked = new Int32Array(cpuCount * 3);
    for (let cpu = 0; cpu < cpuCount; cpu += 1) {
      this.parked[3 * cpu] = this.parked[3 * cpu + 1] = cpu * 2 * magazineObjects;
    }
    this.slow = this.meter !== null || this.trace !== null || cpuCount > 1;
    // The first line of the region holds the cache's own fields, the magazines follow.
    this.magazineBase =
      this.meter === null ? 0 : this.meter.region(`slab.${name}`, 64 + this.magazine.byteLength);
    this.lists = new SlabLists(
      owner.table,
      owner.pages,
      this.base,
      this.geometry,
      id,
      options.minEmpty ?? 1,
      this.magazineBase,
      this.trace,
    );
    const construct = options.construct ?? null;
    if (construct !== null) this.lists.observer = constructing(this.geometry, this.base, construct);
    owner.table.subscribe(this);
  }

  adopt(table: SlabTable): void {
    this.used = table.used;
    this.pages = table.pages;
    this.limit = table.pageCount * 4096;
  }

  /** Objects handed out. O(CPUs). */
  get liveObjects(): number {
    return this.lists.objectTotal - this.lists.availableObjects - this.magazineFill;
  }

  /** Free objects that wait in magazines of all CPUs. O(CPUs). */
  get magazineFill(): number {
    this.park();
    let sum = 0;
    for (let at = 0; at < this.parked.length; at += 3) {
      sum += this.parked[at + 1] - this.parked[at] + this.parked[at + 2];
    }
    return sum;
  }

  /** Bytes of the slabs that this cache holds. */
  get footprintBytes(): ByteCount {
    return this.lists.slabCount * this.geometry.slabBytes;
  }

  /** An object's address, or the allocator's `none` when memory is out. O(1); its bytes are undefined. */
  allocate(): number {
    return this.slow ? this.allocateWatched() : this.take();
  }

  /**
   * Takes an object back. O(1).
   * @throws ArgumentError ERR_DOUBLE_FREE, ERR_INTERIOR_POINTER, ERR_FOREIGN_POINTER; nothing is changed
   */
  free(address: number): void {
    if (this.slow) this.freeWatched(address);
    else this.give(address);
  }

  private take(): number {
    let top = this.top;
    if (top === this.floor) {
      if (!this.reload()) return this.owner.none;
      top = this.top;
    }
    top -= 1;
    this.top = top;
    const bit = this.magazine[2 * top + 1];
    this.used[bit >>> 5] |= 1 << bit;
    return this.base + this.magazine[2 * top];
  }

  private give(address: number): void {
    const offset = address - this.base;
    if (!(offset >= 0 && offset < this.limit)) throw this.refusal(address);
    const entry = (offset >>> 12) << 2;
    const pages = this.pages;
    if (pages[entry + OWNER] !== this.id) throw this.refusal(address);
    const distance = offset - pages[entry + FIRST];
    const slot = Math.imul(distance, this.inverse) >>> 16;
    if (Math.imul(slot, this.stride) !== distance) throw this.refusal(address);
    const bit = pages[entry + BITS] + slot;
    const mask = 1 << bit;
    const word = this.used[bit >>> 5];
    if ((word & mask) === 0) throw this.refusal(address);
    this.used[bit >>> 5] = word ^ mask;
    let top = this.top;
    if (top - this.floor === this.magazineObjects) {
      this.unload();
      top = this.top;
    }
    this.magazine[2 * top] = offset;
    this.magazine[2 * top + 1] = bit;
    this.top = top + 1;
  }

  /** The magazine in use is empty: swap with the full one, or fill from the slabs. */
  private reload(): boolean {
    const size = this.magazineObjects;
    if (this.meter !== null) this.meter.branch(SITE_OTHER, this.otherFill === 0);
    if (this.otherFill !== 0) {
      this.swap();
      this.top = this.floor + this.otherFill;
      this.otherFill = 0;
      return true;
    }
    // Half a magazine, so that frees find room: a full one would be flushed by the next free.
    const filled = this.lists.fill(this.magazine, this.floor, (size + 1) >>> 1);
    this.top = this.floor + filled;
    if (filled > 0) return true;
    return this.borrow();
  }

  /** Memory is out, but another CPU's magazines may hold free objects. */
  private borrow(): boolean {
    this.flushMagazines();
    const filled = this.lists.fill(this.magazine, this.floor, 1);
    this.top = this.floor + filled;
    if (filled === 0) this.failedAllocations += 1;
    return filled > 0;
  }

  /** The magazine in use is full: flush the other one and use that. */
  private unload(): void {
    const size = this.magazineObjects;
    if (this.meter !== null) this.meter.branch(SITE_OTHER, this.otherFill === 0);
    const fill = this.top - this.floor;
    this.swap();
    if (this.otherFill !== 0) this.lists.put(this.magazine, this.floor, this.otherFill);
    this.top = this.floor;
    this.otherFill = fill;
    assert(fill === size, 'only a full magazine is put aside');
  }

  private swap(): void {
    const size = this.magazineObjects;
    const start = this.cpu * 2 * size;
    this.floor = this.floor === start ? start + size : start;
  }

  private allocateWatched(): number {
    if (this.cpu !== this.owner.cpu) this.switchCpu();
    const meter = this.meter;
    if (meter !== null) {
      meter.load(this.magazineBase);
      meter.branch(SITE_MAGAZINE_EMPTY, this.top === this.floor);
    }
    const address = this.take();
    if (address === this.owner.none) return address;
    if (meter !== null) {
      const bit = this.magazine[2 * this.top + 1];
      const word = this.owner.table.usedBase + (bit >>> 5) * 4;
      meter.load(this.magazineBase + 64 + this.top * 8);
      meter.load(word);
      meter.store(word);
      meter.store(this.magazineBase);
      meter.retire(6);
    }
    if (this.trace !== null) this.trace.emit(TRACE_OBJECT_ALLOCATE, address, this.id);
    return address;
  }

  private freeWatched(address: number): void {
    if (this.cpu !== this.owner.cpu) this.switchCpu();
    const meter = this.meter;
    if (meter !== null) {
      meter.load(this.magazineBase);
      meter.branch(SITE_MAGAZINE_FULL, this.top - this.floor === this.magazineObjects);
    }
    this.give(address);
    if (meter !== null) {
      const offset = address - this.base;
      const bit = this.magazine[2 * this.top - 1];
      const word = this.owner.table.usedBase + (bit >>> 5) * 4;
      meter.load(this.owner.table.pagesBase + (offset >>> 12) * 16);
      meter.load(word);
      meter.store(word);
      meter.store(this.magazineBase + 64 + (this.top - 1) * 8);
      meter.store(this.magazineBase);
      meter.retire(12);
      meter.branch(SITE_CHECK, false);
    }
    if (this.trace !== null) this.trace.emit(TRACE_OBJECT_FREE, address, this.id);
  }

  private switchCpu(): void {
    this.park();
    this.cpu = this.owner.cpu;
    this.floor = this.parked[3 * this.cpu];
    this.top = this.parked[3 * this.cpu + 1];
    this.otherFill = this.parked[3 * this.cpu + 2];
  }

  /** Writes the running CPU's magazine state where all CPUs' states lie. */
  private park(): void {
    this.parked[3 * this.cpu] = this.floor;
    this.parked[3 * this.cpu + 1] = this.top;
    this.parked[3 * this.cpu + 2] = this.otherFill;
  }

  /** Puts the objects of all magazines back into their slabs. */
  flushMagazines(): void {
    this.park();
    const size = this.magazineObjects;
    for (let cpu = 0; cpu < this.owner.cpuCount; cpu += 1) {
      const start = cpu * 2 * size;
      const floor = this.parked[3 * cpu];
      this.lists.put(this.magazine, floor, this.parked[3 * cpu + 1] - floor);
      const other = floor === start ? start + size : start;
      this.lists.put(this.magazine, other, this.parked[3 * cpu + 2]);
      this.parked[3 * cpu] = this.parked[3 * cpu + 1] = start;
      this.parked[3 * cpu + 2] = 0;
    }
    this.floor = this.top = this.cpu * 2 * size;
    this.otherFill = 0;
  }

  /** Gives all empty slabs back after flushing the magazines; bytes given back. O(free objects). */
  shrink(): ByteCount {
    this.flushMagazines();
    return this.lists.releaseEmpty(0) * this.geometry.slabBytes;
  }

  /** True when `address` is the start of an object of this cache that is handed out. O(1). */
  isLive(address: number): boolean {
    const bit = this.bitOf(address);
    return bit >= 0 && (this.used[bit >>> 5] & (1 << bit)) !== 0;
  }

  /** Bit of the slot that starts at `address`, or -1: foreign, -2: not the start of a slot. */
  private bitOf(address: number): number {
    const offset = address - this.base;
    if (!(offset >= 0 && offset < this.limit)) return -1;
    const entry = (offset >>> 12) << 2;
    if (this.pages[entry + OWNER] !== this.id) return -1;
    const distance = offset - this.pages[entry + FIRST];
    const slot = Math.imul(distance, this.inverse) >>> 16;
    if (Math.imul(slot, this.stride) !== distance || slot >= this.geometry.objectCount) return -2;
    return this.pages[entry + BITS] + slot;
  }

  private refusal(address: number): ArgumentError {
    this.refusedFrees += 1;
    if (this.trace !== null) this.trace.emit(TRACE_FREE_REFUSED, address, this.id);
    const bit = this.bitOf(address);
    if (bit >= 0)
      return new ArgumentError('ERR_DOUBLE_FREE', `${this.name}: ${address} is free already`);
    if (bit === -2) {
      return new ArgumentError(
        'ERR_INTERIOR_POINTER',
        `${this.name}: ${address} is not the start of an object`,
      );
    }
    const other = this.owner.cacheOf(address);
    const whose = other === null ? 'no cache' : `cache ${other.name}`;
    return new ArgumentError('ERR_FOREIGN_POINTER', `${this.name}: ${address} belongs to ${whose}`);
  }

  /** Calls `visit` with the address of every object that is handed out, by ascending page. O(pages). */
  forEachLive(visit: (address: number) => void): void {
    const { objectCount, order } = this.geometry;
    const step = 1 << order;
    for (let page = 0; page < this.pages.length / PAGE_WORDS; page += step) {
      const entry = page * PAGE_WORDS;
      if (this.pages[entry + OWNER] !== this.id) continue;
      const first = this.pages[entry + FIRST];
      const bits = this.pages[entry + BITS];
      for (let slot = 0; slot < objectCount; slot += 1) {
        const bit = bits + slot;
        if ((this.used[bit >>> 5] & (1 << bit)) !== 0)
          visit(this.base + first + slot * this.stride);
      }
    }
  }
}

function constructing(
  geometry: SlabGeometry,
  base: number,
  construct: (address: number) => void,
): SlabObserver {
  const { objectCount, stride } = geometry;
  return {
    slabCreated(first: number): void {
      for (let slot = 0; slot < objectCount; slot += 1) construct(base + first + slot * stride);
    },
    slabDestroyed(): void {},
  };
}

/** About 16 KiB of objects in a magazine, at least 2 and at most 64. */
function defaultMagazine(stride: ByteCount): number {
  return Math.max(2, Math.min(64, Math.floor(16384 / stride)));
}
