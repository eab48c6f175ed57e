/**
 * A disk for tests: finishes at once or when told to, in order or not, with a volatile cache, faults by
 * operation number or by block, and power cuts.
 */
import {
  type BlockDevice,
  type BlockRequest,
  DISCARD,
  EIO,
  ENXIO,
  FLUSH,
  OK,
  PENDING,
  READ,
  WRITE,
} from '@hotpath/hw-x86';

export interface FakeDiskOptions {
  blockBytes?: number;
  blockCount?: number;
  /** Finish inside submit. Default false: requests wait for `finish`. */
  immediate?: boolean;
  volatileCache?: boolean;
  readOnly?: boolean;
}

export class FakeDisk implements BlockDevice {
  readonly blockBytes: number;
  readonly blockCount: number;
  readonly volatileCache: boolean;
  readonly readOnly: boolean;
  /** What survives a power cut. */
  readonly medium: Uint8Array;
  /** Medium plus volatile cache: what reads see. */
  readonly current: Uint8Array;
  readonly #immediate: boolean;
  /** Blocks in the volatile cache. */
  readonly unflushed = new Set<number>();
  queue: BlockRequest[] = [];
  #finished: { request: BlockRequest; result: number }[] = [];
  /** Requests executed so far, the faulty ones included. */
  operations = 0;
  /** "op block+count" of every request, in order of execution. */
  readonly log: string[] = [];
  /** Says whether this request fails; the number counts from 1. */
  fault: (request: BlockRequest, operation: number) => boolean = () => false;
  errno: number = EIO;

  constructor(options: FakeDiskOptions = {}) {
    this.blockBytes = options.blockBytes ?? 512;
    this.blockCount = options.blockCount ?? 64;
    this.#immediate = options.immediate ?? false;
    this.volatileCache = options.volatileCache ?? false;
    this.readOnly = options.readOnly ?? false;
    this.medium = new Uint8Array(this.blockBytes * this.blockCount);
    this.current = new Uint8Array(this.blockBytes * this.blockCount);
  }

  submit(request: BlockRequest): number {
    if (request.op === READ || request.op === WRITE) {
      if (request.block + request.blockCount > this.blockCount) return ENXIO;
      if (request.segmentCount * request.segmentBytes !== request.blockCount * this.blockBytes) {
        throw new Error('a request contradicts itself');
      }
    }
    if (this.#immediate) return this.#execute(request);
    this.queue.push(request);
    return PENDING;
  }

  reap(): number {
    const finished = this.#finished;
    this.#finished = [];
    for (const { request, result } of finished) request.sink.completed(request.tag, result);
    return finished.length;
  }

  /** Executes the waiting request at `index` of the queue; its sink hears at the next reap. */
  finish(index = 0): boolean {
    const [request] = this.queue.splice(index, 1);
    if (request === undefined) return false;
    this.#finished.push({ request, result: this.#execute(request) });
    return true;
  }

  /** Executes all waiting requests. */
  finishAll(): number {
    let count = 0;
    while (this.finish()) count += 1;
    return count;
  }

  /** Loses what is waiting and what is only in the volatile cache, each block by chance if given. */
  cutPower(survives: (block: number) => boolean = () => false): void {
    this.queue = [];
    this.#finished = [];
    for (const block of this.unflushed) if (survives(block)) this.#settle(block);
    this.unflushed.clear();
    this.current.set(this.medium);
  }

  /** The word that {@link fillBlock} wrote to this block of the medium. */
  mediumWord(block: number): number {
    return new DataView(this.medium.buffer).getUint32(block * this.blockBytes, true);
  }

  #settle(block: number): void {
    const from = block * this.blockBytes;
    this.medium.set(this.current.subarray(from, from + this.blockBytes), from);
  }

  #execute(request: BlockRequest): number {
    this.operations += 1;
    const { op, block, blockCount } = request;
    const name = op === READ ? 'read' : op === WRITE ? 'write' : op === FLUSH ? 'flush' : 'discard';
    this.log.push(
      op === FLUSH ? name : `${name}${request.fua ? ' fua' : ''} ${block}+${blockCount}`,
    );
    if (this.fault(request, this.operations)) return this.errno;
    if (op === FLUSH) {
      for (const dirty of this.unflushed) this.#settle(dirty);
      this.unflushed.clear();
      return OK;
    }
    const from = block * this.blockBytes;
    if (op === DISCARD) this.current.fill(0, from, from + blockCount * this.blockBytes);
    for (let segment = 0; segment < request.segmentCount && op !== DISCARD; segment++) {
      const address = request.segmentAddress[segment];
      const at = from + segment * request.segmentBytes;
      if (op === READ) request.memory.write(address, this.current, at, request.segmentBytes);
      else request.memory.read(address, this.current, at, request.segmentBytes);
    }
    if (op === READ) return OK;
    for (let b = block; b < block + blockCount; b++) {
      if (this.volatileCache && !request.fua) this.unflushed.add(b);
      else {
        this.#settle(b);
        this.unflushed.delete(b);
      }
    }
    return OK;
  }
}
