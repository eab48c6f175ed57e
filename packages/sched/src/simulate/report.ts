import { checkInteger } from '@hotpath/hw-x86';
import type { SimulationResult, TaskResult } from './result.js';

/** Percentile `p` (0..100, nearest rank) of a task's waits in ns; 0 when it never waited. */
export function delayPercentile(task: TaskResult, p: number): number {
  if (task.delays.length === 0) return 0;
  const sorted = [...task.delays].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((p / 100) * sorted.length) - 1)];
}

/** A share between 0 and 1 of all that ran, by task. */
export function shareOf(result: SimulationResult, task: number): number {
  return result.totalRunNs === 0 ? 0 : result.tasks[task].runNs / result.totalRunNs;
}

const ms = (ns: number): string => (ns / 1e6).toFixed(3);

/** Columns padded to their widest cell; the first to the left, the others to the right. */
function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows
    .map((row) =>
      row
        .map((cell, at) => (at === 0 ? cell.padEnd(widths[at]) : cell.padStart(widths[at])))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/**
 * Latencies by task, in the manner of `perf sched latency`: CPU time, switches in, waits, and when the
 * longest wait ended is left out in favour of percentiles. Sorted by longest wait.
 */
export function latencyTable(result: SimulationResult): string {
  const rows = result.tasks
    .map((task, index) => ({ task, index }))
    .sort(
      (a, b) => delayPercentile(b.task, 100) - delayPercentile(a.task, 100) || a.index - b.index,
    )
    .map(({ task, index }) => [
      `${task.name}:${index}`,
      ms(task.runNs),
      String(task.delays.length),
      ms(task.delays.length === 0 ? 0 : task.waitNs / task.delays.length),
      ms(delayPercentile(task, 50)),
      ms(delayPercentile(task, 99)),
      ms(delayPercentile(task, 100)),
      String(task.migrations),
    ]);
  const head = ['task', 'run ms', 'switches', 'avg ms', 'p50 ms', 'p99 ms', 'max ms', 'moved'];
  return table([head, ...rows]);
}

/**
 * Every slice in order of its end, in the manner of `perf sched timehist`: time, CPU, task, sleep
 * before it, wait in the queue, run time; ms.
 */
export function timeHistory(result: SimulationResult, limit = 1000): string {
  checkInteger('ERR_LIMIT', 'limit', limit, 1, 2 ** 30);
  const rows = [...result.slices]
    .sort((a, b) => a.endNs - b.endNs || a.cpu - b.cpu)
    .slice(0, limit)
    .map((slice) => [
      ms(slice.endNs),
      `[${String(slice.cpu).padStart(4, '0')}]`,
      `${result.tasks[slice.task].name}:${slice.task}`,
      ms(slice.sleptNs),
      ms(slice.delayNs),
      ms(slice.endNs - slice.startNs),
      slice.blocked ? 'S' : 'R',
    ]);
  return table([['time', 'cpu', 'task', 'wait time', 'sch delay', 'run time', 'state'], ...rows]);
}

/**
 * A Gantt chart in text: a line for each task, `columns` steps of time; a digit is the CPU it ran on
 * for most of the step, `.` a wait, a space neither.
 */
export function ganttText(result: SimulationResult, columns = 72): string {
  checkInteger('ERR_COLUMNS', 'columns', columns, 8, 1000);
  const step = Math.max(1, Math.ceil(result.nowNs / columns));
  const width = Math.max(...result.tasks.map((task) => task.name.length));
  const lines = result.tasks.map((task, index) => {
    const ran = new Float64Array(columns);
    const waited = new Float64Array(columns);
    const cpu = new Int8Array(columns);
    for (const slice of result.slices) {
      if (slice.task !== index) continue;
      spread(waited, slice.startNs - slice.delayNs, slice.startNs, step);
      spread(ran, slice.startNs, slice.endNs, step);
      for (let at = Math.floor(slice.startNs / step); at * step < slice.endNs; at++) {
        if (at < columns) cpu[at] = slice.cpu;
      }
    }
    let line = '';
    for (let at = 0; at < columns; at++) {
      if (ran[at] > 0 && ran[at] >= waited[at]) line += cpu[at].toString(36);
      else line += waited[at] > 0 ? '.' : ' ';
    }
    return `${task.name.padEnd(width)} |${line}|`;
  });
  return [...lines, `one column is ${ms(step)} ms`].join('\n');
}

/** Adds the stretch to each step of time that it covers. */
function spread(steps: Float64Array, from: number, to: number, step: number): void {
  for (let at = Math.floor(from / step); at < steps.length && at * step < to; at++) {
    steps[at] += Math.min(to, (at + 1) * step) - Math.max(from, at * step);
  }
}

const COLOURS = [
  '#2f6db5',
  '#d9822b',
  '#3a9d5d',
  '#a5486e',
  '#7a64b8',
  '#8a7a3b',
  '#3b8f99',
  '#b5453a',
];

/** Options of {@link ganttSvg}. */
export interface GanttSvgOptions {
  /** Title above the chart. */
  title?: string;
  /** Width of the chart in pixels, default 960. */
  width?: number;
}

/** A Gantt chart as an SVG document: a row for each task, bars coloured by CPU, waits as thin lines. */
export function ganttSvg(result: SimulationResult, options: GanttSvgOptions = {}): string {
  const width = checkInteger('ERR_WIDTH', 'width', options.width ?? 960, 100, 10_000);
  const left = 110;
  const row = 26;
  const top = options.title === undefined ? 10 : 34;
  const scale = (width - left - 10) / Math.max(1, result.nowNs);
  const height = top + row * result.tasks.length + 26;
  const out: string[] = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" ` +
      `viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">`,
    `<title>${escapeXml(options.title ?? 'Gantt chart')}</title>`,
    '<rect width="100%" height="100%" fill="#ffffff"/>',
  ];
  if (options.title !== undefined) {
    out.push(`<text x="10" y="20" font-size="14">${escapeXml(options.title)}</text>`);
  }
  for (const [index, task] of result.tasks.entries()) {
    const y = top + row * index;
    out.push(`<text x="10" y="${y + 16}">${escapeXml(task.name)}</text>`);
  }
  const bar = (x: number, y: number, length: number, tall: number, colour: string) => {
    const at = (left + x * scale).toFixed(2);
    const long = Math.max(0.3, length * scale).toFixed(2);
    out.push(`<rect x="${at}" y="${y}" width="${long}" height="${tall}" fill="${colour}"/>`);
  };
  for (const slice of result.slices) {
    const y = top + row * slice.task;
    if (slice.delayNs > 0) bar(slice.startNs - slice.delayNs, y + 11, slice.delayNs, 2, '#bbbbbb');
    const colour = COLOURS[slice.cpu % COLOURS.length];
    bar(slice.startNs, y + 3, slice.endNs - slice.startNs, row - 8, colour);
  }
  const base = height - 8;
  for (let tick = 0; tick <= 5; tick++) {
    const at = (left + ((width - left - 10) * tick) / 5).toFixed(2);
    const anchor = tick === 5 ? 'end' : 'middle';
    const label = ((result.nowNs * tick) / 5e6).toFixed(1);
    out.push(
      `<text x="${at}" y="${base}" text-anchor="${anchor}" fill="#555555">${label} ms</text>`,
    );
  }
  out.push('</svg>');
  return `${out.join('\n')}\n`;
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
