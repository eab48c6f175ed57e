import { EIO, ENOMEM, NIL, PENDING } from '@hotpath/hw-x86';
import { DIRTY } from './flags.js';
import type { ResidentPages } from './resident-pages.js';
import type { TransferPool } from './transfer-pool.js';
import { type Wait, WaitQueue } from './wait-pool.js';
import type { WriteBack } from './write-back.js';

/**
 * Frames for who needs one, first come first served. Full is not busy (contracts, rule 5): while
 * transfers are under way or pins are held that their holders will drop, the asker queues. ENOMEM
 * comes only when every page is held for an unknown time, or there is no page at all; the write
 * error of a page when nothing but pages that cannot be written is left.
 */
export class FrameQueue {
  private readonly queue = new WaitQueue();
  private readonly residents: ResidentPages;
  private readonly writeBack: WriteBack;
  private readonly transfers: TransferPool;

  constructor(residents: ResidentPages, writeBack: WriteBack, transfers: TransferPool) {
    this.residents = residents;
    this.writeBack = writeBack;
    this.transfers = transfers;
  }

  /** True if nobody waits for a frame. */
  get isEmpty(): boolean {
    return this.queue.isEmpty;
  }

  /** A slot with a frame, in no index; or an errno; or PENDING: the wait is queued. */
  obtain(wait: Wait): number {
    if (!wait.served && !this.queue.isEmpty) {
      this.queue.push(wait);
      return PENDING;
    }
    const slot = this.takeOrClean();
    if (slot !== NIL) {
      wait.served = false;
      return slot;
    }
    const verdict = this.verdict(wait);
    if (verdict !== PENDING) return verdict;
    this.residents.counters.frameWaits++;
    if (wait.served) this.queue.unshift(wait);
    else this.queue.push(wait);
    return PENDING;
  }

  /** The wait whose turn it is, if anything has changed since the last try; else null. */
  next(): Wait | null {
    if (this.queue.isEmpty || !this.residents.changed) return null;
    this.residents.changed = false;
    const wait = this.queue.shift()!;
    wait.served = true;
    return wait;
  }

  /** True if this wait is at the front of the queue (again). */
  isFirst(wait: Wait): boolean {
    return this.queue.first === wait;
  }

  /** Frees frames of clean pages to their source; writes dirty ones where only those are left. */
  reclaim(count: number): number {
    const { residents } = this;
    let freed = 0;
    while (freed < count) {
      const slot = residents.evict();
      if (slot !== NIL) {
        residents.giveFrame(slot);
        freed++;
      } else if (residents.dirtyVictim !== NIL) {
        this.writeBack.submitAround(residents.dirtyVictim);
      } else {
        break;
      }
    }
    return freed;
  }

  /** A frame, after writing dirty pages where only those are left. */
  private takeOrClean(): number {
    const { residents } = this;
    let slot = residents.takeFrame();
    // A store that finishes at once may let several dirty pages go, or fail them, before one is
    // clean; each round settles at least one, so this ends. A store that takes its time is waited for.
    while (slot === NIL && residents.dirtyVictim !== NIL) {
      const before = this.transfers.usedCount;
      this.writeBack.submitAround(residents.dirtyVictim);
      slot = residents.takeFrame();
      if (this.transfers.usedCount > before) break;
    }
    return slot;
  }

  private verdict(wait: Wait): number {
    const { residents, transfers } = this;
    const { columns, files } = residents;
    if (transfers.usedCount > 0) return PENDING;
    let unwritable = NIL;
    for (let slot = 0; slot < columns.slotLimit; slot++) {
      if (columns.frame[slot] === NIL) continue;
      if (columns.pins[slot] > columns.holds[slot]) return PENDING;
      if (columns.holds[slot] === 0 && (columns.flags[slot] & DIRTY) !== 0) unwritable = slot;
    }
    if (unwritable === NIL) return ENOMEM;
    const file = columns.file[unwritable];
    if (wait.retried) return files.error[file] < 0 ? files.error[file] : EIO;
    wait.retried = true;
    this.writeBack.submitSome(64, true);
    residents.changed = true;
    return PENDING;
  }
}
