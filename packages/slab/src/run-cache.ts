import { assert } from '@hotpath/hw-x86';
import type { PageAllocator } from './page-allocator.js';
import type { PageBudget } from './page-budget.js';
import { orderOf } from './page-state.js';
import { IDLE_RUN, LARGE_RUN, type SlabTable } from './slab-table.js';

/** Longest run that is kept: 256 KiB. */
const KEPT_PAGES_MAX = 64;

/**
 * Freed page runs by their length, last in first out, so that a run of the same length need not be
 * split out of the buddy system and merged into it again. They stay runs for the page allocator and
 * are linked through a link word that lies idle in a run.
 *
 * For every kept run: owner of its first page === IDLE_RUN
 */
export class RunCache {
  /** First page + 1 of the runs of each length; 0: none. */
  private readonly heads = new Int32Array(KEPT_PAGES_MAX + 1);
  private readonly pages: PageAllocator;
  private readonly table: SlabTable;
  private readonly budget: PageBudget;

  constructor(pages: PageAllocator, table: SlabTable, budget: PageBudget) {
    this.pages = pages;
    this.table = table;
    this.budget = budget;
  }

  /** A kept run's first page + 1, its owner as yet IDLE_RUN, or 0. O(1). */
  take(pageCount: number): number {
    if (pageCount > KEPT_PAGES_MAX) return 0;
    const head = this.heads[pageCount];
    if (head === 0) return 0;
    this.heads[pageCount] = this.pages.buddy.readLink(2 * (head - 1) + 1);
    this.budget.spare -= pageCount;
    return head;
  }

  /** Keeps a run, or answers false: then it goes back to the page allocator. O(1). */
  keep(page: number, pageCount: number): boolean {
    if (pageCount > KEPT_PAGES_MAX || !this.budget.mayKeep(pageCount)) return false;
    // A run that grew where it lay is not aligned to its length as a fresh one would be.
    if ((page & ((1 << orderOf(pageCount)) - 1)) !== 0) return false;
    this.pages.buddy.writeLink(2 * page + 1, this.heads[pageCount]);
    this.heads[pageCount] = page + 1;
    this.table.passPage(page, LARGE_RUN, IDLE_RUN);
    this.budget.spare += pageCount;
    return true;
  }

  /** Gives kept runs back, long ones first, until `wanted` pages are; how many pages. */
  release(wanted: number): number {
    const { buddy } = this.pages;
    let released = 0;
    for (let pageCount = KEPT_PAGES_MAX; pageCount > 0; pageCount -= 1) {
      while (released < wanted && this.heads[pageCount] !== 0) {
        const page = this.take(pageCount) - 1;
        assert(this.table.ownerOf(page) === IDLE_RUN, 'a kept run is marked as such');
        this.table.releasePages(page, 1);
        this.pages.free(buddy.addressOf(page));
        this.budget.gave(pageCount);
        released += pageCount;
      }
    }
    return released;
  }
}
