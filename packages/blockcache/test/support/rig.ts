/** A cache over one fake disk, with helpers to write and read whole blocks as one word. */
import { PENDING } from '@hotpath/hw-x86';
import { BlockCache, type BlockCacheOptions } from '../../src/index.js';
import { ArrayMemory } from './array-memory.js';
import { FakeDisk, type FakeDiskOptions } from './fake-disk.js';
import { Recorder } from './recorder.js';

export class Rig {
  readonly memory = new ArrayMemory(1 << 20);
  readonly disk: FakeDisk;
  readonly cache: BlockCache;
  readonly sink = new Recorder();
  readonly device: number;
  /** Memory behind the arena, for attached frames. */
  readonly frames = 1 << 19;

  constructor(
    capacity: number,
    disk: FakeDiskOptions = {},
    cache: Partial<BlockCacheOptions> = {},
  ) {
    this.disk = new FakeDisk(disk);
    this.cache = new BlockCache({
      memory: this.memory,
      base: 0,
      blockBytes: this.disk.blockBytes,
      capacity,
      policy: 'lru',
      dirtyLow: 1,
      dirtyHigh: 1,
      ...cache,
    });
    this.device = this.cache.addDevice(this.disk);
  }

  /** A pinned slot or an errno; finishes the disk's requests until there is one. */
  get(block: number, tag = 0): number {
    return this.settle(this.cache.get(this.device, block, this.sink, tag));
  }

  /** The result of a call, finishing the disk's requests while it is pending. */
  settle(result: number): number {
    if (result !== PENDING) return result;
    const before = this.sink.heard.length;
    for (let i = 0; i < 1000 && this.sink.heard.length === before; i++) {
      this.disk.finish();
      this.cache.reap();
    }
    if (this.sink.heard.length === before) throw new Error('the call never finished');
    return this.sink.heard[before][1];
  }

  /** Word 0 of a pinned slot. */
  word(slot: number): number {
    return this.memory.load32(this.cache.address(slot));
  }

  /** Overwrites word 0 of a block and marks it dirty. */
  put(block: number, value: number): void {
    const slot = this.get(block);
    if (slot < 0) throw new Error(`get answered ${slot}`);
    this.memory.store32(this.cache.address(slot), value);
    this.cache.markDirty(slot);
    this.cache.release(slot);
  }

  /** Word 0 of a block. */
  take(block: number): number {
    const slot = this.get(block);
    if (slot < 0) throw new Error(`get answered ${slot}`);
    const value = this.word(slot);
    this.cache.release(slot);
    return value;
  }

  /** Requests the cache has in flight. */
  inFlight(): number {
    return this.cache.inFlight;
  }

  /** Flushes the device to the end. */
  flush(opener = -1): number {
    return this.settle(this.cache.flush(this.device, this.sink, 0, opener));
  }
}
