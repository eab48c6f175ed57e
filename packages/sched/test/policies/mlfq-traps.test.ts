import { expect, test } from 'vitest';
import { hog, type MlfqOptions, mlfq, Scheduler, simulate } from '../../src/index.js';

const MS = 1_000_000;

/** A task that sleeps for 0.02 ms just before each quantum of 5 ms ends, beside a hog: its share. */
function gaming(options: MlfqOptions): number {
  const bursts: number[] = [];
  for (let i = 0; i < 4000; i++) bursts.push(4_900_000, 20_000);
  const result = simulate({
    tasks: [hog(100_000 * MS), { bursts }],
    policy: mlfq(options),
    untilNs: 10_000 * MS,
    record: false,
  });
  return result.tasks[1].runNs / result.nowNs;
}

test('a task that sleeps just before its quantum ends wins little with kept allotments', () => {
  expect(gaming({ stayAfterSleep: true })).toBeGreaterThan(0.97);
  expect(gaming({})).toBeLessThan(0.75);
});

/** Longest wait of a long job beside a crowd of short interactive ones that fill the CPU. */
function starved(boostNs: number): number {
  const short = Array.from({ length: 12 }, (_, i) => {
    const bursts: number[] = [];
    for (let job = 0; job < 2000; job++) bursts.push(MS, 10 * MS);
    return { bursts, arriveNs: i * MS };
  });
  const result = simulate({
    tasks: [hog(1000 * MS), ...short],
    // Allotments so large that nobody is demoted by them: only the hog's full quantum counts.
    policy: mlfq({ boostNs, allotments: [1, 1, 1, 1], stayAfterSleep: true }),
    untilNs: 5000 * MS,
    record: false,
  });
  return result.tasks[0].runNs;
}

test('the boost lets a long job run beside a crowd of short ones', () => {
  const without = starved(0);
  const withBoost = starved(100 * MS);
  expect(without).toBeLessThan(60 * MS);
  expect(withBoost).toBeGreaterThan(3 * without);
});

test('equal tasks take turns at their level: who ends a quantum goes to the tail', () => {
  const scheduler = new Scheduler({ policy: mlfq({ boostNs: 0 }), tasks: 3 });
  for (let i = 0; i < 3; i++) scheduler.wake(scheduler.create(), 0);
  const order = [scheduler.pickNext(0, 0)];
  let now = 0;
  while (order.length < 12) {
    const left = scheduler.sliceLeftNs(0);
    now += left;
    scheduler.account(0, left);
    scheduler.tick(0);
    order.push(scheduler.pickNext(0, now));
  }
  expect(order).toEqual([0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2]);
  // 3 x (5 + 10 + 20) ms and one quantum of each at the lowest level.
  expect(now).toBe(3 * 35 * MS + 2 * 40 * MS);
});

test('an early yield keeps the level, a full quantum costs one', () => {
  const scheduler = new Scheduler({ policy: mlfq(), tasks: 2 });
  const policy = scheduler.policy as unknown as { levelOf(task: number): number };
  const [a, b] = [scheduler.create(), scheduler.create()];
  scheduler.wake(a, 0);
  scheduler.wake(b, 0);
  expect(scheduler.pickNext(0, 0)).toBe(a);
  scheduler.account(0, 2 * MS);
  scheduler.yield(a);
  expect(scheduler.pickNext(0, 2 * MS)).toBe(b);
  expect(policy.levelOf(a)).toBe(0);
  scheduler.account(0, 5 * MS);
  expect(scheduler.tick(0)).toBe(true);
  expect(scheduler.pickNext(0, 7 * MS)).toBe(a);
  expect(policy.levelOf(b)).toBe(1);
});
