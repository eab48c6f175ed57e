import { ArgumentError, assert } from '@hotpath/hw-x86';
import type { SlabCache } from './slab-cache.js';

/** Granules of 16 bytes in the 2 GiB window. */
const GRANULES = 2 ** 27;
/** Generations of a slot before they begin again: a handle is a safe integer. */
const GENERATIONS = 2 ** 26;

/**
 * Objects known by handles that end with them: a handle is `generation * 2**27 + offset / 16`, and a
 * slot's generation rises with every free, also when its slab went and came back in between. So a
 * handle kept too long is told from the object that took its place (until that slot has been used
 * again 2**26 times). Costs 4 bytes a slot. 0 is no handle.
 */
export class SlabHandles {
  readonly cache: SlabCache;
  /** Generation by slot, for every head page that ever was a slab of this cache. */
  private readonly generations: (Uint32Array | undefined)[] = [];

  constructor(cache: SlabCache) {
    this.cache = cache;
  }

  /** A new object's handle, or 0 when memory is out. O(1). */
  allocate(): number {
    const address = this.cache.allocate();
    if (address === this.cache.none) return 0;
    const offset = address - this.cache.base;
    return this.generationOf(offset) * GRANULES + offset / 16;
  }

  /** Address of the handle's object, or `none` when it was freed. O(1). */
  resolve(handle: number): number {
    const granule = handle % GRANULES;
    const address = this.cache.base + granule * 16;
    if (!(handle > 0) || !this.cache.isLive(address)) return this.cache.none;
    const generation = Math.floor(handle / GRANULES);
    return this.generationOf(granule * 16) === generation ? address : this.cache.none;
  }

  /** True while the handle's object is not freed. O(1). */
  exists(handle: number): boolean {
    return this.resolve(handle) !== this.cache.none;
  }

  /**
   * Frees the handle's object; the handle, and all copies of it, name nothing from now on. O(1).
   * @throws ArgumentError ERR_STALE_HANDLE where it names nothing already
   */
  free(handle: number): void {
    const address = this.resolve(handle);
    if (address === this.cache.none) {
      throw new ArgumentError(
        'ERR_STALE_HANDLE',
        `${this.cache.name}: handle ${handle} names no object`,
      );
    }
    this.cache.free(address);
    const offset = address - this.cache.base;
    const { lists, geometry } = this.cache;
    const head = lists.headOf(offset);
    const slot = (offset - lists.firstOf(head)) / geometry.stride;
    const column = this.generations[head];
    assert(column !== undefined && Number.isInteger(slot), 'a handled object has a generation');
    column[slot] = column[slot] + 1 === GENERATIONS ? 1 : column[slot] + 1;
  }

  /** Generation of the slot at an offset, 1 at first. */
  private generationOf(offset: number): number {
    const { lists, geometry } = this.cache;
    const head = lists.headOf(offset);
    let column = this.generations[head];
    if (column === undefined) {
      column = new Uint32Array(geometry.objectCount).fill(1);
      this.generations[head] = column;
    }
    return column[(offset - lists.firstOf(head)) / geometry.stride];
  }
}
