import { type BlockDevice, type BlockRequest, FLUSH, OK } from '@hotpath/hw-x86';
import { createMemoryDisk } from '@hotpath/hw-x86/model';

/** What a disk does wrong on purpose: a crash campaign must find each. */
export type Sabotage = 'none' | 'drop-flush' | 'drop-fua';

/**
 * A disk in memory that finishes every request inside `submit` and claims a volatile write cache, so
 * that a driver sends it flushes. Sabotaged, it hides flushes or forced writes from what lies below.
 */
export class VolatileDisk implements BlockDevice {
  readonly blockBytes: number;
  readonly blockCount: number;
  readonly volatileCache = true;
  readonly readOnly = false;
  readonly #below: BlockDevice;
  readonly #sabotage: Sabotage;

  constructor(below: BlockDevice, sabotage: Sabotage = 'none') {
    this.blockBytes = below.blockBytes;
    this.blockCount = below.blockCount;
    this.#below = below;
    this.#sabotage = sabotage;
  }

  submit(request: BlockRequest): number {
    if (this.#sabotage === 'drop-flush' && request.op === FLUSH) return OK;
    if (this.#sabotage !== 'drop-fua' || !request.fua) return this.#below.submit(request);
    request.fua = false;
    const status = this.#below.submit(request);
    request.fua = true;
    return status;
  }

  reap(): number {
    return this.#below.reap();
  }
}

/** A disk of so many blocks over `bytes`. */
export function volatileMemoryDisk(bytes: Uint8Array, blockBytes: number): VolatileDisk {
  const blockCount = bytes.length / blockBytes;
  return new VolatileDisk(createMemoryDisk({ bytes, blockBytes, blockCount }));
}
