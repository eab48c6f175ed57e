import { ENOSYS, TSC } from '@hotpath/hw-x86';
import { describe, expect, it } from 'vitest';
import { boot, KernelPanic, STATUS_ABORT, STATUS_SEGV, type SystemCalls } from '../../src/index.js';
import { TASK_LIMIT } from '../../src/params.js';

describe('a task', () => {
  it('ends with the status of exit, of its return value, or 0', () => {
    const kernel = boot();
    const byCall = kernel.spawn('exit', function* (sys) {
      yield* sys.exit(7);
    });
    const byReturn = kernel.spawn('return', function* (sys) {
      return yield* sys.getpid();
    });
    const byEnd = kernel.spawn('end', function* (sys) {
      yield* sys.yield();
    });
    kernel.run();
    expect(byCall.status).toBe(7);
    expect(byReturn.status).toBe(byReturn.task);
    expect(byEnd.status).toBe(0);
  });

  it('whose program throws is ended with a report, and the others go on', () => {
    const kernel = boot();
    const broken = kernel.spawn('broken', function* (sys) {
      yield* sys.compute(10);
      throw new Error('my own mistake');
    });
    const other = kernel.spawn('other', function* (sys) {
      yield* sys.compute(1_000_000);
    });
    kernel.run();
    expect(broken.status).toBe(STATUS_ABORT);
    expect(broken.error).toMatchObject({ message: 'my own mistake' });
    expect(other.status).toBe(0);
    kernel.checkInvariants();
  });

  it('that forgets a yield* panics the kernel with the name of the call', () => {
    const kernel = boot({ trace: true });
    kernel.spawn('forgetful', function* (sys) {
      sys.fsync(3);
      yield* sys.getpid();
    });
    let caught: unknown;
    try {
      kernel.run();
    } catch (error) {
      caught = error;
    }
    expect(caught).toBeInstanceOf(KernelPanic);
    const { message } = caught as KernelPanic;
    expect(message).toMatch(/^kernel panic: yield\* was forgotten: fsync\(3/);
    expect(message).toMatch(/task \d+ "forgetful"/);
    expect(message).toMatch(/last events:/);
  });

  it('gets ENOSYS for a call that does not exist, and a trace event tells of it', () => {
    const kernel = boot({ trace: true });
    const seen: number[] = [];
    kernel.spawn('curious', function* (sys) {
      seen.push(yield* sys.raw(9999, 1, 2, 3));
      seen.push(yield* sys.raw(-1, 0, 0, 0));
      seen.push(yield* sys.raw(Number.NaN, 0, 0, 0));
    });
    kernel.run();
    expect(seen).toEqual([ENOSYS, ENOSYS, ENOSYS]);
    expect(kernel.lastEvents(100).some((line) => /unknown system call 9999/.test(line))).toBe(true);
  });

  it('clamps nice as POSIX says, where spawn refuses it', () => {
    const kernel = boot();
    const seen: number[] = [];
    kernel.spawn('polite', function* (sys) {
      seen.push(yield* sys.nice(100));
      seen.push(yield* sys.nice(-100));
      seen.push(yield* sys.nice(5));
    });
    kernel.run();
    expect(seen).toEqual([39, 0, 5]);
    expect(() => kernel.spawn('x', idle, { nice: 20 })).toThrow(/nice is 20; allowed: .*-20\.\.19/);
  });

  it('of more weight gets more CPU, as the weights say', () => {
    for (const scheduler of ['cfs', 'eevdf']) {
      const kernel = boot({ scheduler });
      const hog = function* (sys: SystemCalls) {
        yield* sys.compute(1e12);
      };
      const normal = kernel.spawn('normal', hog);
      const nicer = kernel.spawn('nicer', hog, { nice: 5 });
      kernel.run({ cycles: 4e9 });
      const share = normal.cycles / (normal.cycles + nicer.cycles);
      expect(Math.abs(share - 1024 / (1024 + 335))).toBeLessThan(0.01);
    }
  });

  it('that only makes calls that never block is preempted all the same', () => {
    const kernel = boot({ scheduler: 'cfs' });
    const callsMade: number[] = [];
    let calls = 0;
    kernel.spawn('caller', function* (sys) {
      for (; calls < 100_000; calls++) yield* sys.getpid();
    });
    kernel.spawn('other', function* (sys) {
      for (let step = 0; step < 10; step++) {
        yield* sys.compute(2_000_000);
        callsMade.push(calls);
      }
    });
    kernel.run();
    expect(callsMade.some((made) => made > 0 && made < 100_000)).toBe(true);
  });

  it('never sees time go backwards, whatever CPUs it runs on', () => {
    const kernel = boot({ cpus: 4, scheduler: 'cfs' });
    const { current } = kernel.parts;
    const cpus = new Set<number>();
    for (let i = 0; i < 9; i++) {
      kernel.spawn(`wanderer-${i}`, function* (sys) {
        let last = 0;
        for (let step = 0; step < 200; step++) {
          const now = current.cpu.cells[TSC];
          cpus.add(current.cpu.id);
          if (now < last) throw new Error(`time went from ${last} back to ${now}`);
          last = now;
          yield* sys.compute(100_000 + i * 17_000);
          yield* sys.yield();
        }
      });
    }
    kernel.run();
    expect(cpus.size).toBe(4);
    kernel.checkInvariants();
  });

  it('stays off the CPUs that its affinity leaves out', () => {
    const kernel = boot({ cpus: 4 });
    const seen = new Set<number>();
    for (let i = 0; i < 4; i++) {
      kernel.spawn(
        'pinned',
        function* (sys) {
          for (let step = 0; step < 50; step++) {
            seen.add(kernel.parts.current.cpu.id);
            yield* sys.compute(50_000);
          }
        },
        { affinity: 0b0100 },
      );
    }
    kernel.run();
    expect([...seen]).toEqual([2]);
  });

  it('gives back every frame, object and address space when it ends', () => {
    const kernel = boot();
    const { pages, spaces, tables, vmalloc } = kernel.parts;
    // The free pages of a CPU's list count as free, those of a slab cache as used: warm them first.
    const spawnSome = () => {
      for (let i = 0; i < 20; i++) {
        kernel.spawn('toucher', function* (sys) {
          const heap = yield* sys.brk(0);
          yield* sys.brk(heap + 20 * 4096);
          for (let page = 0; page < 20; page++) yield* sys.store32(heap + page * 4096, page);
        });
      }
      kernel.run();
    };
    spawnSome();
    const before = [pages.usedPages, tables.tableCount, vmalloc.mappedBytes, spaces.liveCount];
    spawnSome();
    expect([pages.usedPages, tables.tableCount, vmalloc.mappedBytes, spaces.liveCount]).toEqual(
      before,
    );
    expect(kernel.parts.tasks.liveCount).toBe(0);
    kernel.checkInvariants();
  });

  it('beyond the limit of tasks is refused with a clear error, and those that live go on', () => {
    const kernel = boot({ memoryBytes: 512 * 2 ** 20 });
    const reports = [];
    for (let i = 1; i < TASK_LIMIT; i++) reports.push(kernel.spawn(`t${i}`, idle));
    expect(() => kernel.spawn('one too many', idle)).toThrow(
      expect.objectContaining({ code: 'ERR_NO_MEMORY' }),
    );
    kernel.run();
    expect(reports.every((report) => report.status === 0)).toBe(true);
  });

  it('that runs out of memory is killed and the system stays up', () => {
    const kernel = boot({ memoryBytes: 64 * 2 ** 20 });
    const eater = kernel.spawn('eater', function* (sys) {
      const heap = yield* sys.brk(0);
      yield* sys.brk(heap + 2 ** 30);
      for (let at = 0; at < 2 ** 30; at += 4096) yield* sys.store32(heap + at, 1);
    });
    kernel.run();
    expect(eater.status).toBe(137);
    const after = kernel.spawn('after', idle);
    kernel.run();
    expect(after.status).toBe(0);
    kernel.checkInvariants();
  });

  it('that runs over its kernel stack is caught by the canary at the next switch', () => {
    const kernel = boot();
    kernel.spawn('overflow', function* (sys) {
      const { current, tasks } = kernel.parts;
      current.cpu.enter(0);
      current.cpu.mmu.store32(tasks.stack[sys.task], 0);
      current.cpu.enter(3);
      yield* sys.yield();
    });
    kernel.spawn('other', idle);
    expect(() => kernel.run()).toThrow(/kernel stack ran over/);
  });

  it('cannot take blocks of the disk: that is for kernel threads', () => {
    const kernel = boot();
    const seen: number[] = [];
    kernel.spawn('thief', function* (sys) {
      seen.push(yield* sys.getBlock(0, 0));
    });
    kernel.run();
    expect(seen).toEqual([ENOSYS]);
  });

  it('cannot reach kernel memory', () => {
    const kernel = boot();
    const thief = kernel.spawn('thief', function* (sys) {
      yield* sys.load32(-(2 ** 47) + 2 ** 20);
    });
    kernel.run();
    expect(thief.status).toBe(STATUS_SEGV);
  });
});

function* idle(sys: SystemCalls) {
  yield* sys.yield();
}
