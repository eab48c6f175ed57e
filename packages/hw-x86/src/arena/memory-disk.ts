import { type BlockDevice, type BlockRequest, DISCARD, FLUSH, READ } from '../block-device.js';
import { checkRequest, gather, scatter } from '../dma.js';
import { ArgumentError, assert, checkInteger, checkPowerOfTwo } from '../errors.js';
import { OK } from '../status.js';

/** Options of {@link createMemoryDisk}. */
export interface MemoryDiskOptions {
  /** Blocks on the device, at least 1. */
  readonly blockCount: number;
  /** Power of two, 512 to 65,536; default 4,096. */
  readonly blockBytes?: number;
  /** The bytes to lie on; `blockCount * blockBytes` long. Default: a new array of zeros. */
  readonly bytes?: Uint8Array;
  /** Refuses writes with EROFS; default false. */
  readonly readOnly?: boolean;
}

/**
 * A disk in memory that finishes every request inside `submit`: it answers OK or an errno, never
 * PENDING, and never calls a sink. Nothing of Node's is imported: works in a browser.
 */
export class MemoryDisk implements BlockDevice {
  readonly blockBytes: number;
  readonly blockCount: number;
  readonly volatileCache = false;
  readonly readOnly: boolean;
  /** The contents. */
  readonly bytes: Uint8Array;

  constructor(blockBytes: number, bytes: Uint8Array, readOnly: boolean) {
    this.blockBytes = blockBytes;
    this.blockCount = bytes.length / blockBytes;
    this.readOnly = readOnly;
    this.bytes = bytes;
    assert(Number.isInteger(this.blockCount), 'a memory disk holds whole blocks');
  }

  submit(request: BlockRequest): number {
    const status = checkRequest(this, request);
    if (status !== OK || request.op === FLUSH) return status;
    const start = request.block * this.blockBytes;
    const byteCount = request.blockCount * this.blockBytes;
    if (request.op === READ) scatter(request, 0, this.bytes, start, byteCount);
    else if (request.op === DISCARD) this.bytes.fill(0, start, start + byteCount);
    else gather(request, 0, this.bytes, start, byteCount);
    return OK;
  }

  /** Nothing is ever left over. */
  reap(): number {
    return 0;
  }
}

/**
 * A synchronous disk in memory.
 * @throws ArgumentError ERR_BLOCK_SIZE, ERR_BLOCK_COUNT, ERR_DISK_SIZE
 */
export function createMemoryDisk(options: MemoryDiskOptions): MemoryDisk {
  const blockBytes = checkPowerOfTwo(
    'ERR_BLOCK_SIZE',
    'blockBytes',
    options.blockBytes ?? 4096,
    512,
    65_536,
  );
  const most = Math.floor(2 ** 33 / blockBytes);
  const blockCount = checkInteger('ERR_BLOCK_COUNT', 'blockCount', options.blockCount, 1, most);
  const byteCount = blockCount * blockBytes;
  const bytes = options.bytes ?? new Uint8Array(byteCount);
  if (bytes.length !== byteCount) {
    throw new ArgumentError(
      'ERR_DISK_SIZE',
      `bytes has length ${bytes.length}; allowed: exactly ${byteCount}`,
    );
  }
  return new MemoryDisk(blockBytes, bytes, options.readOnly ?? false);
}
