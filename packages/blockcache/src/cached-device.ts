/** A device behind the cache: where its blocks lie in the one space of keys, and its write state. */
import type { BlockDevice } from '@hotpath/hw-x86';
import { ErrorSequence } from './error-sequence.js';

/** One device of a block cache. Keys of its blocks are `firstKey .. firstKey + blockCount - 1`. */
export class CachedDevice {
  readonly id: number;
  readonly device: BlockDevice;
  readonly firstKey: number;
  /** Blocks of the cache's size; the last may be short. */
  readonly blockCount: number;
  /** Device blocks in one of the cache's. */
  readonly factor: number;
  /** Device blocks in the last of the cache's blocks, `1 .. factor`. */
  readonly lastFactor: number;
  readonly errors = new ErrorSequence();
  /** WRITE requests submitted and not completed. */
  writesInFlight = 0;
  /** Sequence number of the newest WRITE request. */
  writeSequence = 0;
  closed = false;

  constructor(id: number, device: BlockDevice, blockBytes: number, firstKey: number) {
    this.id = id;
    this.device = device;
    this.firstKey = firstKey;
    this.factor = blockBytes / device.blockBytes;
    this.blockCount = Math.ceil(device.blockCount / this.factor);
    this.lastFactor = device.blockCount - (this.blockCount - 1) * this.factor;
  }
}
