/// <reference lib="esnext.disposable" />
import { ArgumentError, type ByteCount, checkInteger, checkPowerOfTwo } from '@hotpath/hw-x86';
import { ArenaViews } from './arena-memory.js';
import { SharedCache } from './shared-cache.js';
import {
  C_LOCK,
  C_NAME,
  C_OBJECT_BYTES,
  C_STRIDE,
  CACHE_WORDS,
  H_CACHE_COUNT,
  H_FREE_SLAB,
  H_FRESH_SLAB,
  H_MAGAZINE,
  H_MAGIC,
  H_SLAB_COUNT,
  H_WORKER_COUNT,
  H_WORKERS,
  NAME_BYTES,
  SHARED_MAGIC,
  SHARED_SLAB_BYTES,
  sharedLayout,
} from './shared-layout.js';
import { lock, unlock } from './shared-lock.js';
import { SharedSlabs } from './shared-slabs.js';
import type { StructFields, StructType } from './struct.js';
import { StructPool } from './struct-pool.js';

/** A cache of a shared arena. */
export interface SharedCacheOptions {
  /** At most 32 bytes of UTF-8, unique in the arena. */
  readonly name: string;
  /** 1..16,384. */
  readonly objectBytes: ByteCount;
  /** A power of two 16..4,096; default 16. */
  readonly align?: ByteCount;
}

/** Options of {@link SharedArena.format}. */
export interface SharedArenaOptions {
  /** 1..254 caches; more cannot be added later. */
  readonly caches: readonly SharedCacheOptions[];
  /** Workers that can be attached at a time, 1..64; default 16. */
  readonly workers?: number;
  /** Objects of a worker's magazine of each cache, 2..1,024; default 64. */
  readonly magazineObjects?: number;
}

/**
 * Slab caches whose whole state lies in a SharedArrayBuffer (or a shared WebAssembly.Memory's
 * buffer): one worker formats it, all attach. Each has magazines of its own; objects may be freed
 * by any of them.
 */
export class SharedArena implements Disposable {
  /** Views of the buffer, for the objects' contents. */
  readonly views: ArenaViews;
  /** This worker's slot, 0..63. */
  readonly worker: number;
  private readonly slabs: SharedSlabs;
  private readonly caches: SharedCache[] = [];
  private attached = true;

  private constructor(buffer: ArrayBufferLike) {
    const head = new Int32Array(buffer, 0, H_WORKERS);
    if (buffer.byteLength < 512 || Atomics.load(head, H_MAGIC) !== SHARED_MAGIC) {
      throw new ArgumentError(
        'ERR_SHARED_FORMAT',
        'the buffer holds no shared arena: format it first',
      );
    }
    const layout = sharedLayout(
      buffer.byteLength,
      head[H_CACHE_COUNT],
      head[H_WORKER_COUNT],
      head[H_MAGAZINE],
    );
    this.views = new ArenaViews(buffer);
    this.slabs = new SharedSlabs(buffer, layout);
    this.worker = claimWorker(this.slabs.words, layout.workerCount);
    for (let index = 0; index < layout.cacheCount; index += 1) {
      const name = readName(this.views.u8, (layout.cachesAt + index * CACHE_WORDS + C_NAME) * 4);
      this.caches.push(new SharedCache(this.slabs, index, this.worker, name));
    }
  }

  /**
   * Makes an arena of a buffer, whatever it held, and attaches to it. Once, before others attach.
   * @throws ArgumentError ERR_SHARED_BYTES, ERR_CACHE_COUNT, ERR_CACHE_NAME, ERR_OBJECT_BYTES,
   * ERR_ALIGN, ERR_WORKERS, ERR_MAGAZINE
   */
  static format(buffer: ArrayBufferLike, options: SharedArenaOptions): SharedArena {
    const { caches } = options;
    const layout = sharedLayout(
      buffer.byteLength,
      caches.length,
      options.workers ?? 16,
      options.magazineObjects ?? 64,
    );
    const names = caches.map((cache) => encodeName(cache.name));
    if (new Set(caches.map((cache) => cache.name)).size < caches.length) {
      throw new ArgumentError('ERR_CACHE_NAME', 'two caches have one name; allowed: unique names');
    }
    const strides = caches.map(({ name, objectBytes, align = 16 }) => {
      checkInteger('ERR_OBJECT_BYTES', `objectBytes of ${name}`, objectBytes, 1, SHARED_SLAB_BYTES);
      checkPowerOfTwo('ERR_ALIGN', `align of ${name}`, align, 16, 4096);
      return Math.ceil(objectBytes / align) * align;
    });
    const bytes = new Uint8Array(buffer, 0, layout.objectByte);
    bytes.fill(0);
    const words = new Int32Array(buffer, 0, layout.stateByte / 4);
    words[H_CACHE_COUNT] = layout.cacheCount;
    words[H_WORKER_COUNT] = layout.workerCount;
    words[H_MAGAZINE] = layout.magazineObjects;
    words[H_SLAB_COUNT] = layout.slabCount;
    words[H_FRESH_SLAB] = 0;
    words[H_FREE_SLAB] = 0;
    for (let index = 0; index < caches.length; index += 1) {
      const at = layout.cachesAt + index * CACHE_WORDS;
      words[at + C_STRIDE] = strides[index];
      words[at + C_OBJECT_BYTES] = caches[index].objectBytes;
      bytes.set(names[index], (at + C_NAME) * 4);
    }
    Atomics.store(words, H_MAGIC, SHARED_MAGIC);
    return new SharedArena(buffer);
  }

  /**
   * Attaches this worker to an arena that another formatted.
   * @throws ArgumentError ERR_SHARED_FORMAT, ERR_WORKERS when all worker slots are taken
   */
  static attach(buffer: ArrayBufferLike): SharedArena {
    return new SharedArena(buffer);
  }

  /**
   * This worker's end of a cache.
   * @throws ArgumentError ERR_CACHE_NAME
   */
  cache(name: string): SharedCache {
    const found = this.caches.find((cache) => cache.name === name);
    if (found !== undefined && this.attached) return found;
    const names = this.caches.map((cache) => cache.name).join(', ');
    throw new ArgumentError('ERR_CACHE_NAME', `no cache ${name}; there are: ${names}`);
  }

  /** This worker's ends of all caches, in the order in which they were named. */
  list(): readonly SharedCache[] {
    return this.caches;
  }

  /** A pool of structs from a cache, whose objects must be large enough. */
  pool<Fields extends StructFields>(type: StructType<Fields>, name: string): StructPool<Fields> {
    const cache = this.cache(name);
    if (cache.objectBytes < type.byteCount) {
      throw new ArgumentError(
        'ERR_OBJECT_BYTES',
        `a struct of ${type.byteCount} bytes in cache ${name}; allowed: at most ${cache.objectBytes}`,
      );
    }
    return new StructPool(type, this.views, cache);
  }

  /** Gives this worker's free objects and its slot back; call nothing of it afterwards. */
  detach(): void {
    if (!this.attached) return;
    for (const cache of this.caches) cache.flushAll();
    this.attached = false;
    Atomics.store(this.slabs.words, H_WORKERS + this.worker, 0);
  }

  /** As {@link detach}, for `using`. */
  [Symbol.dispose](): void {
    this.detach();
  }

  /**
   * Gives the free objects and the slot of a worker that ended without detaching back. It must not
   * run any more, nor have ended inside a call.
   * @throws ArgumentError ERR_WORKERS
   */
  recover(worker: number): void {
    const { layout, words } = this.slabs;
    checkInteger('ERR_WORKERS', 'worker', worker, 0, layout.workerCount - 1);
    if (worker === this.worker)
      throw new ArgumentError('ERR_WORKERS', `worker ${worker} is this one`);
    for (const cache of this.caches) {
      new SharedCache(this.slabs, cache.id - 1, worker, cache.name).flushAll();
    }
    Atomics.store(words, H_WORKERS + worker, 0);
  }

  /** Gives empty slabs of all caches back to the arena, after this worker's magazines. */
  shrink(): void {
    for (const cache of this.caches) {
      cache.flushAll();
      const lockAt = this.slabs.layout.cachesAt + (cache.id - 1) * CACHE_WORDS + C_LOCK;
      lock(this.slabs.words, lockAt);
      this.slabs.releaseEmpty(cache.id - 1, 0);
      unlock(this.slabs.words, lockAt);
    }
  }

  /** Bytes of all bookkeeping in front of the objects. */
  get metadataBytes(): ByteCount {
    return this.slabs.layout.objectByte;
  }

  /** While nobody allocates or frees: throws InvariantError when the state is not consistent. */
  checkInvariants(): void {
    this.slabs.checkInvariants();
  }
}

function claimWorker(words: Int32Array, workerCount: number): number {
  for (let worker = 0; worker < workerCount; worker += 1) {
    if (Atomics.compareExchange(words, H_WORKERS + worker, 0, 1) === 0) return worker;
  }
  throw new ArgumentError(
    'ERR_WORKERS',
    `all ${workerCount} worker slots are taken; allowed: detach first`,
  );
}

function encodeName(name: string): Uint8Array {
  const bytes = new TextEncoder().encode(name);
  if (bytes.length >= 1 && bytes.length <= NAME_BYTES) return bytes;
  throw new ArgumentError(
    'ERR_CACHE_NAME',
    `cache name ${name}; allowed: 1 to ${NAME_BYTES} bytes`,
  );
}

function readName(bytes: Uint8Array, at: number): string {
  // A decoder takes no shared memory: copy first.
  const name = bytes.slice(at, at + NAME_BYTES);
  const end = name.indexOf(0);
  return new TextDecoder().decode(new Uint8Array(end === -1 ? name : name.subarray(0, end)));
}
