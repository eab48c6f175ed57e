import {
  E2BIG,
  EAGAIN,
  EBADF,
  EFBIG,
  EINTR,
  EINVAL,
  EMFILE,
  ENOMEM,
  EPERM,
  ESRCH,
  OK,
  PAGE_BYTES,
} from '@hotpath/hw-x86';
import { describe, expect, it } from 'vitest';
import {
  boot,
  MAP_ANONYMOUS,
  MAP_PRIVATE,
  O_CREAT,
  O_RDWR,
  POLLERR,
  POLLHUP,
  POLLIN,
  POLLNVAL,
  POLLOUT,
  PROT_READ,
  PROT_WRITE,
  type Program,
  RLIMIT_AS,
  RLIMIT_FSIZE,
  RLIMIT_NOFILE,
  RLIMIT_NPROC,
  RLIMIT_STACK,
  SCHED_DEADLINE,
  SCHED_NORMAL,
  SIG_IGN,
  SIGALRM,
  SIGXFSZ,
  STATUS_SEGV,
  type SystemCalls,
} from '../../src/index.js';
import { STATUS_SIGNAL } from '../../src/task/tasks.js';

/** Runs one program to its end: what it threw is thrown. */
function run(program: (sys: SystemCalls) => Program, options = {}) {
  const kernel = boot(options);
  const report = kernel.spawn('test', program);
  kernel.run();
  if (report.error !== null) throw report.error;
  // Or it waits for ever, and nothing behind its wait was looked at.
  expect(report.status).not.toBe(null);
  kernel.checkInvariants();
  return { kernel, report };
}

const ANYWHERE = MAP_PRIVATE | MAP_ANONYMOUS;
const RW = PROT_READ | PROT_WRITE;

/** Two 64-bit words at `at`. */
function* store(sys: SystemCalls, at: number, soft: number, hard: number) {
  yield* sys.store64(at, soft, 0);
  yield* sys.store64(at + 8, hard, 0);
}

describe('limits of a process', () => {
  it('are told and set by prlimit, soft below hard, hard never raised', () => {
    run(function* (sys) {
      const at = yield* sys.mmap(0, PAGE_BYTES, RW, ANYWHERE);
      expect(yield* sys.prlimit(0, RLIMIT_NOFILE, 0, at)).toBe(OK);
      expect([yield* sys.load32(at), yield* sys.load32(at + 8)]).toEqual([64, 64]);
      expect(yield* sys.prlimit(0, RLIMIT_FSIZE, 0, at)).toBe(OK);
      expect([yield* sys.load32(at), yield* sys.load32(at + 4)]).toEqual([
        2 ** 32 - 1,
        2 ** 32 - 1,
      ]);
      yield* store(sys, at, 9, 5);
      expect(yield* sys.prlimit(0, RLIMIT_NOFILE, at)).toBe(EINVAL);
      yield* store(sys, at, 9, 9);
      expect(yield* sys.prlimit(0, RLIMIT_NOFILE, at)).toBe(OK);
      yield* store(sys, at, 9, 10);
      expect(yield* sys.prlimit(0, RLIMIT_NOFILE, at)).toBe(EPERM);
      expect(yield* sys.prlimit(0, 99, at)).toBe(EINVAL);
      expect(yield* sys.raw(97, RLIMIT_NOFILE, at)).toBe(OK);
      expect(yield* sys.load32(at + 8)).toBe(9);
    });
  });

  it('hold: descriptors, tasks, file size with its signal, address space, stack', () => {
    const { report } = run(function* (sys) {
      const at = yield* sys.mmap(0, PAGE_BYTES, RW, ANYWHERE);
      yield* store(sys, at, 2, 64);
      yield* sys.prlimit(0, RLIMIT_NOFILE, at);
      const fd = yield* sys.open('file', O_CREAT | O_RDWR);
      expect([fd, yield* sys.dup(fd), yield* sys.dup(fd)]).toEqual([0, 1, EMFILE]);
      expect(yield* sys.dup2(fd, 2)).toBe(EBADF);

      yield* store(sys, at, 1, 64);
      yield* sys.prlimit(0, RLIMIT_NPROC, at);
      expect(yield* sys.fork(function* () {})).toBe(EAGAIN);
      expect(yield* sys.thread(function* () {})).toBe(EAGAIN);

      yield* store(sys, at, 6000, 6000);
      yield* sys.prlimit(0, RLIMIT_FSIZE, at);
      yield* sys.sigaction(SIGXFSZ, SIG_IGN);
      expect(yield* sys.write(fd, at, PAGE_BYTES)).toBe(PAGE_BYTES);
      expect(yield* sys.write(fd, at, PAGE_BYTES)).toBe(6000 - PAGE_BYTES);
      expect(yield* sys.write(fd, at, 1)).toBe(EFBIG);
      expect(yield* sys.ftruncate(fd, 6001)).toBe(EFBIG);
      expect(yield* sys.truncate('file', 6001)).toBe(EFBIG);
      expect(yield* sys.fallocate(fd, 0, 0, 6001)).toBe(EFBIG);

      yield* store(sys, at, 1_000_000, 1_000_000);
      yield* sys.prlimit(0, RLIMIT_AS, at);
      expect(yield* sys.mmap(0, 1_000_000, RW, ANYWHERE)).toBe(ENOMEM);
      const heap = yield* sys.brk(0);
      expect(yield* sys.brk(heap + 1_000_000)).toBe(heap);
      expect(yield* sys.brk(heap + 8192)).toBe(heap + 8192);

      yield* store(sys, at, 200_000, 200_000);
      yield* sys.prlimit(0, RLIMIT_STACK, at);
      const top = yield* sys.brk(0);
      expect(top).toBe(heap + 8192);
      // The stack's area begins 128 KiB below its top.
      yield* sys.store32(STACK_TOP - 190_000, 1);
      yield* sys.store32(STACK_TOP - 210_000, 1);
    });
    expect(report.status).toBe(STATUS_SEGV);
  });

  it('are the child’s too, and a write beyond them is SIGXFSZ', () => {
    let status = 0;
    run(function* (sys) {
      const at = yield* sys.mmap(0, PAGE_BYTES, RW, ANYWHERE);
      yield* store(sys, at, 0, 0);
      yield* sys.prlimit(0, RLIMIT_FSIZE, at);
      const child = yield* sys.fork(function* (own) {
        const fd = yield* own.open('none', O_CREAT | O_RDWR);
        yield* own.write(fd, at, 1);
      });
      yield* sys.wait(child, at);
      status = yield* sys.load32(at);
    });
    expect(status).toBe(SIGXFSZ);
    expect(STATUS_SIGNAL + SIGXFSZ).toBe(153);
  });
});

const STACK_TOP = 0x7fff_ffff_f000;

describe('times', () => {
  it('tells user and system time of the process and of children that were waited for, in ticks', () => {
    const { kernel } = run(function* (sys) {
      const at = yield* sys.mmap(0, PAGE_BYTES, RW, ANYWHERE);
      yield* sys.compute(400_000_000);
      yield* sys.thread(function* (own) {
        yield* own.compute(80_000_000);
        yield* own.exitThread(0);
      });
      yield* sys.sleep(100_000_000);
      yield* sys.fork(function* (own) {
        yield* own.compute(200_000_000);
      });
      yield* sys.wait();
      const ticks = yield* sys.times(at);
      const words: number[] = [];
      for (let i = 0; i < 4; i++) words.push(yield* sys.load32(at + i * 8));
      // 4 GHz: 40 million cycles a tick.
      expect(words).toEqual([12, 0, 5, 0]);
      expect(ticks).toBeGreaterThanOrEqual(25);
    });
    expect(kernel.parts.tasks.liveCount).toBe(0);
  });
});

describe('poll', () => {
  it('tells what can be read and written, waits for it, and for its timeout and signals', () => {
    run(function* (sys) {
      const at = yield* sys.mmap(0, PAGE_BYTES, RW, ANYWHERE);
      yield* sys.pipe(at);
      const from = yield* sys.load32(at);
      const to = yield* sys.load32(at + 4);
      const entry = function* (i: number, fd: number, events: number) {
        yield* sys.store32(at + 64 + i * 8, fd);
        yield* sys.store32(at + 68 + i * 8, events);
      };
      const told = function* (i: number) {
        return (yield* sys.load32(at + 68 + i * 8)) >>> 16;
      };
      yield* entry(0, from, POLLIN);
      yield* entry(1, to, POLLOUT);
      yield* entry(2, 63, POLLIN);
      expect(yield* sys.poll(at + 64, 3, 0)).toBe(2);
      expect([yield* told(0), yield* told(1), yield* told(2)]).toEqual([0, POLLOUT, POLLNVAL]);

      const before = yield* sys.clock();
      expect(yield* sys.poll(at + 64, 1, 5)).toBe(0);
      expect((yield* sys.clock()) - before).toBeGreaterThanOrEqual(5e6);
      expect((yield* sys.clock()) - before).toBeLessThan(6e6);

      yield* sys.fork(function* (own) {
        yield* own.sleep(2_000_000);
        yield* own.write(to, at, 1);
      });
      const start = yield* sys.clock();
      expect(yield* sys.poll(at + 64, 1, -1)).toBe(1);
      expect(yield* told(0)).toBe(POLLIN);
      expect((yield* sys.clock()) - start).toBeGreaterThan(1_500_000);
      yield* sys.read(from, at, 1);
      yield* sys.wait();

      yield* sys.sigaction(SIGALRM, function* () {
        yield* sys.getpid();
      });
      yield* sys.setitimer(1_000_000);
      expect(yield* sys.poll(at + 64, 1, -1)).toBe(EINTR);

      yield* sys.close(to);
      expect(yield* sys.poll(at + 64, 1, -1)).toBe(1);
      expect(yield* told(0)).toBe(POLLHUP);
      yield* sys.close(from);
      yield* sys.pipe(at);
      yield* sys.close(from);
      yield* entry(0, to, POLLOUT);
      expect(yield* sys.poll(at + 64, 1, -1)).toBe(1);
      expect((yield* told(0)) & POLLERR).toBe(POLLERR);
      expect(yield* sys.poll(at + 64, 1000, 0)).toBe(EINVAL);
    });
  });
});

describe('readv and writev', () => {
  it('move several buffers as one transfer, of a file and of a pipe', () => {
    run(function* (sys) {
      const at = yield* sys.mmap(0, 16 * PAGE_BYTES, RW, ANYWHERE);
      const vectors = function* (list: readonly (readonly [number, number])[]) {
        for (const [i, [address, length]] of list.entries()) {
          yield* sys.store64(at + i * 16, address % 2 ** 32, Math.floor(address / 2 ** 32));
          yield* sys.store64(at + i * 16 + 8, length, 0);
        }
        return list.length;
      };
      const text = new TextEncoder().encode('one transfer of many buffers');
      yield* sys.storeBytes(at + PAGE_BYTES, text);
      const fd = yield* sys.open('file', O_CREAT | O_RDWR);
      // Backwards in memory, across a page border, an empty one between.
      const count = yield* vectors([
        [at + PAGE_BYTES + 4, 9],
        [at, 0],
        [at + PAGE_BYTES, 4],
        [at + 3 * PAGE_BYTES - 5, PAGE_BYTES],
      ]);
      expect(yield* sys.writev(fd, at, count)).toBe(13 + PAGE_BYTES);
      const into = new Uint8Array(13);
      yield* sys.pread(fd, at + 8 * PAGE_BYTES, 13, 0);
      yield* sys.loadBytes(at + 8 * PAGE_BYTES, into);
      expect(new TextDecoder().decode(into)).toBe('transfer one ');
      yield* sys.lseek(fd, 0);
      yield* vectors([
        [at + 9 * PAGE_BYTES, 5],
        [at + 10 * PAGE_BYTES, 8],
      ]);
      expect(yield* sys.readv(fd, at, 2)).toBe(13);
      const second = new Uint8Array(8);
      yield* sys.loadBytes(at + 10 * PAGE_BYTES, second);
      expect(new TextDecoder().decode(second)).toBe('fer one ');
      expect(yield* sys.readv(fd, at, 1025)).toBe(EINVAL);
      expect(yield* sys.readv(63, at, 1)).toBe(EBADF);

      yield* sys.pipe(at + 11 * PAGE_BYTES);
      const from = yield* sys.load32(at + 11 * PAGE_BYTES);
      const to = yield* sys.load32(at + 11 * PAGE_BYTES + 4);
      expect(yield* sys.writev(to, at, 2)).toBe(13);
      yield* vectors([
        [at + 12 * PAGE_BYTES, 6],
        [at + 13 * PAGE_BYTES, 100],
      ]);
      // What is there, and no wait for the rest.
      expect(yield* sys.readv(from, at, 2)).toBe(13);
      expect(yield* sys.load8(at + 13 * PAGE_BYTES)).toBe('e'.charCodeAt(0));
    });
  });
});

describe('sched_setattr and sched_getattr', () => {
  it('tell and set the nice value, and tell a reservation', () => {
    const kernel = boot({ scheduler: 'deadline' });
    const seen: number[][] = [];
    const look = function* (sys: SystemCalls) {
      const at = yield* sys.mmap(0, PAGE_BYTES, RW, ANYWHERE);
      const status = yield* sys.schedGetAttributes(0, at);
      const words = [status];
      for (const offset of [0, 4, 16, 24, 32, 40]) words.push(yield* sys.load32(at + offset));
      seen.push(words);
      return at;
    };
    const fair = kernel.spawn('fair', function* (sys) {
      const at = yield* look(sys);
      yield* sys.store32(at + 16, 7);
      expect(yield* sys.schedSetAttributes(0, at)).toBe(OK);
      expect(yield* sys.getpriority()).toBe(13);
      yield* sys.store32(at + 4, SCHED_DEADLINE);
      expect(yield* sys.schedSetAttributes(0, at)).toBe(EINVAL);
      yield* sys.store32(at, 16);
      expect(yield* sys.schedSetAttributes(0, at)).toBe(E2BIG);
      expect(yield* sys.schedSetAttributes(1000, at)).toBe(ESRCH);
    });
    const reserved = kernel.spawn(
      'reserved',
      function* (sys) {
        const at = yield* look(sys);
        expect(yield* sys.schedSetAttributes(0, at)).toBe(OK);
        yield* sys.store32(at + 24, 4_000_000);
        expect(yield* sys.schedSetAttributes(0, at)).toBe(EINVAL);
        yield* sys.store32(at + 4, SCHED_NORMAL);
        expect(yield* sys.schedSetAttributes(0, at)).toBe(EINVAL);
      },
      { reservation: { runtimeNs: 2e6, deadlineNs: 5e6, periodNs: 1e7 } },
    );
    kernel.run();
    expect([fair.error, reserved.error]).toEqual([null, null]);
    expect(seen.sort((a, b) => a[2]! - b[2]!)).toEqual([
      [OK, 48, SCHED_NORMAL, 0, 0, 0, 0],
      [OK, 48, SCHED_DEADLINE, 0, 2e6, 5e6, 1e7],
    ]);
  });
});
