import { describe, expect, test } from 'vitest';
import { ext2Root } from '../../src/ext2/index.js';
import {
  boot,
  type Kernel,
  MAP_SHARED,
  O_CREAT,
  O_RDWR,
  PROT_READ,
  PROT_WRITE,
} from '../../src/index.js';
import type { EventListener } from '../../src/observe/event-tap.js';
import { SYS_FSYNC } from '../../src/syscall/numbers.js';
import {
  TRACE_IO,
  TRACE_IO_DONE,
  TRACE_SYSCALL_ENTER,
  TRACE_SYSCALL_EXIT,
} from '../../src/trace-events.js';

const WRITE = 1;
const FLUSH = 2;
const WRITERS = 3;
const ROUNDS = 60;

/** Follows the disk's requests and judges each fsync by what the disk was asked and has answered. */
class FsyncJudge implements EventListener {
  /** Fsyncs that came back without a flush that began after their data was written. */
  broken = 0;
  judged = 0;
  /** Block of each task's one page, learned from its first fsync. */
  readonly blocks = new Map<number, number>();
  readonly #kernel: Kernel;
  readonly #written = new Map<number, number>();
  readonly #writes = new Map<number, number>();
  readonly #flushes = new Map<number, number>();
  /** Of all flushes that have ended: when the one that began last began. */
  #flushedSince = -1;
  #learning = 0;
  #clock = 0;

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
    const kinds = [TRACE_SYSCALL_ENTER, TRACE_SYSCALL_EXIT, TRACE_IO + WRITE, TRACE_IO + FLUSH];
    kernel.observe.tap.listen(this, [...kinds, TRACE_IO_DONE + WRITE, TRACE_IO_DONE + FLUSH]);
  }

  event(kind: number, a: number, b: number): void {
    const now = ++this.#clock;
    const { task } = this.#kernel.parts.current;
    if (kind === TRACE_SYSCALL_ENTER && a === SYS_FSYNC && !this.blocks.has(task)) {
      this.#learning = task;
    } else if (kind === TRACE_IO + WRITE) {
      this.#writes.set(a, b);
      if (this.#learning !== 0) this.blocks.set(this.#learning, b);
      this.#learning = 0;
    } else if (kind === TRACE_IO_DONE + WRITE) {
      this.#written.set(this.#writes.get(a)!, now);
    } else if (kind === TRACE_IO + FLUSH) {
      this.#flushes.set(a, now);
    } else if (kind === TRACE_IO_DONE + FLUSH) {
      this.#flushedSince = Math.max(this.#flushedSince, this.#flushes.get(a)!);
    } else if (kind === TRACE_SYSCALL_EXIT && a === SYS_FSYNC) {
      this.judged += 1;
      if (b !== 0 || this.#flushedSince < this.#written.get(this.blocks.get(task)!)!) {
        this.broken += 1;
      }
    }
  }
}

describe('fsync of one file by several tasks at once', () => {
  test.each(['nvme', 'hdd'])('each has a flush of its own data behind it (%s)', (disk) => {
    const kernel = boot({
      memoryBytes: 2 ** 26,
      diskBytes: 2 ** 24,
      root: ext2Root({ type: 'ext3' }),
      cpus: 2,
      disk,
      observe: true,
    });
    const judge = new FsyncJudge(kernel);
    const step = disk === 'hdd' ? 1e6 : 1e4;
    for (let who = 0; who < WRITERS; who++) {
      kernel.spawn(`writer-${who}`, function* (sys) {
        const heap = yield* sys.brk(0);
        yield* sys.brk(heap + 4096);
        const fd = yield* sys.open('/file', O_CREAT | O_RDWR, 0o644);
        // One after another at first: the judge learns whose block is whose.
        yield* sys.sleep(who * 1e9);
        yield* sys.pwrite(fd, heap, 4096, who * 4096);
        yield* sys.fsync(fd);
        yield* sys.sleep((WRITERS - who) * 1e9);
        const page = yield* sys.mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, who * 4096);
        for (let round = 1; round <= ROUNDS; round++) {
          // Steps of their own: data of one go to the disk at every point of the others' commits.
          yield* sys.sleep(((round * (2 * who + 3)) % 17) * step);
          // The first changes the inode, so that there is something to commit; the others do not, and
          // may find their inode in a commit that has sent its flush.
          if (who === 0) yield* sys.pwrite(fd, heap, 4096, 0);
          else yield* sys.store32(page, round);
          yield* sys.fsync(fd);
        }
      });
    }
    kernel.run();
    expect(new Set(judge.blocks.values()).size).toBe(WRITERS);
    expect(judge.judged).toBe(WRITERS * (ROUNDS + 1));
    expect(judge.broken).toBe(0);
  });
});
