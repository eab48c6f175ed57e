import {
  type BlockDevice,
  type BlockRequest,
  type Completion,
  createRequest,
  READ,
  WRITE,
} from '../../block-device.js';
import { checkRequest, gather } from '../../dma.js';
import { ArgumentError, assert } from '../../errors.js';
import { NIL, OK, PENDING } from '../../status.js';
import type { WriteLog } from './write-log.js';

/** A request on its way through a recorder: stands in for the user's until it completes. */
class Relay implements Completion {
  readonly request: BlockRequest;
  original: BlockRequest;
  /** Entry of the log, or NIL for a READ. */
  entry = NIL;
  readonly #home: RecordingDevice;

  constructor(home: RecordingDevice, original: BlockRequest) {
    this.#home = home;
    this.original = original;
    this.request = createRequest(original.memory, this, 0);
  }

  completed(_tag: number, result: number): void {
    const { sink, tag } = this.original;
    this.#home.finished(this, result);
    sink.completed(tag, result);
  }
}

/**
 * Any device, with all that changes it noted in a {@link WriteLog}: the crash explorer's input for
 * disks that keep no log of their own, such as a memory or file disk.
 */
export class RecordingDevice implements BlockDevice {
  readonly blockBytes: number;
  readonly blockCount: number;
  readonly volatileCache: boolean;
  readonly readOnly: boolean;
  readonly #inner: BlockDevice;
  readonly #log: WriteLog;
  readonly #pool: Relay[] = [];
  #scratch = new Uint8Array(0);

  constructor(inner: BlockDevice, log: WriteLog) {
    this.blockBytes = inner.blockBytes;
    this.blockCount = inner.blockCount;
    this.volatileCache = inner.volatileCache;
    this.readOnly = inner.readOnly;
    this.#inner = inner;
    this.#log = log;
  }

  submit(request: BlockRequest): number {
    const status = checkRequest(this, request);
    if (status !== OK) return status;
    const relay = this.#pool.pop() ?? new Relay(this, request);
    relay.original = request;
    relay.entry = request.op === READ ? NIL : this.#note(request);
    const { sink } = relay.request;
    assert(sink === relay, 'a relay hears of its own request');
    Object.assign(relay.request, request);
    relay.request.sink = sink;
    const answer = this.#inner.submit(relay.request);
    if (answer !== PENDING) this.finished(relay, answer);
    return answer;
  }

  #note(request: BlockRequest): number {
    const { op, block, blockCount, fua } = request;
    const byteCount = op === WRITE ? blockCount * this.blockBytes : 0;
    if (this.#scratch.length < byteCount) this.#scratch = new Uint8Array(byteCount);
    if (op === WRITE) gather(request, 0, this.#scratch, 0, byteCount);
    return this.#log.submitted(op, block, blockCount, fua, this.#scratch);
  }

  /** Notes the end of a request and takes its relay back. Called by the relay. */
  finished(relay: Relay, status: number): void {
    if (relay.entry !== NIL) this.#log.done(relay.entry, status);
    this.#pool.push(relay);
  }

  reap(): number {
    return this.#inner.reap();
  }
}

/**
 * Wraps a device so that a log notes every write, flush and discard.
 * @throws ArgumentError ERR_LOG_BLOCK_SIZE if the log is for another block size
 */
export function createRecordingDevice(inner: BlockDevice, log: WriteLog): BlockDevice {
  if (log.blockBytes !== inner.blockBytes) {
    throw new ArgumentError(
      'ERR_LOG_BLOCK_SIZE',
      `log is for blocks of ${log.blockBytes} bytes; allowed: ${inner.blockBytes}`,
    );
  }
  return new RecordingDevice(inner, log);
}
