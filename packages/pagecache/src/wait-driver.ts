import { assert, OK, PENDING } from '@hotpath/hw-x86';
import type { DirtyThrottle } from './dirty-throttle.js';
import type { FrameQueue } from './frame-queue.js';
import type { InvalidateOperation } from './invalidate-operation.js';
import type { PageReader } from './page-reader.js';
import type { PageRequests } from './page-requests.js';
import type { ResidentPages } from './resident-pages.js';
import type { SyncOperation } from './sync-operation.js';
import type { TransferPool } from './transfer-pool.js';
import {
  WAIT_PAGE,
  WAIT_PUNCH,
  WAIT_SYNC,
  WAIT_THROTTLE,
  WAIT_TRUNCATE,
  WAIT_WRITE_LOCK,
  WAIT_WRITE_PAGE,
  type Wait,
  type WaitPool,
} from './wait-pool.js';
import type { WriteBack } from './write-back.js';

/** What the driver steps. */
export interface DrivenParts {
  residents: ResidentPages;
  waits: WaitPool;
  transfers: TransferPool;
  frames: FrameQueue;
  reader: PageReader;
  writeBack: WriteBack;
  requests: PageRequests;
  syncs: SyncOperation;
  invalidations: InvalidateOperation;
  throttle: DirtyThrottle;
}

/**
 * Steps whatever is under way. A first step runs inside the call that asked; later ones, and every
 * sink, only from `reap()`, so no completion ever comes from inside a call and stacks stay flat.
 */
export class WaitDriver {
  private readonly parts: DrivenParts;
  private reaping = false;

  constructor(parts: DrivenParts) {
    this.parts = parts;
  }

  /** First step of a wait: a result, and the wait is gone, or PENDING. */
  start(wait: Wait): number {
    const result = this.step(wait);
    if (result !== PENDING) this.parts.waits.give(wait);
    return result;
  }

  /** Steps all that is due and serves who waits for a frame; returns how many sinks were called. */
  reap(): number {
    if (this.reaping) return 0;
    this.reaping = true;
    let told = 0;
    try {
      for (;;) {
        let wait = this.parts.waits.takeDue();
        if (wait === null) wait = this.parts.frames.next();
        if (wait === null) break;
        if (this.advance(wait)) told++;
      }
    } finally {
      this.reaping = false;
    }
    return told;
  }

  /** The store has finished a transfer. */
  transferDone(id: number, result: number): void {
    const { transfers, frames, waits } = this.parts;
    const transfer = transfers.at(id);
    assert(transfer.count > 0, 'a store finishes a transfer twice');
    if (transfer.write) {
      this.parts.writeBack.finish(transfer, result);
      this.parts.throttle.writeEnded();
    } else {
      this.parts.reader.finish(transfer, result);
    }
    if (!frames.isEmpty) waits.raise();
  }

  /** The store has finished a truncate, punch or sync. */
  storeDone(id: number, result: number): void {
    const wait = this.parts.waits.at(id);
    assert(wait.kind !== 0, 'a store finishes a call twice');
    wait.result = result;
    this.parts.waits.due(wait);
  }

  /** A later step. True if the sink was told. */
  private advance(wait: Wait): boolean {
    const { residents, frames, waits } = this.parts;
    const { served } = wait;
    if (!wait.finished) {
      const result = this.step(wait);
      // One frame may have come with others: let the next in the queue try, too.
      if (served && !frames.isFirst(wait)) residents.changed = true;
      if (result === PENDING) return false;
      wait.result = result;
    } else if (wait.result >= 0) {
      residents.touch(wait.result);
    }
    const { sink, tag, result } = wait;
    waits.give(wait);
    sink!.completed(tag, result);
    return true;
  }

  private step(wait: Wait): number {
    const { parts } = this;
    switch (wait.kind) {
      case WAIT_PAGE:
      case WAIT_WRITE_PAGE:
        return parts.requests.step(wait);
      case WAIT_SYNC:
        return parts.syncs.step(wait);
      case WAIT_TRUNCATE:
      case WAIT_PUNCH:
        return parts.invalidations.step(wait);
      case WAIT_WRITE_LOCK:
        return this.stepWriteLock(wait);
      default:
        assert(wait.kind === WAIT_THROTTLE, 'a wait of no kind is stepped');
        return parts.throttle.step(wait);
    }
  }

  private stepWriteLock(wait: Wait): number {
    const { files } = this.parts.residents;
    if (files.writing[wait.file] === 1) {
      files.writeQueue[wait.file].push(wait);
      return PENDING;
    }
    files.writing[wait.file] = 1;
    return OK;
  }
}
