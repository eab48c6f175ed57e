import { type Completion, EIO, isErrno, OK, PENDING, type PhysicalMemory } from '@hotpath/hw-x86';
import type { BackingStore } from '../src/index.js';

interface Job {
  run: () => number;
  sink: Completion;
  tag: number;
  what: string;
}

/**
 * A store over plain arrays: `stable` is what a power cut keeps, `data` what reads see. Answers at
 * once, or PENDING until `run` (async), in any order that the test likes.
 */
export class ArrayStore implements BackingStore {
  readonly canPunch: boolean = true;
  readonly data: Map<number, Uint8Array> = new Map();
  readonly stable: Map<number, Uint8Array> = new Map();
  readonly jobs: Job[] = [];
  readonly log: string[] = [];
  async = true;
  /** Called for each transfer; an errno makes it fail. */
  fault: (what: string, file: number, page: number, count: number) => number = () => OK;
  /** Called once a page that reached the store. */
  onWrite: (file: number, page: number) => void = () => {};
  private readonly memory: PhysicalMemory;

  constructor(memory: PhysicalMemory) {
    this.memory = memory;
  }

  /** Contents of a file as the store has them. */
  bytesOf(file: number): Uint8Array {
    let bytes = this.data.get(file);
    if (bytes === undefined) {
      bytes = new Uint8Array(0);
      this.data.set(file, bytes);
    }
    return bytes;
  }

  put(file: number, bytes: Uint8Array): void {
    this.data.set(file, bytes);
    this.stable.set(file, bytes.slice());
  }

  readPages(
    file: number,
    page: number,
    frames: Float64Array,
    count: number,
    sink: Completion,
    tag: number,
  ): number {
    return this.enqueue('read', file, page, count, sink, tag, () => {
      const bytes = this.bytesOf(file);
      for (let i = 0; i < count; i++) {
        const start = (page + i) * 4096;
        this.memory.fill(frames[i], 4096, 0);
        const length = Math.min(4096, bytes.length - start);
        if (length > 0) this.memory.write(frames[i], bytes, start, length);
      }
    });
  }

  writePages(
    file: number,
    page: number,
    frames: Float64Array,
    count: number,
    byteCount: number,
    sink: Completion,
    tag: number,
  ): number {
    return this.enqueue('write', file, page, count, sink, tag, () => {
      const start = page * 4096;
      let bytes = this.bytesOf(file);
      if (bytes.length < start + byteCount) {
        const longer = new Uint8Array(start + byteCount);
        longer.set(bytes);
        bytes = longer;
        this.data.set(file, bytes);
      }
      for (let i = 0; i < count; i++) {
        const length = Math.min(4096, byteCount - i * 4096);
        this.memory.read(frames[i], bytes, start + i * 4096, length);
        this.onWrite(file, page + i);
      }
    });
  }

  truncate(file: number, size: number, sink: Completion, tag: number): number {
    return this.enqueue('truncate', file, size, 0, sink, tag, () => {
      const bytes = new Uint8Array(size);
      bytes.set(this.bytesOf(file).subarray(0, size));
      this.data.set(file, bytes);
    });
  }

  punch(file: number, page: number, count: number, sink: Completion, tag: number): number {
    return this.enqueue('punch', file, page, count, sink, tag, () => {
      this.bytesOf(file).fill(0, page * 4096, (page + count) * 4096);
    });
  }

  sync(file: number, sink: Completion, tag: number): number {
    return this.enqueue('sync', file, 0, 0, sink, tag, () => {
      this.stable.set(file, this.bytesOf(file).slice());
    });
  }

  /**
   * What a power cut now would leave: the state of the last sync, with each later page write kept
   * (`keeps`) or lost, as a volatile disk cache does.
   */
  afterPowerCut(file: number, keeps: () => boolean): Uint8Array {
    const now = this.bytesOf(file);
    const before = this.stable.get(file) ?? new Uint8Array(0);
    const image = new Uint8Array(Math.max(now.length, before.length));
    image.set(before);
    for (let start = 0; start < now.length; start += 4096) {
      if (keeps()) image.set(now.subarray(start, start + 4096), start);
    }
    return image;
  }

  /** Finishes the oldest job, or the one at `index`. False if there is none. */
  run(index = 0): boolean {
    const job = this.jobs.splice(index, 1)[0];
    if (job === undefined) return false;
    job.sink.completed(job.tag, job.run());
    return true;
  }

  private enqueue(
    what: string,
    file: number,
    page: number,
    count: number,
    sink: Completion,
    tag: number,
    effect: () => void,
  ): number {
    this.log.push(`${what} ${file}:${page}+${count}`);
    const run = (): number => {
      const status = this.fault(what, file, page, count);
      if (!isErrno(status)) effect();
      return status;
    };
    if (!this.async) return run();
    this.jobs.push({ run, sink, tag, what });
    return PENDING;
  }
}

/** EIO for everything. */
export const alwaysFails = (): number => EIO;
