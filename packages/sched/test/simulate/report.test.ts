import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { charts } from '../../examples/gantt.js';
import {
  delayPercentile,
  ganttSvg,
  ganttText,
  hog,
  latencyTable,
  roundRobin,
  shareOf,
  simulate,
  timeHistory,
} from '../../src/index.js';

const MS = 1_000_000;
const result = simulate({
  tasks: [
    hog(20 * MS, { name: 'one' }),
    { name: 'two <x>', arriveNs: 5 * MS, bursts: [5 * MS, 10 * MS, 5 * MS] },
  ],
  policy: roundRobin({ quantumNs: 10 * MS }),
});

const GANTT = [
  // 0-10 ms on CPU 0, then a wait of 5 ms in the queue, then 15-25 ms.
  'one     |000..0000 |',
  'two <x> | ..00   00|',
  'one column is 3.000 ms',
];

test('a Gantt chart in text shows who ran where and who waited', () => {
  expect(ganttText(result, 10).split('\n')).toEqual(GANTT);
});

test('the time history has a line for each slice, with sleep, wait and run time', () => {
  const lines = timeHistory(result).split('\n');
  expect(lines.length).toBe(1 + result.slices.length);
  expect(lines[1].split(/\s+/)).toEqual([
    '10.000',
    '[0000]',
    'one:0',
    '0.000',
    '0.000',
    '10.000',
    'R',
  ]);
  expect(lines[2].split(/\s+/).slice(4)).toEqual(['0.000', '5.000', '5.000', 'S']);
});

test('the latency table is sorted by the longest wait', () => {
  const lines = latencyTable(result).split('\n');
  expect(lines[0]).toContain('max ms');
  expect(lines.length).toBe(3);
  const longest = lines.slice(1).map((line) => Number(line.split(/\s+/).at(-2)));
  expect(longest[0]).toBeGreaterThanOrEqual(longest[1]);
});

test('percentiles are by nearest rank', () => {
  const task = { ...result.tasks[0], delays: [5, 1, 9, 3] };
  expect([0, 25, 50, 75, 100].map((p) => delayPercentile(task, p))).toEqual([1, 1, 3, 5, 9]);
  expect(delayPercentile({ ...task, delays: [] }, 50)).toBe(0);
  expect(shareOf(result, 0)).toBeCloseTo(2 / 3, 9);
});

test('the SVG has a bar for each slice and escapes names', () => {
  const svg = ganttSvg(result, { title: 'a & b' });
  expect(svg).toContain('a &amp; b');
  expect(svg).toContain('two &lt;x&gt;');
  const bars = svg.match(/fill="#2f6db5"/g);
  expect(bars?.length).toBe(result.slices.length);
});

test('the pictures of the example are those that lie beside it', () => {
  for (const [name, svg] of Object.entries(charts())) {
    const file = new URL(`../../examples/gantt-${name}.svg`, import.meta.url);
    expect(readFileSync(file, 'utf8')).toBe(svg);
  }
});
