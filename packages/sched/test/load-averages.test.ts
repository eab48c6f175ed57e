import { describe, expect, test } from 'vitest';
import { cfs, eevdf, hog, Scheduler, simulate } from '../src/index.js';
import { LoadAverages } from '../src/load-averages.js';
import { Tasks } from '../src/tasks.js';

const ms = 1_000_000;
const PERIOD = 1024 * 1024;

function averages(): LoadAverages {
  const tasks = new Tasks(4, 2);
  tasks.weight.fill(1024);
  return new LoadAverages(tasks);
}

describe('load averages', () => {
  test('a task that always runs comes to its full weight and full utilization', () => {
    const loads = averages();
    loads.start(0, 0);
    loads.enqueue(0, 0, 0);
    loads.setRunning(0, 0, true);
    loads.switched(0, 0, 2000 * ms, true);
    expect(loads.load(0, 2000 * ms)).toBeCloseTo(1024, 0);
    expect(loads.utilization(0, 2000 * ms)).toBeCloseTo(1024, 0);
    expect(loads.taskLoad(0)).toBeCloseTo(1024, 0);
  });

  test('a sleeper counts half after 32 periods and a quarter after 64, where it slept', () => {
    const loads = averages();
    loads.start(0, 0);
    loads.enqueue(0, 1, 0);
    const asleep = 400 * PERIOD;
    loads.dequeue(0, 1, asleep, false);
    const before = loads.load(1, asleep);
    expect(loads.load(1, asleep + 32 * PERIOD) / before).toBeCloseTo(0.5, 6);
    expect(loads.load(1, asleep + 64 * PERIOD) / before).toBeCloseTo(0.25, 6);
    expect(loads.load(0, asleep + 64 * PERIOD)).toBe(0);
  });

  test('history moves with its task, and what is left behind is nothing', () => {
    const loads = averages();
    loads.start(0, 0);
    loads.enqueue(0, 0, 0);
    loads.dequeue(0, 0, 50 * ms, false);
    const there = loads.load(0, 50 * ms);
    loads.enqueue(0, 1, 50 * ms);
    expect(loads.load(0, 50 * ms)).toBeCloseTo(0, 6);
    expect(loads.load(1, 50 * ms)).toBeCloseTo(there, 0);
  });

  test('the sum of a CPU is that of its tasks', () => {
    const loads = averages();
    for (const task of [0, 1, 2]) {
      loads.start(task, 0);
      loads.enqueue(task, 0, task * ms);
    }
    loads.dequeue(1, 0, 20 * ms, false);
    loads.enqueue(1, 0, 31 * ms);
    for (const task of [0, 1, 2]) loads.switched(task, 0, 40 * ms, false);
    const sum = loads.taskLoad(0) + loads.taskLoad(1) + loads.taskLoad(2);
    expect(loads.load(0, 40 * ms)).toBeCloseTo(sum, 0);
  });

  test('a change of weight changes the load that is told at once', () => {
    const scheduler = new Scheduler({ policy: cfs(), tasks: 4, cpus: 2 });
    const task = scheduler.create();
    scheduler.wake(task, 0);
    scheduler.setNice(task, 5);
    scheduler.checkInvariants();
    scheduler.pickNext(scheduler.tasks.cpu[task], 1000);
    scheduler.setWeight(task, 77);
    scheduler.checkInvariants();
  });
});

describe('balancing by load averages', () => {
  test('four hogs on two CPUs get equal time', () => {
    const tasks = [hog(400 * ms), hog(400 * ms), hog(400 * ms), hog(400 * ms)];
    const { tasks: results } = simulate({ tasks, policy: eevdf(), cpus: 2, tickNs: 4 * ms });
    for (const { endNs } of results) expect(endNs).toBeGreaterThan(700 * ms);
  });

  test('three hogs on two CPUs change places, so that none has a CPU alone for long', () => {
    const tasks = [hog(2000 * ms), hog(2000 * ms), hog(2000 * ms)];
    const untilNs = 2000 * ms;
    const result = simulate({ tasks, policy: eevdf(), cpus: 2, tickNs: 4 * ms, untilNs });
    const ran = result.tasks.map(({ runNs }) => runNs / untilNs);
    for (const share of ran) {
      expect(share).toBeGreaterThan(0.5);
      expect(share).toBeLessThan(0.9);
    }
  });

  test('a CPU whose task sleeps for a moment is not taken for an empty one', () => {
    // Six rounds of 30 ms run and 1 ms sleep beside three hogs: the sleeper finds its CPU free.
    const bursts = Array.from({ length: 13 }, (_, i) => (i % 2 === 0 ? 30 * ms : 1 * ms));
    const tasks = [hog(400 * ms), hog(400 * ms), { bursts }];
    const { tasks: results } = simulate({ tasks, policy: eevdf(), cpus: 2, tickNs: 4 * ms });
    expect(results[2].migrations).toBeLessThan(6);
  });
});
