import { ArgumentError, assert, type ByteCount } from '@hotpath/hw-x86';
import {
  C_ACQUIRED,
  C_AVAILABLE,
  C_CONTENDED,
  C_FLUSHES,
  C_LOCK,
  C_OBJECT_BYTES,
  C_REFILLS,
  C_SLAB_COUNT,
  C_STRIDE,
  CACHE_WORDS,
  SHARED_SLAB_BYTES,
} from './shared-layout.js';
import { lock, unlock } from './shared-lock.js';
import type { SharedSlabs } from './shared-slabs.js';

/** How often the lock of a shared cache was taken, by all workers together. */
export interface SharedContention {
  /** Times it was taken: refills and flushes. */
  readonly acquired: number;
  /** Times somebody had to wait for it. */
  readonly contended: number;
  readonly refills: number;
  readonly flushes: number;
}

/**
 * One worker's end of a cache in shared memory. `allocate` takes from the worker's own magazine
 * with plain loads and stores. `free` does one atomic compare-and-exchange, on the object's own state
 * byte: it works from any worker, and of two frees at once exactly one is refused. The lock is taken
 * once for half a magazine.
 *
 * state byte of an object's start === id <=> handed out
 */
export class SharedCache {
  readonly name: string;
  /** 1..254, in the state bytes. */
  readonly id: number = 0;
  readonly objectBytes: ByteCount;
  readonly stride: ByteCount;
  private readonly words: Int32Array;
  private readonly state: Uint8Array;
  private readonly objectByte: number = 0;
  private readonly fillAt: number = 0;
  private readonly magazineAt: number = 0;
  private readonly size: number = 0;
  private readonly cacheAt: number = 0;
  private readonly slabs: SharedSlabs;

  /** For `SharedArena.cache`. */
  constructor(slabs: SharedSlabs, index: number, worker: number, name: string) {
    const { layout, words } = slabs;
    this.name = name;
    this.id = index + 1;
    this.slabs = slabs;
    this.words = words;
    this.state = slabs.state;
    this.objectByte = layout.objectByte;
    this.cacheAt = layout.cachesAt + index * CACHE_WORDS;
    this.objectBytes = words[this.cacheAt + C_OBJECT_BYTES];
    this.stride = words[this.cacheAt + C_STRIDE];
    this.size = layout.magazineObjects;
    this.fillAt = slabs.magazineOf(worker, index);
    this.magazineAt = this.fillAt + 16;
  }

  /** Offset of an object in the buffer, or 0 when memory is out. O(1); its bytes are undefined. */
  allocate(): number {
    const { words, fillAt } = this;
    const fill = words[fillAt] - 1;
    if (fill < 0) return this.refill() ? this.allocate() : 0;
    words[fillAt] = fill;
    const offset = words[this.magazineAt + fill];
    this.state[(offset - this.objectByte) >>> 4] = this.id;
    return offset;
  }

  /**
   * Frees an object that any worker allocated. O(1).
   * @throws ArgumentError ERR_DOUBLE_FREE, ERR_INTERIOR_POINTER, ERR_FOREIGN_POINTER; nothing is changed
   */
  free(offset: number): void {
    const { words, fillAt } = this;
    const exact = offset - this.objectByte;
    const place = exact | 0;
    if (place !== exact || place < 0 || (place & 15) !== 0 || place >>> 4 >= this.state.length) {
      throw this.refusal(offset);
    }
    if (Atomics.compareExchange(this.state, place >>> 4, this.id, 0) !== this.id) {
      throw this.refusal(offset);
    }
    if (words[fillAt] === this.size) this.flush((this.size + 1) >>> 1);
    const fill = words[fillAt];
    words[this.magazineAt + fill] = offset;
    words[fillAt] = fill + 1;
  }

  /** True when an object of this cache that is handed out starts at `offset`. O(1). */
  isLive(offset: number): boolean {
    const place = offset - this.objectByte;
    return place >= 0 && place % 16 === 0 && Atomics.load(this.state, place / 16) === this.id;
  }

  /** Puts this worker's free objects back, for others to use. */
  flushAll(): void {
    this.flush(this.words[this.fillAt]);
  }

  /** Objects handed out by all workers; exact while nobody allocates or frees. */
  get liveObjects(): number {
    const { words, cacheAt } = this;
    const perSlab = Math.floor(SHARED_SLAB_BYTES / this.stride);
    let free = words[cacheAt + C_AVAILABLE];
    for (let worker = 0; worker < this.slabs.layout.workerCount; worker += 1) {
      free += words[this.slabs.magazineOf(worker, this.id - 1)];
    }
    return words[cacheAt + C_SLAB_COUNT] * perSlab - free;
  }

  /** Bytes of this cache's slabs. */
  get footprintBytes(): ByteCount {
    return this.words[this.cacheAt + C_SLAB_COUNT] * SHARED_SLAB_BYTES;
  }

  /** How often the lock was taken. */
  get contention(): SharedContention {
    const { words, cacheAt } = this;
    return {
      acquired: words[cacheAt + C_ACQUIRED],
      contended: words[cacheAt + C_CONTENDED],
      refills: words[cacheAt + C_REFILLS],
      flushes: words[cacheAt + C_FLUSHES],
    };
  }

  /** Fills half the magazine from the slabs; false when memory is out. */
  private refill(): boolean {
    const { words, cacheAt } = this;
    this.enter(C_REFILLS);
    const filled = this.slabs.take(this.id - 1, this.magazineAt, (this.size + 1) >>> 1);
    unlock(words, cacheAt + C_LOCK);
    words[this.fillAt] = filled;
    return filled > 0;
  }

  /** Gives the `count` objects that lie longest in the magazine back to their slabs. */
  private flush(count: number): void {
    const { words, cacheAt, magazineAt } = this;
    const fill = words[this.fillAt];
    assert(count <= fill, 'no more is flushed than is there');
    this.enter(C_FLUSHES);
    this.slabs.give(this.id - 1, magazineAt, count);
    unlock(words, cacheAt + C_LOCK);
    words.copyWithin(magazineAt, magazineAt + count, magazineAt + fill);
    words[this.fillAt] = fill - count;
  }

  private enter(counter: number): void {
    const { words, cacheAt } = this;
    const waited = lock(words, cacheAt + C_LOCK);
    // Under the lock, so plain increments lose nothing.
    words[cacheAt + C_ACQUIRED] += 1;
    words[cacheAt + counter] += 1;
    if (waited) words[cacheAt + C_CONTENDED] += 1;
  }

  private refusal(offset: number): ArgumentError {
    const kind = this.slabs.slotKind(this.id, this.stride, offset);
    if (kind === 'start') {
      return new ArgumentError('ERR_DOUBLE_FREE', `${this.name}: ${offset} is free already`);
    }
    return kind === 'inside'
      ? new ArgumentError(
          'ERR_INTERIOR_POINTER',
          `${this.name}: ${offset} is not an object's start`,
        )
      : new ArgumentError('ERR_FOREIGN_POINTER', `${this.name}: ${offset} is not of this cache`);
  }
}
