import { ArgumentError, NIL } from '@hotpath/hw-x86';
import { expect, test } from 'vitest';
import {
  type CfsPolicy,
  cfs,
  completePolicy,
  mlfq,
  type PolicyFactory,
  roundRobin,
  Scheduler,
} from '../src/index.js';

const MS = 1_000_000;

/** Runs the current task for `ns` and lets the tick decide; the task that runs then. */
function run(scheduler: Scheduler, now: number, ns: number, cpu = 0): number {
  scheduler.account(cpu, ns);
  scheduler.tick(cpu);
  return scheduler.needResched(cpu) ? scheduler.pickNext(cpu, now + ns) : scheduler.current(cpu);
}

function expectCode(code: string, call: () => unknown): void {
  try {
    call();
  } catch (error) {
    expect(error).toBeInstanceOf(ArgumentError);
    expect((error as ArgumentError).code).toBe(code);
    return;
  }
  throw new Error(`expected ${code}`);
}

test('an idle CPU picks NIL, and a woken task asks it to look', () => {
  const scheduler = new Scheduler({ policy: roundRobin(), tasks: 2 });
  expect(scheduler.pickNext(0, 0)).toBe(NIL);
  const task = scheduler.create();
  expect(scheduler.needResched(0)).toBe(false);
  expect(scheduler.wake(task, 5)).toBe(0);
  expect(scheduler.needResched(0)).toBe(true);
  expect(scheduler.pickNext(0, 9)).toBe(task);
  expect(scheduler.waitedNs[task]).toBe(4);
  scheduler.checkInvariants();
});

test('round-robin runs tasks in order, each for its quantum', () => {
  const scheduler = new Scheduler({ policy: roundRobin({ quantumNs: 10 }), tasks: 4 });
  const tasks = [0, 1, 2].map(() => scheduler.create());
  for (const task of tasks) scheduler.wake(task, 0);
  let current = scheduler.pickNext(0, 0);
  const order: number[] = [];
  for (let now = 0; now < 90; now += 5) {
    order.push(current);
    current = run(scheduler, now, 5);
    scheduler.checkInvariants();
  }
  expect(order).toEqual([0, 0, 1, 1, 2, 2, 0, 0, 1, 1, 2, 2, 0, 0, 1, 1, 2, 2]);
});

test('bad arguments are refused with a code and change nothing', () => {
  const scheduler = new Scheduler({ policy: cfs(), tasks: 4 });
  const task = scheduler.create();
  expectCode('ERR_NICE', () => scheduler.setNice(task, 20));
  expectCode('ERR_NICE', () => scheduler.create({ nice: -21 }));
  expectCode('ERR_NICE', () => scheduler.setNice(task, Number.NaN));
  expectCode('ERR_WEIGHT', () => scheduler.create({ weight: 0 }));
  expectCode('ERR_WEIGHT', () => scheduler.setWeight(task, 0));
  expectCode('ERR_TASK', () => scheduler.wake(3, 0));
  expectCode('ERR_TASK', () => scheduler.wake(99, 0));
  expectCode('ERR_TASK', () => scheduler.setNice(-1, 0));
  expectCode('ERR_IDLE', () => scheduler.account(0, 1));
  scheduler.wake(task, 0);
  expectCode('ERR_TASK_STATE', () => scheduler.wake(task, 0));
  expectCode('ERR_TASK_STATE', () => scheduler.blocked(task));
  scheduler.pickNext(0, 0);
  expectCode('ERR_TASK_STATE', () => scheduler.wake(task, 0));
  expectCode('ERR_RAN', () => scheduler.account(0, -1));
  expectCode('ERR_RAN', () => scheduler.account(0, Number.NaN));
  expectCode('ERR_RAN', () => scheduler.account(0, 0.5));
  expectCode('ERR_AFFINITY', () => scheduler.setAffinity(task, 0, 0));
  expectCode('ERR_GROUP', () => scheduler.create({ group: 0 }));
  expect(scheduler.ranNs[task]).toBe(0);
  expect(scheduler.tasks.nice[task]).toBe(0);
  scheduler.checkInvariants();
});

test('the system call nice(inc) clamps, as POSIX says', () => {
  const scheduler = new Scheduler({ policy: cfs(), tasks: 1 });
  const task = scheduler.create();
  expect(scheduler.niceBy(task, 100)).toBe(19);
  expect(scheduler.niceBy(task, -100)).toBe(-20);
  expect(scheduler.niceBy(task, 25)).toBe(5);
});

test('no free slot is a value, and an ended task gives its slot back', () => {
  const scheduler = new Scheduler({ policy: mlfq(), tasks: 1 });
  const task = scheduler.create();
  expect(scheduler.create()).toBe(NIL);
  scheduler.wake(task, 0);
  scheduler.exit(task);
  expect(scheduler.pickNext(0, 0)).toBe(NIL);
  expect(scheduler.create()).toBe(task);
  scheduler.checkInvariants();
});

test('two CFS tasks within the wake-up granularity alternate when they yield', () => {
  const scheduler = new Scheduler({ policy: cfs(), tasks: 2 });
  for (const task of [scheduler.create(), scheduler.create()]) scheduler.wake(task, 0);
  let current = scheduler.pickNext(0, 0);
  // The start debits differ by half a period: yield does not help who is further ahead than 1 ms.
  scheduler.account(0, 500);
  scheduler.yield(current);
  expect(scheduler.pickNext(0, 500)).toBe(current);
  scheduler.account(0, 3 * MS);
  for (let now = 3 * MS; now < 3 * MS + 100_000; now += 500) {
    scheduler.account(0, 500);
    scheduler.yield(current);
    const next = scheduler.pickNext(0, now + 500);
    expect(next).toBe(1 - current);
    current = next;
  }
});

test('CFS gives CPU time in proportion to the weights within half a percent', () => {
  const nices = [-5, 0, 1, 5, 10, 19];
  const scheduler = new Scheduler({ policy: cfs(), tasks: 8 });
  for (const nice of nices) scheduler.wake(scheduler.create({ nice }), 0);
  scheduler.pickNext(0, 0);
  let now = 0;
  while (now < 10_000 * MS) {
    const slice = Math.min(scheduler.sliceLeftNs(0), 10_000 * MS - now);
    run(scheduler, now, slice);
    now += slice;
  }
  scheduler.checkInvariants();
  const weights = nices.map((_, task) => scheduler.tasks.weight[task]);
  const sum = weights.reduce((a, b) => a + b, 0);
  for (const [task, weight] of weights.entries()) {
    const share = scheduler.ranNs[task] / now;
    if (weight / sum >= 0.05) expect(Math.abs(share / (weight / sum) - 1)).toBeLessThan(0.005);
  }
});

test('a task that starts after ten seconds does not hold the others up', () => {
  const scheduler = new Scheduler({ policy: cfs(), tasks: 3 });
  scheduler.wake(scheduler.create(), 0);
  scheduler.wake(scheduler.create(), 0);
  scheduler.pickNext(0, 0);
  let now = 0;
  for (; now < 10_000 * MS; now += MS) run(scheduler, now, MS);
  const late = scheduler.create();
  scheduler.wake(late, now);
  const before = scheduler.ranNs[late];
  const others = scheduler.ranNs[0] + scheduler.ranNs[1];
  for (let step = 0; step < 12; step++, now += MS) run(scheduler, now, MS);
  expect(scheduler.ranNs[late] - before).toBeLessThanOrEqual(5 * MS);
  expect(scheduler.ranNs[0] + scheduler.ranNs[1] - others).toBeGreaterThanOrEqual(7 * MS);
});

test('a sleeper of sixty seconds gets half a period of credit, no more', () => {
  const scheduler = new Scheduler({ policy: cfs(), tasks: 2 });
  const [hog, sleeper] = [scheduler.create(), scheduler.create()];
  scheduler.wake(hog, 0);
  scheduler.wake(sleeper, 0);
  let now = 0;
  if (scheduler.pickNext(0, 0) !== sleeper) {
    scheduler.account(0, MS);
    scheduler.yield(hog);
    expect(scheduler.pickNext(0, MS)).toBe(sleeper);
  }
  scheduler.blocked(sleeper);
  scheduler.pickNext(0, now);
  for (; now < 60_000 * MS; now += 4 * MS) run(scheduler, now, 4 * MS);
  scheduler.wake(sleeper, now);
  const policy = scheduler.policy as CfsPolicy;
  expect(policy.minVruntimeOf(0) - policy.vruntimeOf(sleeper)).toBe(3 * MS);
  let held = 0;
  scheduler.pickNext(0, now);
  while (scheduler.current(0) === sleeper) {
    run(scheduler, now, MS / 4);
    held += MS / 4;
    now += MS / 4;
  }
  expect(held).toBeLessThanOrEqual(6.5 * MS);
});

test('min_vruntime follows the leftmost, not whoever ran furthest', () => {
  const scheduler = new Scheduler({ policy: cfs(), tasks: 3 });
  const light = scheduler.create({ nice: 19 });
  const heavy = scheduler.create();
  scheduler.wake(light, 0);
  scheduler.pickNext(0, 0);
  scheduler.wake(heavy, 0);
  // The nice-19 task runs 2 ms, 140 ms of virtual time, before it gives way.
  run(scheduler, 0, 2 * MS);
  const policy = scheduler.policy as CfsPolicy;
  expect(policy.vruntimeOf(light)).toBeGreaterThan(130 * MS);
  expect(policy.minVruntimeOf(0)).toBeLessThan(10 * MS);
  const fresh = scheduler.create();
  scheduler.wake(fresh, 2 * MS);
  let now = 2 * MS;
  let waited = 0;
  while (scheduler.current(0) !== fresh) {
    run(scheduler, now, MS / 2);
    now += MS / 2;
    waited += MS / 2;
  }
  expect(waited).toBeLessThanOrEqual(6 * MS);
});

test('virtual times stay exact when they are renormalised', () => {
  const plain = new Scheduler({ policy: cfs(), tasks: 8 });
  const small = new Scheduler({ policy: cfs({ renormaliseNs: 2 ** 24 }), tasks: 8 });
  const order: number[][] = [[], []];
  for (const [index, scheduler] of [plain, small].entries()) {
    for (const nice of [0, 3, -4, 10, 19]) scheduler.wake(scheduler.create({ nice }), 0);
    scheduler.pickNext(0, 0);
    let seed = 1;
    const asleep: number[] = [];
    for (let now = 0; now < 3000 * MS; now += 777_777) {
      seed = (seed * 48_271) % 2_147_483_647;
      order[index].push(run(scheduler, now, 777_777));
      const current = scheduler.current(0);
      if (seed % 5 === 0 && current !== NIL && asleep.length < 4) {
        scheduler.blocked(current);
        asleep.push(current);
        scheduler.pickNext(0, now + 777_777);
      } else if (seed % 3 === 0 && asleep.length > 0) {
        scheduler.wake(asleep.shift()!, now + 777_777);
        if (scheduler.needResched(0)) scheduler.pickNext(0, now + 777_777);
      }
    }
    scheduler.checkInvariants();
  }
  const a = (small.policy as CfsPolicy).minVruntimeOf(0);
  expect(a).toBeLessThan(2 ** 25);
  expect((plain.policy as CfsPolicy).minVruntimeOf(0)).toBeGreaterThan(2 ** 28);
  expect(order[1]).toEqual(order[0]);
});

test('a change of nice while queued keeps the queue in order', () => {
  const scheduler = new Scheduler({ policy: cfs(), tasks: 8 });
  for (let i = 0; i < 6; i++) scheduler.wake(scheduler.create({ nice: i }), 0);
  scheduler.pickNext(0, 0);
  for (let i = 0; i < 6; i++) {
    run(scheduler, i * MS, MS);
    scheduler.setNice(i, 19 - i);
    scheduler.checkInvariants();
  }
});

test('a task that ends while queued is never run again', () => {
  const scheduler = new Scheduler({ policy: cfs(), tasks: 4 });
  const tasks = [0, 1, 2].map(() => scheduler.create());
  for (const task of tasks) scheduler.wake(task, 0);
  const current = scheduler.pickNext(0, 0);
  const leftmost = tasks.find((task) => task !== current)!;
  scheduler.exit(leftmost);
  for (let now = 0; now < 100 * MS; now += MS) expect(run(scheduler, now, MS)).not.toBe(leftmost);
  scheduler.checkInvariants();
});

test('a policy of a few lines schedules', () => {
  const stack: number[] = [];
  const lifo: PolicyFactory = () =>
    completePolicy({
      name: 'lifo',
      enqueue: (task) => void stack.push(task),
      dequeue: (task) => void stack.splice(stack.indexOf(task), 1),
      pickNext: (_cpu, previous) => (previous === NIL ? (stack.pop() ?? NIL) : previous),
    });
  const scheduler = new Scheduler({ policy: lifo, tasks: 3 });
  for (let i = 0; i < 3; i++) scheduler.wake(scheduler.create(), 0);
  expect(scheduler.pickNext(0, 0)).toBe(2);
  scheduler.exit(2);
  expect(scheduler.pickNext(0, 0)).toBe(1);
});

test('a woken task goes to an idle CPU, and an idle CPU steals', () => {
  const scheduler = new Scheduler({ policy: cfs(), tasks: 4, cpus: 2 });
  const tasks = [0, 1, 2].map(() => scheduler.create());
  expect(scheduler.wake(tasks[0], 0)).toBe(0);
  scheduler.pickNext(0, 0);
  expect(scheduler.wake(tasks[1], 0)).toBe(1);
  scheduler.pickNext(1, 0);
  expect(scheduler.wake(tasks[2], 0)).toBe(0);
  scheduler.exit(tasks[1]);
  expect(scheduler.pickNext(1, MS)).toBe(tasks[2]);
  expect(scheduler.migrations[tasks[2]]).toBe(1);
  scheduler.checkInvariants();
});

test('affinity keeps a task off a CPU and moves a running one away', () => {
  const scheduler = new Scheduler({ policy: cfs(), tasks: 4, cpus: 2 });
  const pinned = scheduler.create({ affinity: 0b10 });
  expect(scheduler.wake(pinned, 0)).toBe(1);
  scheduler.pickNext(1, 0);
  expect(scheduler.pickNext(0, 0)).toBe(NIL);
  scheduler.setAffinity(pinned, 0b01, MS);
  expect(scheduler.needResched(1)).toBe(true);
  expect(scheduler.pickNext(1, MS)).toBe(NIL);
  expect(scheduler.pickNext(0, MS)).toBe(pinned);
  scheduler.checkInvariants();
});
