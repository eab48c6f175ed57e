import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { type CellChoice, cellKey, runCell } from '../../src/matrix/cell.js';
import { cellsOf, finishedCells } from '../../src/matrix/plan.js';
import { runCommand } from './run-command.js';

const folder = mkdtempSync(join(tmpdir(), 'hotpath-matrix-'));
afterAll(() => rmSync(folder, { recursive: true }));

const choice: CellChoice = {
  ...{ trace: 'io-cc-open', accesses: 300, seed: 1, eviction: 'lru', scheduler: 'cfs' },
  ...{ page: '4K', disk: 'nvme' },
};

test('a matrix has every combination once, and each has a name of its own', () => {
  const cells = cellsOf({
    ...{ trace: 'io-cc-open', accesses: 300, seed: 1, evictions: ['lru', '2q'] },
    ...{ schedulers: ['cfs', 'mlfq'], pages: ['4K', '2M', '1G'], disks: ['nvme'] },
  });
  expect(cells).toHaveLength(12);
  expect(new Set(cells.map(cellKey)).size).toBe(12);
});

test('a cell is the same each time, and each axis changes what it should', () => {
  const base = runCell(choice);
  expect(runCell(choice)).toEqual(base);
  expect(base.hits + base.misses).toBe(300);
  const large = runCell({ ...choice, page: '2M' });
  expect(large.misses).toBe(base.misses);
  expect(large.tlbMisses).toBeLessThan(base.tlbMisses);
  expect(runCell({ ...choice, disk: 'hdd' }).seconds).toBeGreaterThan(base.seconds * 4);
});

describe('hotpath matrix', () => {
  const args = [
    ...['matrix', '--accesses', '300', '--eviction', 'lru,2q', '--scheduler', 'cfs'],
    ...['--page', '4K', '--disk', 'nvme', '--threads', '1', '--out', join(folder, 'cells.jsonl')],
  ];

  test('goes on where an interrupt has left it, and does no cell twice', async () => {
    const out = join(folder, 'cells.jsonl');
    const done = runCell(choice);
    const marked = { ...done, seconds: -1 };
    writeFileSync(out, `${JSON.stringify(marked)}\n{"schema":"hotpath-matrix/1","key":"io-c`);
    const { status, printed } = await runCommand(...args, '--json');
    expect(status).toBe(0);
    const [first, second] = printed.map((line) => JSON.parse(line));
    expect(first).toEqual(marked);
    expect(second).toEqual(runCell({ ...choice, eviction: '2q' }));
    const lines = readFileSync(out, 'utf8');
    expect(lines).toBe(`${printed[0]}\n${printed[1]}\n`);
    expect(finishedCells(out).size).toBe(2);
    const again = await runCommand(...args);
    expect(again.printed).toHaveLength(4);
    expect(readFileSync(out, 'utf8')).toBe(lines);
  }, 60_000);

  test('a word that is none of an axis is exit code 2', async () => {
    for (const [option, value, message] of [
      ['--eviction', 'lru,best', /'lru,best' is invalid; allowed: .*s3-fifo/],
      ['--page', '8K', /'8K' is invalid; allowed: 4K, 2M, 1G/],
      ['--accesses', '1', /allowed: a whole number 100\.\./],
      ['--trace', 'nothing', /'nothing' is neither a file nor one of/],
    ] as const) {
      const { status, errors } = await runCommand('matrix', option, value);
      expect([status, errors[0]]).toEqual([2, expect.stringMatching(message)]);
    }
  }, 60_000);
});
