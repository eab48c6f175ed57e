import {
  LARGE_PAGE_BYTES,
  OK,
  PAGE_BYTES,
  type PhysAddr,
  PTE_DIRTY,
  PTE_PRESENT,
  type VirtAddr,
} from '@hotpath/hw-x86';
import { type KernelPaths, PATH_UNMAP_PAGE } from '../kernel-paths.js';
import { FLUSH_CEILING_PAGES } from '../params.js';
import type { AddressSpace } from './address-space.js';
import type { FrameReferences } from './frame-references.js';
import { USER_END } from './memory-map.js';
import { frameOf } from './page-table-entries.js';
import type { LeafVisitor, PageTables } from './page-tables.js';
import type { ReverseMap } from './reverse-map.js';
import type { TlbShootdown } from './tlb-shootdown.js';

/** Set in a record's bits for a page of 2 MiB. */
const LARGE = 1 << 30;

/**
 * Takes pages out of address spaces, in the only safe order: entries first, then tables, then the
 * TLBs of all CPUs in one round, and only then frames go to whoever wants them (Linux: mmu_gather).
 * One instance; a removal is never begun inside another.
 */
export class Unmapper implements LeafVisitor {
  readonly #tables: PageTables;
  readonly #paths: KernelPaths;
  readonly #frames: FrameReferences;
  readonly #shootdown: TlbShootdown;
  readonly #reverse: ReverseMap;
  /** Records of the pages taken out so far. */
  #address = new Float64Array(256);
  #frame = new Float64Array(256);
  #bits = new Int32Array(256);
  #count = 0;
  readonly #freedTables: PhysAddr[] = [];
  #copiesOnly = false;
  #low = 0;
  #high = 0;
  #wasPresent = false;

  constructor(
    tables: PageTables,
    frames: FrameReferences,
    shootdown: TlbShootdown,
    reverse: ReverseMap,
    paths: KernelPaths,
  ) {
    this.#paths = paths;
    this.#tables = tables;
    this.#frames = frames;
    this.#shootdown = shootdown;
    this.#reverse = reverse;
  }

  /**
   * Takes out every page of `start..end - 1`. Large pages across its ends must have been split. With
   * `floor..ceiling - 1`, a range around it in which nothing else is: the tables too.
   */
  unmap(
    space: AddressSpace,
    start: VirtAddr,
    end: VirtAddr,
    floor: VirtAddr = start,
    ceiling: VirtAddr = end,
  ): void {
    this.#begin(false);
    this.#tables.visit(space.root, start, end, this);
    this.#tables.takeTables(space.root, start, end, floor, ceiling, this.#keepTable);
    this.#flush(space);
    this.#release(space);
  }

  /** Takes out the private copies of a file's pages in a range; pages of the cache stay. */
  dropCopies(space: AddressSpace, start: VirtAddr, end: VirtAddr): void {
    this.#begin(true);
    this.#tables.visit(space.root, start, end, this);
    this.#flush(space);
    this.#release(space);
  }

  /** Takes out everything, tables and root too, of a space that no CPU runs any more. */
  unmapAll(space: AddressSpace): void {
    const { areas } = space;
    this.#shootdown.leaveSpace(space);
    for (let at = 0; at < areas.count; at++) {
      this.#begin(false);
      this.#tables.visit(space.root, areas.start[at], areas.end[at], this);
      this.#release(space);
    }
    for (let at = 0; at < areas.count; at++) {
      const { start, end } = areas;
      this.#tables.takeTables(space.root, start[at], end[at], 0, USER_END, this.#keepTable);
    }
    this.#begin(false);
    this.#release(space);
    this.#tables.freeTable(space.root);
  }

  /**
   * Splits the large pages that lie across either end of a range, so that the range can be treated
   * alone: OK or ENOMEM.
   */
  splitEdges(space: AddressSpace, start: VirtAddr, end: VirtAddr): number {
    const status = this.#splitAt(space, start);
    return status === OK ? this.#splitAt(space, end) : status;
  }

  leaf(entry: PhysAddr, virtual: VirtAddr, pageBytes: number): void {
    const { entries } = this.#tables;
    const { low, high } = entries;
    const large = pageBytes === LARGE_PAGE_BYTES;
    const frame = frameOf(low, high, large);
    if (this.#copiesOnly && !this.#frames.isAnonymous(frame)) return;
    this.#paths.pass(PATH_UNMAP_PAGE);
    entries.write(entry, 0, 0);
    if (this.#count === this.#frame.length) this.#grow();
    this.#address[this.#count] = virtual;
    this.#frame[this.#count] = frame;
    this.#bits[this.#count] = (low & PTE_DIRTY) | (large ? LARGE : 0);
    this.#count += 1;
    if ((low & PTE_PRESENT) === 0) return;
    this.#wasPresent = true;
    this.#low = Math.min(this.#low, virtual);
    this.#high = Math.max(this.#high, virtual + pageBytes);
  }

  #begin(copiesOnly: boolean): void {
    this.#copiesOnly = copiesOnly;
    this.#low = Infinity;
    this.#high = 0;
    this.#wasPresent = false;
  }

  readonly #keepTable = (table: PhysAddr): void => {
    this.#freedTables.push(table);
  };

  #flush(space: AddressSpace): void {
    if (this.#wasPresent) {
      const pages = (this.#high - this.#low) / PAGE_BYTES;
      // One large page is one entry of a TLB.
      if (this.#count === 1 && pages === 512) {
        this.#shootdown.userRange(space, this.#low, 1, LARGE_PAGE_BYTES);
      } else {
        this.#shootdown.userRange(space, this.#low, pages);
      }
    } else if (this.#freedTables.length > 0) {
      this.#shootdown.userRange(space, 0, FLUSH_CEILING_PAGES + 1);
    }
  }

  #release(space: AddressSpace): void {
    for (let i = 0; i < this.#count; i++) {
      const frame = this.#frame[i];
      const bits = this.#bits[i];
      space.residentPages -= (bits & LARGE) !== 0 ? 512 : 1;
      if ((bits & LARGE) !== 0) {
        space.largePages -= 1;
        this.#frames.freeLarge(frame);
      } else if (this.#frames.isAnonymous(frame)) {
        this.#frames.free(frame);
      } else {
        this.#reverse.unmapped(frame, space.pcid, this.#address[i], (bits & PTE_DIRTY) !== 0);
      }
    }
    this.#count = 0;
    for (const table of this.#freedTables) this.#tables.freeTable(table);
    this.#freedTables.length = 0;
  }

  #splitAt(space: AddressSpace, address: VirtAddr): number {
    if (address % LARGE_PAGE_BYTES === 0 || space.largePages === 0) return OK;
    const base = Math.floor(address / LARGE_PAGE_BYTES) * LARGE_PAGE_BYTES;
    return this.split(space, base);
  }

  /** Splits the large page at `base`, if there is one: OK or ENOMEM. */
  split(space: AddressSpace, base: VirtAddr): number {
    if (this.#tables.find(space.root, base) < 0) return OK;
    if (this.#tables.pageBytes !== LARGE_PAGE_BYTES) return OK;
    const status = this.#tables.splitLarge(space.root, base);
    if (status !== OK) return status;
    space.largePages -= 1;
    this.#shootdown.userRange(space, base, 1, LARGE_PAGE_BYTES);
    return OK;
  }

  #grow(): void {
    const address = new Float64Array(this.#count * 2);
    const frame = new Float64Array(this.#count * 2);
    const bits = new Int32Array(this.#count * 2);
    address.set(this.#address);
    frame.set(this.#frame);
    bits.set(this.#bits);
    this.#address = address;
    this.#frame = frame;
    this.#bits = bits;
  }
}
