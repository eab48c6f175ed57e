import {
  assert,
  LARGE_PAGE_BYTES,
  NIL,
  PAGE_BYTES,
  type PhysAddr,
  PTE_PRESENT,
  type VirtAddr,
} from '@hotpath/hw-x86';
import type { Current } from '../current.js';
import type { SystemCalls } from '../syscall/program.js';
import type { AddressSpace } from './address-space.js';
import type { AddressSpaces } from './address-spaces.js';
import { AREA_SHARED } from './area-list.js';
import type { FrameReferences } from './frame-references.js';
import type { LargePages } from './large-pages.js';
import { directAddress } from './memory-map.js';
import { rightsOf } from './page-fault.js';
import { frameOf } from './page-table-entries.js';
import type { LeafVisitor, PageTables } from './page-tables.js';
import type { TlbShootdown } from './tlb-shootdown.js';

const PAGES = LARGE_PAGE_BYTES / PAGE_BYTES;

/** What the collapser works on. */
export interface CollapserPorts {
  readonly current: Current;
  readonly spaces: AddressSpaces;
  readonly tables: PageTables;
  readonly frames: FrameReferences;
  readonly shootdown: TlbShootdown;
  readonly large: LargePages;
}

/**
 * Makes one page of 2 MiB of 512 small ones that lie in an area that wants large pages (Linux:
 * khugepaged): all 512 present, private, and named by this space alone. Contents are copied into a
 * free block; the small frames and their table go when no TLB knows them any more.
 */
export class Collapser implements LeafVisitor {
  /** Large pages made. */
  count = 0;
  readonly #ports: CollapserPorts;
  readonly #frame = new Float64Array(PAGES);
  #found = 0;
  #fit = true;

  constructor(ports: CollapserPorts) {
    this.#ports = ports;
  }

  /**
   * The collapsing daemon: looks at `rangesPerScan` ranges of 2 MiB of all spaces in turn, then
   * sleeps; it ends when no space is left. Run it as a kernel thread.
   */
  daemon(periodNanoseconds: number, rangesPerScan: number) {
    const scan = this;
    return function* (sys: SystemCalls): Generator<void, void, void> {
      while (scan.#ports.spaces.liveCount > 0) {
        scan.scan(rangesPerScan);
        yield* sys.sleep(periodNanoseconds);
      }
    };
  }

  /** One pass: collapses at most `most` ranges; how many. */
  scan(most: number): number {
    let done = 0;
    for (const space of this.#ports.spaces.live()) {
      const { areas } = space;
      for (let at = 0; at < areas.count && done < most; at++) {
        if (areas.open[at] !== NIL || (areas.flags[at] & AREA_SHARED) !== 0) continue;
        if (!this.#ports.large.wanted(areas.flags[at])) continue;
        const first = Math.ceil(areas.start[at] / LARGE_PAGE_BYTES) * LARGE_PAGE_BYTES;
        for (let base = first; base + LARGE_PAGE_BYTES <= areas.end[at] && done < most; ) {
          if (this.collapse(space, base)) done += 1;
          base += LARGE_PAGE_BYTES;
        }
      }
    }
    return done;
  }

  /** Collapses the 2 MiB at `base`, which lie in one area; false if they do not fit together. */
  collapse(space: AddressSpace, base: VirtAddr): boolean {
    const { current, frames, shootdown, tables } = this.#ports;
    this.#found = 0;
    this.#fit = true;
    tables.visit(space.root, base, base + LARGE_PAGE_BYTES, this);
    if (!this.#fit || this.#found !== PAGES) return false;
    const block = frames.allocateLarge();
    if (block === NIL) return false;
    for (let page = 0; page < PAGES; page++) {
      const to = directAddress(block + page * PAGE_BYTES);
      const moved = current.cpu.mmu.copyTo(to, this.#frame[page], PAGE_BYTES);
      assert(moved === PAGE_BYTES, 'the direct map does not cover a frame');
    }
    const area = space.areas.find(base);
    const table = tables.joinLarge(space.root, base, block, rightsOf(space.areas.flags[area]));
    shootdown.userRange(space, base, PAGES);
    for (const frame of this.#frame) frames.free(frame);
    tables.freeTable(table);
    space.largePages += 1;
    this.count += 1;
    return true;
  }

  leaf(_entry: PhysAddr, _virtual: VirtAddr, pageBytes: number): void {
    const { frames, tables } = this.#ports;
    const { low, high } = tables.entries;
    const frame = frameOf(low, high, false);
    const fits =
      pageBytes === PAGE_BYTES &&
      (low & PTE_PRESENT) !== 0 &&
      frames.isAnonymous(frame) &&
      !frames.isShared(frame);
    if (!fits) this.#fit = false;
    else this.#frame[this.#found++] = frame;
  }
}
