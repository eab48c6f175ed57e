/// <reference lib="esnext.disposable" />
import { ArgumentError, type ByteCount, checkInteger, PAGE_BYTES } from '@hotpath/hw-x86';
import { type ArenaSource, ArenaViews, type GrowingMemory } from './arena-memory.js';
import { Kmalloc, type KmallocOptions } from './kmalloc.js';
import { PageAllocator } from './page-allocator.js';
import { SlabAllocator } from './slab-allocator.js';
import type { SlabCache } from './slab-cache.js';
import type { SlabCacheOptions } from './slab-cache-options.js';
import type { StructFields, StructType } from './struct.js';
import { StructPool } from './struct-pool.js';

const WASM_PAGE_BYTES = 65536;

/** Options of {@link Arena}. */
export interface ArenaOptions extends KmallocOptions {
  /**
   * First byte that the arena may use, rounded up to 4,096; default 0. In a module's memory: behind
   * its data, `__heap_base`. The first page of the memory is never used: offset 0 is none.
   */
  readonly byteOffset?: ByteCount;
  /** Bytes from there on; default: all there are. */
  readonly byteCount?: ByteCount;
  /** Most bytes of a memory that grows when the arena is full; default 2 GiB; 0: it never grows. */
  readonly maximumBytes?: ByteCount;
}

/**
 * An allocator inside an ArrayBuffer, SharedArrayBuffer (one thread; for several: SharedArena) or
 * WebAssembly.Memory. It speaks in byte offsets; 0 is none. All bookkeeping lies outside the memory.
 * A growing memory is grown when the arena is full, by an eighth at least.
 */
export class Arena {
  /** Views of the memory. */
  readonly views: ArenaViews;
  /** Page runs. */
  readonly pages: PageAllocator;
  /** Caches; {@link createCache} makes more. */
  readonly slabs: SlabAllocator;
  /** Blocks of any size. */
  readonly heap: Kmalloc;
  private readonly memory: GrowingMemory | null;
  private readonly maximumBytes: ByteCount;
  private end: ByteCount;

  /** @throws ArgumentError ERR_ARENA_BYTES, ERR_SIZE_CLASSES */
  constructor(source: ArenaSource, options: ArenaOptions = {}) {
    this.views = new ArenaViews(source);
    const total = this.views.u8.length;
    const most = Math.min(total, 2 ** 31);
    const byteOffset = checkInteger(
      'ERR_ARENA_BYTES',
      'byteOffset',
      options.byteOffset ?? 0,
      0,
      most,
    );
    const start = Math.max(PAGE_BYTES, Math.ceil(byteOffset / PAGE_BYTES) * PAGE_BYTES);
    const wanted = options.byteCount ?? most - byteOffset;
    checkInteger('ERR_ARENA_BYTES', 'byteCount', wanted, 0, most - byteOffset);
    this.end = Math.floor((byteOffset + wanted) / PAGE_BYTES) * PAGE_BYTES;
    if (this.end <= start) {
      throw new ArgumentError(
        'ERR_ARENA_BYTES',
        `${wanted} bytes at ${byteOffset} hold no page; allowed: a whole page of ${PAGE_BYTES} behind the first`,
      );
    }
    const grows = 'grow' in source && 'buffer' in source && this.end === total;
    this.memory = grows ? source : null;
    this.maximumBytes = options.maximumBytes ?? 2 ** 31;
    checkInteger('ERR_ARENA_BYTES', 'maximumBytes', this.maximumBytes, 0, 2 ** 31);
    this.pages = new PageAllocator({
      ranges: [{ start, byteCount: this.end - start }],
      growsTo: grows ? (this.maximumBytes as number) : 0,
    });
    this.slabs = new SlabAllocator({
      pages: this.pages,
      memory: this.views,
      none: 0,
      more: (pageCount) => this.grow(pageCount * PAGE_BYTES),
    });
    this.heap = new Kmalloc(this.slabs, options);
  }

  /** Offset of a block of at least `byteCount` bytes, aligned to 16; 0 when memory is out. O(1). */
  malloc(byteCount: ByteCount): number {
    return this.heap.malloc(byteCount);
  }

  /** As {@link malloc}, all bytes 0. */
  calloc(count: number, byteCount: ByteCount): number {
    return this.heap.calloc(count, byteCount);
  }

  /** Another size for a block, its contents kept; it may move. 0 when memory is out: it stays. */
  realloc(offset: number, byteCount: ByteCount): number {
    return this.heap.realloc(offset, byteCount);
  }

  /** As {@link malloc}, aligned to a power of two. */
  memalign(align: ByteCount, byteCount: ByteCount): number {
    return this.heap.memalign(align, byteCount);
  }

  /**
   * Frees a block; 0 is ignored. O(1).
   * @throws ArgumentError ERR_DOUBLE_FREE, ERR_INTERIOR_POINTER, ERR_FOREIGN_POINTER
   */
  free(offset: number): void {
    this.heap.free(offset);
  }

  /** Bytes that the block at `offset` really has. */
  sizeOf(offset: number): ByteCount {
    return this.heap.sizeOf(offset);
  }

  /** A cache of objects of one size in this arena. */
  createCache(options: SlabCacheOptions): SlabCache {
    return this.slabs.createCache(options);
  }

  /** A pool of structs in this arena. */
  pool<Fields extends StructFields>(type: StructType<Fields>, name = 'struct'): StructPool<Fields> {
    return new StructPool(
      type,
      this.views,
      this.createCache({ name, objectBytes: type.byteCount }),
    );
  }

  /** For `using`: everything allocated through it is freed at the end of the block. */
  scope(): ArenaScope {
    return new ArenaScope(this);
  }

  /**
   * Grows the memory under the arena by at least this much; false where it cannot be, or where the
   * memory's end is not the arena's any more (somebody else grew it).
   */
  grow(byteCount: ByteCount): boolean {
    const { memory } = this;
    if (memory === null || memory.buffer.byteLength !== this.end) return false;
    const wanted = Math.max(byteCount, this.end / 8);
    const wasmPages = Math.ceil(wanted / WASM_PAGE_BYTES);
    if (this.end + wasmPages * WASM_PAGE_BYTES > this.maximumBytes) return false;
    try {
      memory.grow(wasmPages);
    } catch {
      // The memory's own maximum, or no address space left: an expected outcome.
      return false;
    }
    this.views.refresh();
    this.pages.extend(wasmPages * WASM_PAGE_BYTES);
    this.end += wasmPages * WASM_PAGE_BYTES;
    return true;
  }
}

/** What was allocated inside a block of code; freed at its end, last first. */
export class ArenaScope implements Disposable {
  private readonly arena: Arena;
  private readonly offsets: number[] = [];

  constructor(arena: Arena) {
    this.arena = arena;
  }

  /** As `arena.malloc`. */
  malloc(byteCount: ByteCount): number {
    const offset = this.arena.malloc(byteCount);
    if (offset !== 0) this.offsets.push(offset);
    return offset;
  }

  /** As `arena.calloc`. */
  calloc(count: number, byteCount: ByteCount): number {
    const offset = this.arena.calloc(count, byteCount);
    if (offset !== 0) this.offsets.push(offset);
    return offset;
  }

  [Symbol.dispose](): void {
    for (let offset = this.offsets.pop(); offset !== undefined; offset = this.offsets.pop()) {
      this.arena.free(offset);
    }
  }
}
