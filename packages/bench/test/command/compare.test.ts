import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { directionOf } from '../../src/compare/direction.js';
import { numericLeaves } from '../../src/compare/leaves.js';
import { runCommand } from './run-command.js';

const folder = mkdtempSync(join(tmpdir(), 'hotpath-compare-'));
afterAll(() => rmSync(folder, { recursive: true }));

let files = 0;
function file(value: unknown): string {
  const path = join(folder, `${files++}.json`);
  writeFileSync(path, typeof value === 'string' ? value : JSON.stringify(value));
  return path;
}

const suite = (cycles: number, hitRate: number) => ({
  ...{ schema: 1, seed: 1, slab: { cycles }, blockCache: { hitRate, operations: 10 } },
  bursts: [{ policy: 'cfs', switches: 5 }],
});

describe('hotpath compare', () => {
  test('equal results are exit code 0 with nothing to tell', async () => {
    const path = file(suite(100, 0.9));
    const { status, printed } = await runCommand('compare', path, path);
    expect(status).toBe(0);
    expect(printed).toEqual(['6 figures compared: 0 differ, 0 worse or gone']);
  });

  test('cycles that rise beyond the tolerance, and a hit rate that falls, are exit code 1', async () => {
    const before = file(suite(100, 0.9));
    expect((await runCommand('compare', before, file(suite(102, 0.9)))).status).toBe(0);
    const slower = await runCommand('compare', before, file(suite(103, 0.9)));
    expect(slower.status).toBe(1);
    expect(slower.printed[1]).toMatch(/^worse +slab\.cycles +100 +103 +\+3\.00 %$/);
    expect((await runCommand('compare', before, file(suite(100, 0.8)))).status).toBe(1);
    const better = await runCommand('compare', before, file(suite(50, 0.99)), '--tolerance', '0');
    expect(better.status).toBe(0);
    expect(
      (await runCommand('compare', before, file(suite(101, 0.9)), '--tolerance', '0')).status,
    ).toBe(1);
  });

  test('a figure that is gone is a regression; a new one is not', async () => {
    const { slab, ...rest } = suite(1, 1);
    const more = file({ ...rest, slab });
    const gone = await runCommand('compare', more, file(rest), '--json');
    expect(gone.status).toBe(1);
    expect(JSON.parse(gone.printed[0]!)).toMatchObject({
      schema: 'hotpath-compare/1',
      regressions: 1,
      differences: [{ path: 'slab.cycles', verdict: 'gone', before: 1, after: null }],
    });
    expect((await runCommand('compare', file(rest), more)).status).toBe(0);
  });

  test('races are compared by the rivals’ ratios, and only where quartiles do not overlap', async () => {
    const race = (p25: number, low: number, high: number) =>
      file({
        schema: 'hotpath-peers/1',
        area: 'cache',
        results: [
          { workload: 'w', standings: [{ id: 'us' }, { id: 'rival', ratio: { p25, low, high } }] },
        ],
      });
    const before = race(3, 2.9, 3.1);
    expect((await runCommand('compare', before, race(2, 1.9, 2.1))).status).toBe(1);
    expect((await runCommand('compare', before, race(2, 1.9, 2.95))).status).toBe(0);
    expect((await runCommand('compare', before, race(4, 3.9, 4.1))).status).toBe(0);
  });

  test('JSON lines are compared by their keys, whatever their order', async () => {
    const a = '{"schema":"hotpath-matrix/1","key":"a","cycles":1}';
    const b = '{"schema":"hotpath-matrix/1","key":"b","cycles":2}';
    const same = await runCommand('compare', file(`${a}\n${b}\n`), file(`${b}\n${a}\n`));
    expect([same.status, same.printed.at(-1)]).toEqual([
      0,
      '2 figures compared: 0 differ, 0 worse or gone',
    ]);
  });

  test('what cannot be compared is exit code 2 with one line', async () => {
    const good = file(suite(1, 1));
    for (const [other, message] of [
      [join(folder, 'none'), /cannot be read/],
      [file('{ no json'), /neither JSON nor JSON lines/],
      [file('3'), /holds no results/],
      [file({ schema: 'hotpath-peers/1' }), /schema '1'.*'hotpath-peers\/1'; allowed: two of one/],
    ] as const) {
      const { status, errors } = await runCommand('compare', good, other);
      expect([status, errors.length]).toEqual([2, 1]);
      expect(errors[0]).toMatch(message);
    }
    const { errors } = await runCommand('compare', good, good, '--tolerance', '-1');
    expect(errors[0]).toMatch(/'-1' is invalid; allowed: a number 0\.\.1000/);
  });
});

test('every figure of a result has a path, and elements are called by what tells them apart', () => {
  const value = {
    a: [
      { policy: 'x', n: 1 },
      { policy: 'y', n: 2 },
    ],
    b: [3, { c: 4 }],
  };
  expect([...numericLeaves(value)]).toEqual([
    ['a[x].n', 1],
    ['a[y].n', 2],
    ['b[0]', 3],
    ['b[1].c', 4],
  ]);
});

test.each([
  ['slab.cycles', 'less'],
  ['blockCache.warm.llcMisses', 'less'],
  ['contextSwitch.p99', 'less'],
  ['bursts[cfs].wakeP99Ms', 'less'],
  ['slab.missRatio', 'less'],
  ['blockCache.hitRate', 'more'],
  ['blockCache.operationsPerSecond', 'more'],
  ['pageSize.ratio', 'more'],
  ['blockCache.operations', 'neither'],
  ['seed', 'neither'],
  ['slab.objectBytes', 'neither'],
])('of %s, %s is better', (path, direction) => {
  expect(directionOf(path)).toBe(direction);
});
