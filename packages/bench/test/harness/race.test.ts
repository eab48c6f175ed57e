import { expect, test } from 'vitest';
import type { Workload } from '../../src/harness/contestant.js';
import { race } from '../../src/harness/race.js';
import { quantile, summarize } from '../../src/harness/statistics.js';

interface Parameters {
  readonly count: number;
}

const workload: Workload<Parameters> = {
  name: 'sum',
  title: 'sums the first numbers',
  parameters: { count: 10_000 },
};
const options = { seed: 5, rounds: 4, warmupRounds: 1, progress: () => {} };
const folder = '../test/harness/contestants';

test('contestants take turns and are compared with the first', async () => {
  const said: string[] = [];
  const progress = (text: string) => said.push(text);
  const result = await race(folder, ['loop', 'formula'], workload, { ...options, progress });
  expect(result.operationCount).toBe(10_000);
  const [loop, formula] = result.standings;
  expect(loop!.checksum).toBe(formula!.checksum);
  expect(loop!.ratio.p25).toBe(1);
  expect(loop!.nsPerOperation.min).toBeGreaterThan(0);
  expect(loop!.nsPerOperation.min).toBeLessThanOrEqual(loop!.nsPerOperation.median);
  expect(formula!.facts).toEqual({ bytes: 8 });
  expect(loop!.version).toMatch(/^\d+\.\d+\.\d+$/);
  expect(said).toContain('sum: round 5 of 5');
}, 60_000);

test('CPU time can be measured instead of the wall clock', async () => {
  const result = await race(folder, ['loop'], workload, { ...options, clock: 'cpu' });
  expect(result.clock).toBe('cpu');
  expect(result.standings[0]!.nsPerOperation.p75).toBeGreaterThanOrEqual(0);
}, 60_000);

test('unequal results end the race with both names', async () => {
  await expect(race(folder, ['loop', 'wrong'], workload, options)).rejects.toThrow(
    /wrong and loop did unequal work/,
  );
}, 60_000);

test('a contestant that says why it differs is let run', async () => {
  const { standings } = await race(folder, ['loop', 'other'], workload, options);
  expect(standings[1]!.semantics).toBe('counts from two');
}, 60_000);

test('a contestant that throws is named, and one that cannot take part is left out', async () => {
  await expect(race(folder, ['loop', 'throws'], workload, options)).rejects.toThrow(
    /throws: RangeError: not today/,
  );
  const without = { ...workload, without: ['throws'] };
  expect((await race(folder, ['loop', 'throws'], without, options)).standings).toHaveLength(1);
}, 60_000);

test('quantiles are measured values', () => {
  expect(summarize([4, 1, 3, 2])).toEqual({ min: 1, p25: 1, median: 2, p75: 3 });
  expect(quantile([7], 0.99)).toBe(7);
  expect(() => quantile([], 0.5)).toThrow(RangeError);
});
