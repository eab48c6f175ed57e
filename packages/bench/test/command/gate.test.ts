import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { type Golden, writeGolden } from '../../src/gate/golden.js';
import { runCommand } from './run-command.js';

const folder = mkdtempSync(join(tmpdir(), 'hotpath-gate-'));
afterAll(() => rmSync(folder, { recursive: true }));
const golden = join(folder, 'deep', 'gate.json');
const gate = (...args: string[]) =>
  runCommand(
    'gate',
    '--golden',
    golden,
    '--cycles-only',
    '--only',
    'slab,contextSwitch,tour',
    ...args,
  );

test('the gate holds what it has kept, and names every figure that became worse', async () => {
  expect((await gate('--update')).status).toBe(0);
  const kept = JSON.parse(readFileSync(golden, 'utf8')) as Golden;
  expect(kept.cycles['slab']!['slab']).toBeGreaterThan(1_000_000);
  expect(Object.keys(kept.cycles)).toContain('tour');
  // One figure as if it had been better before, one as if it had been worse.
  const cycles = {
    ...kept.cycles,
    slab: { ...kept.cycles['slab'], slab: kept.cycles['slab']!['slab']! - 1 },
    contextSwitch: {
      ...kept.cycles['contextSwitch'],
      max: kept.cycles['contextSwitch']!['max']! + 1,
    },
  };
  writeGolden(golden, { ...kept, cycles });
  const { printed, status } = await gate('--json');
  expect(status).toBe(1);
  const result = JSON.parse(printed[0]!);
  expect(result).toMatchObject({ schema: 'hotpath-gate/1', regressions: 1, instructions: null });
  expect(result.cycles.differences).toMatchObject([
    { path: 'slab.slab', verdict: 'worse' },
    { path: 'contextSwitch.max', verdict: 'better' },
  ]);
}, 120_000);

test('without golden figures, or with another kind of file, it is exit code 2', async () => {
  const none = await runCommand('gate', '--golden', join(folder, 'none'), '--cycles-only');
  expect([none.status, none.errors[0]]).toEqual([2, expect.stringMatching(/no golden figures in/)]);
  const other = join(folder, 'other.json');
  writeFileSync(other, '{"schema":1}');
  const wrong = await runCommand('gate', '--golden', other, '--cycles-only');
  expect(wrong.errors[0]).toMatch(/is of schema '1'; allowed: hotpath-gate\/1/);
});
