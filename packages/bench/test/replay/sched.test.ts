import { readFileSync } from 'node:fs';
import { cfs, eevdf, mlfq, roundRobin } from '@hotpath/sched';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { replaySched, type SchedReplay } from '../../src/replay/sched.js';
import { SCHED_POLICIES } from '../../src/replay/sched-policies.js';
import { type BurstTask, decodeBurstTrace } from '../../src/traces/burst-trace.js';
import { readTraceFile } from '../../src/traces/trace-file.js';
import { recordings } from '../recordings.js';

const task = (id: number, spawnUs: number, bursts: number[], nice = 0): BurstTask => ({
  ...{ id, parent: -1, spawnUs, nice, command: `task-${id}`, end: 'exit' },
  bursts: Float64Array.from(bursts),
});

/** Time is neither lost nor invented: spawn + runs + sleeps + waits = end, for every task. */
function expectTimeToAddUp(tasks: readonly BurstTask[], replay: SchedReplay): void {
  tasks.forEach(({ spawnUs, bursts }, index) => {
    const lastRun = bursts.length % 2 === 0 ? bursts.length - 1 : bursts.length;
    const used = bursts.subarray(0, lastRun).reduce((sum, burst) => sum + burst, spawnUs);
    const { waitedUs, endUs } = replay.perTask[index]!;
    if (lastRun > 0) expect(used + waitedUs).toBeCloseTo(endUs, 2);
  });
}

test('one task alone never waits', () => {
  const { perTask, wakeLatencyUs, switches } = replaySched([task(7, 5, [100, 50, 30])], {
    policy: cfs(),
    cpus: 1,
  });
  expect(perTask).toEqual([{ id: 7, runUs: 130, waitedUs: 0, waitMaxUs: 0, endUs: 185 }]);
  expect(wakeLatencyUs.count).toBe(2);
  expect(wakeLatencyUs.max).toBe(0);
  expect(switches).toBe(2);
});

test('two tasks take turns of a quantum under round-robin', () => {
  const hogs = [task(0, 0, [25_000]), task(1, 0, [25_000])];
  const replay = replaySched(hogs, { policy: roundRobin({ quantumNs: 10_000_000 }), cpus: 1 });
  // 0: 0-10, 20-30, 40-45; 1: 10-20, 30-40, 45-50.
  expect(replay.perTask.map(({ endUs }) => endUs)).toEqual([45_000, 50_000]);
  expect(replay.preemptions).toBe(4);
  expect(replay.utilization).toBe(1);
});

test('under CFS nice 5 gets about a third of what nice 0 gets', () => {
  const hogs = [task(0, 0, [300_000], 0), task(1, 0, [300_000], 5)];
  const { perTask } = replaySched(hogs, { policy: cfs(), cpus: 1 });
  // While both run, weights 1024 to 335 share the CPU: nice 0 ends after 300 * (1 + 335 / 1024).
  expect(perTask[0]!.endUs).toBeGreaterThan(385_000);
  expect(perTask[0]!.endUs).toBeLessThan(415_000);
});

test('under MLFQ a short task that comes late goes before a hog', () => {
  const tasks = [task(0, 0, [200_000]), task(1, 100_000, [1000])];
  const { perTask } = replaySched(tasks, { policy: mlfq(), cpus: 1 });
  expect(perTask[1]!.waitedUs).toBe(0);
});

test('SJF runs the shortest of the waiting first, STCF a shorter newcomer at once', () => {
  const tasks = [task(0, 0, [9000]), task(1, 1000, [5000]), task(2, 2000, [1000])];
  const ends = (policy: string) =>
    replaySched(tasks, { policy: SCHED_POLICIES[policy]!(), cpus: 1 }).perTask.map((t) => t.endUs);
  expect(ends('fifo')).toEqual([9000, 14_000, 15_000]);
  expect(ends('sjf')).toEqual([9000, 15_000, 10_000]);
  expect(ends('stcf')).toEqual([15_000, 7000, 3000]);
});

test('a reservation under EDF keeps a periodic task on time among hogs; half of what it needs makes it late', () => {
  const bursts = Array.from({ length: 39 }, (_, at) => (at % 2 === 0 ? 2000 : 3000));
  const tasks = [task(0, 0, bursts), ...[1, 2, 3, 4, 5].map((id) => task(id, 0, [100_000]))];
  const replay = (runtimeUs: number) =>
    replaySched(tasks, {
      policy: SCHED_POLICIES['edf']!(),
      cpus: 1,
      reservations: new Map([[0, { runtimeUs, periodUs: 5000 }]]),
    });
  const { perTask } = replay(2000);
  expect(perTask[0]).toMatchObject({ misses: 0, waitedUs: 0 });
  expect(perTask[1]!.misses).toBeUndefined();
  // Promised half of what it needs, it is throttled in each burst and ends it a period late.
  expect(replay(1000).perTask[0]!.misses).toBe(20);
  expect(() => replay(4800)).toThrow(
    expect.objectContaining({
      code: 'ERR_RESERVATION',
      message: expect.stringContaining('task 0 (task-0) asks for 4800 us in 5000 us'),
    }),
  );
});

test('with a 4 ms tick, EEVDF makes the tasks of make wait as long as Linux did, within 15 %', () => {
  const file = new URL('../../data/sched/sched-make-open', import.meta.url).pathname;
  const tasks = decodeBurstTrace(readTraceFile(`${file}.tsv.gz`));
  const linux = JSON.parse(readFileSync(`${file}.linux.json`, 'utf8')) as { total_wait_us: number };
  const { waitUs } = replaySched(tasks, { policy: eevdf(), cpus: 2, tickUs: 4000 });
  expect(Math.abs(waitUs.total / linux.total_wait_us - 1)).toBeLessThan(0.15);
});

describe.each(recordings('sched', /^sched-.*\.tsv\.gz$/))('%s', (path) => {
  const tasks = decodeBurstTrace(readTraceFile(path));
  test.each(Object.keys(SCHED_POLICIES))('every microsecond adds up under %s', (name) => {
    const replay = replaySched(tasks, { policy: SCHED_POLICIES[name]!(), cpus: 2 });
    expectTimeToAddUp(tasks, replay);
    expect(replay.utilization).toBeLessThanOrEqual(1);
  });
});

test('any tasks on any number of CPUs: time adds up, and a second run is the same run', () => {
  const bursts = fc.array(fc.nat({ max: 30_000 }), { minLength: 1, maxLength: 9 });
  const anyTask = fc.record({
    spawnUs: fc.nat({ max: 50_000 }),
    bursts,
    nice: fc.nat({ max: 19 }),
  });
  const names = Object.keys(SCHED_POLICIES);
  const run = fc.record({
    drawn: fc.array(anyTask, { minLength: 1, maxLength: 12 }),
    cpus: fc.integer({ min: 1, max: 4 }),
    policy: fc.constantFrom(...names),
  });
  fc.assert(
    fc.property(run, ({ drawn, cpus, policy }) => {
      const tasks = drawn.map((one, id) => task(id, one.spawnUs, one.bursts, one.nice));
      const replay = () => replaySched(tasks, { policy: SCHED_POLICIES[policy]!(), cpus });
      const first = replay();
      expectTimeToAddUp(tasks, first);
      expect(replay()).toEqual(first);
    }),
    { numRuns: 60 },
  );
});
