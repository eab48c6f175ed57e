/**
 * The cache for programs that await: byte ranges and blocks, answered at once where everything is here
 * and as a promise where not. `reap()` runs from a microtask after the line was raised.
 */
import {
  type Completion,
  type InterruptLine,
  OK,
  PENDING,
  type PhysicalMemory,
} from '@hotpath/hw-x86';
import { BlockCache } from './block-cache.js';
import type { BlockCacheOptions } from './block-cache-options.js';
import type { ReadAhead } from './read-ahead.js';

/** An errno of the cache as an exception, for callers that await. */
export class BlockCacheError extends Error {
  override readonly name = 'BlockCacheError';
  readonly code = 'ERR_BLOCK_CACHE';
  /** Negative errno, for example EIO. */
  readonly errno: number;

  constructor(what: string, errno: number) {
    super(`${what}: errno ${-errno}`);
    this.errno = errno;
  }
}

/** A block cache whose calls are awaited. Give {@link AwaitFront.line} to the devices behind it. */
export class AwaitFront implements Completion {
  /** The cache itself, for everything else. */
  readonly cache: BlockCache;
  /** What devices that finish later must raise. */
  readonly line: InterruptLine;
  readonly #memory: PhysicalMemory;
  readonly #waiting: ((result: number) => void)[] = [];
  readonly #free: number[] = [];
  #scheduled = false;

  /** @throws ArgumentError as {@link BlockCache} does */
  constructor(options: BlockCacheOptions) {
    this.line = { raise: () => this.#schedule() };
    this.#memory = options.memory;
    this.cache = new BlockCache({ ...options, line: this.line });
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    void Promise.resolve().then(() => {
      this.#scheduled = false;
      this.cache.reap();
    });
  }

  /** The cache's answer to one of the calls below; not for users. */
  completed(tag: number, result: number): void {
    const resolve = this.#waiting[tag];
    this.#free.push(tag);
    resolve(result);
  }

  /** Makes a call with this front as its sink; its result, now or later. */
  #call(start: (tag: number) => number): number | Promise<number> {
    const tag = this.#free.pop() ?? this.#waiting.length;
    this.#waiting[tag] = () => {};
    const result = start(tag);
    if (result !== PENDING) {
      this.#free.push(tag);
      return result;
    }
    return new Promise((resolve) => {
      this.#waiting[tag] = resolve;
    });
  }

  /** A pinned slot, to be released. @throws BlockCacheError */
  get(device: number, block: number): number | Promise<number> {
    const slot = this.cache.tryGet(device, block);
    if (slot >= 0) return slot;
    return orThrow(
      'get',
      this.#call((tag) => this.cache.get(device, block, this, tag)),
    );
  }

  /** A pinned dirty slot for a block that will be overwritten whole. @throws BlockCacheError */
  getNew(device: number, block: number): number | Promise<number> {
    return orThrow(
      'getNew',
      this.#call((tag) => this.cache.getNew(device, block, this, tag)),
    );
  }

  /** Makes durable what is dirty now; see {@link BlockCache.flush}. @throws BlockCacheError */
  async flush(device: number, opener = -1): Promise<void> {
    await orThrow(
      'flush',
      this.#call((tag) => this.cache.flush(device, this, tag, opener)),
    );
  }

  /** As `flush`, for a range of bytes. @throws BlockCacheError */
  async flushBytes(device: number, offset: number, length: number, opener = -1): Promise<void> {
    const { blockBytes } = this.cache;
    const first = Math.floor(offset / blockBytes);
    const count = Math.ceil((offset + length) / blockBytes) - first;
    const flushed = this.#call((tag) =>
      this.cache.flushRange(device, first, count, this, tag, opener),
    );
    await orThrow('flush', flushed);
  }

  /** Drops the blocks wholly inside a range of bytes. @throws BlockCacheError */
  async discardBytes(device: number, offset: number, length: number): Promise<void> {
    const { blockBytes } = this.cache;
    const first = Math.ceil(offset / blockBytes);
    const count = Math.floor((offset + length) / blockBytes) - first;
    if (count <= 0) return;
    await orThrow(
      'discard',
      this.#call((tag) => this.cache.discard(device, first, count, this, tag)),
    );
  }

  /**
   * Copies bytes out into `target`. OK at once when all blocks are here; else a promise. With a reader's
   * state it reads ahead. @throws BlockCacheError
   */
  readBytes(
    device: number,
    offset: number,
    target: Uint8Array,
    ahead: ReadAhead | null = null,
  ): number | Promise<number> {
    const { cache } = this;
    const { blockBytes } = cache;
    const first = Math.floor(offset / blockBytes);
    const count = Math.ceil((offset + target.length) / blockBytes) - first;
    if (ahead !== null) cache.readAhead(ahead, device, first, count);
    for (let done = 0; done < target.length; ) {
      const block = Math.floor((offset + done) / blockBytes);
      const slot = cache.tryGet(device, block);
      if (slot < 0) return this.#readRest(device, offset, target, done);
      done += this.#copyOut(slot, offset, target, done);
    }
    return OK;
  }

  async #readRest(
    device: number,
    offset: number,
    target: Uint8Array,
    done: number,
  ): Promise<number> {
    const { cache } = this;
    const { blockBytes } = cache;
    const rest = Math.floor((offset + done) / blockBytes);
    const count = Math.ceil((offset + target.length) / blockBytes) - rest;
    // All at once, merged; what does not fit is read by the loop, so that any size makes progress.
    if (count > 1) cache.prefetch(device, rest, Math.min(count, cache.capacity >>> 2));
    while (done < target.length) {
      const slot = await this.get(device, Math.floor((offset + done) / blockBytes));
      done += this.#copyOut(slot, offset, target, done);
    }
    return OK;
  }

  #copyOut(slot: number, offset: number, target: Uint8Array, done: number): number {
    const { blockBytes } = this.cache;
    const inside = (offset + done) % blockBytes;
    const count = Math.min(blockBytes - inside, target.length - done);
    this.#memory.read(this.cache.address(slot) + inside, target, done, count);
    this.cache.release(slot);
    return count;
  }

  /**
   * Copies bytes in; they are durable after a flush. Blocks that are overwritten whole are not read.
   * OK at once where possible; waits above the higher water mark. @throws BlockCacheError
   */
  writeBytes(device: number, offset: number, source: Uint8Array): number | Promise<number> {
    return this.#change(device, offset, source.length, source);
  }

  /** Overwrites a range of bytes with zeros; as `writeBytes`. */
  zeroBytes(device: number, offset: number, length: number): number | Promise<number> {
    return this.#change(device, offset, length, null);
  }

  #change(
    device: number,
    offset: number,
    length: number,
    source: Uint8Array | null,
  ): number | Promise<number> {
    const { blockBytes } = this.cache;
    for (let done = 0; done < length; ) {
      const inside = (offset + done) % blockBytes;
      const count = Math.min(blockBytes - inside, length - done);
      const slot = this.#slotToChange(device, (offset + done - inside) / blockBytes, count);
      if (typeof slot !== 'number')
        return this.#changeRest(device, offset, length, source, done, slot);
      this.#copyIn(slot, inside, source, done, count);
      done += count;
    }
    return OK;
  }

  async #changeRest(
    device: number,
    offset: number,
    length: number,
    source: Uint8Array | null,
    done: number,
    waiting: Promise<number>,
  ): Promise<number> {
    const { blockBytes } = this.cache;
    for (let slot = await waiting; ; ) {
      const inside = (offset + done) % blockBytes;
      const count = Math.min(blockBytes - inside, length - done);
      this.#copyIn(slot, inside, source, done, count);
      done += count;
      if (done >= length) return OK;
      const next = Math.min(blockBytes, length - done);
      slot = await this.#slotToChange(device, (offset + done) / blockBytes, next);
    }
  }

  #slotToChange(device: number, block: number, count: number): number | Promise<number> {
    const { cache } = this;
    const room = this.#call((tag) => cache.throttle(this, tag));
    const isWhole = count === cache.blockBytes;
    if (room === OK) return isWhole ? this.getNew(device, block) : this.get(device, block);
    return Promise.resolve(room).then(async (status) => {
      if (status !== OK) throw new BlockCacheError('write', status);
      return isWhole ? this.getNew(device, block) : this.get(device, block);
    });
  }

  #copyIn(
    slot: number,
    inside: number,
    source: Uint8Array | null,
    done: number,
    count: number,
  ): void {
    const { cache } = this;
    const address = cache.address(slot) + inside;
    const status = cache.markDirty(slot);
    if (status === OK) {
      if (source === null) this.#memory.fill(address, count, 0);
      else this.#memory.write(address, source, done, count);
    }
    cache.release(slot);
    if (status !== OK) throw new BlockCacheError('write', status);
  }

  /** Flushes everything and refuses further calls. @throws BlockCacheError */
  async close(): Promise<void> {
    await orThrow(
      'close',
      this.#call((tag) => this.cache.close(this, tag)),
    );
  }
}

/** Passes a value on and turns an errno into an exception, at once or later. */
function orThrow(what: string, result: number | Promise<number>): number | Promise<number> {
  if (typeof result === 'number') {
    if (result < 0) throw new BlockCacheError(what, result);
    return result;
  }
  return result.then((value) => {
    if (value < 0) throw new BlockCacheError(what, value);
    return value;
  });
}
