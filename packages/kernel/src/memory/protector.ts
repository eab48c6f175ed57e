import {
  LARGE_PAGE_BYTES,
  PAGE_BYTES,
  type PhysAddr,
  PTE_NO_EXECUTE_HIGH,
  PTE_PRESENT,
  PTE_WRITE,
  type VirtAddr,
} from '@hotpath/hw-x86';
import type { AddressSpace } from './address-space.js';
import { AREA_EXECUTE, AREA_READ, AREA_WRITE } from './area-list.js';
import { PTE_NONE } from './page-table-entries.js';
import type { LeafVisitor, PageTables } from './page-tables.js';
import type { TlbShootdown } from './tlb-shootdown.js';

/**
 * Gives the pages that are mapped in a range the rights of its areas (Linux: change_protection). The
 * right to write is only ever taken here: it comes back by a fault, which knows whether the frame
 * must be copied first or the file's page made dirty.
 */
export class Protector implements LeafVisitor {
  readonly #tables: PageTables;
  readonly #shootdown: TlbShootdown;
  #flags = 0;
  #changed = false;

  constructor(tables: PageTables, shootdown: TlbShootdown) {
    this.#tables = tables;
    this.#shootdown = shootdown;
  }

  /** Applies area flags to `start..end - 1`, with one flush. Large pages must not lie across the ends. */
  apply(space: AddressSpace, start: VirtAddr, end: VirtAddr, flags: number): void {
    this.#flags = flags;
    this.#changed = false;
    this.#tables.visit(space.root, start, end, this);
    if (!this.#changed) return;
    const large = end - start === LARGE_PAGE_BYTES && space.largePages > 0;
    if (large && this.#tables.find(space.root, start) >= 0 && this.#tables.pageBytes > PAGE_BYTES) {
      this.#shootdown.userRange(space, start, 1, LARGE_PAGE_BYTES);
    } else {
      this.#shootdown.userRange(space, start, (end - start) / PAGE_BYTES);
    }
  }

  leaf(entry: PhysAddr): void {
    const { entries } = this.#tables;
    const { low, high } = entries;
    let newLow = low;
    if ((this.#flags & AREA_WRITE) === 0) newLow &= ~PTE_WRITE;
    const usable = (this.#flags & (AREA_READ | AREA_WRITE | AREA_EXECUTE)) !== 0;
    newLow = usable ? (newLow & ~PTE_NONE) | PTE_PRESENT : (newLow & ~PTE_PRESENT) | PTE_NONE;
    let newHigh = high & ~PTE_NO_EXECUTE_HIGH;
    if ((this.#flags & AREA_EXECUTE) === 0) newHigh |= PTE_NO_EXECUTE_HIGH;
    if (newLow >>> 0 === low && newHigh >>> 0 === high) return;
    entries.write(entry, newLow >>> 0, newHigh >>> 0);
    this.#changed = true;
  }
}
