// biome-ignore-all lint/correctness/useYield: a handler or a program may just end
import { ECHILD, EINTR, EINVAL, ESRCH, PAGE_BYTES, TSC } from '@hotpath/hw-x86';
import { describe, expect, it } from 'vitest';
import {
  type BootOptions,
  boot,
  type Kernel,
  type Program,
  SA_RESTART,
  SIG_BLOCK,
  SIG_IGN,
  SIG_UNBLOCK,
  SIGALRM,
  SIGCHLD,
  SIGCONT,
  SIGKILL,
  SIGSEGV,
  SIGSTOP,
  SIGTERM,
  SIGUSR1,
  SIGUSR2,
  type SystemCalls,
  signalBit,
  WCONTINUED,
  WNOHANG,
  WUNTRACED,
} from '../../src/index.js';

const MS = 1_000_000;

function runOne(program: (sys: SystemCalls) => Program, options: BootOptions = {}): Kernel {
  const kernel = boot({ strict: true, ...options });
  const report = kernel.spawn('test', program);
  kernel.run();
  if (report.error !== null) throw report.error;
  expect(report.status).toBe(0);
  kernel.checkInvariants();
  expect(kernel.parts.tasks.liveCount).toBe(0);
  expect(kernel.parts.spaces.liveCount).toBe(0);
  expect(kernel.parts.userFrames.liveCount).toBe(0);
  return kernel;
}

function* forever(sys: SystemCalls): Program {
  for (;;) yield* sys.compute(100_000);
}

describe('a signal', () => {
  it('runs its handler when the program next comes back from a call, and the call keeps its result', () => {
    runOne(function* (sys) {
      const log: string[] = [];
      yield* sys.sigaction(SIGUSR1, function* (signal) {
        log.push(`handler ${signal} of ${yield* sys.getpid()}`);
      });
      const me = yield* sys.getpid();
      log.push(`kill ${yield* sys.kill(me, SIGUSR1)}`);
      log.push('after');
      expect(log).toEqual([`handler ${SIGUSR1} of ${me}`, 'kill 0', 'after']);
    });
  });

  it('ends a process that says nothing about it, as a shell shows it', () => {
    const kernel = boot();
    const victim = kernel.spawn('victim', forever);
    kernel.spawn('killer', function* (sys) {
      yield* sys.kill(victim.task, SIGTERM);
    });
    kernel.run();
    expect(victim.status).toBe(128 + SIGTERM);
    expect(kernel.parts.tasks.liveCount).toBe(0);
  });

  it('reaches a process that computes on another CPU soon', () => {
    const kernel = boot({ cpus: 2 });
    const victim = kernel.spawn(
      'victim',
      function* (sys) {
        yield* sys.compute(1e12);
      },
      { affinity: 1 },
    );
    kernel.spawn(
      'killer',
      function* (sys) {
        yield* sys.compute(1e6);
        yield* sys.kill(victim.task, SIGKILL);
      },
      { affinity: 2 },
    );
    kernel.run();
    expect(victim.status).toBe(137);
    expect(victim.cycles).toBeLessThan(1.1e6 + 200_000);
  });

  it('ends a sleep with EINTR and tells what is left, however the handler asks for a restart', () => {
    for (const flags of [0, SA_RESTART]) {
      runOne(function* (sys) {
        const heap = yield* sys.brk(0);
        yield* sys.brk(heap + PAGE_BYTES);
        let rang = 0;
        yield* sys.sigaction(
          SIGALRM,
          function* () {
            rang += 1;
          },
          flags,
        );
        yield* sys.setitimer(2 * MS);
        const before = yield* sys.clock();
        expect(yield* sys.sleep(10 * MS, heap)).toBe(EINTR);
        const slept = (yield* sys.clock()) - before;
        expect(rang).toBe(1);
        expect(slept).toBeGreaterThan(1.9 * MS);
        expect(slept).toBeLessThan(2.2 * MS);
        const left = yield* sys.load64(heap);
        expect(Math.abs(left + slept - 10 * MS)).toBeLessThan(0.1 * MS);
      });
    }
  });

  it('ends wait with EINTR, or begins it again with SA_RESTART', () => {
    for (const flags of [0, SA_RESTART]) {
      runOne(function* (sys) {
        yield* sys.sigaction(SIGUSR1, function* () {}, flags);
        const me = yield* sys.getpid();
        const child = yield* sys.fork(function* (own) {
          yield* own.sleep(MS);
          yield* own.kill(me, SIGUSR1);
          yield* own.sleep(MS);
          return 3;
        });
        const answer = yield* sys.wait();
        if (flags === SA_RESTART) {
          expect(answer).toBe(child);
        } else {
          expect(answer).toBe(EINTR);
          expect(yield* sys.wait()).toBe(child);
        }
      });
    }
  });

  it('that is ignored does not end a wait', () => {
    runOne(function* (sys) {
      yield* sys.sigaction(SIGUSR1, SIG_IGN);
      const me = yield* sys.getpid();
      const child = yield* sys.fork(function* (own) {
        yield* own.sleep(MS);
        yield* own.kill(me, SIGUSR1);
        yield* own.sleep(MS);
      });
      expect(yield* sys.wait()).toBe(child);
    });
  });

  it('that is blocked waits, and comes when it is let through, once', () => {
    runOne(function* (sys) {
      let count = 0;
      const me = yield* sys.getpid();
      yield* sys.sigaction(SIGUSR1, function* () {
        count += 1;
      });
      yield* sys.sigprocmask(SIG_BLOCK, signalBit(SIGUSR1));
      for (let i = 0; i < 3; i++) yield* sys.kill(me, SIGUSR1);
      expect(count).toBe(0);
      expect(yield* sys.sigpending()).toBe(signalBit(SIGUSR1));
      expect(yield* sys.sigprocmask(SIG_UNBLOCK, signalBit(SIGUSR1))).toBe(signalBit(SIGUSR1));
      expect(count).toBe(1);
    });
  });

  it('is blocked while its own handler runs, others nest', () => {
    runOne(function* (sys) {
      const log: string[] = [];
      const me = yield* sys.getpid();
      yield* sys.sigaction(SIGUSR2, function* () {
        log.push('inner');
        yield* sys.compute(10);
      });
      yield* sys.sigaction(SIGUSR1, function* () {
        log.push('in');
        if (log.length === 1) yield* sys.kill(me, SIGUSR1);
        yield* sys.kill(me, SIGUSR2);
        log.push('out');
      });
      yield* sys.kill(me, SIGUSR1);
      expect(log).toEqual(['in', 'inner', 'out', 'in', 'inner', 'out']);
    });
  });

  it('of a bad address can be handled: the handler maps the page and the access goes on', () => {
    runOne(function* (sys) {
      const heap = yield* sys.brk(0);
      let faults = 0;
      yield* sys.sigaction(SIGSEGV, function* () {
        faults += 1;
        yield* sys.brk(heap + PAGE_BYTES);
      });
      yield* sys.store32(heap + 8, 7);
      expect(yield* sys.load32(heap + 8)).toBe(7);
      expect(faults).toBe(1);
    });
  });

  it('interrupts a computation in the middle and the rest is computed after the handler', () => {
    runOne(function* (sys) {
      let at = 0;
      yield* sys.sigaction(SIGALRM, function* () {
        at = yield* sys.clock();
      });
      const before = yield* sys.clock(2);
      yield* sys.setitimer(MS);
      yield* sys.compute(20e6);
      expect(at).toBeGreaterThan(MS);
      expect(at).toBeLessThan(2 * MS);
      expect((yield* sys.clock(2)) - before).toBeGreaterThan(4 * MS);
    });
  });

  it('stops and continues a process, and its parent may wait for both', () => {
    runOne(function* (sys) {
      const heap = yield* sys.brk(0);
      yield* sys.brk(heap + PAGE_BYTES);
      let steps = 0;
      const child = yield* sys.fork(function* (own) {
        for (;;) {
          yield* own.sleep(MS);
          steps += 1;
        }
      });
      yield* sys.sleep(5.5 * MS);
      yield* sys.kill(child, SIGSTOP);
      expect(yield* sys.wait(child, heap, WUNTRACED)).toBe(child);
      expect(yield* sys.load32(heap)).toBe(SIGSTOP * 256 + 127);
      const then = steps;
      yield* sys.sleep(5 * MS);
      expect(steps).toBe(then);
      yield* sys.kill(child, SIGCONT);
      expect(yield* sys.wait(child, heap, WCONTINUED)).toBe(child);
      expect(yield* sys.load32(heap)).toBe(0xffff);
      yield* sys.sleep(5 * MS);
      expect(steps).toBeGreaterThan(then + 2);
      yield* sys.kill(child, SIGSTOP);
      yield* sys.sleep(MS);
      yield* sys.kill(child, SIGKILL);
      expect(yield* sys.wait(child, heap)).toBe(child);
      expect(yield* sys.load32(heap)).toBe(SIGKILL);
    });
  });

  it('tells a parent of its child, and leaves no zombie when the parent ignores it', () => {
    runOne(function* (sys) {
      let told = 0;
      yield* sys.sigaction(SIGCHLD, function* () {
        told += 1;
        while ((yield* sys.wait(-1, 0, WNOHANG)) > 0);
      });
      yield* sys.fork(function* () {});
      expect(yield* sys.pause()).toBe(EINTR);
      expect(told).toBe(1);
      expect(yield* sys.wait()).toBe(ECHILD);
      yield* sys.sigaction(SIGCHLD, SIG_IGN);
      yield* sys.fork(function* () {});
      expect(yield* sys.wait()).toBe(ECHILD);
    });
  });

  it('goes to every process of a group', () => {
    runOne(function* (sys) {
      const first = yield* sys.fork(forever);
      expect(yield* sys.setpgid(first, 0)).toBe(0);
      const second = yield* sys.fork(forever);
      expect(yield* sys.setpgid(second, first)).toBe(0);
      const other = yield* sys.fork(forever);
      expect(yield* sys.getpgid(second)).toBe(first);
      expect(yield* sys.kill(-first, SIGTERM)).toBe(0);
      expect(yield* sys.wait(-first)).toBeGreaterThan(0);
      expect(yield* sys.wait(-first)).toBeGreaterThan(0);
      expect(yield* sys.wait(-first)).toBe(ECHILD);
      expect(yield* sys.wait(-1, 0, WNOHANG)).toBe(0);
      yield* sys.kill(other, SIGKILL);
      yield* sys.wait();
      expect(yield* sys.kill(other, 0)).toBe(ESRCH);
      expect(yield* sys.kill(1.5, 0)).toBe(ESRCH);
      expect(yield* sys.kill(other, 99)).toBe(EINVAL);
      expect(yield* sys.sigaction(SIGKILL, SIG_IGN)).toBe(EINVAL);
    });
  });

  it('rings at every interval until the timer is stopped, on a beat that is kept', () => {
    runOne(function* (sys) {
      const beats: number[] = [];
      yield* sys.sigaction(SIGALRM, function* () {
        beats.push(yield* sys.clock());
      });
      yield* sys.setitimer(MS, MS);
      while (beats.length < 10) yield* sys.pause();
      yield* sys.setitimer(0);
      expect(beats[9]! - beats[0]!).toBeGreaterThan(8.9 * MS);
      expect(beats[9]! - beats[0]!).toBeLessThan(9.1 * MS);
    });
  });

  it('costs cycles: its frame is stored on the user stack and read back', () => {
    const kernel = boot({ mode: 'full' });
    const { cells } = kernel.parts.machine.cpus[0]!;
    const costs: number[] = [];
    kernel.spawn('test', function* (sys) {
      const me = yield* sys.getpid();
      yield* sys.sigaction(SIGUSR1, function* () {});
      for (const signal of [SIGUSR1, 0, SIGUSR1]) {
        const start = cells[TSC]!;
        yield* sys.kill(me, signal);
        costs.push(cells[TSC]! - start);
      }
    });
    kernel.run();
    expect(costs[2]).toBeGreaterThan(costs[1]! + 200);
  });
});
