import { NIL } from '@hotpath/hw-x86';
import { expect, test } from 'vitest';
import { cfs, eevdf, hog, Scheduler, type SimulationTask, simulate } from '../../src/index.js';

const MS = 1_000_000;
const FAIR = [
  ['cfs', cfs()],
  ['eevdf', eevdf()],
] as const;

function runShares(
  policy: (typeof FAIR)[number][1],
  groups: { weight?: number; quotaNs?: number; periodNs?: number }[],
  members: number[],
  cpus = 1,
): { groups: number[]; total: number } {
  const tasks: SimulationTask[] = members.map((group) =>
    hog(100_000 * MS, group === NIL ? {} : { group }),
  );
  let picks = 0;
  const result = simulate({
    tasks,
    groups,
    policy,
    cpus,
    untilNs: 4000 * MS,
    record: false,
    observe: (scheduler) => {
      if (picks++ % 64 === 0) scheduler.checkInvariants();
    },
  });
  const shares = groups.map(() => 0);
  for (const [index, task] of result.tasks.entries()) {
    if (members[index] !== NIL) shares[members[index]] += task.runNs;
  }
  return { groups: shares.map((ns) => ns / result.totalRunNs), total: result.totalRunNs };
}

test.each(FAIR)('%s: a tenant wins nothing by sharding into many tasks', (_name, policy) => {
  const members = [0, ...Array.from({ length: 50 }, () => 1)];
  const { groups } = runShares(policy, [{}, {}], members);
  expect(groups[0]).toBeGreaterThan(0.49);
  expect(groups[0]).toBeLessThan(0.51);
});

test.each(FAIR)(
  '%s: without groups the same sharding takes all but two percent',
  (_name, policy) => {
    const result = simulate({
      tasks: Array.from({ length: 51 }, () => hog(100_000 * MS)),
      policy,
      untilNs: 4000 * MS,
      record: false,
    });
    expect(result.tasks[0].runNs / result.totalRunNs).toBeLessThan(0.03);
  },
);

test.each(FAIR)('%s: groups share by weight', (_name, policy) => {
  const { groups } = runShares(policy, [{ weight: 3072 }, { weight: 1024 }], [0, 0, 1, 1, 1]);
  expect(Math.abs(groups[0] / 0.75 - 1)).toBeLessThan(0.01);
});

test.each(FAIR)('%s: groups share by weight over two CPUs', (_name, policy) => {
  const members = [0, 0, 0, 0, 1, 1, 1, 1];
  const { groups } = runShares(policy, [{ weight: 2048 }, { weight: 1024 }], members, 2);
  expect(Math.abs(groups[0] / (2 / 3) - 1)).toBeLessThan(0.05);
});

test.each(FAIR)('%s: a capped group gets its quota per period and no more', (_name, policy) => {
  const capped = { quotaNs: 20 * MS, periodNs: 100 * MS };
  const alone = runShares(policy, [capped], [0, 0]);
  expect(alone.total).toBeGreaterThanOrEqual(800 * MS);
  expect(alone.total).toBeLessThanOrEqual(820 * MS);
  const beside = runShares(policy, [capped], [0, 0, NIL]);
  expect(Math.abs(beside.groups[0] / 0.2 - 1)).toBeLessThan(0.03);
});

test.each(FAIR)('%s: a capped group stays within its quota on two CPUs', (_name, policy) => {
  const capped = { quotaNs: 50 * MS, periodNs: 100 * MS };
  const { total } = runShares(policy, [capped], [0, 0, 0], 2);
  expect(total).toBeGreaterThanOrEqual(1950 * MS);
  expect(total).toBeLessThanOrEqual(2110 * MS);
});

test.each(FAIR)('%s: tasks of a throttled group end and sleep without trace', (_name, policy) => {
  const scheduler = new Scheduler({ policy, tasks: 4, groups: 1 });
  const group = scheduler.createGroup({ quotaNs: MS, periodNs: 10 * MS });
  const tasks = [scheduler.create({ group }), scheduler.create({ group })];
  for (const task of tasks) scheduler.wake(task, 0);
  const first = scheduler.pickNext(0, 0);
  scheduler.account(0, 2 * MS);
  expect(scheduler.tick(0)).toBe(true);
  expect(scheduler.pickNext(0, 2 * MS)).toBe(NIL);
  scheduler.checkInvariants();
  scheduler.exit(first);
  scheduler.checkInvariants();
  scheduler.runTimers(10 * MS);
  // The overrun of 1 ms is the whole quota of the next period.
  expect(scheduler.pickNext(0, 10 * MS)).toBe(NIL);
  scheduler.runTimers(20 * MS);
  expect(scheduler.pickNext(0, 20 * MS)).toBe(tasks.find((task) => task !== first));
  scheduler.checkInvariants();
});

test('bad groups are refused', () => {
  const scheduler = new Scheduler({ policy: cfs(), groups: 1 });
  for (const [options, code] of [
    [{ weight: 0 }, 'ERR_WEIGHT'],
    [{ quotaNs: -1 }, 'ERR_QUOTA'],
    [{ periodNs: 1 }, 'ERR_PERIOD'],
  ] as const) {
    expect(() => scheduler.createGroup(options)).toThrow(expect.objectContaining({ code }));
  }
  expect(scheduler.createGroup()).toBe(0);
  expect(scheduler.createGroup()).toBe(NIL);
});
