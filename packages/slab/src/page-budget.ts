import { assert } from '@hotpath/hw-x86';

/** Pages that may lie idle, however few are held. */
const SPARE_PAGES_MIN = 64;

/** Pages given back beyond what is needed, so that not every page asks again. */
const RELEASE_SLACK = 8;

/** What a heap can give back. */
export interface IdlePages {
  /** Gives back empty slabs and freed runs, so many pages if there are. */
  releaseIdle(pageCount: number): void;
  /** Empties magazines, which may leave more slabs empty. */
  flushMagazines(): void;
}

/**
 * How many pages a heap keeps in hand. Empty slabs and freed runs are kept, up to an eighth of the
 * most pages ever held, because the next allocation of their size would ask for them again; before
 * the heap grows beyond what it ever held, they are given back first. So keeping them costs nothing
 * at the peak, and a heap that breathes below its peak does not go to the page allocator.
 *
 * 0 <= spare <= held <= peak
 */
export class PageBudget {
  /** Pages of slabs and runs, idle ones included. */
  held = 0;
  /** Idle pages among them. */
  spare = 0;
  /** Most pages held so far. */
  peak = 0;
  private flushAt = 0;
  private readonly idle: IdlePages;

  constructor(idle: IdlePages) {
    this.idle = idle;
  }

  /** Before pages are taken from the page allocator. */
  willTake(pageCount: number): void {
    if (this.held + pageCount <= this.peak) return;
    if (this.spare > 0) this.idle.releaseIdle(this.excess(pageCount));
    // The peak will rise. Each emptying of magazines is paid for by a growth of 1/64.
    if (this.held + pageCount <= this.peak || this.held + pageCount < this.flushAt) return;
    this.idle.flushMagazines();
    if (this.spare > 0) this.idle.releaseIdle(this.excess(pageCount));
    this.flushAt = Math.max(this.peak, this.held + pageCount) * (1 + 1 / 64) + 2;
  }

  private excess(pageCount: number): number {
    return this.held + pageCount - this.peak + RELEASE_SLACK;
  }

  took(pageCount: number): void {
    this.held += pageCount;
    if (this.held > this.peak) this.peak = this.held;
  }

  gave(pageCount: number): void {
    this.held -= pageCount;
    assert(this.held >= this.spare && this.spare >= 0, 'no more pages go back than were held');
  }

  /** Whether so many more pages may lie idle. */
  mayKeep(pageCount: number): boolean {
    return this.spare + pageCount <= Math.max(SPARE_PAGES_MIN, this.peak / 8);
  }
}
