import type { ByteCount } from '@hotpath/hw-x86';
import type { SlabDebugOptions } from './slab-debug.js';

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
