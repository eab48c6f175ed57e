/** A modelled disk on a bare event queue: what the disk tests drive. */

import {
  type BlockDevice,
  type Clock,
  createRequest,
  OK,
  PENDING,
  READ,
  WRITE,
} from '@hotpath/hw-x86';
import { ArenaMemory } from '../../../src/arena/arena-memory.js';
import type { BlockDeviceUnderTest } from '../../../src/conformance/block-rig.js';
import { createModelDisk, type ModelDiskOptions } from '../../../src/model/disk/create.js';
import type { ModelDisk } from '../../../src/model/disk/disk.js';
import { type DiskProfile, NVME_SSD } from '../../../src/model/disk/profile.js';
import { ModelEventQueue } from '../../../src/model/event-queue.js';

export const FREQUENCY_HZ = 3e9;

export type BenchOptions = Partial<ModelDiskOptions> & {
  profile?: DiskProfile;
  /** 4 MiB for the conformance suite; less makes many benches cheap. */
  memoryBytes?: number;
};

export class DiskBench {
  readonly events = new ModelEventQueue({ horizon(): void {} });
  readonly clock: Clock & { time: number };
  readonly memory: ArenaMemory;
  readonly disk: ModelDisk;
  raisedCount = 0;

  constructor(options: BenchOptions = {}) {
    this.memory = new ArenaMemory(new ArrayBuffer(options.memoryBytes ?? 2 ** 22));
    this.clock = { time: 0, now: (): number => this.clock.time };
    this.disk = createModelDisk({
      events: this.events,
      clock: this.clock,
      line: { raise: (): void => void this.raisedCount++ },
      frequencyHz: FREQUENCY_HZ,
      blockCount: 1 << 20,
      profile: NVME_SSD,
      ...options,
    });
  }

  /** Dispatches the next event; false when there is none. */
  step(): boolean {
    if (this.events.size === 0) return false;
    this.clock.time = Math.max(this.clock.time, this.events.nextTime);
    this.events.dispatch();
    return true;
  }

  /** Runs until nothing is left to happen. */
  drain(): void {
    while (this.step()) this.reap();
    this.reap();
  }

  reap(): void {
    for (const queue of this.disk.queues) queue.reap();
  }

  /** One request to its end: status and cycles. */
  perform(
    op: number,
    block = 0,
    blockCount = 1,
    address = 0,
    fua = false,
  ): { status: number; cycles: number } {
    const start = this.clock.time;
    let told: number | undefined;
    let at = start;
    const sink = {
      completed: (_tag: number, result: number): void => {
        told = result;
        at = this.clock.time;
      },
    };
    const request = createRequest(this.memory, sink, 1024);
    request.op = op;
    request.block = block;
    request.blockCount = blockCount;
    request.fua = fua;
    request.segmentBytes = this.disk.blockBytes;
    request.segmentCount = op === READ || op === WRITE ? blockCount : 0;
    for (let i = 0; i < request.segmentCount; i++) {
      request.segmentAddress[i] = address + i * this.disk.blockBytes;
    }
    const status = this.disk.submit(request);
    if (status !== PENDING) return { status, cycles: 0 };
    while (told === undefined && this.step()) this.reap();
    return { status: told ?? PENDING, cycles: at - start };
  }

  /** Fills a block's worth of memory with one byte and writes it. */
  put(block: number, byte: number, fua = false): number {
    this.memory.fill(0, this.disk.blockBytes, byte);
    return this.perform(WRITE, block, 1, 0, fua).status;
  }

  /** First byte of a block, after checking that all its bytes are the same; NaN if they differ. */
  get(block: number): number {
    const { blockBytes } = this.disk;
    const { status } = this.perform(READ, block, 1, 65_536);
    if (status !== OK) return status;
    const bytes = this.memory.bytes(65_536).subarray(65_536, 65_536 + blockBytes);
    for (let i = 1; i < blockBytes; i++) if (bytes[i] !== bytes[0]) return Number.NaN;
    return bytes[0];
  }

  /** This disk as the conformance suite wants it. */
  underTest(): BlockDeviceUnderTest {
    const device: BlockDevice = this.disk;
    return {
      device,
      memory: this.memory,
      raised: (): number => this.raisedCount,
      progress: (): void => void this.step(),
      powerCut: (): void => {
        this.disk.cutPower();
        this.disk.powerOn();
        this.disk.checkInvariants();
      },
      close: (): void => this.disk.checkInvariants(),
    };
  }
}
