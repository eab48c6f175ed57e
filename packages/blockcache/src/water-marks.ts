/**
 * The two marks of dirty blocks: above the lower one the cache begins to write by itself, above the
 * higher one writers wait.
 */
import { type Completion, EIO, OK, PENDING } from '@hotpath/hw-x86';
import type { Slots } from './slots.js';
import type { Transfers } from './transfers.js';
import type { ReadyQueue } from './waits.js';
import type { WriteBack } from './write-back.js';

/** What the marks work on; `low` and `high` are shares of the capacity, 0 to 1. */
export interface WaterMarkParts {
  readonly slots: Slots;
  readonly transfers: Transfers;
  readonly writeBack: WriteBack;
  readonly ready: ReadyQueue;
  readonly low: number;
  readonly high: number;
}

/** The water marks of one cache, and the writers that wait. */
export class WaterMarks {
  /** Number of dirty blocks above which the next round of background write-back starts. */
  backgroundAt = 0;
  readonly #parts: WaterMarkParts;
  #sinks: Completion[] = [];
  #tags: number[] = [];

  constructor(parts: WaterMarkParts) {
    this.#parts = parts;
    this.resized(parts.slots.map.capacity);
  }

  /** The capacity has changed. */
  resized(capacity: number): void {
    this.backgroundAt = Math.floor(capacity * this.#parts.low);
  }

  /** Starts a round of write-back down to half of the lower mark, if there is enough to write. */
  writeInBackground(): void {
    const { slots, writeBack } = this.#parts;
    const low = Math.floor(slots.map.capacity * this.#parts.low);
    if (slots.dirty.count > low) writeBack.background(low >>> 1);
    // What could not be written (pinned, failing) must not be searched anew at each release.
    const left = slots.dirty.count;
    this.backgroundAt = left > low ? left + Math.max(1, low >>> 3) : low;
  }

  /** OK, PENDING, or EIO when nothing more can be written. */
  throttle(sink: Completion, tag: number): number {
    const { slots, writeBack, transfers } = this.#parts;
    if (this.#isBelowHigh()) return OK;
    writeBack.background(Math.floor((slots.map.capacity * this.#parts.low) / 2));
    if (this.#isBelowHigh()) return OK;
    if (transfers.inFlight === 0) return EIO;
    this.#sinks.push(sink);
    this.#tags.push(tag);
    return PENDING;
  }

  /** Lets waiting writers go on, if enough was written or nothing more can be. */
  wake(): void {
    if (this.#sinks.length === 0) return;
    if (this.#isBelowHigh()) this.cancel(OK);
    else if (this.#parts.transfers.inFlight === 0 && this.#parts.writeBack.background(0) === 0) {
      this.cancel(EIO);
    }
  }

  /** Wakes all waiting writers with this result. */
  cancel(result: number): void {
    for (let i = 0; i < this.#sinks.length; i++) {
      this.#parts.ready.push(this.#sinks[i], this.#tags[i], result);
    }
    this.#sinks = [];
    this.#tags = [];
  }

  #isBelowHigh(): boolean {
    const { slots, writeBack, high } = this.#parts;
    return slots.dirty.count + writeBack.writing <= slots.map.capacity * high;
  }
}
