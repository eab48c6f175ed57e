/** Blocks to read, and nothing else: what the checker works on. */
import {
  type BlockDevice,
  type Completion,
  createRequest,
  OK,
  type PhysicalMemory,
  READ,
} from '@hotpath/hw-x86';
import { ImageError } from './image-error.js';

/** A medium to read from; a crash explorer's disk is one. */
export interface BlockSource {
  readonly blockBytes: number;
  readonly blockCount: number;
  /** Copies a block to `target[offset ..]`. */
  readBlock(block: number, target: Uint8Array, offset?: number): void;
}

const NOBODY: Completion = { completed: () => {} };

/** A device that finishes every request inside `submit`, as a medium to read from. */
export class DeviceSource implements BlockSource {
  readonly blockBytes: number;
  readonly blockCount: number;
  readonly #device: BlockDevice;
  readonly #memory: PhysicalMemory;
  readonly #request;

  /** @param memory - its first block is overwritten by each read */
  constructor(device: BlockDevice, memory: PhysicalMemory) {
    this.blockBytes = device.blockBytes;
    this.blockCount = device.blockCount;
    this.#device = device;
    this.#memory = memory;
    this.#request = createRequest(memory, NOBODY, 1);
    this.#request.op = READ;
    this.#request.blockCount = 1;
    this.#request.segmentCount = 1;
    this.#request.segmentBytes = device.blockBytes;
  }

  /** @throws ImageError `ERR_IO` when the device cannot read it */
  readBlock(block: number, target: Uint8Array, offset = 0): void {
    this.#request.block = block;
    const status = this.#device.submit(this.#request);
    if (status !== OK)
      throw new ImageError('ERR_IO', `device block ${block} cannot be read: ${status}`);
    this.#memory.read(0, target, offset, this.blockBytes);
  }
}
