import { assert, EAGAIN, NIL, OK } from '@hotpath/hw-x86';
import { LOCKED, UPTODATE } from './flags.js';
import type { PageWaits } from './page-waits.js';
import type { ResidentPages } from './resident-pages.js';

/** How the store of bytes into a page from `getForWrite` ends. */
export class PageWrites {
  private readonly residents: ResidentPages;
  private readonly pageWaits: PageWaits;

  constructor(residents: ResidentPages, pageWaits: PageWaits) {
    this.residents = residents;
    this.pageWaits = pageWaits;
  }

  /** Bytes `from .. to-1` are there: OK, or EAGAIN if the page was truncated away meanwhile. */
  commit(slot: number, from: number, to: number): number {
    const { residents } = this;
    const { columns, files } = residents;
    const file = columns.file[slot];
    assert(columns.pins[slot] > 0, 'a write is committed to a page without a pin');
    assert(from >= 0 && from < to && to <= 4096, 'a committed range is not inside the page');
    if (file === NIL) return EAGAIN;
    const start = columns.page[slot] * 4096;
    const fresh = (columns.flags[slot] & UPTODATE) === 0;
    if (fresh) {
      residents.zeroRange(slot, 0, from);
      residents.zeroFrom(slot, to);
      columns.flags[slot] = (columns.flags[slot] & ~LOCKED) | UPTODATE;
      residents.touch(slot);
    }
    const before = files.size[file];
    if (start + to > before) {
      if (before >= start) residents.zeroRange(slot, before - start, from);
      else residents.zeroTail(file, before);
      files.size[file] = start + to;
    }
    residents.setDirty(slot);
    if (fresh) this.pageWaits.wake(slot);
    return OK;
  }

  /** Nothing was stored: the pin goes, and with it a page that was never filled. */
  abort(slot: number): void {
    const { residents } = this;
    const { columns } = residents;
    if ((columns.flags[slot] & LOCKED) === 0) {
      residents.release(slot);
      return;
    }
    assert(columns.pins[slot] === 1, 'a locked page has more than one pin');
    const waiting = this.pageWaits.takeAll(slot);
    columns.pins[slot] = 0;
    residents.remove(slot);
    this.pageWaits.fail(waiting, OK, false);
  }
}
