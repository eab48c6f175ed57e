/**
 * Writes from memory that somebody else owns (page-cache frames): merged and queued like the cache's
 * own, without copying, and without the cache owning the dirty state. Several blocks of one call are
 * one job.
 */
import {
  assert,
  type BlockRequest,
  type Completion,
  createRequest,
  DISCARD,
  isErrno,
  NIL,
  OK,
  PENDING,
  type PhysicalMemory,
  WRITE,
} from '@hotpath/hw-x86';
import type { CachedDevice } from './cached-device.js';
import type { Jobs } from './jobs.js';
import { VALID, WRITING } from './slot-flags.js';
import type { Slots } from './slots.js';
import type { Transfers } from './transfers.js';
import type { ReadyQueue, Waits } from './waits.js';

interface BlockedWrite {
  readonly device: CachedDevice;
  readonly key: number;
  readonly address: number;
  readonly job: number;
  readonly fua: boolean;
}

/** A range that is being discarded, or waits for transfers of its blocks. */
interface Discard {
  readonly device: CachedDevice;
  readonly first: number;
  readonly end: number;
  readonly job: number;
  request: BlockRequest | null;
}

/** Blocks of one DISCARD at most: longer ranges become several. */
const DISCARD_BLOCKS = 4096;

/** What foreign writes work on. */
export interface ForeignWriteParts {
  readonly slots: Slots;
  readonly transfers: Transfers;
  readonly memory: PhysicalMemory;
  readonly jobs: Jobs;
  readonly waits: Waits;
  readonly ready: ReadyQueue;
  readonly blockBytes: number;
  /** Told when a slot's dirty data was discarded. */
  readonly forget: (slot: number) => void;
  /** Told when a device completed a DISCARD later. */
  readonly settled: () => void;
}

/** Foreign writes of one cache. At most one write of a block is in flight at any time. */
export class ForeignWrites implements Completion {
  readonly #slots: Slots;
  readonly #transfers: Transfers;
  readonly #memory: PhysicalMemory;
  readonly #jobs: Jobs;
  readonly #waits: Waits;
  readonly #ready: ReadyQueue;
  readonly #blockBytes: number;
  /** Blocks with a foreign write in flight, with the slot that is marked WRITING for it, or NIL. */
  readonly #inFlight = new Map<number, number>();
  /** Writes that wait for an earlier transfer of their block. */
  #blocked: BlockedWrite[] = [];
  readonly #discards: Discard[] = [];
  readonly #forget: (slot: number) => void;
  readonly #settled: () => void;
  /** DISCARD commands in flight. */
  discardsInFlight = 0;

  constructor(parts: ForeignWriteParts) {
    this.#slots = parts.slots;
    this.#transfers = parts.transfers;
    this.#memory = parts.memory;
    this.#jobs = parts.jobs;
    this.#waits = parts.waits;
    this.#ready = parts.ready;
    this.#blockBytes = parts.blockBytes;
    this.#forget = parts.forget;
    this.#settled = parts.settled;
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
    this.#end(key);
    this.#jobs.finishOne(job, isErrno(result) ? result : OK);
  }

  #end(key: number): void {
    const slot = this.#inFlight.get(key);
    assert(slot !== undefined, 'foreign writes: a write ended that was not in flight');
    this.#inFlight.delete(key);
    if (slot === NIL) return;
    this.#slots.flags[slot] &= ~WRITING;
    this.#slots.map.held[slot] -= 1;
    this.#waits.wake(slot, OK, this.#ready);
  }

  /** Starts those blocked writes whose way is free; how many. */
  retry(): number {
    let started = this.#discards.length > this.discardsInFlight ? this.#retryDiscards() : 0;
    if (this.#blocked.length === 0) return started;
    const blocked = this.#blocked;
    this.#blocked = [];
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

  /**
   * Drops what is cached of the blocks, dirty or not, and tells the device that they are no longer
   * needed. Waits for transfers of them first. Pinned blocks stay and become zeros.
   */
  discard(device: CachedDevice, key: number, count: number, sink: Completion, tag: number): number {
    const parts = Math.ceil(count / DISCARD_BLOCKS);
    const job = this.#jobs.begin(sink, tag, parts);
    for (let first = key; first < key + count; first += DISCARD_BLOCKS) {
      const end = Math.min(first + DISCARD_BLOCKS, key + count);
      this.#discards.push({ device, first, end, job, request: null });
    }
    this.#retryDiscards();
    return this.#jobs.started(job);
  }

  #retryDiscards(): number {
    let started = 0;
    for (const discard of [...this.#discards]) {
      if (discard.request !== null) continue;
      let free = true;
      for (let k = discard.first; free && k < discard.end; k++) free = !this.#mustWait(k);
      if (!free) continue;
      started += 1;
      this.#startDiscard(discard);
    }
    return started;
  }

  #startDiscard(discard: Discard): void {
    const { device, first, end } = discard;
    for (let key = first; key < end; key++) {
      const slot = this.#dropDiscarded(key);
      // As long as the device works on it nobody may read or write the block.
      this.#inFlight.set(key, slot);
    }
    const request = createRequest(this.#memory, this, 0);
    request.op = DISCARD;
    request.block = (first - device.firstKey) * device.factor;
    const last = end === device.firstKey + device.blockCount ? device.lastFactor : device.factor;
    request.blockCount = (end - first - 1) * device.factor + last;
    request.tag = first;
    discard.request = request;
    const result = device.device.submit(request);
    if (result !== PENDING) this.#endDiscard(discard, result);
    else this.discardsInFlight += 1;
  }

  /** Takes a block out of the cache, or empties it if it is pinned; the slot that stays, or NIL. */
  #dropDiscarded(key: number): number {
    const slots = this.#slots;
    const slot = slots.map.find(key);
    if (slot === NIL) return NIL;
    slots.clearDirty(slot);
    this.#forget(slot);
    if (slots.map.held[slot] === 0) {
      slots.drop(slot, false);
      return NIL;
    }
    this.#memory.fill(slots.address(slot), this.#blockBytes, 0);
    slots.flags[slot] |= WRITING;
    slots.map.held[slot] += 1;
    return slot;
  }

  #endDiscard(discard: Discard, result: number): void {
    for (let key = discard.first; key < discard.end; key++) this.#end(key);
    this.#discards.splice(this.#discards.indexOf(discard), 1);
    this.#jobs.finishOne(discard.job, isErrno(result) ? result : OK);
  }

  /** A device finished a DISCARD; the tag is its first key. */
  completed(tag: number, result: number): void {
    this.discardsInFlight -= 1;
    const discard = this.#discards.find(({ first, request }) => first === tag && request !== null);
    assert(discard !== undefined, 'foreign writes: a discard ended that was not in flight');
    this.#endDiscard(discard, result);
    this.#settled();
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
