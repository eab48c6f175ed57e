import { expect, test } from 'vitest';
import { cfs, eevdf, InheritingLocks, Scheduler } from '../src/index.js';

const MS = 1_000_000;
const BUS = 0;

/**
 * Mars Pathfinder: a low task (nice 19) holds the bus, a high one (nice -20) needs it, and a middling
 * one (nice 0) computes. How long the high task waits.
 */
function pathfinder(inherit: boolean): number {
  const scheduler = new Scheduler({ policy: eevdf(), tasks: 4 });
  const locks = new InheritingLocks(scheduler, 1);
  const low = scheduler.create({ nice: 19 });
  const high = scheduler.create({ nice: -20 });
  const middle = scheduler.create({ nice: 0 });
  scheduler.wake(low, 0);
  expect(scheduler.pickNext(0, 0)).toBe(low);
  expect(locks.acquire(low, BUS)).toBe(true);
  scheduler.wake(high, 0);
  scheduler.wake(middle, 0);
  let now = 0;
  let left = 10 * MS;
  let asked = -1;
  scheduler.pickNext(0, now);
  for (;;) {
    const task = scheduler.current(0);
    if (task === high && asked < 0) {
      asked = now;
      if (inherit) expect(locks.acquire(high, BUS)).toBe(false);
      else scheduler.blocked(high);
      scheduler.pickNext(0, now);
      continue;
    }
    scheduler.account(0, MS / 4);
    now += MS / 4;
    if (task === low && asked >= 0 && (left -= MS / 4) <= 0) break;
    if (scheduler.tick(0)) scheduler.pickNext(0, now);
    if (inherit) locks.checkInvariants();
    if (now > 60_000 * MS) throw new Error('the high task never ran again');
  }
  if (inherit) {
    expect(locks.release(low, BUS, now)).toBe(high);
    expect(scheduler.tasks.nice[low]).toBe(19);
    expect(locks.holder(BUS)).toBe(high);
  }
  return now - asked;
}

test('a high task waits for the low holder of a lock, not for those in between', () => {
  // The holder needs 10 ms; beside one middling task it would get 1.4 % of the CPU.
  expect(pathfinder(true)).toBeLessThan(15 * MS);
  expect(pathfinder(false)).toBeGreaterThan(300 * MS);
});

test('inheritance passes along a chain of locks and is given back', () => {
  const scheduler = new Scheduler({ policy: cfs(), tasks: 4 });
  const locks = new InheritingLocks(scheduler, 2);
  const [a, b, c] = [19, 10, -10].map((nice) => scheduler.create({ nice }));
  const run = (task: number) => {
    for (const other of [a, b, c]) {
      if (scheduler.tasks.state[other] === 3) scheduler.blocked(other);
    }
    if (scheduler.tasks.state[task] === 1) scheduler.wake(task, 0);
    expect(scheduler.pickNext(0, 0)).toBe(task);
  };
  run(a);
  locks.acquire(a, 0);
  run(b);
  locks.acquire(b, 1);
  expect(locks.acquire(b, 0)).toBe(false);
  expect(scheduler.tasks.nice[a]).toBe(10);
  run(c);
  expect(locks.acquire(c, 1)).toBe(false);
  expect(scheduler.tasks.nice[b]).toBe(-10);
  expect(scheduler.tasks.nice[a]).toBe(-10);
  locks.checkInvariants();
  expect(locks.release(a, 0, 0)).toBe(b);
  expect(scheduler.tasks.nice[a]).toBe(19);
  expect(scheduler.tasks.nice[b]).toBe(-10);
  expect(locks.release(b, 1, 0)).toBe(c);
  expect(scheduler.tasks.nice[b]).toBe(10);
});

test('a circle of waits and foreign releases are refused', () => {
  const scheduler = new Scheduler({ policy: cfs(), tasks: 2 });
  const locks = new InheritingLocks(scheduler, 2);
  const [a, b] = [scheduler.create(), scheduler.create()];
  locks.acquire(b, 1);
  scheduler.wake(a, 0);
  scheduler.pickNext(0, 0);
  locks.acquire(a, 0);
  locks.acquire(a, 1);
  for (const [call, code] of [
    [() => locks.acquire(b, 0), 'ERR_DEADLOCK'],
    [() => locks.acquire(b, 1), 'ERR_LOCK'],
    [() => locks.release(b, 0, 0), 'ERR_LOCK'],
    [() => locks.acquire(b, 9), 'ERR_LOCK'],
  ] as const) {
    expect(call).toThrow(expect.objectContaining({ code }));
  }
});
