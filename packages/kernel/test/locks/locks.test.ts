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
