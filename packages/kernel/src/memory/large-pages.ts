import {
  assert,
  LARGE_PAGE_BYTES,
  NIL,
  OK,
  PAGE_BYTES,
  type PhysAddr,
  type VirtAddr,
} from '@hotpath/hw-x86';
import type { Current } from '../current.js';
import type { AddressSpace } from './address-space.js';
import { AREA_HUGE, AREA_NO_HUGE } from './area-list.js';
import type { FrameReferences } from './frame-references.js';
import { directAddress } from './memory-map.js';
import type { PageTables } from './page-tables.js';
import type { TlbShootdown } from './tlb-shootdown.js';
import type { Unmapper } from './unmapper.js';

/** Which areas get pages of 2 MiB: none, those that asked by madvise, or all that are large enough. */
export type HugePages = 'never' | 'madvise' | 'always';

/** What large pages work on. */
export interface LargePagePorts {
  readonly current: Current;
  readonly tables: PageTables;
  readonly frames: FrameReferences;
  readonly shootdown: TlbShootdown;
  readonly unmapper: Unmapper;
  readonly zeroFrame: PhysAddr;
  readonly policy: HugePages;
}

/** Transparent huge pages of private anonymous memory (Linux: mm/huge_memory.c). */
export class LargePages {
  /** Faults that would have had a large page if memory had not been too small or fragmented. */
  fallbackCount = 0;
  /** Large pages taken apart because a part was written after a fork. */
  splitCount = 0;
  readonly #ports: LargePagePorts;

  constructor(ports: LargePagePorts) {
    this.#ports = ports;
  }

  /** True if an area is to have large pages. */
  wanted(flags: number): boolean {
    const { policy } = this.#ports;
    if (policy === 'never' || (flags & AREA_NO_HUGE) !== 0) return false;
    return policy === 'always' || (flags & AREA_HUGE) !== 0;
  }

  /**
   * Maps 2 MiB of zeros around `page` if the area wants and holds them, nothing is mapped there yet,
   * and memory has such a block. O(2 MiB) for the clearing.
   */
  tryMap(space: AddressSpace, area: number, page: VirtAddr, rights: number): boolean {
    const { frames, tables } = this.#ports;
    const { areas } = space;
    if (!this.wanted(areas.flags[area])) return false;
    const base = Math.floor(page / LARGE_PAGE_BYTES) * LARGE_PAGE_BYTES;
    if (base < areas.start[area] || base + LARGE_PAGE_BYTES > areas.end[area]) return false;
    if (tables.hasTable(space.root, base)) return false;
    const frame = frames.allocateLarge();
    if (frame === NIL) {
      this.fallbackCount += 1;
      return false;
    }
    this.#clear(frame);
    if (tables.map(space.root, base, frame, LARGE_PAGE_BYTES, rights) !== OK) {
      frames.freeLarge(frame);
      return false;
    }
    space.residentPages += 512;
    space.largePages += 1;
    return true;
  }

  /**
   * A write to a large page that is read-only: the last one to name it keeps it, otherwise it is
   * split.
   * @returns true if the access can go on; false: the page is small now, or memory is out
   */
  reuse(space: AddressSpace, page: VirtAddr, frame: PhysAddr, rights: number): boolean {
    const { frames, shootdown, tables, unmapper } = this.#ports;
    const base = Math.floor(page / LARGE_PAGE_BYTES) * LARGE_PAGE_BYTES;
    if (frames.isShared(frame, LARGE_PAGE_BYTES)) {
      if (unmapper.split(space, base) === OK) this.splitCount += 1;
      return false;
    }
    tables.remapLarge(space.root, base, frame, rights);
    shootdown.userRange(space, base, 1, LARGE_PAGE_BYTES);
    return true;
  }

  #clear(frame: PhysAddr): void {
    const { current, zeroFrame } = this.#ports;
    const { mmu } = current.cpu;
    for (let at = 0; at < LARGE_PAGE_BYTES; at += PAGE_BYTES) {
      const moved = mmu.copyTo(directAddress(frame + at), zeroFrame, PAGE_BYTES);
      assert(moved === PAGE_BYTES, 'the direct map does not cover a frame');
    }
  }
}
