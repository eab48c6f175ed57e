import {
  ArgumentError,
  assert,
  type ByteCount,
  checkInteger,
  type Meter,
  PAGE_BYTES,
  type PhysicalMemory,
  type TraceHook,
} from '@hotpath/hw-x86';
import { DestroyedCache, type LeakReport, leaksOf } from './destroy.js';
import { checkDebugOptions, ObjectDebug } from './object-debug.js';
import type { PageAllocator } from './page-allocator.js';
import { SlabCache } from './slab-cache.js';
import type { SlabCacheOptions } from './slab-cache-options.js';
import type { SlabGeometry } from './slab-geometry.js';
import type { SlabObserver } from './slab-observer.js';
import { IDLE_RUN, SlabTable } from './slab-table.js';
import { type Validation, validateCache } from './validate.js';

/** What the allocator needs of memory, where it touches it at all: calloc, realloc, debugging. */
export type ObjectMemory = Pick<
  PhysicalMemory,
  'load8' | 'store8' | 'load32' | 'store32' | 'copy' | 'fill'
>;

/** Options of {@link SlabAllocator}. */
export interface SlabAllocatorOptions {
  /** Where slabs come from; their addresses are those of this allocator. */
  readonly pages: PageAllocator;
  /** The memory behind the addresses; default null: objects are never touched. */
  readonly memory?: ObjectMemory | null;
  /** CPUs with magazines of their own, 1..4,096; default as many as the page allocator has. */
  readonly cpuCount?: number;
  /** What `allocate` answers when memory is out: NIL (default), or 0 where no object lies at 0. */
  readonly none?: number;
  /**
   * Asked for so many more pages before memory counts as out: adds them by `pages.extend`, and says
   * whether it did.
   */
  readonly more?: ((pageCount: number) => boolean) | null;
  readonly meter?: Meter | null;
  readonly trace?: TraceHook | null;
}

/** The slab caches over one page allocator, and what they share. */
export class SlabAllocator {
  readonly pages: PageAllocator;
  readonly memory: ObjectMemory | null;
  readonly table: SlabTable;
  /** Address of offset 0: the page allocator's base. */
  readonly base: number;
  readonly none: number;
  readonly cpuCount: number;
  readonly meter: Meter | null;
  readonly trace: TraceHook | null;
  /** The running CPU; caches look at it when they are used. */
  cpu = 0;
  private readonly more: ((pageCount: number) => boolean) | null;
  /** By id; index 0 and ids of destroyed caches hold null. */
  private readonly caches: (SlabCache | null)[] = [null];
  /** Caches that stay: size classes of a heap. */
  private readonly kept = new Set<SlabCache>();
  /** Asked in turn for idle pages; each answers the bytes that it gave back. */
  private readonly shrinkers: (() => ByteCount)[] = [];

  /** @throws ArgumentError ERR_CPU_COUNT, ERR_NONE */
  constructor(options: SlabAllocatorOptions) {
    this.pages = options.pages;
    this.memory = options.memory ?? null;
    this.cpuCount = checkInteger(
      'ERR_CPU_COUNT',
      'cpuCount',
      options.cpuCount ?? this.pages.cpuCount,
      1,
      4096,
    );
    this.none = checkInteger('ERR_NONE', 'none', options.none ?? -1, -1, 0);
    this.meter = options.meter ?? null;
    this.trace = options.trace ?? null;
    // A small integer where it fits: the hot paths then add integers, not doubles.
    const small = this.pages.base | 0;
    this.base = small === this.pages.base ? small : this.pages.base;
    this.more = options.more ?? null;
    this.table = new SlabTable(this.pages.lowPages, this.base === 0, this.meter);
  }

  /**
   * A new cache.
   * @throws ArgumentError ERR_OBJECT_BYTES, ERR_ALIGN, ERR_MAGAZINE, ERR_MIN_EMPTY, ERR_CACHE_COUNT,
   * ERR_DEBUG, ERR_MEMORY
   */
  createCache(options: SlabCacheOptions): SlabCache {
    let id = this.caches.indexOf(null, 1);
    if (id === -1) id = this.caches.length;
    if (id >= IDLE_RUN)
      throw new ArgumentError('ERR_CACHE_COUNT', `${id} caches; allowed: at most ${IDLE_RUN - 1}`);
    const construct = options.construct ?? null;
    if (options.debug !== undefined) {
      checkDebugOptions(options.debug, this.memory, construct !== null);
    }
    const cache = new SlabCache(this, id, options);
    if (options.debug !== undefined) {
      const debug = new ObjectDebug(cache, this, options.debug);
      cache.attachChecks(debug);
      cache.lists.observers.push(debug);
    }
    if (construct !== null) {
      cache.lists.observers.push(new Constructing(cache, this.base, construct));
    }
    this.caches[id] = cache;
    return cache;
  }

  /**
   * Ends a cache when nothing of it is handed out; else it stays as it was, and the report names
   * what leaked. O(pages).
   * @throws ArgumentError ERR_DESTROYED where it was destroyed before, ERR_SIZE_CLASS where a heap
   * needs it
   */
  destroyCache(cache: SlabCache): LeakReport {
    if (this.caches[cache.id] !== cache) {
      throw new ArgumentError('ERR_DESTROYED', `cache ${cache.name} was destroyed`);
    }
    if (this.kept.has(cache)) {
      throw new ArgumentError('ERR_SIZE_CLASS', `cache ${cache.name} is a size class of a heap`);
    }
    const report = leaksOf(cache);
    if (report.objectCount > 0) return report;
    cache.lists.reserved = 0;
    cache.shrink();
    assert(cache.lists.slabCount === 0, 'a cache without objects holds no slabs');
    this.table.unsubscribe(cache.lists);
    this.table.unsubscribe(cache);
    cache.retire(new DestroyedCache(cache.name));
    this.caches[cache.id] = null;
    return report;
  }

  /**
   * Checks all slabs and objects of a cache, of all caches by default, and repairs what it can.
   * O(slots).
   */
  validate(cache: SlabCache | null = null): Validation {
    const results = (cache === null ? this.list() : [cache]).map((one) => validateCache(this, one));
    return {
      errors: results.reduce((sum, result) => sum + result.errors, 0),
      reports: results.flatMap((result) => result.reports),
    };
  }

  /** The cache whose slab holds this address, or null. O(1). */
  cacheOf(address: number): SlabCache | null {
    const offset = address - this.base;
    if (!(offset >= 0 && offset < this.table.pageCount * PAGE_BYTES)) return null;
    return this.caches[this.table.ownerOf(offset >>> 12)] ?? null;
  }

  /** All caches by id. */
  list(): SlabCache[] {
    return this.caches.filter((cache) => cache !== null);
  }

  /**
   * Says which CPU runs: its magazines, and its list of pages, serve from now on. O(1).
   * @throws ArgumentError ERR_CPU
   */
  useCpu(cpu: number): void {
    this.cpu = checkInteger('ERR_CPU', 'cpu', cpu, 0, this.cpuCount - 1);
    if (cpu < this.pages.cpuCount) this.pages.useCpu(cpu);
  }

  /**
   * For a heap over this allocator: its caches cannot be destroyed from now on, and `shrink` asks it
   * for its idle pages.
   */
  attachHeap(caches: readonly SlabCache[], shrink: () => ByteCount): void {
    for (const cache of caches) this.kept.add(cache);
    this.shrinkers.push(shrink);
  }

  /** Gives the empty slabs of all caches and the idle runs of heaps back; bytes given back. */
  shrink(): ByteCount {
    let bytes = 0;
    for (const shrink of this.shrinkers) bytes += shrink();
    for (const cache of this.list()) bytes += cache.shrink();
    return bytes;
  }

  /**
   * Memory is out: gets more pages, where there is someone to ask; else flushes what other CPUs and
   * caches hold back and gives empty slabs back.
   */
  reclaim(pageCount: number): void {
    if (this.more?.(pageCount)) {
      this.table.growPages(this.pages.lowPages);
      assert(this.table.pageCount * PAGE_BYTES <= 2 ** 31, 'offsets fit 31 bits');
      return;
    }
    this.shrink();
    this.pages.drain();
  }

  /** Bytes of tables and bitmaps, the page allocator's included. */
  get metadataBytes(): ByteCount {
    return this.table.metadataBytes + this.pages.metadataBytes;
  }
}

/** Calls the user's constructor for every slot of a new slab. */
class Constructing implements SlabObserver {
  private readonly geometry: SlabGeometry;
  private readonly base: number;
  private readonly construct: (address: number) => void;

  constructor(cache: SlabCache, base: number, construct: (address: number) => void) {
    this.geometry = cache.geometry;
    this.base = base;
    this.construct = construct;
  }

  slabCreated(_head: number, first: number): void {
    const { objectCount, stride } = this.geometry;
    for (let slot = 0; slot < objectCount; slot += 1) {
      this.construct(this.base + first + slot * stride);
    }
  }

  slabDestroyed(): void {}
}
