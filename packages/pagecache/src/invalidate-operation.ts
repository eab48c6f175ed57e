import { type Completion, isErrno, NIL, OK, PENDING, type TraceHook } from '@hotpath/hw-x86';
import { LOCKED, UPTODATE, WRITEBACK } from './flags.js';
import type { FrameQueue } from './frame-queue.js';
import { TAG_PRESENT } from './index-nodes.js';
import type { PageReader } from './page-reader.js';
import type { PageWaits } from './page-waits.js';
import type { BackingStore, Mappings } from './ports.js';
import type { ResidentPages } from './resident-pages.js';
import { FILE_TRUNCATE } from './trace-events.js';
import type { TransferWiring } from './transfer-pool.js';
import {
  STAGE_DRAIN,
  STAGE_FILL,
  STAGE_LOCK,
  STAGE_REMOVE,
  STAGE_STORE,
  WAIT_TRUNCATE,
  type Wait,
  type WaitPool,
} from './wait-pool.js';

const LAST_PAGE = 2 ** 32 - 1;

/**
 * Truncate and hole punch. Under the write lock no write changes the file, and under the invalidate
 * lock no page is brought in: what has been removed cannot come back before the store knows. Reads
 * and writes under way end first, so that no transfer touches blocks that the store gives away.
 *
 * Truncate uses wait.to (new size); punch uses wait.from and wait.to (byte range).
 */
export class InvalidateOperation {
  private readonly residents: ResidentPages;
  private readonly pageWaits: PageWaits;
  private readonly waits: WaitPool;
  private readonly frames: FrameQueue;
  private readonly reader: PageReader;
  private readonly store: BackingStore;
  private readonly mappings: Mappings | null;
  private readonly sink: Completion;
  private readonly trace: TraceHook | null;

  constructor(io: TransferWiring, sink: Completion, frames: FrameQueue, reader: PageReader) {
    this.residents = io.residents;
    this.pageWaits = io.pageWaits;
    this.waits = io.waits;
    this.frames = frames;
    this.reader = reader;
    this.store = io.store;
    this.mappings = io.mappings;
    this.sink = sink;
    this.trace = io.trace;
  }

  /** One step: OK, an errno, or PENDING. */
  step(wait: Wait): number {
    const { files } = this.residents;
    const { file } = wait;
    if (wait.stage === STAGE_LOCK) {
      if (files.writing[file] === 1) {
        files.writeQueue[file].push(wait);
        return PENDING;
      }
      files.writing[file] = 1;
      files.invalidator[file] = wait.id + 1;
      wait.stage = STAGE_DRAIN;
      if (files.filling[file] > 0) return PENDING;
    }
    if (wait.stage === STAGE_DRAIN) this.begin(wait);
    if (wait.stage === STAGE_FILL) {
      const result = this.zeroEdges(wait);
      if (result === PENDING) return PENDING;
      if (isErrno(result)) return this.finish(wait, result);
      this.beginRemove(wait);
    }
    if (wait.stage === STAGE_REMOVE) {
      if (!this.settleEdge(wait) || !this.removePages(wait)) return PENDING;
      wait.stage = STAGE_STORE;
      const result = this.callStore(wait);
      if (result === PENDING) return PENDING;
      wait.result = result;
    }
    return this.finish(wait, wait.result);
  }

  private begin(wait: Wait): void {
    const { files } = this.residents;
    wait.stage = STAGE_FILL;
    if (wait.kind === WAIT_TRUNCATE) {
      // Whole pages from `first` on go; the page before it stays in part if `page` says so.
      wait.first = Math.ceil(wait.to / 4096);
      wait.last = LAST_PAGE;
      wait.page = wait.to % 4096 !== 0 && wait.to < files.size[wait.file] ? wait.first - 1 : NIL;
      return;
    }
    // A last page that the file has only in part is zeroed, not dropped: writing it is what tells
    // the store how long the file is.
    wait.to = Math.max(wait.from, Math.min(wait.to, files.size[wait.file]));
    wait.first = Math.ceil(wait.from / 4096);
    wait.last = Math.floor(wait.to / 4096) - 1;
    wait.page = wait.from === wait.to ? NIL : this.firstEdge(wait);
  }

  /** Page of a punched range that starts inside it, else the one that ends inside it, else NIL. */
  private firstEdge(wait: Wait): number {
    if (wait.from % 4096 !== 0) return Math.floor(wait.from / 4096);
    return this.lastEdge(wait);
  }

  private lastEdge(wait: Wait): number {
    return wait.to % 4096 !== 0 ? Math.floor(wait.to / 4096) : NIL;
  }

  /** Brings in the pages that stay in part. Punch zeroes them here, truncate when it has the size. */
  private zeroEdges(wait: Wait): number {
    while (wait.page !== NIL) {
      if (wait.slot === NIL) {
        const result = this.bring(wait);
        if (result < 0) return result;
        wait.slot = result;
      }
      if (wait.kind === WAIT_TRUNCATE) return OK;
      const start = wait.page * 4096;
      const from = Math.max(0, wait.from - start);
      const to = Math.min(4096, wait.to - start);
      this.residents.zeroRange(wait.slot, from, to);
      this.residents.setDirty(wait.slot);
      this.residents.release(wait.slot);
      wait.slot = NIL;
      const last = this.lastEdge(wait);
      wait.page = last > wait.page ? last : NIL;
    }
    return OK;
  }

  /** The page wait.page, pinned; or an errno, or PENDING. Allowed under our own lock. */
  private bring(wait: Wait): number {
    const { residents } = this;
    const { columns } = residents;
    let slot = residents.lookup(wait.file, wait.page);
    if (slot === NIL) {
      if (isErrno(wait.result)) return wait.result;
      slot = this.frames.obtain(wait);
      if (slot < 0) return slot;
      const result = this.reader.readOne(wait.file, wait.page, slot);
      if (isErrno(result)) return result;
    }
    if ((columns.flags[slot] & UPTODATE) === 0) {
      // The wake-up brings the page pinned, in wait.slot.
      this.pageWaits.attach(slot, wait);
      return PENDING;
    }
    columns.pins[slot]++;
    return slot;
  }

  private beginRemove(wait: Wait): void {
    const { residents } = this;
    const { file } = wait;
    wait.stage = STAGE_REMOVE;
    wait.page = wait.first;
    if (wait.kind === WAIT_TRUNCATE) {
      const before = residents.files.size[file];
      if (wait.to > before) residents.zeroTail(file, before);
      residents.files.size[file] = wait.to;
      if (this.trace !== null) this.trace.emit(FILE_TRUNCATE, file, wait.to);
    }
    if (this.mappings !== null && wait.first <= wait.last) {
      this.mappings.unmapRange(file, wait.first, wait.last, wait.kind === WAIT_TRUNCATE);
    }
  }

  /** Truncate: the page that keeps its head. False when its write is under way. */
  private settleEdge(wait: Wait): boolean {
    const { residents } = this;
    const { slot } = wait;
    if (slot === NIL) return true;
    // A write of the old length must not reach the store after it was truncated.
    if ((residents.columns.flags[slot] & WRITEBACK) !== 0) {
      this.pageWaits.attach(slot, wait);
      return false;
    }
    residents.zeroFrom(slot, wait.to % 4096);
    residents.setDirty(slot);
    return true;
  }

  private removePages(wait: Wait): boolean {
    const { residents } = this;
    const { file, last } = wait;
    while (wait.page <= last) {
      const page = residents.index.nextTagged(file, wait.page, TAG_PRESENT);
      if (page === NIL || page > last) break;
      const slot = residents.lookup(file, page);
      wait.page = page;
      if ((residents.columns.flags[slot] & (LOCKED | WRITEBACK)) !== 0) {
        this.pageWaits.attach(slot, wait);
        return false;
      }
      residents.remove(slot);
    }
    if (wait.first <= last) residents.index.removeShadows(file, wait.first, last);
    return true;
  }

  private callStore(wait: Wait): number {
    const { file, first, last } = wait;
    if (wait.kind === WAIT_TRUNCATE) {
      return this.store.truncate(file, wait.to, this.sink, wait.id);
    }
    if (first > last) return OK;
    return this.store.punch(file, first, last - first + 1, this.sink, wait.id);
  }

  private finish(wait: Wait, result: number): number {
    const { files } = this.residents;
    const { file, slot } = wait;
    // Pinned until here: the store may clear the page's tail on the disk from the page's own frame.
    wait.slot = NIL;
    if (slot !== NIL) this.residents.release(slot);
    files.invalidator[file] = 0;
    this.waits.allDue(files.lockQueue[file]);
    this.unlockWrites(file);
    return result;
  }

  /** Gives the write lock back; who waits for it tries again, in order. */
  unlockWrites(file: number): void {
    const { files } = this.residents;
    files.writing[file] = 0;
    this.waits.allDue(files.writeQueue[file]);
  }
}
