import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, resolve } from 'node:path';
import { POLICY_NAMES } from '@hotpath/blockcache';
import { DISKS, SCHEDULERS } from '@hotpath/kernel';
import type { Command } from 'commander';
import { JobPool } from '../harness/pool.js';
import { type CellChoice, type CellResult, cellKey } from '../matrix/cell.js';
import { cellsOf, finishedCells, type MatrixAxes } from '../matrix/plan.js';
import { loadKeys } from '../traces/recordings.js';
import { shippedTraces } from '../traces/trace-file.js';
import { listOf, wholeNumber } from './arguments.js';
import { formatTable } from './table.js';
import type { Terminal } from './terminal.js';

interface MatrixOptions {
  readonly trace: string;
  readonly accesses: number;
  readonly seed: number;
  readonly eviction: readonly (typeof POLICY_NAMES)[number][];
  readonly scheduler: readonly string[];
  readonly page: readonly string[];
  readonly disk: readonly string[];
  readonly threads: number;
  readonly out?: string;
  readonly json?: true;
}

const PAGES = ['4K', '2M', '1G'];

/** Adds `hotpath matrix`. */
export function addMatrix(program: Command, terminal: Terminal): void {
  const axis = <Word extends string>(words: readonly Word[]) =>
    [`comma-separated, of ${words.join(', ')}`, listOf(words)] as const;
  program
    .command('matrix')
    .description(
      'eviction x scheduler x page size x disk over one recording on the composed kernel, on all ' +
        'cores; exact',
    )
    .option('--trace <name>', `one of ${shippedTraces('io').join(', ')}`, 'io-cc-open')
    .option('--accesses <count>', 'page accesses of it', wholeNumber(100, 10_000_000), 10_000)
    .option('--eviction <names>', ...axis(POLICY_NAMES), ['lru', 'clock', '2q', 's3-fifo'])
    .option('--scheduler <names>', ...axis(Object.keys(SCHEDULERS)), ['cfs', 'mlfq'])
    .option('--page <sizes>', ...axis(PAGES), ['4K', '2M'])
    .option('--disk <names>', ...axis(Object.keys(DISKS)), ['nvme', 'hdd'])
    .option('--seed <number>', 'seed of all cells', wholeNumber(0, 2 ** 32 - 1), 1)
    .option('--threads <count>', 'worker threads', wholeNumber(1, 256), availableParallelism())
    .option('--out <file>', 'JSON lines; cells that it already holds are not run again')
    .option('--json', 'print JSON lines, a cell each')
    .action((options: MatrixOptions) => run(options, terminal));
}

async function run(options: MatrixOptions, terminal: Terminal): Promise<void> {
  const axes: MatrixAxes = {
    trace: options.trace,
    accesses: options.accesses,
    seed: options.seed,
    evictions: [...new Set(options.eviction)],
    schedulers: [...new Set(options.scheduler)],
    pages: [...new Set(options.page)],
    disks: [...new Set(options.disk)],
  };
  // A recording that cannot be read fails here, once, and not in every thread.
  loadKeys(axes.trace);
  const cells = cellsOf(axes);
  const finished = options.out === undefined ? new Map() : reopen(options.out);
  const results = await runCells(cells, finished, options, terminal);
  terminal.progress('');
  if (!options.json) printMatrix(results, axes, terminal);
}

/** What a file holds already; its last line is mended where an interrupt has cut it off. */
function reopen(path: string): Map<string, CellResult> {
  mkdirSync(dirname(resolve(path)), { recursive: true });
  const finished = finishedCells(path);
  const text = finished.size === 0 ? '' : readFileSync(path, 'utf8');
  if (text !== '' && !text.endsWith('\n')) {
    writeFileSync(path, text.slice(0, text.lastIndexOf('\n') + 1));
    return finishedCells(path);
  }
  return finished;
}

async function runCells(
  cells: readonly CellChoice[],
  finished: ReadonlyMap<string, CellResult>,
  options: MatrixOptions,
  terminal: Terminal,
): Promise<CellResult[]> {
  const open = cells.filter((cell) => !finished.has(cellKey(cell)));
  const threads = Math.max(1, Math.min(options.threads, open.length));
  const pool =
    open.length === 0
      ? null
      : new JobPool<CellChoice, CellResult>('matrix/worker', 'runCell', threads);
  let done = cells.length - open.length;
  const tell = (text: string): void =>
    terminal.progress(`${done} of ${cells.length} cells${text}`, done / cells.length);
  tell('');
  const run = async (cell: CellChoice): Promise<CellResult> => {
    const known = finished.get(cellKey(cell));
    const result = known ?? (await pool!.run(cell));
    const line = JSON.stringify(result);
    if (known === undefined) {
      if (options.out !== undefined) appendFileSync(options.out, `${line}\n`);
      done += 1;
      tell(`: ${result.key}`);
    }
    return result;
  };
  try {
    const results = await Promise.all(cells.map(run));
    if (options.json) for (const result of results) terminal.print(JSON.stringify(result));
    return results;
  } finally {
    await pool?.close();
  }
}

function printMatrix(
  results: readonly CellResult[],
  { trace, accesses }: MatrixAxes,
  terminal: Terminal,
): void {
  terminal.print(`${trace}, first ${accesses} page accesses, full mode; simulated, exact`);
  const left = (head: string) => ({ head, align: 'left' as const });
  const right = (head: string) => ({ head, align: 'right' as const });
  const columns = [
    ...['disk', 'page', 'scheduler', 'eviction'].map(left),
    ...['hit rate', 'misses', 'seconds', 'TLB misses', 'wake p50', 'p99', 'max us'].map(right),
  ];
  const rows = results.map(({ choice, ...cell }) => [
    choice.disk,
    choice.page,
    choice.scheduler,
    choice.eviction,
    `${(cell.hitRate * 100).toFixed(2)} %`,
    `${cell.misses}`,
    cell.seconds.toFixed(4),
    `${cell.tlbMisses}`,
    cell.wakeP50Us.toFixed(1),
    cell.wakeP99Us.toFixed(1),
    cell.wakeMaxUs.toFixed(1),
  ]);
  for (const line of formatTable(columns, rows)) terminal.print(line);
}
