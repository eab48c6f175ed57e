import { type ByteCount, checkInteger, PAGE_BYTES } from '@hotpath/hw-x86';
import { RED_ZONE_BYTES, type SlabDebugOptions } from './slab-debug.js';
import { MAX_OBJECT_BYTES, type SlabGeometry, slabGeometry } from './slab-geometry.js';

/** Options of `SlabAllocator.createCache`. */
export interface SlabCacheOptions {
  /** Appears in slabinfo and in errors. */
  readonly name: string;
  /** 1..32,768. */
  readonly objectBytes: ByteCount;
  /** A power of two up to 4,096; default and least 16. */
  readonly align?: ByteCount;
  /**
   * Called with the address of every slot when its slab is made; what it sets up must hold again
   * when the object is freed (Bonwick 1994, 2: object caching).
   */
  readonly construct?: ((address: number) => void) | null;
  /** Objects of a magazine, 1..1,024; default two pages' worth of them, 2..128. */
  readonly magazineObjects?: number;
  /** Empty slabs kept, 0..1,000,000; default 1. */
  readonly minEmpty?: number;
  /** Debugging; default none of it. */
  readonly debug?: SlabDebugOptions;
}

/** What follows from the options before there is a cache. */
export interface CacheShape {
  readonly geometry: SlabGeometry;
  readonly magazineObjects: number;
  readonly minEmpty: number;
}

/** @throws ArgumentError ERR_OBJECT_BYTES, ERR_ALIGN, ERR_MAGAZINE, ERR_MIN_EMPTY */
export function cacheShape(options: SlabCacheOptions): CacheShape {
  const { name, objectBytes } = options;
  const zone = options.debug?.redZones === true ? RED_ZONE_BYTES : 0;
  const left = zone === 0 ? 0 : Math.max(zone, options.align ?? zone);
  checkInteger('ERR_OBJECT_BYTES', `objectBytes of ${name}`, objectBytes, 1, MAX_OBJECT_BYTES);
  const geometry = slabGeometry(objectBytes, options.align, left, zone);
  const fitting = Math.floor((2 * PAGE_BYTES) / geometry.stride);
  const magazineObjects = options.magazineObjects ?? Math.max(2, Math.min(128, fitting));
  checkInteger('ERR_MAGAZINE', 'magazineObjects', magazineObjects, 1, 1024);
  const minEmpty = checkInteger('ERR_MIN_EMPTY', 'minEmpty', options.minEmpty ?? 1, 0, 1_000_000);
  return { geometry, magazineObjects, minEmpty };
}
