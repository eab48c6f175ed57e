import { ArgumentError, assert, type ByteCount, checkInteger } from '@hotpath/hw-x86';

/** First word of a formatted buffer: "HPSA". */
export const SHARED_MAGIC = 0x41535048;
/** Slabs of all shared caches have this length, so that they never fragment. */
export const SHARED_SLAB_BYTES = 16384;
/** Words of a slab's available map: one bit for every 16 bytes. */
export const SLAB_MAP_WORDS = SHARED_SLAB_BYTES / 16 / 32;
/** Bytes of a cache's name, UTF-8, zero-filled. */
export const NAME_BYTES = 32;

// Words of the header.
export const H_MAGIC = 0;
export const H_CACHE_COUNT = 1;
export const H_WORKER_COUNT = 2;
export const H_MAGAZINE = 3;
export const H_SLAB_COUNT = 4;
/** Slabs that were never used start here. */
export const H_FRESH_SLAB = 5;
/** First slab given back + 1; 0: none. */
export const H_FREE_SLAB = 6;
/** Lock of the two words above. On a line of its own, as every lock. */
export const H_LOCK = 16;
/** One word a worker slot: 1 when taken. */
export const H_WORKERS = 32;
const HEADER_WORDS = 32 + 64;

// Words of a cache. The lock and what it guards share a line, the counters another.
export const C_LOCK = 0;
/** First partial slab + 1; 0: none. */
export const C_PARTIAL = 1;
export const C_SLAB_COUNT = 2;
/** Free slots that lie in slabs. */
export const C_AVAILABLE = 3;
export const C_EMPTY_COUNT = 4;
export const C_STRIDE = 16;
export const C_OBJECT_BYTES = 17;
export const C_ACQUIRED = 18;
export const C_CONTENDED = 19;
export const C_REFILLS = 20;
export const C_FLUSHES = 21;
export const C_NAME = 24;
export const CACHE_WORDS = 32;

// Words of a slab.
export const S_OWNER = 0;
export const S_AVAILABLE = 1;
export const S_NEXT = 2;
export const S_PREVIOUS = 3;
export const SLAB_WORDS = 4;

/** Where everything lies in a formatted buffer; all in words, but the bytes named so. */
export interface SharedLayout {
  readonly cacheCount: number;
  readonly workerCount: number;
  readonly magazineObjects: number;
  readonly slabCount: number;
  readonly cachesAt: number;
  /** `workerCount * cacheCount` magazines: fill, padding to a line, objects. */
  readonly magazinesAt: number;
  readonly magazineWords: number;
  readonly slabsAt: number;
  readonly mapsAt: number;
  /** One byte for every 16 bytes of objects: id of the cache where an object in use starts. */
  readonly stateByte: ByteCount;
  /** First slab, a multiple of the slab length. */
  readonly objectByte: ByteCount;
}

/**
 * Lays a shared arena out in a buffer.
 * @throws ArgumentError ERR_SHARED_BYTES, ERR_WORKERS, ERR_MAGAZINE, ERR_CACHE_COUNT
 */
export function sharedLayout(
  byteCount: ByteCount,
  cacheCount: number,
  workerCount: number,
  magazineObjects: number,
): SharedLayout {
  checkInteger('ERR_CACHE_COUNT', 'number of caches', cacheCount, 1, 254);
  checkInteger('ERR_WORKERS', 'workers', workerCount, 1, 64);
  checkInteger('ERR_MAGAZINE', 'magazineObjects', magazineObjects, 2, 1024);
  const magazineWords = 16 + Math.ceil(magazineObjects / 16) * 16;
  const magazinesAt = HEADER_WORDS + cacheCount * CACHE_WORDS;
  const slabsAt = magazinesAt + workerCount * cacheCount * magazineWords;
  // What a slab costs: its words, its map, its state bytes, itself.
  const perSlab = SLAB_WORDS * 4 + SLAB_MAP_WORDS * 4 + SHARED_SLAB_BYTES / 16 + SHARED_SLAB_BYTES;
  const room = Math.min(byteCount, 2 ** 31 - SHARED_SLAB_BYTES) - slabsAt * 4 - SHARED_SLAB_BYTES;
  const slabCount = Math.floor(room / perSlab);
  if (slabCount < 1) {
    throw new ArgumentError(
      'ERR_SHARED_BYTES',
      `a buffer of ${byteCount} bytes; allowed: at least ${slabsAt * 4 + SHARED_SLAB_BYTES + perSlab}`,
    );
  }
  const mapsAt = slabsAt + slabCount * SLAB_WORDS;
  const stateByte = (mapsAt + slabCount * SLAB_MAP_WORDS) * 4;
  const stateEnd = stateByte + (slabCount * SHARED_SLAB_BYTES) / 16;
  const objectByte = Math.ceil(stateEnd / SHARED_SLAB_BYTES) * SHARED_SLAB_BYTES;
  assert(objectByte + slabCount * SHARED_SLAB_BYTES <= byteCount, 'the slabs fit the buffer');
  return {
    cacheCount,
    workerCount,
    magazineObjects,
    slabCount,
    cachesAt: HEADER_WORDS,
    magazinesAt,
    magazineWords,
    slabsAt,
    mapsAt,
    stateByte,
    objectByte,
  };
}
