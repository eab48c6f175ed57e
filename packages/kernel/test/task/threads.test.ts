// biome-ignore-all lint/correctness/useYield: a handler or a program may just end
import {
  EAGAIN,
  ECHILD,
  EFAULT,
  EINVAL,
  ENOENT,
  ESRCH,
  ETIMEDOUT,
  PAGE_BYTES,
} from '@hotpath/hw-x86';
import { describe, expect, it } from 'vitest';
import {
  boot,
  O_CREAT,
  O_RDWR,
  type ProgramFactory,
  SEEK_CUR,
  SIG_IGN,
  SIGKILL,
  SIGTERM,
  SIGUSR1,
  STATUS_KILLED,
  STATUS_SEGV,
  type SystemCalls,
} from '../../src/index.js';

function run(programs: Readonly<Record<string, ProgramFactory>>, program: ProgramFactory) {
  const kernel = boot({ strict: true, cpus: 2, programs });
  const report = kernel.spawn('test', program);
  kernel.run();
  if (report.error !== null) throw report.error;
  kernel.checkInvariants();
  expect(kernel.parts.tasks.liveCount).toBe(0);
  expect(kernel.parts.spaces.liveCount).toBe(0);
  expect(kernel.parts.userFrames.liveCount).toBe(0);
  return report;
}

/** Compare-and-exchange: no other task runs between two accesses without `yield*`. */
function* exchange(
  sys: SystemCalls,
  address: number,
  value: number,
  expected?: number,
): Generator<void, number, void> {
  for (;;) {
    const seen = sys.tryLoad32(address);
    const stores = seen >= 0 && (expected === undefined || seen === expected);
    if (seen >= 0 && (!stores || sys.tryStore32(address, value) === 0)) return seen;
    yield;
  }
}

describe('threads', () => {
  it('share memory, descriptors and the process number, each with a number of its own', () => {
    const report = run({}, function* (sys) {
      const heap = yield* sys.brk(0);
      yield* sys.brk(heap + PAGE_BYTES);
      const me = yield* sys.getpid();
      const fd = yield* sys.open('f', O_CREAT | O_RDWR);
      const tid = yield* sys.thread(function* (own) {
        expect(yield* own.getpid()).toBe(me);
        expect(yield* own.gettid()).toBe(own.task);
        yield* own.store32(heap, 99);
        yield* own.write(fd, heap, 10);
        yield* own.exitThread(0);
      }, heap + 64);
      expect(tid).not.toBe(me);
      while ((yield* sys.load32(heap + 64)) !== 0) yield* sys.sleep(10_000);
      expect(yield* sys.load32(heap)).toBe(99);
      expect(yield* sys.lseek(fd, 0, SEEK_CUR)).toBe(10);
      expect(yield* sys.wait()).toBe(ECHILD);
      expect(yield* sys.thread(function* () {}, -8)).toBe(EFAULT);
    });
    expect(report.status).toBe(0);
  });

  it('all end with exit, with a fatal signal, and with a bad access of one of them', () => {
    const endless: ProgramFactory = function* (own) {
      for (;;) yield* own.compute(50_000);
    };
    const sleeper: ProgramFactory = function* (own) {
      yield* own.sleep(1e12);
    };
    const byExit = run({}, function* (sys) {
      yield* sys.thread(endless);
      yield* sys.thread(sleeper);
      yield* sys.exit(5);
    });
    expect(byExit.status).toBe(5);
    const bySignal = run({}, function* (sys) {
      yield* sys.thread(endless);
      yield* sys.thread(sleeper);
      yield* sys.kill(yield* sys.getpid(), SIGTERM);
      yield* sys.sleep(1e9);
    });
    expect(bySignal.status).toBe(128 + SIGTERM);
    const byFault = run({}, function* (sys) {
      yield* sys.thread(sleeper);
      yield* sys.thread(function* (own) {
        yield* own.load32(64);
      });
      yield* sys.sleep(1e12);
    });
    expect(byFault.status).toBe(STATUS_SEGV);
  });

  it('outlive the first one when that ends alone; the process ends with the last', () => {
    const report = run({}, function* (sys) {
      const child = yield* sys.fork(function* (own) {
        yield* own.thread(function* (thread) {
          yield* thread.sleep(2_000_000);
        });
        yield* own.exitThread(4);
      });
      const before = yield* sys.clock();
      expect(yield* sys.wait()).toBe(child);
      expect((yield* sys.clock()) - before).toBeGreaterThan(1_900_000);
    });
    expect(report.status).toBe(0);
  });
});

describe('exec', () => {
  it('runs a registered program with its arguments, in an empty memory with the same descriptors', () => {
    const seen: unknown[] = [];
    const report = run(
      {
        *other(sys, argv, env) {
          seen.push(argv, env, yield* sys.getpid());
          const heap = yield* sys.brk(0);
          yield* sys.brk(heap + PAGE_BYTES);
          seen.push(yield* sys.load32(heap), yield* sys.lseek(3, 0, SEEK_CUR));
          return 9;
        },
      },
      function* (sys) {
        const heap = yield* sys.brk(0);
        yield* sys.brk(heap + PAGE_BYTES);
        yield* sys.store32(heap, 1);
        for (let fd = 0; fd < 4; fd++) yield* sys.open('f', O_CREAT | O_RDWR);
        yield* sys.write(3, heap, 100);
        expect(yield* sys.exec('/bin/missing')).toBe(ENOENT);
        seen.push(yield* sys.getpid());
        yield* sys.exec('/bin/other', ['other', '-x'], { HOME: '/' });
        seen.push('never');
      },
    );
    const [pid, argv, env, same, word, offset] = seen;
    expect(seen.length).toBe(6);
    expect(argv).toEqual(['other', '-x']);
    expect(env).toEqual({ HOME: '/' });
    expect([same, word, offset]).toEqual([pid, 0, 100]);
    expect([report.status, report.name]).toEqual([9, 'other']);
  });

  it('after fork is how a shell starts a program; ignored signals stay ignored, handlers do not', () => {
    run(
      {
        *victim(sys) {
          yield* sys.kill(yield* sys.getpid(), SIGTERM);
          yield* sys.kill(yield* sys.getpid(), SIGUSR1);
        },
      },
      function* (sys) {
        const heap = yield* sys.brk(0);
        yield* sys.brk(heap + PAGE_BYTES);
        yield* sys.sigaction(SIGTERM, SIG_IGN);
        yield* sys.sigaction(SIGUSR1, function* () {});
        const child = yield* sys.fork(function* (own) {
          yield* own.exec('victim');
        });
        expect(yield* sys.wait(child, heap)).toBe(child);
        expect(yield* sys.load32(heap)).toBe(SIGUSR1);
      },
    );
  });

  it('ends the other threads first, whichever asks, in whatever they are, and keeps the number', () => {
    for (const who of ['first', 'other'] as const) {
      const seen: string[] = [];
      let runs = 0;
      const report = run(
        {
          *p(sys) {
            seen.push(`${yield* sys.getpid()} ${yield* sys.gettid()}`);
          },
        },
        function* (sys) {
          const heap = yield* sys.brk(0);
          yield* sys.brk(heap + 4096);
          yield* sys.pipe(heap);
          const from = yield* sys.load32(heap);
          yield* sys.thread(function* (own) {
            yield* own.sleep(1e12);
          });
          yield* sys.thread(function* (own) {
            yield* own.read(from, heap, 1);
          });
          yield* sys.thread(function* (own) {
            for (;;) {
              runs += 1;
              yield* own.compute(100_000);
            }
          });
          yield* sys.thread(function* (own) {
            yield* own.sleep(1_000_000);
            if (who === 'other') yield* own.exec('p');
            yield* own.pause();
          });
          yield* sys.sleep(2_000_000);
          if (who === 'first') yield* sys.exec('p');
          yield* sys.pause();
        },
      );
      expect(seen).toEqual([`${report.task} ${report.task}`]);
      expect(report.status).toBe(0);
      expect(report.name).toBe('p');
      expect(runs).toBeGreaterThan(1);
    }
  });

  it('is called off by SIGKILL while it waits for the others', () => {
    const report = run({ *p() {} }, function* (sys) {
      const fd = yield* sys.open('file', O_CREAT | O_RDWR);
      const heap = yield* sys.brk(0);
      yield* sys.brk(heap + 4096);
      // Its wait for the disk cannot be cut short.
      yield* sys.thread(function* (own) {
        yield* own.write(fd, heap, 4096);
        yield* own.fsync(fd);
      });
      yield* sys.fork(function* (own) {
        yield* own.kill(yield* own.getppid(), SIGKILL);
      });
      yield* sys.yield();
      yield* sys.exec('p');
    });
    expect(report.status).toBe(STATUS_KILLED);
  });
});

describe('orphans', () => {
  it('go to init, which waits for them, or are reaped by nobody', () => {
    const kernel = boot();
    const reaped: number[] = [];
    kernel.spawn(
      'init',
      function* (sys) {
        yield* sys.fork(function* (own) {
          yield* own.fork(function* (grandchild) {
            yield* grandchild.sleep(100_000);
            expect(yield* grandchild.getppid()).toBe(sys.task);
          });
        });
        for (;;) {
          const child = yield* sys.wait();
          if (child < 0) break;
          reaped.push(child);
        }
      },
      { init: true },
    );
    kernel.run();
    expect(reaped.length).toBe(2);
    expect(kernel.parts.tasks.liveCount).toBe(0);
  });
});

describe('a futex', () => {
  it('makes a mutex of three states that excludes, on several CPUs', () => {
    run({}, function* (sys) {
      const heap = yield* sys.brk(0);
      yield* sys.brk(heap + PAGE_BYTES);
      const [lock, counter] = [heap, heap + 8];
      const worker: ProgramFactory = function* (own) {
        for (let i = 0; i < 50; i++) {
          // Drepper, "Futexes are tricky", mutex 2.
          let seen = yield* exchange(own, lock, 1, 0);
          if (seen !== 0) {
            seen = yield* exchange(own, lock, 2);
            while (seen !== 0) {
              yield* own.futexWait(lock, 2);
              seen = yield* exchange(own, lock, 2);
            }
          }
          const before = yield* own.load32(counter);
          yield* own.compute(20_000);
          yield* own.store32(counter, before + 1);
          if ((yield* exchange(own, lock, 0)) === 2) yield* own.futexWake(lock);
        }
      };
      const words = [0, 1, 2].map((i) => heap + 64 + i * 4);
      for (const word of words) yield* sys.thread(worker, word);
      for (const word of words) {
        for (;;) {
          const tid = yield* sys.load32(word);
          if (tid === 0) break;
          yield* sys.futexWait(word, tid);
        }
      }
      expect(yield* sys.load32(counter)).toBe(150);
    });
  });

  it('answers EAGAIN for another value, ETIMEDOUT after its time, EFAULT for a bad address', () => {
    run({}, function* (sys) {
      const heap = yield* sys.brk(0);
      yield* sys.brk(heap + PAGE_BYTES);
      expect(yield* sys.futexWait(heap, 1)).toBe(EAGAIN);
      const before = yield* sys.clock();
      expect(yield* sys.futexWait(heap, 0, 100_000)).toBe(ETIMEDOUT);
      expect((yield* sys.clock()) - before).toBeGreaterThan(100_000);
      expect(yield* sys.futexWait(-4096, 0)).toBe(EFAULT);
      expect(yield* sys.futexWait(64, 0)).toBe(EFAULT);
      expect(yield* sys.futexWake(heap)).toBe(0);
    });
  });
});

describe('calls about the CPU and the system', () => {
  it('move a task to the CPUs it may use, change its nice value, and tell about it', () => {
    run({}, function* (sys) {
      const heap = yield* sys.brk(0);
      yield* sys.brk(heap + PAGE_BYTES);
      expect(yield* sys.getaffinity()).toBe(3);
      expect(yield* sys.setaffinity(0, 2)).toBe(0);
      yield* sys.yield();
      expect(yield* sys.getaffinity()).toBe(2);
      expect(yield* sys.setaffinity(0, 4)).toBe(EINVAL);
      expect(yield* sys.setaffinity(77, 1)).toBe(ESRCH);
      expect(yield* sys.setpriority(0, 7)).toBe(0);
      expect(yield* sys.getpriority()).toBe(13);
      expect(yield* sys.uname(heap)).toBe(0);
      expect(yield* sys.load8(heap)).toBe('H'.charCodeAt(0));
      expect(yield* sys.sysinfo(heap)).toBe(0);
      expect(yield* sys.load64(heap + 8)).toBe(256 * 2 ** 20);
      expect(yield* sys.getrusage(0, heap)).toBe(0);
      expect(yield* sys.load64(heap)).toBeGreaterThan(1000);
      expect(yield* sys.sysinfo(-8)).toBe(EFAULT);
    });
  });
});
