import { TSC } from '@hotpath/hw-x86';
import { createMachine } from '@hotpath/hw-x86/model';
import { describe, expect, it } from 'vitest';
import { boot } from '../../src/index.js';
import { LockClasses } from '../../src/locks/lock-classes.js';
import { SpinLock } from '../../src/locks/spin-lock.js';

describe('a spin lock', () => {
  it('makes a CPU wait to the end of a hold that covers its own time, and only then', () => {
    const machine = createMachine({ cpus: 2 });
    const [first, second] = machine.cpus;
    const classes = new LockClasses(2, () => {});
    const line = machine.meter.region('lock', 64);
    const lock = new SpinLock(classes, classes.define('test'), machine.meter, line);
    first!.cells[TSC] = 1000;
    lock.acquire(first!);
    first!.cells[TSC] = 2000;
    lock.release(first!);
    const ended = first!.cells[TSC]!;
    for (const [at, waits] of [
      [500, false],
      [1500, true],
      [3000, false],
    ] as const) {
      second!.cells[TSC] = at;
      lock.acquire(second!);
      if (waits) expect(second!.cells[TSC]).toBeGreaterThanOrEqual(2000);
      else expect(second!.cells[TSC]! - at).toBeLessThan(20);
      lock.release(second!);
    }
    const [statistics] = classes.statistics();
    expect(statistics).toMatchObject({ name: 'test', acquisitions: 4, contended: 1 });
    expect(statistics!.waitCycles).toBeGreaterThan(480);
    expect(statistics!.holdCyclesMax).toBeGreaterThanOrEqual(990);
    expect(ended).toBeGreaterThanOrEqual(2000);
  });

  it('is really contended where CPUs wake each other, and costs cycles there', () => {
    const kernel = boot({ cpus: 4, mode: 'full' });
    for (let i = 0; i < 12; i++) {
      kernel.spawn(`sleeper ${i}`, function* (sys) {
        for (let step = 0; step < 100; step++) {
          yield* sys.sleep(10_000);
          yield* sys.fork(function* (own) {
            yield* own.yield();
          });
          yield* sys.wait();
        }
      });
    }
    kernel.run();
    const [runQueue, taskList] = kernel.parts.locks.classes.statistics();
    expect(runQueue!.acquisitions).toBeGreaterThan(5000);
    expect(runQueue!.contended + taskList!.contended).toBeGreaterThan(10);
    expect(taskList!.waitCycles).toBeGreaterThan(0);
    for (let cpu = 0; cpu < 4; cpu++) expect(kernel.parts.locks.classes.heldBy(cpu)).toBe(0);
  });
});

describe('a shared spin lock', () => {
  it('lets readers in together, and keeps them and writers apart', () => {
    const machine = createMachine({ cpus: 2 });
    const [first, second] = machine.cpus;
    const classes = new LockClasses(2, () => {});
    const line = machine.meter.region('lock', 64);
    for (const [held, asked, waits] of [
      [false, false, false],
      [false, true, true],
      [true, false, true],
      [true, true, true],
    ] as const) {
      const lock = new SpinLock(classes, classes.define('test'), machine.meter, line);
      first!.cells[TSC] = 1000;
      lock.acquire(first!, held);
      first!.cells[TSC] = 2000;
      lock.release(first!);
      second!.cells[TSC] = 1500;
      lock.acquire(second!, asked);
      expect(second!.cells[TSC]! >= 2000, `${held} then ${asked}`).toBe(waits);
      lock.release(second!);
    }
  });

  it('guards the memory map: faults of threads on two CPUs share it, mmap waits for them', () => {
    const count = (changes: boolean) => {
      const kernel = boot({ cpus: 4, mode: 'full' });
      kernel.spawn('threads', function* (sys) {
        const heap = yield* sys.brk(0);
        yield* sys.brk(heap + 4 * 200 * 4096);
        for (let thread = 0; thread < 3; thread++) {
          yield* sys.thread(function* (own) {
            for (let page = 0; page < 200; page++) {
              yield* own.store32(heap + (thread * 200 + page) * 4096, 1);
              if (changes)
                yield* own.mprotect(heap + (600 + page) * 4096, 4096, 1 + (page % 2) * 2);
            }
            yield* own.exitThread(0);
          });
        }
        yield* sys.sleep(1e8);
      });
      kernel.run();
      const known = kernel.parts.locks.classes.statistics();
      return known.find(({ name }) => name === 'memory map')!;
    };
    const [shared, mixed] = [count(false), count(true)];
    expect(shared.acquisitions).toBeGreaterThan(600);
    expect(mixed.contended).toBeGreaterThan(20 * Math.max(1, shared.contended));
    expect(mixed.waitCycles).toBeGreaterThan(0);
  });

  it('and spin locks of the dentry cache and the page index count their work', () => {
    const kernel = boot({ cpus: 2 });
    kernel.spawn('files', function* (sys) {
      const heap = yield* sys.brk(0);
      yield* sys.brk(heap + 4096);
      for (let i = 0; i < 10; i++) {
        const fd = yield* sys.open(`/tmp/${i}`, 0o102);
        yield* sys.write(fd, heap, 4096);
        yield* sys.rename(`/tmp/${i}`, `/tmp/moved ${i}`);
      }
    });
    kernel.run();
    const known = kernel.parts.locks.classes.statistics();
    const of = (name: string) => known.find((each) => each.name === name)!.acquisitions;
    expect(of('page index')).toBeGreaterThanOrEqual(10);
    expect(of('dentries')).toBeGreaterThanOrEqual(40);
  });
});

describe('lock order', () => {
  it('is reported as soon as it could deadlock, with the names of the circle', () => {
    const reports: string[] = [];
    const classes = new LockClasses(2, (text) => reports.push(text));
    const [a, b, c] = ['a', 'b', 'c'].map((name) => classes.define(name)) as [
      number,
      number,
      number,
    ];
    const nest = (outer: number, inner: number, cpu: number) => {
      classes.taking(cpu, outer);
      classes.taking(cpu, inner);
      classes.released(cpu, inner, 0);
      classes.released(cpu, outer, 0);
    };
    nest(a, b, 0);
    nest(b, c, 1);
    nest(a, c, 0);
    expect(reports).toEqual([]);
    nest(c, a, 1);
    expect(reports).toEqual(['possible deadlock: a before b before c, and now a after c']);
    nest(c, a, 1);
    expect(reports.length).toBe(1);
    expect(() => classes.released(0, a, 0)).toThrow(/does not hold/);
  });
});
