import {
  type BlockDevice,
  type BlockRequest,
  type Completion,
  createRequest,
  DISCARD,
  FLUSH,
  READ,
  WRITE,
} from '../block-device.js';
import type { PhysicalMemory } from '../memory.js';
import { OK, PENDING } from '../status.js';
import { expectSame, expectThat } from './case.js';

/** A fresh device with what the suite needs to drive it. */
export interface BlockDeviceUnderTest {
  /** At least 64 blocks, all zeros, writable unless `readOnly`. */
  readonly device: BlockDevice;
  /** At least 4 MiB that the suite may use from address 0 on. */
  readonly memory: PhysicalMemory;
  /** How often the device has raised its line so far; absent for devices that never answer PENDING. */
  raised?(): number;
  /**
   * Lets time pass: returns when something has finished, or when nothing is in flight. Must not call
   * `reap`. In the model: dispatch one event. On the host: wait for a callback.
   */
  progress(): void | Promise<void>;
  /** Power cut and restart: only what the device promised to keep is left. Absent: not tested. */
  powerCut?(): void;
  /** Frees whatever it holds. */
  close?(): void | Promise<void>;
}

/** A sink that notes what it is told and when. */
export class Witness implements Completion {
  readonly tags: number[] = [];
  readonly results: number[] = [];
  /** Calls made while this was true are counted as made from inside `submit`. */
  insideSubmit = false;
  insideCalls = 0;
  /** Called after each completion, for chains. */
  onCompleted: ((tag: number, result: number) => void) | null = null;

  completed(tag: number, result: number): void {
    if (this.insideSubmit) this.insideCalls++;
    this.tags.push(tag);
    this.results.push(result);
    this.onCompleted?.(tag, result);
  }

  /** Times that a tag was told. */
  times(tag: number): number {
    return this.tags.filter((told) => told === tag).length;
  }
}

/** One device, a witness and frames of memory: what every case begins with. */
export class Rig {
  readonly under: BlockDeviceUnderTest;
  readonly device: BlockDevice;
  readonly memory: PhysicalMemory;
  readonly witness = new Witness();
  /** Requests answered PENDING. */
  pending = 0;
  /** Sinks that `reap` said it called. */
  reaped = 0;

  constructor(under: BlockDeviceUnderTest) {
    this.under = under;
    this.device = under.device;
    this.memory = under.memory;
  }

  /** Address of the i-th area of 64 KiB, enough for any block. */
  area(index: number): number {
    return index * 65_536;
  }

  /** A request for `blockCount` blocks with one segment a block from `address` on. */
  request(op: number, block: number, blockCount: number, address: number, tag = 0): BlockRequest {
    const { blockBytes } = this.device;
    const request = createRequest(this.memory, this.witness, Math.max(1, blockCount));
    request.op = op;
    request.block = block;
    request.blockCount = blockCount;
    request.segmentBytes = blockBytes;
    request.segmentCount = op === READ || op === WRITE ? blockCount : 0;
    request.tag = tag;
    for (let i = 0; i < blockCount; i++) request.segmentAddress[i] = address + i * blockBytes;
    return request;
  }

  /** Submits and watches that no sink is called meanwhile. */
  submit(request: BlockRequest): number {
    this.witness.insideSubmit = true;
    const before = this.witness.tags.length;
    const status = this.device.submit(request);
    this.witness.insideSubmit = false;
    expectSame('sinks called inside submit', this.witness.tags.length - before, 0);
    if (status === PENDING) this.pending++;
    else expectThat(status <= OK, `submit answered ${status}, not OK, an errno or PENDING`);
    return status;
  }

  /** Reaps once. */
  reap(): number {
    const before = this.witness.tags.length;
    const count = this.device.reap();
    expectSame('what reap says it called', count, this.witness.tags.length - before);
    this.reaped += count;
    return count;
  }

  /** Lets time pass and reaps until everything submitted has finished. */
  async settle(): Promise<void> {
    for (let idle = 0; this.reaped < this.pending; ) {
      await this.under.progress();
      idle = this.reap() > 0 ? 0 : idle + 1;
      expectThat(idle < 10_000, `${this.pending - this.reaped} requests never finish`);
    }
  }

  /** Submits one request, waits for its end and answers its status. */
  async perform(request: BlockRequest): Promise<number> {
    const before = this.witness.tags.length;
    const status = this.submit(request);
    if (status !== PENDING) return status;
    await this.settle();
    const at = this.witness.tags.lastIndexOf(request.tag);
    expectThat(at >= before, 'the sink of a pending request is told');
    return this.witness.results[at];
  }

  async read(block: number, blockCount: number, address: number): Promise<number> {
    return this.perform(this.request(READ, block, blockCount, address));
  }

  async write(block: number, blockCount: number, address: number, fua = false): Promise<number> {
    const request = this.request(WRITE, block, blockCount, address);
    request.fua = fua;
    return this.perform(request);
  }

  async flush(): Promise<number> {
    return this.perform(this.request(FLUSH, 0, 0, 0));
  }

  async discard(block: number, blockCount: number): Promise<number> {
    return this.perform(this.request(DISCARD, block, blockCount, 0));
  }

  /** Fills memory with a pattern that no other (seed, address) shares. */
  paint(address: number, byteCount: number, seed: number): void {
    for (let i = 0; i < byteCount; i += 4) {
      this.memory.store32(address + i, Math.imul(seed + 1, 0x9e3779b1) ^ (i * 0x01000193));
    }
  }

  /** Throws unless memory holds zeros. */
  expectZeros(what: string, address: number, byteCount: number): void {
    for (let i = 0; i < byteCount; i += 4) {
      const seen = this.memory.load32(address + i);
      if (seen !== 0) expectSame(`${what}: the word at byte ${i}`, seen, 0);
    }
  }

  /** Throws unless memory holds the pattern. */
  expectPainted(what: string, address: number, byteCount: number, seed: number): void {
    for (let i = 0; i < byteCount; i += 4) {
      const wanted = (Math.imul(seed + 1, 0x9e3779b1) ^ (i * 0x01000193)) >>> 0;
      const seen = this.memory.load32(address + i);
      if (seen !== wanted) expectSame(`${what}: the word at byte ${i}`, seen, wanted);
    }
  }
}
