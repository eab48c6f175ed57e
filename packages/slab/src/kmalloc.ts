import {
  ArgumentError,
  assert,
  type ByteCount,
  checkInteger,
  checkPowerOfTwo,
  NIL,
  PAGE_BYTES,
} from '@hotpath/hw-x86';
import { type IdlePages, PageBudget } from './page-budget.js';
import { RunCache } from './run-cache.js';
import type { ObjectMemory, SlabAllocator } from './slab-allocator.js';
import type { SlabCache } from './slab-cache.js';
import { IDLE_RUN, LARGE_RUN, type SlabTable, type TableReader } from './slab-table.js';

/** Largest alignment that `memalign` gives: 1 GiB. */
const MAX_ALIGN = 2 ** 30;

/** Options of {@link Kmalloc}. */
export interface KmallocOptions {
  /** Object sizes, ascending multiples of 16, the last at most 32,768; default {@link SIZE_CLASSES}. */
  readonly sizeClasses?: readonly ByteCount[];
}

/**
 * Steps of 16 bytes up to 128, then about four, later two a doubling up to 8 KiB. More classes waste
 * less inside blocks and more in slabs that are hardly filled: on the recordings of test/data these
 * were the best of those tried.
 */
export const SIZE_CLASSES: readonly ByteCount[] = [
  16, 32, 48, 64, 80, 96, 112, 128, 160, 192, 256, 320, 384, 512, 640, 768, 1024, 1360, 2048, 4096,
  5456, 8192,
];

/**
 * malloc over slab caches: one cache for each size class, page runs above the largest. Every block
 * is aligned to 16 bytes, blocks of a power of two to themselves.
 */
export class Kmalloc implements TableReader, IdlePages {
  /** One cache for each size class, ascending. */
  readonly caches: readonly SlabCache[];
  /** Bytes of the largest size class; more is a page run. */
  readonly largestClass: ByteCount = 0;
  /** Page runs handed out. */
  largeRuns = 0;
  /** Pages of those runs. */
  largePages = 0;
  private readonly slabs: SlabAllocator;
  private readonly base: number = 0;
  private words: Int32Array = new Int32Array(0);
  private ownersAt = 0;
  /** Cache by (bytes + 15) / 16. */
  private readonly classOf: readonly SlabCache[];
  /** Cache by its id, the owner of its pages, or null. */
  private readonly byId: (SlabCache | null)[] = [];
  private readonly budget: PageBudget;
  private readonly runs: RunCache;

  /** @throws ArgumentError ERR_SIZE_CLASSES */
  constructor(slabs: SlabAllocator, options: KmallocOptions = {}) {
    const sizes = options.sizeClasses ?? SIZE_CLASSES;
    checkClasses(sizes);
    this.slabs = slabs;
    this.base = slabs.base;
    this.largestClass = sizes[sizes.length - 1];
    this.budget = new PageBudget(this);
    this.runs = new RunCache(slabs.pages, slabs.table, this.budget);
    this.caches = sizes.map((objectBytes) =>
      slabs.createCache({
        name: `kmalloc-${objectBytes}`,
        objectBytes,
        magazineObjects: magazineObjects(objectBytes),
      }),
    );
    for (const cache of this.caches) {
      cache.lists.budget = this.budget;
      while (this.byId.length <= cache.id) this.byId.push(null);
      this.byId[cache.id] = cache;
    }
    this.classOf = Array.from(
      { length: this.largestClass / 16 + 1 },
      (_, granules) => this.caches[sizes.findIndex((size) => size >= granules * 16)],
    );
    slabs.table.subscribe(this);
    slabs.attachHeap(this.caches, () => this.runs.release(Number.MAX_SAFE_INTEGER) * PAGE_BYTES);
  }

  adopt(table: SlabTable): void {
    this.words = table.words;
    this.ownersAt = table.directOwnersAt;
  }

  /** For `PageBudget`. */
  releaseIdle(pageCount: number): void {
    let left = pageCount - this.runs.release(pageCount);
    for (let i = this.caches.length - 1; i >= 0 && left > 0; i -= 1) {
      const { lists, geometry } = this.caches[i];
      const keep = Math.max(0, lists.emptyCount - Math.ceil(left / 2 ** geometry.order));
      left -= lists.releaseEmpty(keep) * 2 ** geometry.order;
    }
  }

  /** For `PageBudget`. */
  flushMagazines(): void {
    for (const cache of this.caches) cache.flushMagazine();
  }

  /** Bytes of slabs and runs, idle ones included. */
  get footprintBytes(): ByteCount {
    return this.budget.held * PAGE_BYTES;
  }

  /**
   * A block of at least `byteCount` bytes (0 counts as 1), or `none` when memory is out. O(1).
   * @throws ArgumentError ERR_SIZE
   */
  malloc(byteCount: ByteCount): number {
    if (byteCount >= 0 && byteCount <= this.largestClass) {
      return this.classOf[(byteCount + 15) >>> 4].allocate();
    }
    return this.allocateLarge(byteCount, 0);
  }

  private allocateLarge(byteCount: ByteCount, alignOrder: number): number {
    checkInteger('ERR_SIZE', 'byteCount', byteCount, 0, Number.MAX_SAFE_INTEGER);
    const { pages, table, none, base } = this.slabs;
    const pageCount = Math.ceil(byteCount / PAGE_BYTES);
    const kept = alignOrder === 0 ? this.runs.take(pageCount) : 0;
    if (kept !== 0) {
      table.passPage(kept - 1, IDLE_RUN, LARGE_RUN);
      this.largeRuns += 1;
      this.largePages += pageCount;
      return base + (kept - 1) * PAGE_BYTES;
    }
    this.budget.willTake(pageCount);
    let address = pages.allocateRunLow(pageCount, alignOrder);
    if (address === NIL) {
      this.slabs.reclaim(2 * pageCount);
      address = pages.allocateRunLow(pageCount, alignOrder);
    }
    if (address === NIL) return none;
    table.claimPages((address - base) / PAGE_BYTES, 1, LARGE_RUN);
    this.budget.took(pageCount);
    this.largeRuns += 1;
    this.largePages += pageCount;
    return address;
  }

  /**
   * Takes a block back; `none` is ignored. O(1).
   * @throws ArgumentError ERR_DOUBLE_FREE, ERR_INTERIOR_POINTER, ERR_FOREIGN_POINTER
   */
  free(address: number): void {
    const offset = address | 0;
    if (offset === address) {
      const owner = this.words[this.ownersAt + (offset >>> 12)];
      const cache = owner < this.byId.length ? this.byId[owner] : null;
      if (cache !== null) {
        cache.freeOwn(offset);
        return;
      }
    }
    this.freeSlowly(address);
  }

  private freeSlowly(address: number): void {
    const page = Math.floor((address - this.base) / PAGE_BYTES);
    const owner =
      page >= 0 && page < this.slabs.table.pageCount ? this.slabs.table.ownerOf(page) : 0;
    const cache = this.byId[owner];
    if (cache !== undefined && cache !== null) cache.free(address);
    else if (address !== this.slabs.none) this.freeLarge(address, owner);
  }

  private freeLarge(address: number, owner: number): void {
    const { pages, table, base } = this.slabs;
    const pageCount = owner === LARGE_RUN ? pages.pagesAt(address) : 0;
    if (pageCount === 0) throw this.refusal(address, owner);
    const page = (address - base) / PAGE_BYTES;
    if (!this.runs.keep(page, pageCount)) {
      pages.free(address);
      table.releasePages(page, 1);
      this.budget.gave(pageCount);
    }
    this.largeRuns -= 1;
    this.largePages -= pageCount;
    assert(this.largeRuns >= 0 && this.largePages >= 0, 'no more runs come back than went out');
  }

  /** Why `address`, which is no block of a size class and no run's start, cannot be freed. */
  private refusal(address: number, owner: number): Error {
    const { pages } = this.slabs;
    if (owner === IDLE_RUN) {
      return new ArgumentError('ERR_DOUBLE_FREE', `${address} is free already`);
    }
    const cache = this.slabs.cacheOf(address);
    if (cache !== null || pages.pagesAt(address) > 0) {
      const whose = cache === null ? 'pages that no malloc took' : `cache ${cache.name}`;
      return new ArgumentError('ERR_FOREIGN_POINTER', `${address} belongs to ${whose}`);
    }
    return pages.refusalOf(address);
  }

  /**
   * Bytes that the block at `address` really has.
   * @throws ArgumentError ERR_FOREIGN_POINTER where no block in use starts
   */
  sizeOf(address: number): ByteCount {
    const cache = this.slabs.cacheOf(address);
    if (cache?.isLive(address)) return cache.objectBytes;
    const pageCount = cache === null ? this.pagesOf(address) : 0;
    if (pageCount > 0) return pageCount * PAGE_BYTES;
    throw new ArgumentError('ERR_FOREIGN_POINTER', `${address} is not the start of a block in use`);
  }

  /** Pages of a run in use that starts at an address, or 0. */
  private pagesOf(address: number): number {
    const page = (address - this.base) / PAGE_BYTES;
    return this.slabs.table.ownerOf(page) === LARGE_RUN ? this.slabs.pages.pagesAt(address) : 0;
  }

  /**
   * A block of `count * byteCount` zero bytes, or `none`.
   * @throws ArgumentError ERR_SIZE (also when the product is no safe integer), ERR_MEMORY
   */
  calloc(count: number, byteCount: ByteCount): number {
    checkInteger('ERR_SIZE', 'count', count, 0, Number.MAX_SAFE_INTEGER);
    checkInteger('ERR_SIZE', 'byteCount', byteCount, 0, Number.MAX_SAFE_INTEGER);
    const memory = this.memory();
    const bytes = checkInteger(
      'ERR_SIZE',
      'count * byteCount',
      count * byteCount,
      0,
      Number.MAX_SAFE_INTEGER,
    );
    const address = this.malloc(bytes);
    // To the end of the last word: a block's length is a multiple of 16.
    if (address !== this.slabs.none) memory.fill(address, bytes + (-bytes & 3), 0);
    return address;
  }

  /**
   * Changes a block's size; its first bytes keep their contents. Where the block must move, the old
   * one is freed; on `none` the old one stays. `realloc(none, n)` is `malloc(n)`.
   * @throws ArgumentError as `malloc` and `sizeOf`, ERR_MEMORY
   */
  realloc(address: number, byteCount: ByteCount): number {
    if (address === this.slabs.none) return this.malloc(byteCount);
    checkInteger('ERR_SIZE', 'byteCount', byteCount, 0, Number.MAX_SAFE_INTEGER);
    const old = this.sizeOf(address);
    if (old > this.largestClass) {
      if (byteCount > this.largestClass && this.resizeLarge(address, byteCount)) return address;
    } else if (byteCount <= old && byteCount * 2 >= old) {
      return address;
    }
    const memory = this.memory();
    const moved = this.malloc(byteCount);
    if (moved === this.slabs.none) return moved;
    memory.copy(moved, address, Math.min(old, byteCount));
    this.free(address);
    return moved;
  }

  private resizeLarge(address: number, byteCount: ByteCount): boolean {
    const pages = this.slabs.pages;
    const old = pages.pagesAt(address);
    const pageCount = Math.ceil(byteCount / PAGE_BYTES);
    if (pageCount === old) return true;
    if (pageCount > old) this.budget.willTake(pageCount - old);
    if (!pages.resizeRun(address, pageCount)) return false;
    if (pageCount > old) this.budget.took(pageCount - old);
    else this.budget.gave(old - pageCount);
    this.largePages += pageCount - old;
    return true;
  }

  /**
   * A block aligned to `align` bytes, or `none`.
   * @throws ArgumentError ERR_ALIGN, ERR_SIZE
   */
  memalign(align: ByteCount, byteCount: ByteCount): number {
    checkPowerOfTwo('ERR_ALIGN', 'align', align, 1, MAX_ALIGN);
    checkInteger('ERR_SIZE', 'byteCount', byteCount, 0, Number.MAX_SAFE_INTEGER);
    if (align <= 16) return this.malloc(byteCount);
    if (align <= PAGE_BYTES && byteCount <= this.largestClass) {
      for (
        let at = this.caches.indexOf(this.classOf[(Math.max(byteCount, align) + 15) >>> 4]);
        at < this.caches.length;
        at += 1
      ) {
        const cache = this.caches[at];
        const fits =
          cache.geometry.stride % align === 0 && cache.geometry.colourBytes % align === 0;
        if (fits || (cache.geometry.stride % align === 0 && cache.geometry.colourCount === 1)) {
          return cache.allocate();
        }
      }
    }
    return this.allocateLarge(Math.max(byteCount, 1), Math.max(0, Math.log2(align / PAGE_BYTES)));
  }

  private memory(): ObjectMemory {
    const memory = this.slabs.memory;
    if (memory === null) {
      throw new ArgumentError(
        'ERR_MEMORY',
        'calloc and realloc touch memory: give SlabAllocator its memory',
      );
    }
    return memory;
  }
}

/** Objects of a size class's magazine: 32 KiB of them, 4 to 128. */
function magazineObjects(objectBytes: ByteCount): number {
  return Math.max(4, Math.min(128, Math.floor(32768 / objectBytes)));
}

function checkClasses(sizes: readonly ByteCount[]): void {
  let previous = 0;
  for (const size of sizes) {
    if (!Number.isInteger(size) || size % 16 !== 0 || size <= previous || size > 32768) {
      throw new ArgumentError(
        'ERR_SIZE_CLASSES',
        `size class ${size} after ${previous}; allowed: ascending multiples of 16 up to 32768`,
      );
    }
    previous = size;
  }
  checkInteger('ERR_SIZE_CLASSES', 'number of size classes', sizes.length, 1, 255);
}
