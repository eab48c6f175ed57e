/**
 * Misses: finding a slot, evicting for it, reading into it, and the queue of those who wait for a
 * slot. Concurrent misses on one block join one read.
 */
import {
  assert,
  type Completion,
  EIO,
  ENOMEM,
  isErrno,
  NIL,
  OK,
  PENDING,
  type PhysicalMemory,
  READ,
  type TraceHook,
} from '@hotpath/hw-x86';
import type { CacheMeter } from './cache-meter.js';
import type { CachedDevice } from './cached-device.js';
import type { ForeignWrites } from './foreign-writes.js';
import { ATTACHED, DIRTY, READAHEAD, UNMOVABLE, VALID, WRITING } from './slot-flags.js';
import type { Slots } from './slots.js';
import { TRACE_BLOCK_EVICT, TRACE_BLOCK_READ_ERROR } from './trace-events.js';
import type { Transfers } from './transfers.js';
import type { ReadyQueue, Waits } from './waits.js';
import type { WriteBack } from './write-back.js';

/** A block, read if missing. */
export const ASK_GET = 0;
/** A block to be overwritten whole: not read. */
export const ASK_NEW = 1;
/** A block read into lent memory. */
export const ASK_ATTACH = 2;

/** Could not begin: no slot, or a transfer in the way. Answered inside this package only. */
const BUSY = -5000;

/** Victims that one miss starts to write before it waits for one of them. */
const CLEAN_TRIES = 8;

/** A request for a block. */
export interface Ask {
  readonly kind: number;
  readonly device: CachedDevice;
  readonly key: number;
  /** Lent memory, for ASK_ATTACH. */
  readonly address: number;
  readonly sink: Completion;
  readonly tag: number;
  /** Slots the asker itself holds pinned. */
  readonly heldByAsker: number;
}

/** Counters of the loader. */
export interface LoaderCounts {
  evictions: number;
  readErrors: number;
  /** Asks that had to wait for a slot. */
  slotWaits: number;
  /** Blocks read ahead, those used later, and those evicted unused or that could not be read. */
  readAheadIssued: number;
  readAheadUsed: number;
  readAheadWasted: number;
}

/** What the loader works on. */
export interface LoaderParts {
  readonly slots: Slots;
  readonly transfers: Transfers;
  readonly writeBack: WriteBack;
  readonly foreign: ForeignWrites;
  readonly waits: Waits;
  readonly ready: ReadyQueue;
  readonly memory: PhysicalMemory;
  readonly blockBytes: number;
  readonly mergeLimit: number;
  readonly deviceOf: (key: number) => CachedDevice;
  readonly trace: TraceHook | null;
  readonly meter: CacheMeter | null;
}

/** Serves misses of one cache. */
export class Loader {
  readonly counts: LoaderCounts = {
    evictions: 0,
    readErrors: 0,
    slotWaits: 0,
    readAheadIssued: 0,
    readAheadUsed: 0,
    readAheadWasted: 0,
  };
  readonly #parts: LoaderParts;
  readonly #slots: Slots;
  #queue: Ask[] = [];
  /** Why the last synchronous read failed; for the run loader too. */
  readError: number = OK;
  /** Whether the last search passed over a slot only because its write keeps failing. */
  #sawFailed = false;

  constructor(parts: LoaderParts) {
    this.#parts = parts;
    this.#slots = parts.slots;
  }

  /** Asks that wait for a slot. */
  get queued(): number {
    return this.#queue.length;
  }

  /** Serves an ask now, joins a read, or queues. A pinned slot, an errno, or PENDING. */
  ask(ask: Ask): number {
    // Whoever waits already comes first: a busy reader would otherwise starve them.
    const result = this.#queue.length > 0 ? BUSY : this.#serve(ask);
    if (result !== BUSY) return result;
    if (this.#queue.length === 0) {
      const verdict = this.#hopeless(ask);
      if (verdict !== OK) return verdict;
    }
    this.counts.slotWaits += 1;
    this.#queue.push(ask);
    return PENDING;
  }

  /** Serves what can be served of the queue, in order; how many left it. */
  serveQueue(): number {
    let served = 0;
    while (this.#queue.length > 0) {
      const ask = this.#queue[0];
      let result = this.#serve(ask);
      if (result === BUSY) {
        result = this.#hopeless(ask);
        if (result === OK) break;
      }
      this.#queue.shift();
      served += 1;
      if (result !== PENDING) this.#parts.ready.push(ask.sink, ask.tag, result);
    }
    return served;
  }

  /** Answers every queued ask with an errno. */
  cancelQueue(errno: number): void {
    for (const ask of this.#queue) this.#parts.ready.push(ask.sink, ask.tag, errno);
    this.#queue = [];
  }

  #serve(ask: Ask): number {
    const { slots, meter } = this.#parts;
    const slot = slots.map.find(ask.key);
    if (meter !== null) meter.find(ask.key);
    if (slot !== NIL) {
      if (ask.kind === ASK_ATTACH) return this.#reattach(slot, ask);
      if ((slots.flags[slot] & VALID) !== 0) {
        if (meter !== null) meter.hit(slot);
        this.used(slot);
        slots.map.touch(slot);
        slots.map.held[slot] += 1;
        return slot;
      }
      this.#parts.waits.add(slot, ask.sink, ask.tag);
      return PENDING;
    }
    if (this.#parts.foreign.covers(ask.key)) return BUSY;
    const fresh = this.allocate(ask.key, ask.kind !== ASK_ATTACH);
    if (fresh === NIL) return BUSY;
    if (ask.kind === ASK_NEW) {
      slots.flags[fresh] = VALID;
      this.#parts.memory.fill(slots.address(fresh), this.#parts.blockBytes, 0);
      slots.setDirty(fresh);
      slots.map.held[fresh] += 1;
      return fresh;
    }
    if (ask.kind === ASK_ATTACH) {
      slots.memory.lend(fresh, ask.address);
      slots.flags[fresh] = ATTACHED;
    }
    return this.#read(ask, fresh);
  }

  #read(ask: Ask, slot: number): number {
    const { slots, transfers, waits } = this.#parts;
    slots.map.held[slot] += 1;
    this.clearTail(ask.device, slot);
    transfers.stage(ask.key, slots.address(slot), slot, 0);
    transfers.dispatch(ask.device, READ, false);
    if (slots.map.keyOf(slot) !== ask.key) return this.readError;
    if ((slots.flags[slot] & VALID) === 0) {
      waits.add(slot, ask.sink, ask.tag);
      return PENDING;
    }
    slots.map.held[slot] += 1;
    return slot;
  }

  /** The device's last block may be shorter than the cache's: what is missing reads as zeros. */
  clearTail(device: CachedDevice, slot: number): void {
    if (device.lastFactor === device.factor) return;
    if (this.#slots.map.keyOf(slot) !== device.firstKey + device.blockCount - 1) return;
    this.#parts.memory.fill(this.#slots.address(slot), this.#parts.blockBytes, 0);
  }

  /** Moves a block that is in the cache already into lent memory, once nobody holds it. */
  #reattach(slot: number, ask: Ask): number {
    const { slots, memory, blockBytes } = this.#parts;
    const flags = slots.flags[slot];
    if ((flags & VALID) === 0) return BUSY;
    if (slots.address(slot) !== ask.address) {
      if (slots.map.held[slot] > 0) return BUSY;
      memory.copy(ask.address, slots.address(slot), blockBytes);
      if ((flags & ATTACHED) === 0) slots.memory.disown(slot, true);
      slots.memory.lend(slot, ask.address);
      slots.flags[slot] |= ATTACHED;
    }
    this.used(slot);
    slots.map.touch(slot);
    slots.map.held[slot] += 1;
    return slot;
  }

  /** A slot for `key`, entered in the index, not valid, not held; NIL if none can be had now. */
  allocate(key: number, own: boolean): number {
    const slots = this.#slots;
    const map = slots.map;
    map.miss(key);
    if (map.size >= map.capacity && !this.evictDownTo(map.capacity - 1, key)) return NIL;
    const slot = map.insert(key);
    if (this.#parts.meter !== null) this.#parts.meter.insert(slot, key);
    if (!own) {
      slots.memory.giveBack(slot);
      return slot;
    }
    while (!slots.memory.own(slot)) {
      // The frame source is empty: frames of other slots come back as those are evicted.
      map.held[slot] += 1;
      const evicted = map.size > 1 && this.evictDownTo(map.size - 1, key);
      map.held[slot] -= 1;
      if (evicted && slots.memory.giveBackAll() >= 0) continue;
      map.remove(slot, false);
      return NIL;
    }
    return slot;
  }

  /** Evicts until at most `size` blocks are resident; dirty ones are written first. */
  evictDownTo(size: number, key: number): boolean {
    const { slots, writeBack, deviceOf, mergeLimit } = this.#parts;
    const map = slots.map;
    let passed: number[] | null = null;
    let tries = CLEAN_TRIES;
    this.#sawFailed = false;
    while (map.size > size) {
      const victim = map.victim(key);
      if (victim === NIL) break;
      assert(map.held[victim] === 0, 'loader: the policy chose a held slot');
      const flags = slots.flags[victim];
      if ((flags & DIRTY) === 0) {
        this.evict(victim);
        continue;
      }
      if (tries === 0) break;
      if (!writeBack.hasGivenUp(victim)) {
        tries -= 1;
        writeBack.writeCluster(deviceOf(map.keyOf(victim)), victim, mergeLimit);
        if (map.held[victim] > 0 || (slots.flags[victim] & DIRTY) === 0) continue;
      }
      this.#sawFailed = true;
      map.held[victim] += 1;
      passed ??= [];
      passed.push(victim);
    }
    if (passed !== null) for (const slot of passed) map.held[slot] -= 1;
    return map.size <= size;
  }

  /** Drops a clean slot that nobody holds, as a victim. */
  evict(slot: number): void {
    const { slots, trace, deviceOf } = this.#parts;
    this.counts.evictions += 1;
    if ((slots.flags[slot] & READAHEAD) !== 0) this.counts.readAheadWasted += 1;
    if (this.#parts.meter !== null) this.#parts.meter.remove(slot);
    if (trace !== null) {
      const key = slots.map.keyOf(slot);
      const device = deviceOf(key);
      trace.emit(TRACE_BLOCK_EVICT, device.id, key - device.firstKey);
    }
    slots.drop(slot, true);
  }

  /**
   * Why an ask that could not begin never will, or OK if a transfer in flight or somebody's pin can
   * still end. O(slots); only when no slot was to be had.
   */
  #hopeless(ask: Ask): number {
    const { slots, transfers, foreign } = this.#parts;
    if (transfers.inFlight > 0 || foreign.covers(ask.key)) return OK;
    let held = 0;
    for (const slot of slots.map.slots()) {
      if (slots.map.held[slot] > 0 && (slots.flags[slot] & UNMOVABLE) === 0) held += 1;
    }
    if (held > ask.heldByAsker) return OK;
    return this.#sawFailed ? EIO : ENOMEM;
  }

  /** A resident block is used: if it was read ahead, that was worth it. */
  used(slot: number): void {
    if ((this.#slots.flags[slot] & READAHEAD) === 0) return;
    this.#slots.flags[slot] &= ~READAHEAD;
    this.counts.readAheadUsed += 1;
  }

  /** A read ended: everybody who waits gets a pinned slot, or the errno. */
  readFinished(device: CachedDevice, slot: number, result: number): void {
    const { slots, waits, ready, trace } = this.#parts;
    const map = slots.map;
    assert((slots.flags[slot] & (VALID | WRITING)) === 0, 'loader: a valid slot was read');
    map.held[slot] -= 1;
    if (!isErrno(result)) {
      slots.flags[slot] |= VALID;
      if (waits.has(slot)) this.used(slot);
      map.held[slot] += waits.wake(slot, slot, ready);
      return;
    }
    if ((slots.flags[slot] & READAHEAD) !== 0 && waits.has(slot)) {
      // Somebody asked meanwhile: the failure of reading ahead is not theirs, so read for them.
      slots.flags[slot] &= ~READAHEAD;
      this.counts.readAheadWasted += 1;
      map.held[slot] += 1;
      this.#parts.transfers.stage(map.keyOf(slot), slots.address(slot), slot, 0);
      this.#parts.transfers.dispatch(device, READ, false);
      return;
    }
    if ((slots.flags[slot] & READAHEAD) !== 0) this.counts.readAheadWasted += 1;
    this.counts.readErrors += 1;
    this.readError = result;
    if (trace !== null)
      trace.emit(TRACE_BLOCK_READ_ERROR, map.keyOf(slot) - device.firstKey, result);
    waits.wake(slot, result, ready);
    slots.drop(slot, false);
  }
}
