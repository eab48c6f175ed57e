import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { eevdf, parseRecording, simulate } from '../../src/index.js';

interface LinuxResult {
  total_wait_us: number;
  truncated_at_us: number | null;
  columns: string[];
  rows: (number | string)[][];
}

const own = new URL('../data/', import.meta.url).pathname;
const extra = process.env['HOTPATH_DATA'];
const folders = extra === undefined ? [own] : [own, join(extra, 'sched')];
const recordings = folders.flatMap((folder) =>
  readdirSync(folder)
    .filter((name) => /^sched-.*\.tsv\.gz$/.test(name))
    .map((name) => join(folder, name)),
);

function replay(file: string) {
  const tasks = parseRecording(gunzipSync(readFileSync(file)).toString());
  const result = simulate({ tasks, policy: eevdf(), cpus: 2, tickNs: 4_000_000, record: false });
  const sidecar = file.replace('.tsv.gz', '.linux.json');
  const linux = existsSync(sidecar)
    ? (JSON.parse(readFileSync(sidecar, 'utf8')) as LinuxResult)
    : null;
  return { tasks, result, linux };
}

test.each(recordings)('%s: every task gets the CPU time it had on Linux', (file) => {
  const { tasks, result, linux } = replay(file);
  for (const [index, task] of result.tasks.entries()) {
    let runNs = 0;
    for (let i = 0; i < tasks[index].bursts.length; i += 2) runNs += tasks[index].bursts[i];
    expect(task.runNs).toBe(runNs);
  }
  if (linux === null) return;
  const runColumn = linux.columns.indexOf('run_us');
  const total = linux.rows.reduce((sum, row) => sum + Number(row[runColumn]), 0);
  expect(result.totalRunNs).toBe(1000 * total);
});

test('the build waits within fifteen percent of what it waited on Linux', () => {
  const { result, linux } = replay(join(own, 'sched-make-open.tsv.gz'));
  expect(Math.abs(result.totalWaitNs / 1000 / linux!.total_wait_us - 1)).toBeLessThan(0.15);
});
