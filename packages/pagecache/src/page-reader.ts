import { assert, type Completion, isErrno, NIL, PENDING, type TraceHook } from '@hotpath/hw-x86';
import { LOCKED, MARKER, PREFETCHED, UPTODATE } from './flags.js';
import type { PageWaits } from './page-waits.js';
import type { BackingStore } from './ports.js';
import type { ResidentPages } from './resident-pages.js';
import { PAGE_READ } from './trace-events.js';
import type { Transfer, TransferPool, TransferWiring } from './transfer-pool.js';
import { STAGE_DRAIN, type WaitPool } from './wait-pool.js';

/**
 * Brings pages in. Pages are indexed, locked, before the store is asked, so that a second asker
 * finds them and waits; they become visible when they are up to date.
 */
export class PageReader {
  private readonly residents: ResidentPages;
  private readonly pageWaits: PageWaits;
  private readonly waits: WaitPool;
  private readonly store: BackingStore;
  private readonly transfers: TransferPool;
  private readonly sink: Completion;
  private readonly runLimit: number;
  private readonly trace: TraceHook | null;

  constructor(io: TransferWiring) {
    this.residents = io.residents;
    this.pageWaits = io.pageWaits;
    this.waits = io.waits;
    this.store = io.store;
    this.transfers = io.transfers;
    this.sink = io.transferSink;
    this.runLimit = io.runPages;
    this.trace = io.trace;
  }

  /** Reads one page into the frame of a slot that is in no index. PENDING, OK or an errno. */
  readOne(file: number, page: number, slot: number): number {
    const transfer = this.begin(file, page);
    this.add(transfer, slot);
    return this.submit(transfer);
  }

  /**
   * Read-ahead: pages `first .. last` that are not here, as far as frames can be had without
   * waiting. `marker` (NIL: none) gets the mark that starts the next window. Errors are nobody's.
   */
  readAhead(file: number, first: number, last: number, marker: number): void {
    const { residents } = this;
    let transfer: Transfer | null = null;
    for (let page = first; page <= last; page++) {
      if (residents.lookup(file, page) !== NIL) {
        if (transfer !== null) this.submit(transfer);
        transfer = null;
        continue;
      }
      const slot = residents.takeFrame();
      if (slot === NIL) break;
      if (transfer === null) transfer = this.begin(file, page);
      this.add(transfer, slot);
      residents.columns.flags[slot] |= page === marker ? PREFETCHED | MARKER : PREFETCHED;
      residents.counters.readAheadIssued++;
      if (transfer.count === this.runLimit) {
        this.submit(transfer);
        transfer = null;
      }
    }
    if (transfer !== null) this.submit(transfer);
  }

  /** The store has finished a read. */
  finish(transfer: Transfer, result: number): void {
    const { residents } = this;
    const { file, page, count, size } = transfer;
    const { columns, files } = residents;
    if (isErrno(result)) residents.counters.readErrors++;
    for (let i = 0; i < count; i++) {
      const slot = transfer.slots[i];
      assert(columns.file[slot] === file, 'a page went while it was read');
      assert(columns.page[slot] === page + i, 'a page went while it was read');
      assert((columns.flags[slot] & LOCKED) !== 0, 'a page was unlocked while it was read');
      if (isErrno(result)) {
        const waiting = this.pageWaits.takeAll(slot);
        residents.remove(slot);
        this.pageWaits.fail(waiting, result, count === 1);
        continue;
      }
      const inside = size - (page + i) * 4096;
      if (inside < 4096) residents.zeroFrom(slot, Math.max(0, inside));
      columns.flags[slot] = (columns.flags[slot] & ~LOCKED) | UPTODATE;
      this.pageWaits.wake(slot);
    }
    residents.changed = true;
    this.transfers.give(transfer);
    if (--files.filling[file] === 0 && files.invalidator[file] !== 0) {
      const wait = this.waits.at(files.invalidator[file] - 1);
      if (wait.stage === STAGE_DRAIN) this.waits.due(wait);
    }
  }

  private begin(file: number, page: number): Transfer {
    const transfer = this.transfers.take(false, file, page);
    this.residents.files.filling[file]++;
    return transfer;
  }

  private add(transfer: Transfer, slot: number): void {
    transfer.frames[transfer.count] = this.residents.columns.frame[slot];
    transfer.slots[transfer.count] = slot;
    this.residents.insert(transfer.file, transfer.page + transfer.count, slot);
    transfer.count++;
  }

  private submit(transfer: Transfer): number {
    const { file, page, count } = transfer;
    const { counters, files } = this.residents;
    counters.readCalls++;
    counters.pagesRead += count;
    if (this.trace !== null) this.trace.emit(PAGE_READ, page, count);
    transfer.size = files.size[file];
    const { frames, id } = transfer;
    const result = this.store.readPages(file, page, frames, count, this.sink, id);
    if (result !== PENDING) this.finish(transfer, result);
    return result;
  }
}
