import { PAGE_BYTES } from '@hotpath/hw-x86';
import type { SpaceLayout } from './address-space.js';
import { MMAP_TOP, USER_HEAP, USER_STACK_TOP } from './memory-map.js';

/** Pages by which stack and mappings are moved at most, and the heap: 28 and 13 bits as on Linux. */
const MMAP_PAGES = 2 ** 28;
const STACK_PAGES = 2 ** 22;
const HEAP_PAGES = 2 ** 13;

/** Where everything lies without randomisation. */
export const FIXED_LAYOUT: SpaceLayout = {
  stackTop: USER_STACK_TOP,
  heapStart: USER_HEAP,
  mmapTop: MMAP_TOP,
};

/**
 * Address-space randomisation: stack, mappings and heap of each new space at places that follow from
 * the seed alone, so that the same seed is the same run. xorshift32 (Marsaglia 2003).
 */
export class Layouts {
  #state: number;
  readonly #random: boolean;

  constructor(seed: number, random: boolean) {
    // Zero is the generator's only fixed point.
    this.#state = (seed ^ 0x9e3779b9) >>> 0 || 1;
    this.#random = random;
  }

  /** The next space's layout. */
  next(): SpaceLayout {
    if (!this.#random) return FIXED_LAYOUT;
    const down = this.#below(STACK_PAGES) * PAGE_BYTES;
    return {
      stackTop: USER_STACK_TOP - down,
      heapStart: USER_HEAP + this.#below(HEAP_PAGES) * PAGE_BYTES,
      mmapTop: MMAP_TOP - down - this.#below(MMAP_PAGES) * PAGE_BYTES,
    };
  }

  #below(limit: number): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x >>> 0;
    return this.#state % limit;
  }
}
