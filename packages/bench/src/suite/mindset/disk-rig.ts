/** A modelled disk without a kernel: one processor that only waits for it. */
import {
  type BlockRequest,
  type Completion,
  createRequest,
  OK,
  PENDING,
  TSC,
} from '@hotpath/hw-x86';
import {
  createMachine,
  createModelDisk,
  type DiskProfile,
  type ModelDisk,
  type ModelMachine,
} from '@hotpath/hw-x86/model';

const MEMORY_BYTES = 64 * 2 ** 20;

/** Someone who has work when the disk's interrupt comes. */
interface Reaper {
  reap(): number;
}

/** Machine and disk; time passes while {@link DiskRig.settle} waits. */
export class DiskRig implements Completion {
  readonly machine: ModelMachine;
  readonly disk: ModelDisk;
  /** Who reaps: the disk itself, or a cache in front of it. */
  reaper: Reaper;
  private outstanding = 0;

  constructor(profile: DiskProfile, blockBytes: number, blockCount: number, seed: number) {
    this.machine = createMachine({ memoryBytes: MEMORY_BYTES, seed });
    this.disk = createModelDisk({
      profile,
      seed,
      blockBytes,
      blockCount,
      events: this.machine.events,
      clock: this.machine,
      frequencyHz: this.machine.frequencyHz,
      line: this.machine.interruptLine(0, 0x40),
    });
    this.reaper = this.disk;
    this.machine.attach({
      step: (cpu) => {
        cpu.halted = true;
      },
      interrupt: () => {
        this.reaper.reap();
      },
    });
  }

  completed(_tag: number, result: number): void {
    if (result < 0) throw new Error(`unreachable: a disk without faults answered ${result}`);
    this.outstanding -= 1;
  }

  /** Takes note of a call's answer; a PENDING one is waited for by {@link settle}. */
  note(status: number): number {
    if (status === PENDING) this.outstanding += 1;
    else if (status < OK) throw new Error(`unreachable: a disk without faults answered ${status}`);
    return status;
  }

  /** Runs until everything noted has completed. */
  settle(): void {
    while (this.outstanding > 0) this.machine.run();
  }

  /** A request of `blockCount` blocks; the data lies at the start of memory. */
  request(op: number, block: number, blockCount: number): BlockRequest {
    const request = createRequest(this.machine.memory, this, blockCount);
    const { blockBytes } = this.disk;
    Object.assign(request, { op, block, blockCount, segmentBytes: blockBytes });
    request.segmentCount = blockCount;
    for (let i = 0; i < blockCount; i++) request.segmentAddress[i] = i * blockBytes;
    return request;
  }

  /** Virtual time in microseconds. */
  get us(): number {
    return (this.machine.cpus[0]!.cells[TSC] / this.machine.frequencyHz) * 1e6;
  }
}
