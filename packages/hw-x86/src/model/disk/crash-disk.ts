import { type BlockDevice, type BlockRequest, DISCARD, FLUSH, READ } from '../../block-device.js';
import { checkRequest, gather, scatter } from '../../dma.js';
import { assert } from '../../errors.js';
import { OK } from '../../status.js';
import type { SparseBlocks } from './sparse-blocks.js';

/**
 * The disk that a restarted program finds: what was durable, with the survivors of the cut over it.
 * Finishes every request inside `submit`. Writes change only this disk: recovery may write as it
 * likes, and every state starts from its own contents.
 */
export class CrashDisk implements BlockDevice {
  readonly blockBytes: number;
  readonly blockCount: number;
  readonly volatileCache = false;
  readonly readOnly = false;
  readonly #base: SparseBlocks;
  /** Blocks that differ from the base. Arrays in here may belong to the log: replaced, never changed. */
  readonly #over: Map<number, Uint8Array>;
  readonly #scratch: Uint8Array;

  constructor(base: SparseBlocks, over: Map<number, Uint8Array>) {
    this.blockBytes = base.blockBytes;
    this.blockCount = base.blockCount;
    this.#base = base;
    this.#over = over;
    this.#scratch = new Uint8Array(base.blockBytes);
  }

  /** Copies a block to `target[offset ..]`: a short way for checks that need no requests. */
  readBlock(block: number, target: Uint8Array, offset = 0): void {
    assert(block >= 0 && block < this.blockCount, 'a block of this disk');
    const own = this.#over.get(block);
    if (own === undefined) this.#base.read(block, target, offset);
    else target.set(own, offset);
  }

  submit(request: BlockRequest): number {
    const status = checkRequest(this, request);
    const { op, block, blockCount } = request;
    if (status !== OK || op === FLUSH) return status;
    const size = this.blockBytes;
    for (let i = 0; i < blockCount; i++) {
      if (op === READ) {
        this.readBlock(block + i, this.#scratch);
        scatter(request, i * size, this.#scratch, 0, size);
      } else {
        const own = new Uint8Array(size);
        if (op !== DISCARD) gather(request, i * size, own, 0, size);
        this.#over.set(block + i, own);
      }
    }
    return OK;
  }

  /** Nothing is ever left over. */
  reap(): number {
    return 0;
  }
}
