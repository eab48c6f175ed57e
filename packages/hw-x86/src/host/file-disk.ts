import {
  type BlockDevice,
  type BlockRequest,
  DISCARD,
  FLUSH,
  type InterruptLine,
  READ,
} from '../block-device.js';
import { checkRequest } from '../dma.js';
import { ArgumentError, assert } from '../errors.js';
import { EBADF, EIO, OK, PENDING } from '../status.js';
import { errnoOf } from './errno.js';
import type { DiskFile } from './file-open.js';

/** One asynchronous transfer; pooled, so that a request allocates only the views Node wants. */
interface Transfer {
  request: BlockRequest;
  /** Sum of what earlier, short calls moved. */
  moved: number;
  status: number;
}

/**
 * A disk over a file or block device, in one of two manners:
 * - synchronous: every request is finished inside `submit`; no sink is called;
 * - asynchronous: `submit` answers PENDING, Node's thread pool does the transfer, its callback
 *   raises the line, and `reap` calls the sinks. Nothing happens inside `submit`.
 *
 * FLUSH is fdatasync(2); a WRITE with `fua` goes through a second descriptor opened with O_DSYNC.
 * Once fdatasync or such a write has failed, every later FLUSH and FUA write fails with the same
 * errno until the disk is opened again: Linux marks the pages that it could not write as clean, so
 * a later success would promise what is lost.
 */
export class FileDisk implements BlockDevice {
  readonly blockBytes: number;
  readonly blockCount: number;
  readonly volatileCache = true;
  readonly readOnly: boolean;
  /** The path it was opened with. */
  readonly path: string;
  readonly #file: DiskFile;
  readonly #line: InterruptLine | null;
  readonly #asynchronous: boolean;
  readonly #done: Transfer[] = [];
  #inFlight = 0;
  #closed = false;
  /** Errno of the first failed flush, or OK. */
  #lost = OK;

  constructor(file: DiskFile, asynchronous: boolean, line: InterruptLine | null) {
    this.#file = file;
    this.#asynchronous = asynchronous;
    this.#line = line;
    assert(file.blockCount >= 1, 'a disk has a block');
    this.path = file.path;
    this.blockBytes = file.blockBytes;
    this.blockCount = file.blockCount;
    this.readOnly = file.readOnly;
  }

  /** Errno of the first failed flush, which every later FLUSH and FUA write repeats; OK if none. */
  get flushError(): number {
    return this.#lost;
  }

  /** Requests submitted and not yet reaped. */
  get inFlight(): number {
    return this.#inFlight;
  }

  submit(request: BlockRequest): number {
    if (this.#closed) return EBADF;
    const status = checkRequest(this, request);
    // Discarded blocks keep their contents: Node cannot punch holes, and the contract allows it.
    if (status !== OK || request.op === DISCARD) return status;
    if (this.#lost !== OK && (request.op === FLUSH || (request.op !== READ && request.fua))) {
      return this.#lost;
    }
    if (!this.#asynchronous) return this.#finish(request, this.#transferNow(request));
    this.#inFlight++;
    this.#start({ request, moved: 0, status: OK });
    return PENDING;
  }

  #transferNow(request: BlockRequest): number {
    const { calls } = this.#file;
    assert(!this.#asynchronous, 'only a synchronous disk transfers inside submit');
    try {
      if (request.op === FLUSH) {
        calls.fdatasyncSync(this.#file.descriptor);
        return OK;
      }
      const end = request.blockCount * this.blockBytes;
      const start = request.block * this.blockBytes;
      const descriptor = this.#descriptorFor(request);
      for (let moved = 0; moved < end; ) {
        const views = viewsOf(request, moved);
        const count =
          request.op === READ
            ? calls.readvSync(descriptor, views, start + moved)
            : calls.writevSync(descriptor, views, start + moved);
        // Nothing moved: the file was cut short under us.
        if (count === 0) return EIO;
        moved += count;
      }
      return this.#file.syncAfter(request) ? this.#syncNow() : OK;
    } catch (error) {
      return errnoOf(error);
    }
  }

  #syncNow(): number {
    this.#file.calls.fdatasyncSync(this.#file.descriptor);
    return OK;
  }

  #descriptorFor(request: BlockRequest): number {
    return request.op !== READ && request.fua
      ? this.#file.durableDescriptor
      : this.#file.descriptor;
  }

  #start(transfer: Transfer): void {
    const { request, moved } = transfer;
    const { calls, descriptor } = this.#file;
    if (request.op === FLUSH) {
      calls.fdatasync(descriptor, (error) => this.#ended(transfer, error));
      return;
    }
    const views = viewsOf(request, moved);
    const position = request.block * this.blockBytes + moved;
    const next = (error: unknown, count: number): void => this.#moved(transfer, error, count);
    if (request.op === READ) calls.readv(descriptor, views, position, next);
    else calls.writev(this.#descriptorFor(request), views, position, next);
  }

  #moved(transfer: Transfer, error: unknown, count: number): void {
    const { request } = transfer;
    transfer.moved += count;
    assert(transfer.moved <= request.blockCount * this.blockBytes, 'no more moves than was asked');
    if (error !== null) this.#ended(transfer, error);
    else if (count === 0) this.#ended(transfer, { code: 'EIO' });
    else if (transfer.moved < request.blockCount * this.blockBytes) this.#start(transfer);
    else if (this.#file.syncAfter(request)) {
      const { calls, descriptor } = this.#file;
      calls.fdatasync(descriptor, (failed) => this.#ended(transfer, failed));
    } else this.#ended(transfer, null);
  }

  #ended(transfer: Transfer, error: unknown): void {
    transfer.status = this.#finish(transfer.request, error === null ? OK : errnoOf(error));
    assert(!this.#closed, 'a closed disk has nothing in flight');
    assert(this.#done.length < this.#inFlight, 'what ends was in flight');
    this.#done.push(transfer);
    this.#line?.raise();
  }

  /** Remembers a failed promise of durability. */
  #finish(request: BlockRequest, status: number): number {
    const durable = request.op === FLUSH || (request.op !== READ && request.fua);
    if (durable && status !== OK && this.#lost === OK) this.#lost = status;
    return status;
  }

  reap(): number {
    let count = 0;
    for (let t = this.#done.shift(); t !== undefined; t = this.#done.shift()) {
      count++;
      this.#inFlight--;
      assert(this.#inFlight >= 0, 'no more reaped than submitted');
      t.request.sink.completed(t.request.tag, t.status);
    }
    return count;
  }

  /**
   * Closes the file and gives the lock back. Does not flush. Later requests answer EBADF.
   * @throws ArgumentError ERR_DISK_BUSY while requests are not reaped
   */
  close(): void {
    if (this.#closed) return;
    if (this.#inFlight > 0) {
      throw new ArgumentError(
        'ERR_DISK_BUSY',
        `${this.#inFlight} requests are in flight; allowed: 0 (reap them first)`,
      );
    }
    this.#closed = true;
    this.#file.close();
  }
}

/** The segments from byte `skip` of the transfer on, as views for readv(2) and writev(2). */
function viewsOf(request: BlockRequest, skip: number): Uint8Array[] {
  const { segmentAddress, segmentBytes, segmentCount, memory } = request;
  assert(skip < segmentBytes * segmentCount, 'something is left to move');
  const views: Uint8Array[] = [];
  let inside = skip % segmentBytes;
  for (let i = Math.floor(skip / segmentBytes); i < segmentCount; i++) {
    const address = segmentAddress[i] + inside;
    const start = address % memory.chunkBytes;
    views.push(memory.bytes(address).subarray(start, start + segmentBytes - inside));
    inside = 0;
  }
  return views;
}
