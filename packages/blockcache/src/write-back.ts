/**
 * Write-back of dirty slots: in clusters before an eviction, in sorted batches above the high water
 * mark, and by flush operations, each of which has a target and therefore ends.
 */
import {
  assert,
  type BlockRequest,
  type Completion,
  createRequest,
  EIO,
  FLUSH,
  isErrno,
  OK,
  PENDING,
  type PhysicalMemory,
  WRITE,
} from '@hotpath/hw-x86';
import type { CachedDevice } from './cached-device.js';
import { DIRTY, WRITING } from './slot-flags.js';
import type { Slots } from './slots.js';
import type { Transfers } from './transfers.js';
import type { ReadyQueue, Waits } from './waits.js';

/** A flush under way. Waits for every write that was submitted up to `until`. */
class FlushOperation {
  device: CachedDevice | null = null;
  firstKey = 0;
  endKey = 0;
  until = 0;
  remaining = 0;
  /** Slots (and their keys) that were changed again while a write of them was in flight. */
  againSlots: number[] = [];
  againKeys: number[] = [];
  error: number = OK;
  opener = -1;
  /** The writes themselves are durable. */
  fua = false;
  /** Ends with a FLUSH of the device, if it has a volatile cache. */
  durable = true;
  sink: Completion | null = null;
  tag = 0;
  active = false;
  /** Set while the starting call runs: the result is returned, not delivered. */
  starting = false;
  result = PENDING as number;
  readonly request: BlockRequest;

  constructor(request: BlockRequest) {
    this.request = request;
  }
}

/** Statistics of write-back. */
export interface WriteBackCounts {
  /** Blocks written because they had to be evicted, in the background, and by flushes. */
  evictionWrites: number;
  backgroundWrites: number;
  flushWrites: number;
  /** Blocks whose write failed. */
  writeErrors: number;
  /** FLUSH commands sent. */
  deviceFlushes: number;
}

/** What write-back works on. */
export interface WriteBackParts {
  readonly slots: Slots;
  readonly transfers: Transfers;
  readonly ready: ReadyQueue;
  readonly waits: Waits;
  readonly memory: PhysicalMemory;
  readonly retryLimit: number;
  readonly deviceOf: (key: number) => CachedDevice;
  /** Told when a device completed a FLUSH later. */
  readonly settled: () => void;
}

/** Writes dirty slots of one cache. */
export class WriteBack implements Completion {
  readonly counts: WriteBackCounts = {
    evictionWrites: 0,
    backgroundWrites: 0,
    flushWrites: 0,
    writeErrors: 0,
    deviceFlushes: 0,
  };
  /** FLUSH commands in flight. */
  flushesInFlight = 0;
  /** Slots whose write is in flight. */
  writing = 0;
  readonly #deviceOf: (key: number) => CachedDevice;
  /** Key after the last one that background write-back wrote: it goes on from there, as a lift does. */
  #cursor = 0;
  readonly #slots: Slots;
  readonly #transfers: Transfers;
  readonly #ready: ReadyQueue;
  readonly #waits: Waits;
  readonly #memory: PhysicalMemory;
  readonly #retryLimit: number;
  readonly #settled: () => void;
  readonly #operations: FlushOperation[] = [];
  /** Failed writes in a row of each slot that has any. */
  readonly #failures = new Map<number, number>();

  constructor(parts: WriteBackParts) {
    this.#slots = parts.slots;
    this.#transfers = parts.transfers;
    this.#ready = parts.ready;
    this.#waits = parts.waits;
    this.#memory = parts.memory;
    this.#retryLimit = parts.retryLimit;
    this.#settled = parts.settled;
    this.#deviceOf = parts.deviceOf;
  }

  /** Whether write-back has failed so often that only an explicit flush tries this slot again. */
  hasGivenUp(slot: number): boolean {
    return this.#failures.size > 0 && (this.#failures.get(slot) ?? 0) >= this.#retryLimit;
  }

  /** Forgets the failures of a slot whose dirty data was discarded. */
  forget(slot: number): void {
    if (this.#failures.size > 0) this.#failures.delete(slot);
  }

  /** Starts to write a dirty victim, and with it up to `limit` dirty neighbours on the device. */
  writeCluster(device: CachedDevice, slot: number, limit: number): void {
    const map = this.#slots.map;
    const key = map.keyOf(slot);
    const end = device.firstKey + device.blockCount;
    let first = key;
    while (first > device.firstKey && key - first < limit / 2 && this.#isIdle(first - 1))
      first -= 1;
    for (let k = first; k < end && k - first < limit; k++) {
      if (k !== key && !this.#isIdle(k)) {
        if (k > key) break;
        continue;
      }
      this.#stage(map.find(k));
      this.counts.evictionWrites += 1;
    }
    this.#transfers.dispatch(device, WRITE, false);
  }

  /**
   * Starts to write idle dirty blocks, in order of their place from where the last round ended, until
   * `target` are left dirty; how many it began. O(dirty log dirty).
   */
  background(target: number): number {
    const { dirty, map } = this.#slots;
    const wanted = dirty.count - target;
    if (wanted <= 0) return 0;
    const keys: number[] = [];
    for (let slot = dirty.next(0); slot >= 0; slot = dirty.next(slot + 1)) {
      const key = map.keyOf(slot);
      if (this.#isIdle(key)) keys.push(key);
    }
    keys.sort((a, b) => a - b);
    const start = keys.findIndex((key) => key >= this.#cursor);
    const count = Math.min(wanted, keys.length);
    const chosen: number[] = [];
    for (let i = 0; i < count; i++) chosen.push(keys[(Math.max(start, 0) + i) % keys.length]);
    if (count > 0) this.#cursor = chosen[count - 1] + 1;
    for (let i = 0; i < count; ) {
      const device = this.#deviceOf(chosen[i]);
      const end = device.firstKey + device.blockCount;
      for (; i < count && chosen[i] >= device.firstKey && chosen[i] < end; i++) {
        this.#stage(map.find(chosen[i]));
        this.counts.backgroundWrites += 1;
      }
      this.#transfers.dispatch(device, WRITE, false);
    }
    return count;
  }

  /** A slot with this key that is dirty, in nobody's hands, and still worth a try. */
  #isIdle(key: number): boolean {
    const slot = this.#slots.map.find(key);
    if (slot < 0) return false;
    const flags = this.#slots.flags[slot];
    if ((flags & (DIRTY | WRITING)) !== DIRTY || this.#slots.map.held[slot] > 0) return false;
    return !this.hasGivenUp(slot);
  }

  #stage(slot: number): void {
    const slots = this.#slots;
    assert((slots.flags[slot] & (DIRTY | WRITING)) === DIRTY, 'write-back: nothing to write');
    slots.clearDirty(slot);
    slots.flags[slot] |= WRITING;
    slots.map.held[slot] += 1;
    this.writing += 1;
    this.#transfers.stage(slots.map.keyOf(slot), slots.address(slot), slot, 0);
  }

  /**
   * Writes what is dirty in `firstKey .. endKey - 1` now, waits for it, then, if `durable`, flushes the
   * device's volatile cache. Result: OK, or the errno that the opener (or, without one, this range) has to see.
   */
  flush(
    device: CachedDevice,
    firstKey: number,
    endKey: number,
    fua: boolean,
    durable: boolean,
    opener: number,
    sink: Completion,
    tag: number,
  ): number {
    const operation = this.#takeOperation();
    operation.device = device;
    operation.firstKey = firstKey;
    operation.endKey = endKey;
    operation.fua = fua;
    operation.durable = durable;
    operation.opener = opener;
    operation.sink = sink;
    operation.tag = tag;
    operation.error = OK;
    operation.starting = true;
    operation.result = PENDING;
    this.#collect(operation);
    this.#await(operation);
    operation.starting = false;
    return operation.result;
  }

  #takeOperation(): FlushOperation {
    for (const operation of this.#operations) if (!operation.active) return this.#reset(operation);
    const request = createRequest(this.#memory, this, 1);
    request.op = FLUSH;
    request.tag = this.#operations.length;
    const operation = new FlushOperation(request);
    this.#operations.push(operation);
    return this.#reset(operation);
  }

  #reset(operation: FlushOperation): FlushOperation {
    operation.active = true;
    operation.remaining = 0;
    operation.againSlots.length = 0;
    operation.againKeys.length = 0;
    return operation;
  }

  /** First round: everything dirty in the range. What is in flight already goes to a second round. */
  #collect(operation: FlushOperation): void {
    const slots = this.#slots;
    const dirty = slots.dirty;
    const device = operation.device as CachedDevice;
    for (let slot = dirty.next(0); slot >= 0; slot = dirty.next(slot + 1)) {
      const key = slots.map.keyOf(slot);
      if (key < operation.firstKey || key >= operation.endKey) continue;
      if ((slots.flags[slot] & WRITING) !== 0) {
        operation.againSlots.push(slot);
        operation.againKeys.push(key);
        continue;
      }
      this.#stage(slot);
      this.counts.flushWrites += 1;
    }
    this.#dispatch(operation, device);
  }

  /** Second round: what was changed again in flight, unless somebody has written it since. */
  #collectAgain(operation: FlushOperation): void {
    const slots = this.#slots;
    for (let i = 0; i < operation.againSlots.length; i++) {
      const slot = operation.againSlots[i];
      if (slots.map.keyOf(slot) !== operation.againKeys[i]) continue;
      if ((slots.flags[slot] & (DIRTY | WRITING)) !== DIRTY) continue;
      this.#stage(slot);
      this.counts.flushWrites += 1;
    }
    operation.againSlots.length = 0;
    operation.againKeys.length = 0;
    this.#dispatch(operation, operation.device as CachedDevice);
  }

  #dispatch(operation: FlushOperation, device: CachedDevice): void {
    // Requests of this dispatch must not be counted by the operation while they are submitted.
    operation.until = -1;
    this.#transfers.dispatch(device, WRITE, operation.fua);
  }

  #await(operation: FlushOperation): void {
    const device = operation.device as CachedDevice;
    for (;;) {
      operation.until = device.writeSequence;
      operation.remaining = device.writesInFlight;
      if (operation.remaining > 0) return;
      if (operation.againSlots.length === 0) break;
      this.#collectAgain(operation);
    }
    if (!device.device.volatileCache || !operation.durable) {
      this.#finish(operation, OK);
      return;
    }
    this.counts.deviceFlushes += 1;
    const result = device.device.submit(operation.request);
    if (result === PENDING) this.flushesInFlight += 1;
    else this.#finish(operation, result);
  }

  #finish(operation: FlushOperation, flushed: number): void {
    const device = operation.device as CachedDevice;
    if (isErrno(flushed)) {
      operation.error = flushed;
      device.errors.record(flushed);
    }
    let result = operation.error;
    if (operation.opener >= 0) result = device.errors.check(operation.opener);
    operation.active = false;
    operation.device = null;
    operation.result = result;
    if (!operation.starting) this.#ready.push(operation.sink as Completion, operation.tag, result);
    operation.sink = null;
  }

  /** A device finished a FLUSH. */
  completed(tag: number, result: number): void {
    this.flushesInFlight -= 1;
    this.#finish(this.#operations[tag], result);
    this.#settled();
  }

  /** A write of the slot ended: clean, unless changed since or failed. */
  writeFinished(device: CachedDevice, slot: number, result: number): void {
    const slots = this.#slots;
    slots.flags[slot] &= ~WRITING;
    slots.map.held[slot] -= 1;
    this.writing -= 1;
    this.#waits.wake(slot, OK, this.#ready);
    if (result === OK) {
      this.forget(slot);
      return;
    }
    slots.setDirty(slot);
    this.#failures.set(slot, (this.#failures.get(slot) ?? 0) + 1);
    this.writeFailed(device, slots.map.keyOf(slot), result);
  }

  /** Records a failed write of a block, from a slot or from lent memory. */
  writeFailed(device: CachedDevice, key: number, result: number): void {
    assert(isErrno(result), 'write-back: a failure without an errno');
    this.counts.writeErrors += 1;
    device.errors.record(result === OK ? EIO : result);
    for (const operation of this.#operations) {
      if (!operation.active || operation.device !== device) continue;
      if (key >= operation.firstKey && key < operation.endKey) operation.error = result;
    }
  }

  /** A WRITE request was submitted again under its old number. */
  requestStarted(device: CachedDevice, sequence: number): void {
    for (const operation of this.#operations) {
      if (operation.active && operation.device === device && sequence <= operation.until) {
        operation.remaining += 1;
      }
    }
  }

  /** A WRITE request ended. */
  requestFinished(device: CachedDevice, sequence: number): void {
    for (const operation of this.#operations) {
      if (!operation.active || operation.device !== device || sequence > operation.until) continue;
      operation.remaining -= 1;
      if (operation.remaining === 0) {
        if (operation.againSlots.length > 0) this.#collectAgain(operation);
        this.#await(operation);
      }
    }
  }
}
