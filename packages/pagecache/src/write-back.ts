import {
  assert,
  type Completion,
  isErrno,
  NIL,
  OK,
  PENDING,
  type TraceHook,
} from '@hotpath/hw-x86';
import type { FileColumns } from './file-columns.js';
import { DIRTY, ERROR, WRITEBACK } from './flags.js';
import { TAG_DIRTY } from './index-nodes.js';
import type { PageWaits } from './page-waits.js';
import type { BackingStore, Mappings } from './ports.js';
import type { ResidentPages } from './resident-pages.js';
import { PAGE_WRITE, PAGE_WRITE_ERROR } from './trace-events.js';
import type { Transfer, TransferPool, TransferWiring } from './transfer-pool.js';

/**
 * Takes dirty pages to the store. A page is clean from the moment its write is submitted; whatever
 * is stored to it after that makes it dirty again, so nothing that the write may have missed is
 * taken for written. A failed write makes it dirty again, too: only truncate drops dirty data.
 */
export class WriteBack {
  private readonly residents: ResidentPages;
  private readonly pageWaits: PageWaits;
  private readonly store: BackingStore;
  private readonly transfers: TransferPool;
  private readonly sink: Completion;
  private readonly mappings: Mappings | null;
  private readonly runLimit: number;
  private readonly trace: TraceHook | null;

  constructor(io: TransferWiring) {
    this.residents = io.residents;
    this.pageWaits = io.pageWaits;
    this.store = io.store;
    this.transfers = io.transfers;
    this.sink = io.transferSink;
    this.mappings = io.mappings;
    this.runLimit = io.runPages;
    this.trace = io.trace;
  }

  /**
   * Submits the run of dirty pages that starts at `page`, which is dirty and not under write-back,
   * as far as `last`. Returns its length in pages.
   */
  submitRun(file: number, page: number, last: number): number {
    const { residents } = this;
    const { flags } = residents.columns;
    const transfer = this.transfers.take(true, file, page);
    let next = page;
    while (transfer.count < this.runLimit && next <= last) {
      const slot = residents.lookup(file, next);
      if (slot === NIL || (flags[slot] & (DIRTY | WRITEBACK)) !== DIRTY) break;
      this.add(transfer, slot);
      next++;
    }
    const { count } = transfer;
    assert(count > 0, 'an empty run is written');
    this.submit(transfer);
    return count;
  }

  /** Submits the run around one dirty page, so that evicting it costs one write for many. */
  submitAround(slot: number): void {
    const { file, page, flags } = this.residents.columns;
    const owner = file[slot];
    let first = page[slot];
    const low = Math.max(0, first - (this.runLimit >>> 1));
    while (first > low) {
      const before = this.residents.lookup(owner, first - 1);
      if (before === NIL || (flags[before] & (DIRTY | WRITEBACK)) !== DIRTY) break;
      first--;
    }
    this.submitRun(owner, first, 2 ** 32 - 1);
  }

  /**
   * Background write-back: submits up to `pageLimit` dirty pages, files that have been dirty longest
   * first, each from where it was left. Pages whose last write failed are left for fsync, unless
   * `retry`. Returns how many were submitted.
   */
  submitSome(pageLimit: number, retry: boolean): number {
    const { files } = this.residents;
    let submitted = 0;
    let file = files.dirtyHead;
    while (file !== NIL && submitted < pageLimit) {
      // A run that empties the file takes it off the list.
      const next = files.dirtyNext[file];
      const cursor = files.writeCursor[file];
      submitted += this.submitRange(file, cursor, 2 ** 32 - 1, pageLimit - submitted, retry);
      if (submitted < pageLimit && cursor > 0) {
        submitted += this.submitRange(file, 0, cursor - 1, pageLimit - submitted, retry);
      }
      file = next;
    }
    return submitted;
  }

  /** Submits dirty pages of files that have been dirty since `time` or longer. */
  submitOlder(time: number, now: number): number {
    const { files } = this.residents;
    let submitted = 0;
    let file = files.dirtyHead;
    const tail = files.dirtyTail;
    while (file !== NIL && files.dirtiedAt[file] <= time) {
      const next = file === tail ? NIL : files.dirtyNext[file];
      submitted += this.submitRange(file, 0, 2 ** 32 - 1, 2 ** 32, true);
      if (files.dirtyCount[file] > 0) {
        // What failed, or is dirty again, waits a full period more.
        files.dirtiedAt[file] = now;
        files.leaveDirty(file);
        files.enterDirty(file);
      }
      file = next;
    }
    return submitted;
  }

  /** The store has finished a write. */
  finish(transfer: Transfer, result: number): void {
    const { residents } = this;
    const { file, page, count } = transfer;
    if (isErrno(result) && count > 1) {
      // One bad page must not keep its neighbours from the disk.
      this.transfers.give(transfer);
      for (let i = 0; i < count; i++) this.submitAlone(file, page + i);
      return;
    }
    for (let i = 0; i < count; i++) {
      const slot = residents.lookup(file, page + i);
      assert(slot !== NIL, 'a page went while it was written');
      residents.clearWriteback(slot);
      if (isErrno(result)) {
        residents.setDirty(slot);
        residents.columns.flags[slot] |= ERROR;
        residents.counters.writeErrors++;
        recordError(residents.files, file, result);
        if (this.trace !== null) this.trace.emit(PAGE_WRITE_ERROR, page, result);
      }
      this.pageWaits.wake(slot);
    }
    this.transfers.give(transfer);
  }

  private submitRange(
    file: number,
    first: number,
    last: number,
    limit: number,
    retry: boolean,
  ): number {
    const { residents } = this;
    const { flags } = residents.columns;
    let submitted = 0;
    let page = first;
    while (submitted < limit) {
      page = residents.index.nextTagged(file, page, TAG_DIRTY);
      if (page === NIL || page > last) {
        residents.files.writeCursor[file] = 0;
        break;
      }
      const state = flags[residents.lookup(file, page)];
      if ((state & WRITEBACK) !== 0 || ((state & ERROR) !== 0 && !retry)) {
        page++;
        continue;
      }
      const count = this.submitRun(file, page, Math.min(last, page + (limit - submitted) - 1));
      submitted += count;
      page += count;
      residents.files.writeCursor[file] = page;
    }
    return submitted;
  }

  private add(transfer: Transfer, slot: number): void {
    const { residents } = this;
    // Write-protect first: a store that comes later faults and makes the page dirty again.
    if (residents.columns.mapCount[slot] > 0) this.mappings!.clean(slot);
    residents.clearDirty(slot);
    residents.setWriteback(slot);
    transfer.frames[transfer.count++] = residents.columns.frame[slot];
  }

  /** Writes a page that is still under write-back after the run it was in has failed. */
  private submitAlone(file: number, page: number): void {
    const slot = this.residents.lookup(file, page);
    assert(slot !== NIL, 'a page went while it was written');
    const transfer = this.transfers.take(true, file, page);
    transfer.frames[0] = this.residents.columns.frame[slot];
    transfer.count = 1;
    this.submit(transfer);
  }

  private submit(transfer: Transfer): void {
    const { residents } = this;
    const { file, page, count, frames, id } = transfer;
    const { counters } = residents;
    counters.writeCalls++;
    counters.pagesWritten += count;
    if (this.trace !== null) this.trace.emit(PAGE_WRITE, page, count);
    const inside = residents.files.size[file] - (page + count - 1) * 4096;
    // A mapping can store beyond the end of the file; that must not come back when the file grows.
    if (inside < 4096) {
      const last = residents.lookup(file, page + count - 1);
      residents.zeroFrom(last, Math.max(0, inside));
    }
    const byteCount = Math.max(0, (count - 1) * 4096 + Math.min(4096, inside));
    const result =
      byteCount === 0
        ? OK
        : this.store.writePages(file, page, frames, count, byteCount, this.sink, id);
    if (result !== PENDING) this.finish(transfer, result);
  }
}

/** Notes a write-back error for every handle of the file, and for a later opener if nobody looks. */
export function recordError(files: FileColumns, file: number, errno: number): void {
  files.error[file] = errno;
  files.errorCount[file]++;
  files.errorSeen[file] = 0;
}
