import { OK, PENDING } from '@hotpath/hw-x86';
import type { ResidentPages } from './resident-pages.js';
import { type Wait, type WaitPool, WaitQueue } from './wait-pool.js';
import type { WriteBack } from './write-back.js';

/**
 * Dirty thresholds, as in Linux's balance_dirty_pages: write-back starts above the background limit,
 * and above the limit whoever made pages dirty waits, so that the disk sets the pace of writers and
 * clean pages stay for readers.
 */
export class DirtyThrottle {
  private readonly queue = new WaitQueue();
  private readonly residents: ResidentPages;
  private readonly writeBack: WriteBack;
  private readonly waits: WaitPool;
  private readonly limit: number;
  private readonly background: number;
  private readonly runPages: number;

  constructor(
    residents: ResidentPages,
    writeBack: WriteBack,
    waits: WaitPool,
    limit: number,
    background: number,
    runPages: number,
  ) {
    this.residents = residents;
    this.writeBack = writeBack;
    this.waits = waits;
    this.limit = limit;
    this.background = background;
    this.runPages = runPages;
  }

  /** OK, or PENDING above the limit while writes are under way. */
  step(wait: Wait): number {
    const { residents } = this;
    // What is under way and what is dirty count alike: both are bytes that the disk has yet to take.
    if (residents.dirtyCount > this.background && residents.writebackCount < 4 * this.runPages) {
      this.writeBack.submitSome(this.runPages, false);
    }
    if (!this.mustWait()) return OK;
    if (wait.stage === 0) residents.counters.throttled++;
    wait.stage = 1;
    this.queue.push(wait);
    return PENDING;
  }

  /** True below the background limit: nothing to do for who wrote. */
  get isIdle(): boolean {
    return this.residents.dirtyCount + this.residents.writebackCount <= this.background;
  }

  /** A write has ended: who may go on goes on. */
  writeEnded(): void {
    if (!this.queue.isEmpty && !this.mustWait()) this.waits.allDue(this.queue);
  }

  /** Only while a write is under way: pages that cannot be written must not stop writers for ever. */
  private mustWait(): boolean {
    const { dirtyCount, writebackCount } = this.residents;
    return writebackCount > 0 && dirtyCount + writebackCount > this.limit;
  }
}
