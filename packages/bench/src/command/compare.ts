import { Argument, type Command } from 'commander';
import { compareRaces, type PeersResult } from '../compare/races.js';
import { type ResultFile, readResultFile } from '../compare/result-file.js';
import { type Comparison, compareResults, type Difference } from '../compare/results.js';
import { decimal } from './arguments.js';
import { UsageError } from './failure.js';
import { formatTable } from './table.js';
import type { Terminal } from './terminal.js';

interface CompareOptions {
  readonly tolerance: number;
  readonly all?: true;
  readonly json?: true;
}

/** Lines that are printed without `--all`. */
const LINES_MAX = 40;

/** Adds `hotpath compare A B`. */
export function addCompare(program: Command, terminal: Terminal): void {
  program
    .command('compare')
    .description(
      'two result files of one kind (suite, peers, matrix, gate, replay): exit code 1 when the ' +
        'second is worse',
    )
    .addArgument(new Argument('<before>', 'result file'))
    .addArgument(new Argument('<after>', 'result file of the same kind'))
    .option(
      '--tolerance <percent>',
      'how much worse a figure may be; simulated figures are exact, so 0 is a fair choice',
      decimal(0, 1000),
      2,
    )
    .option('--all', 'print every figure that differs')
    .option('--json', 'print one JSON object')
    .action((before: string, after: string, options: CompareOptions) =>
      run(readResultFile(before), readResultFile(after), options, terminal),
    );
}

function run(
  before: ResultFile,
  after: ResultFile,
  options: CompareOptions,
  terminal: Terminal,
): void {
  if (before.schema !== after.schema) {
    throw new UsageError(
      `'${before.path}' is of schema '${before.schema}', '${after.path}' of '${after.schema}'; ` +
        'allowed: two of one schema',
    );
  }
  const tolerance = options.tolerance / 100;
  const comparison = before.schema.startsWith('hotpath-peers/')
    ? compareRaces(races(before.value), races(after.value), tolerance)
    : compareResults(before.value, after.value, tolerance);
  if (options.json) {
    const { path: first, schema } = before;
    const head = { schema: 'hotpath-compare/1', of: schema, before: first, after: after.path };
    terminal.print(JSON.stringify({ ...head, tolerance, ...comparison }));
  } else printComparison(comparison, options.all === true, terminal);
  const { regressions } = comparison;
  if (regressions > 0) throw new Error(`${regressions} figures are worse than in '${before.path}'`);
}

function races(value: unknown): PeersResult[] {
  return (Array.isArray(value) ? value : [value]) as PeersResult[];
}

function printComparison(comparison: Comparison, all: boolean, terminal: Terminal): void {
  const { compared, differences, regressions } = comparison;
  const shown = all ? differences : differences.slice(0, LINES_MAX);
  const number = (value: number | null): string => (value === null ? '-' : `${value}`);
  const cells = ({ verdict, path, before, after, change }: Difference): string[] => {
    const percent = change === null ? '' : `${change > 0 ? '+' : ''}${(change * 100).toFixed(2)} %`;
    return [verdict, path, number(before), number(after), percent];
  };
  if (shown.length > 0) {
    const left = (head: string) => ({ head, align: 'left' as const });
    const right = (head: string) => ({ head, align: 'right' as const });
    const columns = [left(''), left('figure'), right('before'), right('after'), right('change')];
    for (const line of formatTable(columns, shown.map(cells))) terminal.print(line);
  }
  const hidden = differences.length - shown.length;
  if (hidden > 0) terminal.print(`... and ${hidden} more (--all)`);
  terminal.print(
    `${compared} figures compared: ${differences.length} differ, ${regressions} worse or gone`,
  );
}
