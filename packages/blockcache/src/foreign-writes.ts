/**
 * Writes from memory that somebody else owns (page-cache frames): merged and queued like the cache's
 * own, without copying, and without the cache owning the dirty state. Several blocks of one call are
 * one job.
 */
import {
  assert,
  type Completion,
  isErrno,
  NIL,
  OK,
  type PhysicalMemory,
  WRITE,
} from '@hotpath/hw-x86';
import type { CachedDevice } from './cached-device.js';
import type { Jobs } from './jobs.js';
import { VALID, WRITING } from './slot-flags.js';
import type { Slots } from './slots.js';
import type { Transfers } from './transfers.js';

interface BlockedWrite {
  readonly device: CachedDevice;
  readonly key: number;
  readonly address: number;
  readonly job: number;
  readonly fua: boolean;
}

/** What foreign writes work on. */
export interface ForeignWriteParts {
  readonly slots: Slots;
  readonly transfers: Transfers;
  readonly memory: PhysicalMemory;
  readonly jobs: Jobs;
  readonly blockBytes: number;
}

/** Foreign writes of one cache. At most one write of a block is in flight at any time. */
export class ForeignWrites {
  readonly #slots: Slots;
  readonly #transfers: Transfers;
  readonly #memory: PhysicalMemory;
  readonly #jobs: Jobs;
  readonly #blockBytes: number;
  /** Blocks with a foreign write in flight, with the slot that is marked WRITING for it, or NIL. */
  readonly #inFlight = new Map<number, number>();
  /** Writes that wait for an earlier transfer of their block. */
  #blocked: BlockedWrite[] = [];

  constructor(parts: ForeignWriteParts) {
    this.#slots = parts.slots;
    this.#transfers = parts.transfers;
    this.#memory = parts.memory;
    this.#jobs = parts.jobs;
    this.#blockBytes = parts.blockBytes;
  }

  /** Whether a block that has no slot must not be read now, since a write of it is under way. */
  covers(key: number): boolean {
    return this.#inFlight.size > 0 && this.#inFlight.has(key);
  }

  /** Writes waiting for an earlier transfer. */
  get blockedCount(): number {
    return this.#blocked.length;
  }

  /** Writes `count` blocks from the addresses in `from`. OK, an errno or PENDING. */
  write(
    device: CachedDevice,
    key: number,
    count: number,
    from: ArrayLike<number>,
    fua: boolean,
    sink: Completion,
    tag: number,
  ): number {
    const job = this.#jobs.begin(sink, tag, count);
    for (let i = 0; i < count; i++) {
      const address = from[i];
      if (this.#mustWait(key + i) || this.#isBlocked(key + i)) {
        this.#blocked.push({ device, key: key + i, address, job, fua });
      } else {
        this.#stage(key + i, address, job);
      }
    }
    this.#transfers.dispatch(device, WRITE, fua);
    return this.#jobs.started(job);
  }

  /** A block's write ended. */
  finished(job: number, key: number, result: number): void {
    const slot = this.#inFlight.get(key);
    assert(slot !== undefined, 'foreign writes: a write ended that was not in flight');
    this.#inFlight.delete(key);
    if (slot !== NIL) {
      this.#slots.flags[slot] &= ~WRITING;
      this.#slots.map.held[slot] -= 1;
    }
    this.#jobs.finishOne(job, isErrno(result) ? result : OK);
  }

  /** Starts those blocked writes whose way is free; how many. */
  retry(): number {
    if (this.#blocked.length === 0) return 0;
    const blocked = this.#blocked;
    this.#blocked = [];
    let started = 0;
    for (const write of blocked) {
      if (this.#mustWait(write.key) || this.#isBlocked(write.key)) {
        this.#blocked.push(write);
        continue;
      }
      this.#stage(write.key, write.address, write.job);
      this.#transfers.dispatch(write.device, WRITE, write.fua);
      started += 1;
    }
    return started;
  }

  #mustWait(key: number): boolean {
    if (this.#inFlight.has(key)) return true;
    const slot = this.#slots.map.find(key);
    if (slot === NIL) return false;
    const flags = this.#slots.flags[slot];
    return (flags & VALID) === 0 || (flags & WRITING) !== 0;
  }

  #isBlocked(key: number): boolean {
    for (const write of this.#blocked) if (write.key === key) return true;
    return false;
  }

  #stage(key: number, address: number, job: number): void {
    const slots = this.#slots;
    const slot = slots.map.find(key);
    this.#inFlight.set(key, slot);
    if (slot !== NIL) {
      // The block must not have two contents: a copy in a slot of its own follows the write, and
      // what was dirty there is older than what is being written.
      const own = slots.address(slot);
      if (own !== address) this.#memory.copy(own, address, this.#blockBytes);
      slots.clearDirty(slot);
      slots.flags[slot] |= WRITING;
      slots.map.held[slot] += 1;
    }
    this.#transfers.stage(key, address, NIL, job);
  }
}
