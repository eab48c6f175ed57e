/**
 * Requests to the devices: staged block by block, sorted, merged into large ones, submitted, and
 * taken apart again when they complete. A merged request that fails is repeated block by block, so
 * that an error falls on the block that has it.
 */
import {
  type BlockRequest,
  type Clock,
  type Completion,
  createRequest,
  isErrno,
  NIL,
  OK,
  PENDING,
  type PhysicalMemory,
  READ,
  WRITE,
} from '@hotpath/hw-x86';
import type { CachedDevice } from './cached-device.js';
import { LatencyHistogram } from './latency-histogram.js';

/** What the transfers report to: the cache. Never calls a user's sink from here. */
export interface TransferOwner {
  /** A block was read into a slot, or could not be. */
  readFinished(device: CachedDevice, slot: number, result: number): void;
  /** A slot was written, or could not be. */
  writeFinished(device: CachedDevice, slot: number, result: number): void;
  /** One block of a write from foreign memory finished. */
  foreignFinished(device: CachedDevice, job: number, key: number, result: number): void;
  /** A WRITE request of the device ended; its blocks were reported before. */
  requestFinished(device: CachedDevice, sequence: number): void;
  /** A WRITE request with this sequence number was added (a repetition keeps its number). */
  requestStarted(device: CachedDevice, sequence: number): void;
  /** A device completed something later: what waits for slots or transfers may go on. */
  settled(): void;
}

/** One pooled request and what its segments are. */
class Transfer {
  readonly request: BlockRequest;
  device: CachedDevice | null = null;
  /** Slot of each segment, or NIL for foreign memory. */
  readonly slots: Int32Array;
  /** Job of each foreign segment. */
  readonly jobs: Int32Array;
  key = 0;
  sequence = 0;
  startedAt = 0;

  constructor(request: BlockRequest, segmentLimit: number) {
    this.request = request;
    this.slots = new Int32Array(segmentLimit);
    this.jobs = new Int32Array(segmentLimit);
  }
}

/** Statistics of the transfers. */
export interface TransferCounts {
  /** Requests submitted to read, and the blocks in them. */
  readRequests: number;
  blocksRead: number;
  /** Requests submitted to write, and the blocks in them. */
  writeRequests: number;
  blocksWritten: number;
}

/** Stages, merges and submits. Between `stage` and `dispatch` nothing else may be called. */
export class Transfers implements Completion {
  readonly counts: TransferCounts = {
    readRequests: 0,
    blocksRead: 0,
    writeRequests: 0,
    blocksWritten: 0,
  };
  /** How long requests took from submit to completion, by the clock. */
  readonly readLatency = new LatencyHistogram();
  readonly writeLatency = new LatencyHistogram();
  /** Requests in flight. */
  inFlight = 0;
  readonly #clock: Clock | null;
  readonly #memory: PhysicalMemory;
  readonly #blockBytes: number;
  readonly #mergeLimit: number;
  readonly #owner: TransferOwner;
  readonly #pool: Transfer[] = [];
  readonly #free: number[] = [];
  #keys = new Float64Array(64);
  #addresses = new Float64Array(64);
  #slots = new Int32Array(64);
  #jobs = new Int32Array(64);
  #order = new Int32Array(64);
  #staged = 0;

  constructor(
    memory: PhysicalMemory,
    blockBytes: number,
    mergeLimit: number,
    owner: TransferOwner,
    clock: Clock | null,
  ) {
    this.#clock = clock;
    this.#memory = memory;
    this.#blockBytes = blockBytes;
    this.#mergeLimit = mergeLimit;
    this.#owner = owner;
  }

  /** Blocks staged and not dispatched. */
  get staged(): number {
    return this.#staged;
  }

  /** Adds one block to the coming dispatch; `job` matters only where slot is NIL. */
  stage(key: number, address: number, slot: number, job: number): void {
    if (this.#staged === this.#keys.length) this.#growStage();
    const at = this.#staged;
    this.#keys[at] = key;
    this.#addresses[at] = address;
    this.#slots[at] = slot;
    this.#jobs[at] = job;
    this.#staged = at + 1;
  }

  /** Sorts, merges and submits what was staged, all of one device and direction. */
  dispatch(device: CachedDevice, op: number, fua: boolean): void {
    const staged = this.#staged;
    if (staged === 0) return;
    if (staged === 1) {
      this.#staged = 0;
      const only = this.#take(device, op, fua, this.#keys[0]);
      this.#append(device, this.#pool[only], 0);
      this.#submit(only, op === WRITE ? (device.writeSequence += 1) : 0);
      return;
    }
    const keys = this.#keys;
    const order = this.#order.subarray(0, staged);
    let sorted = true;
    for (let i = 0; i < staged; i++) {
      order[i] = i;
      if (i > 0 && keys[i] < keys[i - 1]) sorted = false;
    }
    if (!sorted) order.sort((a, b) => keys[a] - keys[b]);
    // Requests are built before the first is submitted: a completion may want to stage again.
    const transfers: number[] = [];
    let transfer: Transfer | null = null;
    for (const at of order) {
      const full = transfer === null || transfer.request.segmentCount === this.#mergeLimit;
      if (full || !this.#follows(device, transfer as Transfer, keys[at])) {
        const index = this.#take(device, op, fua, keys[at]);
        transfers.push(index);
        transfer = this.#pool[index];
      }
      this.#append(device, transfer as Transfer, at);
    }
    this.#staged = 0;
    for (const index of transfers) {
      const sequence = op === WRITE ? (device.writeSequence += 1) : 0;
      this.#submit(index, sequence);
    }
  }

  /** A device finished a request. */
  completed(tag: number, result: number): void {
    this.inFlight -= 1;
    this.#finish(tag, result);
    this.#owner.settled();
  }

  #follows(device: CachedDevice, transfer: Transfer, key: number): boolean {
    if (key !== transfer.key + transfer.request.segmentCount) return false;
    const last = device.firstKey + device.blockCount - 1;
    return key !== last || device.lastFactor === device.factor;
  }

  #take(device: CachedDevice, op: number, fua: boolean, key: number): number {
    let index = this.#free.pop();
    if (index === undefined) {
      index = this.#pool.length;
      const request = createRequest(this.#memory, this, this.#mergeLimit);
      this.#pool.push(new Transfer(request, this.#mergeLimit));
    }
    const transfer = this.#pool[index];
    const request = transfer.request;
    transfer.device = device;
    transfer.key = key;
    request.op = op;
    request.fua = fua;
    request.block = (key - device.firstKey) * device.factor;
    request.blockCount = 0;
    request.segmentCount = 0;
    request.segmentBytes = this.#blockBytes;
    request.tag = index;
    return index;
  }

  #append(device: CachedDevice, transfer: Transfer, at: number): void {
    const request = transfer.request;
    const segment = request.segmentCount;
    request.segmentAddress[segment] = this.#addresses[at];
    transfer.slots[segment] = this.#slots[at];
    transfer.jobs[segment] = this.#jobs[at];
    request.segmentCount = segment + 1;
    const isLast = this.#keys[at] === device.firstKey + device.blockCount - 1;
    const blocks = isLast ? device.lastFactor : device.factor;
    request.blockCount += blocks;
    if (blocks !== device.factor) request.segmentBytes = blocks * device.device.blockBytes;
  }

  #submit(index: number, sequence: number): void {
    const transfer = this.#pool[index];
    const device = transfer.device as CachedDevice;
    const request = transfer.request;
    transfer.sequence = sequence;
    if (request.op === WRITE) {
      this.counts.writeRequests += 1;
      this.counts.blocksWritten += request.segmentCount;
      device.writesInFlight += 1;
      this.#owner.requestStarted(device, sequence);
    } else {
      this.counts.readRequests += 1;
      this.counts.blocksRead += request.segmentCount;
    }
    if (this.#clock !== null) transfer.startedAt = this.#clock.now();
    const result = device.device.submit(request);
    if (result === PENDING) this.inFlight += 1;
    else this.#finish(index, result);
  }

  #finish(index: number, result: number): void {
    const transfer = this.#pool[index];
    const request = transfer.request;
    const device = transfer.device as CachedDevice;
    const status = isErrno(result) ? result : OK;
    if (this.#clock !== null) {
      const histogram = request.op === READ ? this.readLatency : this.writeLatency;
      histogram.record(this.#clock.now() - transfer.startedAt);
    }
    if (status !== OK && request.segmentCount > 1) this.#repeatSingly(transfer);
    else {
      for (let segment = 0; segment < request.segmentCount; segment++) {
        const slot = transfer.slots[segment];
        if (request.op === READ) this.#owner.readFinished(device, slot, status);
        else if (slot !== NIL) this.#owner.writeFinished(device, slot, status);
        else {
          const key = transfer.key + segment;
          this.#owner.foreignFinished(device, transfer.jobs[segment], key, status);
        }
      }
    }
    transfer.device = null;
    this.#free.push(index);
    if (request.op === WRITE) {
      device.writesInFlight -= 1;
      this.#owner.requestFinished(device, transfer.sequence);
    }
  }

  #repeatSingly(failed: Transfer): void {
    const { op, fua, segmentCount, segmentAddress } = failed.request;
    const device = failed.device as CachedDevice;
    for (let segment = 0; segment < segmentCount; segment++) {
      const index = this.#take(device, op, fua, failed.key + segment);
      const single = this.#pool[index];
      single.request.segmentAddress[0] = segmentAddress[segment];
      single.request.segmentCount = 1;
      single.request.blockCount = device.factor;
      single.slots[0] = failed.slots[segment];
      single.jobs[0] = failed.jobs[segment];
      this.#submit(index, failed.sequence);
    }
  }

  #growStage(): void {
    const room = this.#keys.length * 2;
    const keys = new Float64Array(room);
    keys.set(this.#keys);
    this.#keys = keys;
    const addresses = new Float64Array(room);
    addresses.set(this.#addresses);
    this.#addresses = addresses;
    const slots = new Int32Array(room);
    slots.set(this.#slots);
    this.#slots = slots;
    const jobs = new Int32Array(room);
    jobs.set(this.#jobs);
    this.#jobs = jobs;
    this.#order = new Int32Array(room);
  }
}
