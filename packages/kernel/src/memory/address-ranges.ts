import { ENOMEM, OK, type VirtAddr } from '@hotpath/hw-x86';
import type { AddressSpace } from './address-space.js';
import type { AreaKind } from './area-list.js';
import { USER_END } from './memory-map.js';
import type { Protector } from './protector.js';
import type { Unmapper } from './unmapper.js';

/**
 * Changes of whole ranges of an address space: areas and pages together. Each answers OK or ENOMEM,
 * and then nothing has happened. Ranges are page-aligned and lie in the user half.
 */
export class AddressRanges {
  readonly #unmapper: Unmapper;
  readonly #protector: Protector;

  constructor(unmapper: Unmapper, protector: Protector) {
    this.#unmapper = unmapper;
    this.#protector = protector;
  }

  /** Puts an area at `start..end - 1`, in the place of whatever is there. */
  map(space: AddressSpace, start: VirtAddr, end: VirtAddr, kind: AreaKind): number {
    const { areas } = space;
    if (!areas.hasRoom(2)) return ENOMEM;
    const status = areas.overlaps(start, end) ? this.remove(space, start, end) : OK;
    if (status !== OK) return status;
    return areas.insert(start, end, kind) ? OK : ENOMEM;
  }

  /** Takes out areas and pages; what is not mapped there does not matter. */
  remove(space: AddressSpace, start: VirtAddr, end: VirtAddr): number {
    const { areas } = space;
    const status = this.#split(space, start, end);
    if (status !== OK) return status;
    const first = areas.firstEndingAfter(start);
    let last = first;
    while (last < areas.count && areas.start[last] < end) last += 1;
    if (first === last) return OK;
    const floor = first > 0 ? areas.end[first - 1] : 0;
    const ceiling = last < areas.count ? areas.start[last] : USER_END;
    this.#unmapper.unmap(space, start, end, floor, ceiling);
    for (let at = last - 1; at >= first; at--) areas.remove(at);
    return OK;
  }

  /** Takes out the pages and keeps the areas: they read as new, or as their file is. */
  drop(space: AddressSpace, start: VirtAddr, end: VirtAddr): number {
    const status = this.#unmapper.splitEdges(space, start, end);
    if (status === OK) this.#unmapper.unmap(space, start, end);
    return status;
  }

  /**
   * Changes the flags of the areas in a range that they cover: bits of `clear` go, bits of `set`
   * come. With `protect`, mapped pages get the new rights.
   */
  change(
    space: AddressSpace,
    start: VirtAddr,
    end: VirtAddr,
    clear: number,
    set: number,
    protect: boolean,
  ): number {
    const { areas } = space;
    const status = this.#split(space, start, end);
    if (status !== OK) return status;
    const first = areas.firstEndingAfter(start);
    let at = first;
    for (; at < areas.count && areas.start[at] < end; at++) {
      areas.flags[at] = (areas.flags[at] & ~clear) | set;
      if (protect) this.#protector.apply(space, areas.start[at], areas.end[at], areas.flags[at]);
    }
    for (let i = at - 1; i >= first - 1; i--) areas.join(i);
    return OK;
  }

  /** Makes areas and large pages end where the range does. */
  #split(space: AddressSpace, start: VirtAddr, end: VirtAddr): number {
    const { areas } = space;
    const cuts = (this.#cuts(space, start) ? 1 : 0) + (this.#cuts(space, end) ? 1 : 0);
    if (!areas.hasRoom(cuts)) return ENOMEM;
    const status = this.#unmapper.splitEdges(space, start, end);
    if (status !== OK) return status;
    areas.splitAt(start);
    areas.splitAt(end);
    return OK;
  }

  #cuts(space: AddressSpace, address: VirtAddr): boolean {
    const at = space.areas.find(address);
    return at >= 0 && space.areas.start[at] < address;
  }
}
