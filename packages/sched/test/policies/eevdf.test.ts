import { expect, test } from 'vitest';
import {
  type EevdfPolicy,
  eevdf,
  hog,
  interactive,
  Scheduler,
  type SimulationTask,
  simulate,
} from '../../src/index.js';

const MS = 1_000_000;
const SLICE = 700_000;

/** Largest and smallest lag of any ready task, in ns of CPU, looked at after every pick. */
function lagBounds(tasks: SimulationTask[], untilNs: number): [number, number] {
  let least = 0;
  let most = 0;
  simulate({
    tasks,
    policy: eevdf({ delayDequeue: false }),
    untilNs,
    record: false,
    observe(scheduler) {
      const policy = scheduler.policy as EevdfPolicy;
      for (let task = 0; task < tasks.length; task++) {
        if (scheduler.tasks.state[task] === 0) continue;
        const lag = policy.lagOf(task);
        if (lag < least) least = lag;
        if (lag > most) most = lag;
      }
    },
  });
  return [least, most];
}

test('lag stays within one slice at every switch', () => {
  const mixes: SimulationTask[][] = [
    [0, 0, 0, 0].map((nice) => hog(10_000 * MS, { nice })),
    [-5, 0, 5, 10, 19].map((nice) => hog(10_000 * MS, { nice })),
    [-20, 19, 0].map((nice) => hog(10_000 * MS, { nice })),
  ];
  for (const tasks of mixes) {
    const [least, most] = lagBounds(tasks, 2000 * MS);
    // A timer cannot be set closer than a microsecond: that much a slice may be overrun.
    expect(least).toBeGreaterThan(-SLICE - 2000);
    expect(most).toBeLessThan(SLICE + 2000);
    expect(most).toBeGreaterThan(SLICE / 10);
  }
});

test('lag stays within one slice while others sleep and wake', () => {
  const tasks = [
    hog(10_000 * MS),
    hog(10_000 * MS, { nice: 3 }),
    interactive(5 * MS, MS, 300, 7),
    interactive(3 * MS, 2 * MS, 300, 11),
  ];
  const [least, most] = lagBounds(tasks, 2000 * MS);
  expect(least).toBeGreaterThan(-SLICE - 2000);
  expect(most).toBeLessThan(SLICE + 2000);
});

test('CPU time follows the weights within half a percent', () => {
  const nices = [-5, 0, 1, 5, 10, 19];
  const tasks = nices.map((nice) => hog(20_000 * MS, { nice }));
  const result = simulate({ tasks, policy: eevdf(), untilNs: 10_000 * MS, record: false });
  const weights = [3121, 1024, 820, 335, 110, 15];
  const sum = weights.reduce((a, b) => a + b, 0);
  for (const [index, weight] of weights.entries()) {
    if (weight / sum < 0.05) continue;
    const share = result.tasks[index].runNs / result.totalRunNs;
    expect(Math.abs(share / (weight / sum) - 1)).toBeLessThan(0.005);
  }
});

test('a shorter slice buys latency, not CPU time', () => {
  const typing = (sliceNs: number) =>
    simulate({
      tasks: [
        hog(10_000 * MS, { sliceNs: 20 * MS }),
        hog(10_000 * MS, { sliceNs: 20 * MS }),
        interactive(20 * MS, MS / 10, 200, 3, { sliceNs }),
      ],
      policy: eevdf(),
      record: false,
      untilNs: 4000 * MS,
    }).tasks[2];
  const short = typing(100_000);
  const long = typing(20 * MS);
  expect(short.waitNs).toBeLessThan(long.waitNs / 2);
});

test('a change of nice while queued scales the lag and keeps the order', () => {
  const scheduler = new Scheduler({ policy: eevdf(), tasks: 8 });
  for (let i = 0; i < 6; i++) scheduler.wake(scheduler.create({ nice: i }), 0);
  scheduler.pickNext(0, 0);
  let now = 0;
  for (let step = 0; step < 200; step++) {
    now += 500_000;
    scheduler.account(0, 500_000);
    scheduler.setNice(step % 6, ((step * 7) % 40) - 20);
    scheduler.checkInvariants();
    if (scheduler.tick(0)) scheduler.pickNext(0, now);
  }
});

test('a change of nice while queued leaves the lag as it is in real time', () => {
  const scheduler = new Scheduler({ policy: eevdf(), tasks: 4 });
  const policy = scheduler.policy as EevdfPolicy;
  for (let i = 0; i < 4; i++) scheduler.wake(scheduler.create(), 0);
  const current = scheduler.pickNext(0, 0);
  scheduler.account(0, 600_000);
  const queued = current === 0 ? 1 : 0;
  const before = policy.lagOf(queued);
  expect(before).toBe(150_000);
  for (const nice of [-10, 10, 0]) {
    scheduler.setNice(queued, nice);
    expect(Math.abs(policy.lagOf(queued) - before)).toBeLessThan(2000);
  }
});

test('a task that sleeps in debt stays in the queue until others have caught up', () => {
  const scheduler = new Scheduler({ policy: eevdf(), tasks: 2 });
  const policy = scheduler.policy as EevdfPolicy;
  const [a, b] = [scheduler.create(), scheduler.create()];
  scheduler.wake(a, 0);
  scheduler.wake(b, 0);
  const first = scheduler.pickNext(0, 0);
  scheduler.account(0, 600_000);
  scheduler.blocked(first);
  expect(policy.isDelayed(first)).toBe(true);
  const second = scheduler.pickNext(0, 600_000);
  expect(second).toBe(first === a ? b : a);
  scheduler.account(0, 700_000);
  scheduler.tick(0);
  expect(scheduler.pickNext(0, 1_300_000)).toBe(second);
  scheduler.account(0, 700_000);
  scheduler.tick(0);
  scheduler.pickNext(0, 2_000_000);
  expect(policy.isDelayed(first)).toBe(false);
  scheduler.checkInvariants();
});

test('two tasks that yield to each other alternate', () => {
  const scheduler = new Scheduler({ policy: eevdf(), tasks: 2 });
  for (const task of [scheduler.create(), scheduler.create()]) scheduler.wake(task, 0);
  let current = scheduler.pickNext(0, 0);
  for (let now = 0; now < 500_000; now += 500) {
    scheduler.account(0, 500);
    scheduler.yield(current);
    const next = scheduler.pickNext(0, now + 500);
    expect(next).toBe(1 - current);
    current = next;
  }
});
