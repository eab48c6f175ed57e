/**
 * The block cache: blocks of several devices in slots, found by (device, block), pinned while in use,
 * written back later. Synchronous and free of promises: a call finishes now with a value or an errno,
 * or later (PENDING) through a sink that only `reap()` calls.
 */
import {
  ArgumentError,
  assert,
  type BlockDevice,
  type BlockNumber,
  type ByteCount,
  type Completion,
  checkInteger,
  checkPowerOfTwo,
  EBUSY,
  ECANCELED,
  ENXIO,
  EROFS,
  type InterruptLine,
  isErrno,
  NIL,
  OK,
  PENDING,
  type PhysAddr,
  type TraceHook,
} from '@hotpath/hw-x86';
import type { BlockCacheOptions } from './block-cache-options.js';
import type { BlockCacheStatistics } from './block-cache-statistics.js';
import { CacheMeter } from './cache-meter.js';
import { CachedDevice } from './cached-device.js';
import { ForeignWrites } from './foreign-writes.js';
import { Jobs } from './jobs.js';
import { ASK_GET, ASK_NEW, Loader } from './loader.js';
import type { MissRatioCurve } from './miss-ratio-curve.js';
import { slotMapFor } from './policy-names.js';
import type { ReadAhead } from './read-ahead.js';
import { RunLoader } from './run-loader.js';
import { ATTACHED, DIRTY, READAHEAD, UNMOVABLE, VALID, WRITING } from './slot-flags.js';
import { KEY_LIMIT, type SlotMap } from './slot-map.js';
import { SlotMemory } from './slot-memory.js';
import { Slots } from './slots.js';
import {
  TRACE_BLOCK_FLUSH,
  TRACE_BLOCK_HIT,
  TRACE_BLOCK_MISS,
  TRACE_BLOCK_WRITE_ERROR,
} from './trace-events.js';
import { Transfers } from './transfers.js';
import { ReadyQueue, Waits } from './waits.js';
import { WaterMarks } from './water-marks.js';
import { WriteBack } from './write-back.js';

function checkShare(what: string, value: number): number {
  if (value >= 0 && value <= 1) return value;
  throw new ArgumentError('ERR_SHARE', `${what} is ${value}; allowed: 0 to 1`);
}

/** A cache of blocks with pins and write-back. See the README for the rules of use. */
export class BlockCache {
  /** Bytes of a block. */
  readonly blockBytes: ByteCount;
  /** Blocks found (or found on their way in), and not found; a `tryGet` that fails counts as neither. */
  readonly counts = { hits: 0, misses: 0 };
  readonly #map: SlotMap;
  readonly #slots: Slots;
  readonly #devices: CachedDevice[] = [];
  readonly #waits = new Waits();
  readonly #ready = new ReadyQueue();
  readonly #jobs = new Jobs(this.#ready);
  readonly #transfers: Transfers;
  readonly #writeBack: WriteBack;
  readonly #foreign: ForeignWrites;
  readonly #loader: Loader;
  readonly #runs: RunLoader;
  readonly #trace: TraceHook | null;
  readonly #meter: CacheMeter | null;
  readonly #curve: MissRatioCurve | null;
  readonly #line: InterruptLine | null;
  readonly #marks: WaterMarks;
  readonly #writeThrough: boolean;
  /** A pin or a transfer ended since the queues were last tried. */
  #stirred = false;
  #reaping = false;
  #closed = false;
  /** Ends one block of an attach that had to wait. */
  readonly #attachPart: Completion = {
    completed: (job, result) => {
      // A wake-up brings a pin; an attached block needs none, since its frame has an owner.
      if (!isErrno(result)) this.release(result);
      this.#jobs.finishOne(job, isErrno(result) ? result : OK);
    },
  };
  /** Ends one device's part of a close. */
  readonly #closePart: Completion = {
    completed: (job, result) => this.#jobs.finishOne(job, result),
  };

  /** @throws ArgumentError when an option is outside its range or the arena does not fit. */
  constructor(options: BlockCacheOptions) {
    const { memory, capacity, blockBytes } = options;
    const mergeLimit = options.mergeLimit ?? 256;
    const retryLimit = options.retryLimit ?? 3;
    checkPowerOfTwo('ERR_BLOCK_BYTES', 'blockBytes', blockBytes, 512, 65_536);
    checkInteger('ERR_MERGE_LIMIT', 'mergeLimit', mergeLimit, 1, 4096);
    checkInteger('ERR_RETRY_LIMIT', 'retryLimit', retryLimit, 1, 1_000_000);
    this.#writeThrough = options.writeThrough ?? false;
    const low = checkShare('dirtyLow', options.dirtyLow ?? 0.25);
    const high = checkShare('dirtyHigh', options.dirtyHigh ?? 0.5);
    this.blockBytes = blockBytes;
    this.#trace = options.trace ?? null;
    this.#line = options.line ?? null;
    this.#curve = options.curve ?? null;
    this.#map = new (slotMapFor(options.policy ?? '2q'))(capacity);
    const meter = options.meter ?? null;
    this.#meter = meter === null ? null : new CacheMeter(meter, this.#map);
    const place = new SlotMemory(memory, blockBytes, capacity, options.base, options.frames);
    this.#slots = new Slots(this.#map, place);
    this.#transfers = new Transfers(
      memory,
      blockBytes,
      mergeLimit,
      {
        readFinished: (device, slot, result) => this.#loader.readFinished(device, slot, result),
        writeFinished: (device, slot, result) => {
          this.#traceWriteError(device, this.#map.keyOf(slot), result);
          this.#writeBack.writeFinished(device, slot, result);
        },
        foreignFinished: (device, job, key, result) => {
          this.#traceWriteError(device, key, result);
          if (result !== OK) this.#writeBack.writeFailed(device, key, result);
          this.#foreign.finished(job, key, result);
        },
        requestStarted: (device, sequence) => this.#writeBack.requestStarted(device, sequence),
        requestFinished: (device, sequence) => this.#writeBack.requestFinished(device, sequence),
        settled: () => this.#stir(),
      },
      options.clock ?? null,
    );
    const parts = {
      slots: this.#slots,
      transfers: this.#transfers,
      ready: this.#ready,
      waits: this.#waits,
      jobs: this.#jobs,
      memory,
      blockBytes,
      mergeLimit,
      retryLimit,
      trace: this.#trace,
      meter: this.#meter,
      deviceOf: (key: number) => this.#deviceOfKey(key),
      settled: () => this.#stir(),
      forget: (slot: number) => this.#writeBack.forget(slot),
    };
    this.#writeBack = new WriteBack(parts);
    this.#marks = new WaterMarks({ ...parts, writeBack: this.#writeBack, low, high });
    this.#foreign = new ForeignWrites(parts);
    const loading = { ...parts, writeBack: this.#writeBack, foreign: this.#foreign };
    this.#loader = new Loader(loading);
    this.#runs = new RunLoader(loading, this.#loader);
  }

  /** Slots that may be in use. */
  get capacity(): number {
    return this.#map.capacity;
  }

  /** Resident blocks. */
  get size(): number {
    return this.#map.size;
  }

  /** Blocks whose contents are newer than the device's. */
  get dirtyCount(): number {
    return this.#slots.dirty.count;
  }

  /** Transfers and flushes that devices have not finished. */
  get inFlight(): number {
    return (
      this.#transfers.inFlight + this.#writeBack.flushesInFlight + this.#foreign.discardsInFlight
    );
  }

  /**
   * Puts a device behind the cache; its number, for all other calls.
   * @throws ArgumentError when its blocks are larger than the cache's or all keys would pass 2**53.
   */
  addDevice(device: BlockDevice): number {
    checkPowerOfTwo(
      'ERR_DEVICE_BLOCK_BYTES',
      'blockBytes',
      device.blockBytes,
      512,
      this.blockBytes,
    );
    const before = this.#devices[this.#devices.length - 1];
    const firstKey = before === undefined ? 0 : before.firstKey + before.blockCount;
    const cached = new CachedDevice(this.#devices.length, device, this.blockBytes, firstKey);
    checkInteger(
      'ERR_DEVICE_SIZE',
      'blocks of all devices',
      firstKey + cached.blockCount,
      1,
      KEY_LIMIT,
    );
    this.#devices.push(cached);
    return cached.id;
  }

  /** Blocks of the cache's size on a device; the last may be short. */
  blockCount(device: number): number {
    return this.#device(device).blockCount;
  }

  /** A pinned slot if the block is here and up to date, else NIL. Never waits, never reads. */
  tryGet(device: number, block: BlockNumber): number {
    const { firstKey, blockCount } = this.#devices[device];
    if (!(block < blockCount)) return NIL;
    const slot = this.#map.find(firstKey + block);
    if (this.#meter !== null) this.#meter.find(firstKey + block);
    if (this.#curve !== null) this.#curve.access(firstKey + block);
    if (slot === NIL) return NIL;
    const state = this.#slots.flags[slot] & (VALID | READAHEAD);
    if (state !== VALID) {
      if ((state & VALID) === 0) return NIL;
      this.#loader.used(slot);
    }
    if (this.#meter !== null) this.#meter.hit(slot);
    this.#map.touch(slot);
    this.#map.held[slot] += 1;
    this.counts.hits += 1;
    if (this.#trace !== null) this.#trace.emit(TRACE_BLOCK_HIT, device, block);
    return slot;
  }

  /**
   * The block's slot, pinned; read if missing. PENDING: the sink gets the pinned slot, or an errno.
   * ENOMEM at once if every slot is unmovable or among the `heldByAsker` the asker itself has pinned;
   * EIO if only blocks are left whose write keeps failing; ENXIO outside the device.
   */
  get(device: number, block: BlockNumber, sink: Completion, tag: number, heldByAsker = 0): number {
    return this.#lookUp(ASK_GET, device, block, sink, tag, heldByAsker);
  }

  /**
   * As `get`, for a block that will be overwritten whole: a missing one is not read but filled with
   * zeros and made dirty. EROFS on a read-only device.
   */
  getNew(
    device: number,
    block: BlockNumber,
    sink: Completion,
    tag: number,
    heldByAsker = 0,
  ): number {
    if (this.#device(device).device.readOnly) return EROFS;
    return this.#lookUp(ASK_NEW, device, block, sink, tag, heldByAsker);
  }

  #lookUp(
    kind: number,
    id: number,
    block: BlockNumber,
    sink: Completion,
    tag: number,
    heldByAsker: number,
  ): number {
    if (this.#closed) return ECANCELED;
    const device = this.#device(id);
    if (!(block >= 0 && block < device.blockCount)) return ENXIO;
    const key = device.firstKey + block;
    const slot = this.#map.find(key);
    if (this.#curve !== null) this.#curve.access(key);
    if (slot === NIL) this.counts.misses += 1;
    else this.counts.hits += 1;
    if (this.#trace !== null) {
      this.#trace.emit(slot === NIL ? TRACE_BLOCK_MISS : TRACE_BLOCK_HIT, id, block);
    }
    return this.#loader.ask({ kind, device, key, address: NIL, sink, tag, heldByAsker });
  }

  /**
   * One frame, two indexes: the blocks that lie in a frame of somebody else's (a page-cache page) are
   * indexed here without a copy. Missing ones are read by DMA into the frame; one that is here
   * already moves in. Evicting them later drops only the index. The frame's owner keeps it alive until
   * {@link BlockCache.detach} answers OK, and owns the dirty state of what it changes there.
   * @param bytes - a multiple of `blockBytes`, inside one chunk; default one block
   * Result: OK, an errno, or PENDING; the blocks are not pinned.
   */
  attach(
    device: number,
    block: BlockNumber,
    address: PhysAddr,
    bytes: ByteCount,
    sink: Completion,
    tag: number,
  ): number {
    const count = checkInteger(
      'ERR_BYTES',
      'bytes / blockBytes',
      bytes / this.blockBytes,
      1,
      65_536,
    );
    if (this.#closed) return ECANCELED;
    const cached = this.#device(device);
    if (!(block >= 0 && block + count <= cached.blockCount)) return ENXIO;
    const job = this.#jobs.begin(sink, tag, count);
    this.#runs.attachRun(cached, cached.firstKey + block, address, count, this.#attachPart, job);
    return this.#jobs.started(job);
  }

  /**
   * Drops the index of the blocks that lie at this address. EBUSY, and nothing dropped, while one of
   * them is pinned, in flight, or dirty through this cache: flush and try again.
   */
  detach(device: number, block: BlockNumber, address: PhysAddr, bytes: ByteCount): number {
    const { firstKey } = this.#device(device);
    const count = bytes / this.blockBytes;
    for (let pass = 0; pass < 2; pass++) {
      for (let i = 0; i < count; i++) {
        const slot = this.#map.find(firstKey + block + i);
        if (slot === NIL || this.#slots.address(slot) !== address + i * this.blockBytes) continue;
        assert((this.#slots.flags[slot] & ATTACHED) !== 0, 'block cache: detaching its own memory');
        if (pass === 1) this.#slots.drop(slot, false);
        else if (this.#isBusy(slot)) return EBUSY;
      }
    }
    return OK;
  }

  /**
   * Writes `count` blocks from frames of somebody else's, `from[0]` to `from[count - 1]`: merged and
   * queued with the cache's own writes, not copied; the caller owns their dirty state and keeps the
   * frames unchanged in place until the result. With `fua` they are durable then, else after a flush.
   */
  write(
    device: number,
    block: BlockNumber,
    count: number,
    from: ArrayLike<number>,
    sink: Completion,
    tag: number,
    fua = false,
  ): number {
    const cached = this.#device(device);
    if (this.#closed) return ECANCELED;
    if (cached.device.readOnly) return EROFS;
    if (!(block >= 0 && count >= 1 && block + count <= cached.blockCount)) return ENXIO;
    return this.#foreign.write(cached, cached.firstKey + block, count, from, fua, sink, tag);
  }

  /** Address of a pinned slot's block in the memory. */
  address(slot: number): PhysAddr {
    return this.#slots.address(slot);
  }

  /** Block number of a resident slot on its device. */
  blockOf(slot: number): BlockNumber {
    const key = this.#map.keyOf(slot);
    return key - this.#deviceOfKey(key).firstKey;
  }

  /** Number of a resident slot's device. */
  deviceOf(slot: number): number {
    return this.#deviceOfKey(this.#map.keyOf(slot)).id;
  }

  /** Changes when the slot is given to another block: tells a handle that outlived its pin. */
  generation(slot: number): number {
    return this.#slots.generations[slot];
  }

  /** Whether a resident slot holds changes that no write in flight carries. */
  isDirty(slot: number): boolean {
    return (this.#slots.flags[slot] & DIRTY) !== 0;
  }

  /** Pins of users on a resident slot, and one more while it is read or written. */
  holdCount(slot: number): number {
    return this.#map.held[slot];
  }

  /** The pinned block was changed. Call it after the change and before anything that waits. */
  markDirty(slot: number): number {
    assert(this.#map.held[slot] > 0, 'block cache: markDirty without a pin');
    if (this.#meter !== null) {
      this.#meter.markDirty(slot, (this.#slots.flags[slot] & DIRTY) === 0);
    }
    if ((this.#slots.flags[slot] & DIRTY) !== 0) return OK;
    if (this.#deviceOfKey(this.#map.keyOf(slot)).device.readOnly) return EROFS;
    this.#slots.setDirty(slot);
    return OK;
  }

  /**
   * Takes the dirty mark of a pinned block over: the cache writes it no more until it is marked again;
   * true if it was dirty. For a journal, which may not let a block go home before its transaction is
   * committed, and for a block that was freed.
   */
  takeDirty(slot: number): boolean {
    assert(this.#map.held[slot] > 0, 'block cache: takeDirty without a pin');
    if ((this.#slots.flags[slot] & DIRTY) === 0) return false;
    this.#slots.clearDirty(slot);
    this.#writeBack.forget(slot);
    return true;
  }

  /**
   * OK if no write of the pinned block is in flight, else PENDING until it has ended (OK, however it
   * ended): what is changed after that is in no earlier write.
   */
  awaitWrite(slot: number, sink: Completion, tag: number): number {
    assert(this.#map.held[slot] > 0, 'block cache: awaitWrite without a pin');
    if ((this.#slots.flags[slot] & WRITING) === 0) return OK;
    this.#waits.add(slot, sink, tag);
    return PENDING;
  }

  /** One more pin on a pinned slot. */
  pin(slot: number): void {
    assert(this.#map.held[slot] > 0, 'block cache: pin of a slot that is not pinned');
    this.#map.held[slot] += 1;
  }

  /** Ends one pin. */
  release(slot: number): void {
    const held = this.#map.held;
    assert(held[slot] > 0, 'block cache: release without a pin');
    held[slot] -= 1;
    if (this.#meter !== null) this.#meter.release(slot, held[slot] === 0);
    if (held[slot] > 0) return;
    if (this.#loader.queued > 0) this.#stir();
    if (this.#slots.dirty.count > this.#marks.backgroundAt) this.#marks.writeInBackground();
    if (this.#writeThrough && (this.#slots.flags[slot] & DIRTY) !== 0) this.#writeNow(slot);
  }

  #writeNow(slot: number): void {
    if (this.#writeBack.hasGivenUp(slot)) return;
    this.#writeBack.writeCluster(this.#deviceOfKey(this.#map.keyOf(slot)), slot, 1);
  }

  /**
   * Writers call it before they dirty more: OK, or PENDING while more than `dirtyHigh` of the slots are
   * dirty or being written; then the sink hears OK, or EIO when nothing more can be written.
   */
  throttle(sink: Completion, tag: number): number {
    return this.#closed ? ECANCELED : this.#marks.throttle(sink, tag);
  }

  /**
   * Writes a pinned block now and waits for it; with `fua` it is durable then (force unit access),
   * without, it is on its way to the medium. OK, an errno or PENDING.
   */
  writeSlot(slot: number, fua: boolean, sink: Completion, tag: number): number {
    if (this.#closed) return ECANCELED;
    const status = this.markDirty(slot);
    if (status !== OK) return status;
    const key = this.#map.keyOf(slot);
    const device = this.#deviceOfKey(key);
    return this.#writeBack.flush(device, key, key + 1, fua, false, -1, sink, tag);
  }

  /**
   * The blocks are no longer needed: drops them, dirty or not, and tells the device (DISCARD), waiting
   * for transfers of them first. Pinned ones stay as zeros. OK, an errno or PENDING.
   */
  discard(
    device: number,
    block: BlockNumber,
    count: number,
    sink: Completion,
    tag: number,
  ): number {
    const cached = this.#device(device);
    if (this.#closed) return ECANCELED;
    if (cached.device.readOnly) return EROFS;
    if (!(block >= 0 && count >= 1 && block + count <= cached.blockCount)) return ENXIO;
    return this.#foreign.discard(cached, cached.firstKey + block, count, sink, tag);
  }

  /** Says that a pin will stay (a mounted superblock), so that nobody waits for its end. */
  setUnmovable(slot: number, unmovable: boolean): void {
    assert(this.#map.held[slot] > 0, 'block cache: setUnmovable without a pin');
    if (unmovable) this.#slots.flags[slot] |= UNMOVABLE;
    else this.#slots.flags[slot] &= ~UNMOVABLE;
  }

  /** Reads blocks that will be wanted; how many reads it began. Errors reach nobody. */
  prefetch(device: number, block: BlockNumber, count: number): number {
    const { firstKey, blockCount } = this.#device(device);
    if (this.#closed || !(block >= 0)) return 0;
    const end = Math.min(block + count, blockCount);
    return this.#runs.prefetch(this.#devices[device], firstKey + block, end - block);
  }

  /**
   * What a sequential reader calls before it takes blocks `block .. block + count - 1`: reads ahead as
   * its state says. Never waits; errors reach nobody. How many reads it began.
   */
  readAhead(state: ReadAhead, device: number, block: BlockNumber, count: number): number {
    const missing = this.#map.find(this.#device(device).firstKey + block) === NIL;
    const ahead = state.access(block, count, missing);
    return ahead === 0 ? 0 : this.prefetch(device, state.from, ahead);
  }

  /** A new opener of a device, for {@link BlockCache.flush}: sees each write-back error once. */
  openErrors(device: number): number {
    return this.#device(device).errors.open();
  }

  /** Ends an opener. */
  closeErrors(device: number, opener: number): void {
    this.#device(device).errors.close(opener);
  }

  /**
   * Makes everything durable that was dirty on the device when called: writes it, waits, flushes the
   * device's volatile cache. What is changed meanwhile is not waited for, so it ends under a constant
   * writer. Result: OK, or the errno: with an opener the latest it has not seen, else this flush's.
   */
  flush(device: number, sink: Completion, tag: number, opener = -1): number {
    return this.flushRange(device, 0, this.#device(device).blockCount, sink, tag, opener);
  }

  /** As `flush`, for blocks `block .. block + count - 1`. */
  flushRange(
    device: number,
    block: BlockNumber,
    count: number,
    sink: Completion,
    tag: number,
    opener = -1,
  ): number {
    const cached = this.#device(device);
    if (this.#closed) return ECANCELED;
    const first = cached.firstKey + Math.max(0, block);
    const end = cached.firstKey + Math.min(cached.blockCount, block + count);
    if (this.#trace !== null) this.#trace.emit(TRACE_BLOCK_FLUSH, device, this.dirtyCount);
    return this.#writeBack.flush(cached, first, end, false, true, opener, sink, tag);
  }

  /**
   * Drops clean blocks that nobody uses, so that they are read anew. EBUSY if some had to stay: pinned,
   * dirty or in flight.
   */
  invalidate(device: number, block: BlockNumber, count: number): number {
    const { firstKey } = this.#device(device);
    let status: number = OK;
    for (const slot of [...this.#map.slots()]) {
      const at = this.#map.keyOf(slot) - firstKey;
      if (at < block || at >= block + count) continue;
      if (this.#isBusy(slot)) status = EBUSY;
      else this.#slots.drop(slot, false);
    }
    return status;
  }

  /**
   * Changes the number of slots while in use. Blocks too many are evicted now, or as their pins and
   * writes end. @throws ArgumentError when an arena has no room for more.
   */
  resize(capacity: number): void {
    checkInteger('ERR_CAPACITY', 'capacity', capacity, 1, 2 ** 26);
    this.#slots.resize(capacity);
    this.#marks.resized(capacity);
    if (this.#meter !== null) this.#meter.resized();
    this.#loader.evictDownTo(capacity, NIL);
    this.#slots.memory.giveBackAll();
    this.#stir();
  }

  /** Flushes every device and refuses further calls with ECANCELED; those that wait get it too. */
  close(sink: Completion, tag: number): number {
    if (this.#closed) return ECANCELED;
    this.#loader.cancelQueue(ECANCELED);
    this.#marks.cancel(ECANCELED);
    const job = this.#jobs.begin(sink, tag, this.#devices.length);
    for (const device of this.#devices) {
      const result = this.flush(device.id, this.#closePart, job);
      if (result !== PENDING) this.#jobs.finishOne(job, result);
    }
    this.#closed = true;
    this.#stir();
    return this.#jobs.started(job);
  }

  /**
   * Collects what the devices have finished and calls the sinks of this cache, each once; how many.
   * The only place where sinks are called. Does nothing when called from inside a sink.
   */
  reap(): number {
    if (this.#reaping) return 0;
    this.#reaping = true;
    let delivered = 0;
    try {
      for (;;) {
        for (const device of this.#devices) device.device.reap();
        if (this.#stirred) {
          this.#stirred = false;
          this.#foreign.retry();
          this.#loader.serveQueue();
          this.#marks.wake();
        }
        if (this.#ready.count === 0 && !this.#stirred) return delivered;
        for (let left = this.#ready.count; left > 0; left--) {
          this.#ready.deliver();
          delivered += 1;
        }
      }
    } finally {
      this.#reaping = false;
    }
  }

  /** All counters and histograms since construction; a fresh object. */
  statistics(): BlockCacheStatistics {
    const { capacity, size, dirtyCount } = this;
    const { hits, misses } = this.counts;
    const requests = hits + misses;
    return {
      hits,
      misses,
      hitRatio: requests === 0 ? 0 : hits / requests,
      capacity,
      size,
      dirty: dirtyCount,
      ...this.#loader.counts,
      ...this.#writeBack.counts,
      ...this.#transfers.counts,
      mergedReads: this.#transfers.counts.blocksRead - this.#transfers.counts.readRequests,
      mergedWrites: this.#transfers.counts.blocksWritten - this.#transfers.counts.writeRequests,
      readLatency: this.#transfers.readLatency,
      writeLatency: this.#transfers.writeLatency,
      missRatioAtTwice: this.#curve === null ? Number.NaN : this.#curve.missRatio(2 * capacity),
    };
  }

  /** Throws InvariantError when the structures contradict each other. O(slots). */
  checkInvariants(): void {
    this.#slots.checkInvariants();
    this.#waits.checkInvariants();
  }

  #device(id: number): CachedDevice {
    const device = this.#devices[id];
    if (device !== undefined) return device;
    throw new ArgumentError(
      'ERR_DEVICE',
      `device is ${id}; allowed: a number that addDevice returned, below ${this.#devices.length}`,
    );
  }

  #deviceOfKey(key: number): CachedDevice {
    const devices = this.#devices;
    let id = devices.length - 1;
    while (devices[id].firstKey > key) id -= 1;
    return devices[id];
  }

  #isBusy(slot: number): boolean {
    return this.#map.held[slot] > 0 || (this.#slots.flags[slot] & (DIRTY | WRITING)) !== 0;
  }

  /** Something ended: what is queued may go on at the next `reap()`. */
  #stir(): void {
    this.#stirred = true;
    if (this.#line !== null && !this.#reaping) this.#line.raise();
  }

  #traceWriteError(device: CachedDevice, key: number, result: number): void {
    if (result === OK || this.#trace === null) return;
    this.#trace.emit(TRACE_BLOCK_WRITE_ERROR, key - device.firstKey, result);
  }
}
