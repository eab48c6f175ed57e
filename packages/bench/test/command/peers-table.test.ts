import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { storePeers } from '../../src/report/peers-store.js';
import { runCommand } from './run-command.js';

const folder = mkdtempSync(join(tmpdir(), 'hotpath-peers-'));
afterAll(() => rmSync(folder, { recursive: true }));

const standing = (name: string, p25: number, ns: number) => ({
  id: name,
  name,
  version: name === 'us' ? null : '1.2.3',
  semantics: null,
  nsPerOperation: { min: ns, p25: ns, median: ns, p75: ns },
  ratio: { p25, low: p25 - 0.1, high: p25 + 0.1 },
  checksum: '00000000',
  facts: {},
});

test('peers --table shows the last races that were kept, nearest rivals first', async () => {
  const race = {
    ...{ workload: 'w', title: 'some work', parameters: {}, operationCount: 1, rounds: 1 },
    clock: 'wall' as const,
    standings: [standing('us', 1, 10), standing('slow', 4, 40), standing('near', 1.5, 15)],
  };
  const host = { node: '20.0.0', cpu: 'a processor', cpuCount: 2 };
  const run = { schema: 'hotpath-peers/1', area: 'cache', host, results: [race] };
  storePeers(folder, { ...run, date: '2026-11-28' });
  const { printed, status } = await runCommand('peers', 'cache', '--table', '--out', folder);
  expect(status).toBe(0);
  expect(printed).toContain(
    '| cache | some work | 10.0 ns | near 1.2.3 1.50x (1.40-1.60); slow 1.2.3 4.00x (3.90-4.10) |',
  );
  expect(printed.at(-1)).toBe('Run on 2026-11-28: Node 20.0.0, a processor, 2 CPUs.');
});
