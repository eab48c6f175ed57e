import { type Completion, isErrno, NIL, OK, PENDING, type TraceHook } from '@hotpath/hw-x86';
import { WRITEBACK } from './flags.js';
import type { HandleColumns } from './handle-columns.js';
import { TAG_DIRTY, TAG_WRITEBACK } from './index-nodes.js';
import type { PageWaits } from './page-waits.js';
import type { BackingStore } from './ports.js';
import type { ResidentPages } from './resident-pages.js';
import { FILE_SYNCED } from './trace-events.js';
import type { TransferWiring } from './transfer-pool.js';
import { STAGE_SETTLE, STAGE_STORE, STAGE_SUBMIT, type Wait } from './wait-pool.js';
import { recordError, type WriteBack } from './write-back.js';

/**
 * fsync and its kin: an operation with a target (contracts, rule 7). Its cursor passes each page of
 * the range once, writing what is dirty, and a second time, waiting for what is under way; pages
 * that get dirty behind the cursor are not its business, so it ends beside a busy writer.
 *
 * A page that is dirty while an older write of it is under way is waited for and written again,
 * because that older write may not hold the newest bytes.
 */
export class SyncOperation {
  private readonly residents: ResidentPages;
  private readonly pageWaits: PageWaits;
  private readonly writeBack: WriteBack;
  private readonly handles: HandleColumns;
  private readonly store: BackingStore;
  private readonly sink: Completion;
  private readonly trace: TraceHook | null;

  constructor(io: TransferWiring, sink: Completion, writeBack: WriteBack, handles: HandleColumns) {
    this.residents = io.residents;
    this.pageWaits = io.pageWaits;
    this.writeBack = writeBack;
    this.handles = handles;
    this.store = io.store;
    this.sink = sink;
    this.trace = io.trace;
  }

  /** One step: OK or the error that the caller has not been told of yet; or PENDING. */
  step(wait: Wait): number {
    if (wait.stage === STAGE_SUBMIT) {
      if (!this.submitDirty(wait)) return PENDING;
      wait.stage = STAGE_SETTLE;
      wait.page = wait.first;
    }
    if (wait.stage === STAGE_SETTLE) {
      if (!this.settle(wait)) return PENDING;
      wait.result = OK;
      if (wait.flush) {
        wait.stage = STAGE_STORE;
        const result = this.store.sync(wait.file, this.sink, wait.id);
        if (result === PENDING) return PENDING;
        wait.result = result;
      }
    }
    return this.outcome(wait);
  }

  /** False when the wait has been attached to a page. */
  private submitDirty(wait: Wait): boolean {
    const { residents } = this;
    const { file } = wait;
    for (;;) {
      const page = residents.index.nextTagged(file, wait.page, TAG_DIRTY);
      if (page === NIL || page > wait.last) return true;
      const slot = residents.lookup(file, page);
      if ((residents.columns.flags[slot] & WRITEBACK) !== 0) {
        if (wait.waitedFor === page) {
          // Submitted by somebody else after we began: it holds what we were asked to write.
          wait.page = page + 1;
          continue;
        }
        wait.waitedFor = page;
        wait.page = page;
        this.pageWaits.attach(slot, wait);
        return false;
      }
      wait.page = page + this.writeBack.submitRun(file, page, wait.last);
    }
  }

  /** False when the wait has been attached to a page. */
  private settle(wait: Wait): boolean {
    const { residents } = this;
    const page = residents.index.nextTagged(wait.file, wait.page, TAG_WRITEBACK);
    if (page === NIL || page > wait.last) return true;
    wait.page = page + 1;
    this.pageWaits.attach(residents.lookup(wait.file, page), wait);
    return false;
  }

  private outcome(wait: Wait): number {
    const { file, handle } = wait;
    const { files } = this.residents;
    if (isErrno(wait.result)) recordError(files, file, wait.result);
    let result: number = OK;
    if (handle !== NIL) result = this.handles.checkError(files, handle);
    else if (files.errorCount[file] !== wait.errors) result = files.error[file];
    if (this.trace !== null) this.trace.emit(FILE_SYNCED, file, result);
    return result;
  }
}
