import { EBUSY, EINVAL } from '@hotpath/hw-x86';
import { expect, test } from 'vitest';
import {
  cfs,
  type EdfPolicy,
  edf,
  eevdf,
  hog,
  Scheduler,
  type SimulationTask,
  simulate,
  stack,
} from '../../src/index.js';

const MS = 1_000_000;

/** `count` jobs of `run` ms each `period` ms, under a reservation of the same size. */
function job(run: number, period: number, count: number): SimulationTask {
  const bursts = Array.from({ length: 2 * count - 1 }, (_, i) => (i % 2 === 0 ? run * MS : 0));
  return {
    bursts,
    releaseEveryNs: period * MS,
    reservation: { runtimeNs: run * MS, periodNs: period * MS },
  };
}

function misses(tasks: SimulationTask[], limit: number, enforce: boolean): number[] {
  const result = simulate({
    tasks,
    policy: edf({ limit, enforce }),
    observe: (scheduler) => scheduler.checkInvariants(),
  });
  return result.tasks.map((task) => task.misses);
}

test('EDF meets every deadline at a load of one', () => {
  // 1/4 + 2/6 + 5/12 = 1.
  const tasks = [job(1, 4, 300), job(2, 6, 200), job(5, 12, 100)];
  expect(misses(tasks, 1, true)).toEqual([0, 0, 0]);
  expect(misses(tasks, 1, false)).toEqual([0, 0, 0]);
});

test('random task sets with a load of at most one never miss', () => {
  let seed = 42;
  const random = (n: number) => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed % n;
  };
  for (let round = 0; round < 20; round++) {
    const tasks: SimulationTask[] = [];
    let load = 0;
    while (tasks.length < 8) {
      const period = 2 + random(30);
      const run = 1 + random(Math.max(1, Math.floor(period / 2)));
      if (load + run / period > 1) break;
      load += run / period;
      tasks.push(job(run, period, Math.ceil(200 / period)));
    }
    for (const missed of misses(tasks, 1, true)) expect(missed).toBe(0);
  }
});

test('without admission an overload of five percent makes nearly all tasks miss', () => {
  const tasks = [job(3, 10, 400), job(7, 20, 200), job(16, 40, 100)];
  const all = misses(tasks, 2, false);
  expect(all.reduce((a, b) => a + b, 0)).toBeGreaterThan(0.8 * 700);
  for (const missed of all) expect(missed).toBeGreaterThan(50);
});

test('a reservation above the limit of a CPU is refused as EBUSY', () => {
  const scheduler = new Scheduler({ policy: edf(), tasks: 8, cpus: 2 });
  const reservation = { runtimeNs: 6 * MS, periodNs: 10 * MS };
  const first = scheduler.create({ reservation });
  const second = scheduler.create({ reservation });
  // 1.2 of two CPUs: global EDF would take a third and miss; each CPU has only 0.35 left.
  expect(scheduler.tasks.cpu[first]).not.toBe(scheduler.tasks.cpu[second]);
  expect(scheduler.create({ reservation })).toBe(EBUSY);
  expect(scheduler.create()).toBe(EINVAL);
  scheduler.exit(first);
  expect(scheduler.create({ reservation })).toBeGreaterThanOrEqual(0);
  scheduler.checkInvariants();
});

test('an impossible reservation is a bad argument', () => {
  const scheduler = new Scheduler({ policy: edf(), tasks: 1 });
  for (const reservation of [
    { runtimeNs: 0, periodNs: 10 },
    { runtimeNs: 11 * MS, periodNs: 10 * MS },
    { runtimeNs: MS, periodNs: 10 * MS, deadlineNs: 20 * MS },
    { runtimeNs: Number.NaN, periodNs: MS },
  ]) {
    expect(() => scheduler.create({ reservation })).toThrow(
      expect.objectContaining({ code: 'ERR_RESERVATION' }),
    );
  }
});

test('a task that overruns its reservation is throttled and hurts nobody', () => {
  const greedy: SimulationTask = {
    bursts: [400 * MS],
    reservation: { runtimeNs: 2 * MS, periodNs: 10 * MS },
  };
  const result = simulate({ tasks: [greedy, job(7, 10, 50)], policy: edf(), untilNs: 500 * MS });
  expect(result.tasks[1].misses).toBe(0);
  expect(result.tasks[0].runNs).toBeLessThanOrEqual(100 * MS);
  expect(result.tasks[0].runNs).toBeGreaterThanOrEqual(98 * MS);
});

test('classes stack: a video task keeps its deadlines above hogs, which share what is left', () => {
  const video = { ...job(4, 20, 50), class: 0 };
  const tasks = [video, hog(2000 * MS, { class: 1 }), hog(2000 * MS, { class: 1, nice: 5 })];
  const idle = hog(100 * MS, { class: 2 });
  const result = simulate({
    tasks: [...tasks, idle],
    policy: stack(edf(), eevdf(), cfs()),
    untilNs: 1000 * MS,
    observe: (scheduler) => scheduler.checkInvariants(),
  });
  expect(result.tasks[0].misses).toBe(0);
  expect(result.tasks[0].runNs).toBe(200 * MS);
  expect(result.tasks[1].runNs / result.tasks[2].runNs).toBeCloseTo(1024 / 335, 1);
  expect(result.tasks[3].runNs).toBe(0);
});

test('a yield gives up the rest of a period', () => {
  const scheduler = new Scheduler({ policy: stack(edf(), cfs()), tasks: 2 });
  const task = scheduler.create({ reservation: { runtimeNs: 5 * MS, periodNs: 10 * MS } });
  const fair = scheduler.create({ class: 1 });
  scheduler.wake(task, 0);
  scheduler.wake(fair, 0);
  expect(scheduler.pickNext(0, 0)).toBe(task);
  scheduler.account(0, MS);
  scheduler.yield(task);
  expect(scheduler.pickNext(0, MS)).toBe(fair);
  expect(scheduler.runTimers(5 * MS)).toBe(10 * MS);
  scheduler.account(0, 9 * MS);
  scheduler.runTimers(10 * MS);
  expect(scheduler.needResched(0)).toBe(true);
  expect(scheduler.pickNext(0, 10 * MS)).toBe(task);
  const policy = scheduler.policy as unknown as { policyOf(index: number): EdfPolicy };
  expect(policy.policyOf(0).deadlineOf(task)).toBe(20 * MS);
});
