import {
  ArgumentError,
  assert,
  type ByteCount,
  checkInteger,
  checkPowerOfTwo,
  NIL,
  PAGE_BYTES,
} from '@hotpath/hw-x86';
import type { ObjectMemory, SlabAllocator } from './slab-allocator.js';
import type { SlabCache } from './slab-cache.js';
import { LARGE_RUN } from './slab-table.js';

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
export class Kmalloc {
  /** One cache for each size class, ascending. */
  readonly caches: readonly SlabCache[];
  /** Bytes of the largest size class; more is a page run. */
  readonly largestClass: ByteCount;
  /** Page runs handed out. */
  largeRuns = 0;
  /** Pages of those runs. */
  largePages = 0;
  private readonly slabs: SlabAllocator;
  /** Cache by (bytes + 15) / 16. */
  private readonly classOf: Uint8Array;
  /** Cache by its id in the page entries, or null. */
  private readonly byId: (SlabCache | null)[] = [];

  /** @throws ArgumentError ERR_SIZE_CLASSES */
  constructor(slabs: SlabAllocator, options: KmallocOptions = {}) {
    const sizes = options.sizeClasses ?? SIZE_CLASSES;
    checkClasses(sizes);
    this.slabs = slabs;
    this.largestClass = sizes[sizes.length - 1];
    this.caches = sizes.map((objectBytes) =>
      slabs.createCache({ name: `kmalloc-${objectBytes}`, objectBytes, minEmpty: 0 }),
    );
    for (const cache of this.caches) {
      while (this.byId.length <= cache.id) this.byId.push(null);
      this.byId[cache.id] = cache;
    }
    this.classOf = new Uint8Array(this.largestClass / 16 + 1);
    let at = 0;
    for (let granule = 0; granule < this.classOf.length; granule += 1) {
      if (granule * 16 > sizes[at]) at += 1;
      this.classOf[granule] = at;
    }
  }

  /** Bytes of slabs and runs. */
  get footprintBytes(): ByteCount {
    let bytes = this.largePages * PAGE_BYTES;
    for (const cache of this.caches) bytes += cache.footprintBytes;
    return bytes;
  }

  /**
   * A block of at least `byteCount` bytes (0 counts as 1), or `none` when memory is out. O(1).
   * @throws ArgumentError ERR_SIZE
   */
  malloc(byteCount: ByteCount): number {
    if (byteCount >= 0 && byteCount <= this.largestClass) {
      return this.caches[this.classOf[(byteCount + 15) >>> 4]].allocate();
    }
    return this.allocateLarge(byteCount, 0);
  }

  private allocateLarge(byteCount: ByteCount, alignOrder: number): number {
    checkInteger('ERR_SIZE', 'byteCount', byteCount, 0, Number.MAX_SAFE_INTEGER);
    const pageCount = Math.ceil(byteCount / PAGE_BYTES);
    let address = this.slabs.pages.allocateRunLow(pageCount, alignOrder);
    if (address === NIL) {
      this.slabs.reclaim(2 * pageCount);
      address = this.slabs.pages.allocateRunLow(pageCount, alignOrder);
    }
    if (address === NIL) return this.slabs.none;
    const page = (address - this.slabs.base) / PAGE_BYTES;
    this.slabs.table.claimPages(page, 1, LARGE_RUN);
    this.largeRuns += 1;
    this.largePages += pageCount;
    return address;
  }

  /**
   * Takes a block back; `none` is ignored. O(1).
   * @throws ArgumentError ERR_DOUBLE_FREE, ERR_INTERIOR_POINTER, ERR_FOREIGN_POINTER
   */
  free(address: number): void {
    const slabs = this.slabs;
    const offset = address - slabs.base;
    const owner = offset >= 0 ? slabs.table.owner[offset >>> 12] : 0;
    const cache = this.byId[owner];
    if (cache !== undefined && cache !== null) cache.free(address);
    else if (address !== slabs.none) this.freeLarge(address, owner);
  }

  private freeLarge(address: number, owner: number): void {
    if (owner !== LARGE_RUN) {
      const cache = this.slabs.cacheOf(address);
      if (cache !== null) {
        throw new ArgumentError('ERR_FOREIGN_POINTER', `${address} belongs to cache ${cache.name}`);
      }
    }
    const pageCount = this.slabs.pages.pagesAt(address);
    // The page allocator refuses what is no run: its error names the reason.
    this.slabs.pages.free(address);
    const page = (address - this.slabs.base) / PAGE_BYTES;
    this.slabs.table.releasePages(page, 1);
    this.largeRuns -= 1;
    this.largePages -= pageCount;
    assert(this.largeRuns >= 0 && this.largePages >= 0, 'no more runs come back than went out');
  }

  /**
   * Bytes that the block at `address` really has.
   * @throws ArgumentError ERR_FOREIGN_POINTER where no block in use starts
   */
  sizeOf(address: number): ByteCount {
    const cache = this.slabs.cacheOf(address);
    if (cache?.isLive(address)) return cache.objectBytes;
    const pageCount = cache === null ? this.slabs.pages.pagesAt(address) : 0;
    if (pageCount > 0) return pageCount * PAGE_BYTES;
    throw new ArgumentError('ERR_FOREIGN_POINTER', `${address} is not the start of a block in use`);
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
    if (address !== this.slabs.none) memory.fill(address, bytes, 0);
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
    if (!pages.resizeRun(address, pageCount)) return false;
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
        let at = this.classOf[(Math.max(byteCount, align) + 15) >>> 4];
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
