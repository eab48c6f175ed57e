/** A disk over a file of the browser's origin-private file system, for a worker. */
import {
  type BlockDevice,
  type BlockRequest,
  DISCARD,
  EIO,
  ENXIO,
  FLUSH,
  OK,
  READ,
} from '@hotpath/hw-x86';

/** What is used of `FileSystemSyncAccessHandle`. */
export interface SyncAccessHandle {
  read(target: Uint8Array, options: { at: number }): number;
  write(source: Uint8Array, options: { at: number }): number;
  flush(): void;
  truncate(byteCount: number): void;
  getSize(): number;
  close(): void;
}

/** Finishes every request inside `submit`; a FLUSH is the handle's own. */
export class OpfsDisk implements BlockDevice {
  readonly blockBytes: number;
  readonly blockCount: number;
  readonly volatileCache = true;
  readonly readOnly = false;
  readonly #handle: SyncAccessHandle;

  constructor(handle: SyncAccessHandle, blockBytes: number, blockCount: number) {
    this.#handle = handle;
    this.blockBytes = blockBytes;
    this.blockCount = blockCount;
    if (handle.getSize() < blockBytes * blockCount) handle.truncate(blockBytes * blockCount);
  }

  submit(request: BlockRequest): number {
    const { op, block, blockCount, memory, segmentBytes } = request;
    if (op === DISCARD) return OK;
    try {
      if (op === FLUSH) {
        this.#handle.flush();
        return OK;
      }
      if (block + blockCount > this.blockCount) return ENXIO;
      for (let i = 0; i < request.segmentCount; i++) {
        const address = request.segmentAddress[i];
        const start = address % memory.chunkBytes;
        const view = memory.bytes(address).subarray(start, start + segmentBytes);
        const at = block * this.blockBytes + i * segmentBytes;
        const options = { at };
        const moved =
          op === READ ? this.#handle.read(view, options) : this.#handle.write(view, options);
        if (moved !== segmentBytes) return EIO;
      }
      return OK;
    } catch {
      return EIO;
    }
  }

  reap(): number {
    return 0;
  }
}
