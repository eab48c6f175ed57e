import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import {
  cfs,
  eevdf,
  hog,
  mlfq,
  type PolicyFactory,
  parseRecording,
  periodic,
  roundRobin,
  type SimulationTask,
  simulate,
} from '../../src/index.js';

const MS = 1_000_000;
const POLICIES: Record<string, PolicyFactory> = {
  cfs: cfs(),
  eevdf: eevdf(),
  mlfq: mlfq(),
  rr: roundRobin(),
};

export function recording(kind: string): SimulationTask[] {
  const file = new URL(`../data/sched-${kind}-open.tsv.gz`, import.meta.url);
  return parseRecording(gunzipSync(readFileSync(file)).toString());
}

test.each(Object.keys(POLICIES))(
  '%s: arrival, runs, sleeps and waits add up to the end',
  (name) => {
    const tasks = recording('mix');
    const result = simulate({ tasks, policy: POLICIES[name], cpus: 2 });
    for (const [index, task] of result.tasks.entries()) {
      const bursts = Array.from(tasks[index].bursts);
      const runs = bursts.reduce((sum, burst, i) => (i % 2 === 0 ? sum + burst : sum), 0);
      const all = bursts.reduce((sum, burst) => sum + burst, 0);
      expect(task.runNs).toBe(runs);
      expect(task.arriveNs + all + task.waitNs).toBe(task.endNs);
    }
  },
);

test('the same simulation twice gives the same result', () => {
  const options = { tasks: recording('make'), policy: cfs(), cpus: 2, tickNs: 4 * MS };
  expect(simulate(options)).toEqual(simulate(options));
});

test('structures hold at every switch of a recorded build', () => {
  let picks = 0;
  simulate({
    tasks: recording('mix'),
    policy: cfs(),
    cpus: 2,
    observe: (scheduler) => {
      if (picks++ % 50 === 0) scheduler.checkInvariants();
    },
  });
  expect(picks).toBeGreaterThan(1000);
});

test('slices of one CPU do not overlap and cover the run time', () => {
  const result = simulate({ tasks: recording('mix'), policy: mlfq(), cpus: 2 });
  const end = [0, 0];
  let covered = 0;
  for (const slice of [...result.slices].sort((a, b) => a.startNs - b.startNs)) {
    expect(slice.startNs).toBeGreaterThanOrEqual(end[slice.cpu]);
    end[slice.cpu] = slice.endNs;
    covered += slice.endNs - slice.startNs;
  }
  expect(covered).toBe(result.totalRunNs);
});

test('the cost of a switch delays the task and is charged to nobody', () => {
  const tasks = [hog(20 * MS), hog(20 * MS)];
  const policy = roundRobin({ quantumNs: 10 * MS });
  const free = simulate({ tasks, policy });
  const paid = simulate({ tasks, policy, switchNs: MS });
  expect(free.nowNs).toBe(40 * MS);
  expect(paid.nowNs).toBe(44 * MS);
  expect(paid.totalRunNs).toBe(free.totalRunNs);
});

test('a periodic task beside a hog keeps its period under MLFQ', () => {
  // Twenty jobs of 0.2 ms stay within the allotment of the highest level.
  const tasks = [hog(1000 * MS), periodic(40 * MS, MS / 5, 20)];
  const result = simulate({ tasks, policy: mlfq() });
  expect(Math.max(...result.tasks[1].delays)).toBeLessThanOrEqual(5 * MS);
});

test.each([
  ['a negative burst', { bursts: [-1] }, 'ERR_BURST'],
  ['a burst that is not a number', { bursts: [Number.NaN] }, 'ERR_BURST'],
  ['no burst', { bursts: [] }, 'ERR_BURST'],
  ['an arrival in the past', { bursts: [1], arriveNs: -1 }, 'ERR_ARRIVAL'],
])('%s is refused', (_title, task, code) => {
  expect(() => simulate({ tasks: [task], policy: cfs() })).toThrow(
    expect.objectContaining({ code }),
  );
});

test.each(['1\t2', '0\t-1\t0\t0\tx\texit\t5,-3', '0\t-1\t0\t77\tx\texit\t5', ''])(
  'a corrupt recording is refused: %j',
  (text) => {
    expect(() => parseRecording(text)).toThrow(expect.objectContaining({ code: 'ERR_RECORDING' }));
  },
);
