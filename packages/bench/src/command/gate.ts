import { join } from 'node:path';
import type { Command } from 'commander';
import { type Comparison, compareResults } from '../compare/results.js';
import { CYCLE_BENCHMARKS, cyclesOf } from '../gate/cycles.js';
import { type Golden, readGolden, writeGolden } from '../gate/golden.js';
import { HOT_PATHS } from '../gate/hot-paths.js';
import { hasCallgrind, instructionsOf } from '../gate/instructions.js';
import { packageFolder } from '../package-folder.js';
import type { JobName } from '../suite/jobs.js';
import { decimal, listOf } from './arguments.js';
import { UsageError } from './failure.js';
import { formatTable } from './table.js';
import type { Terminal } from './terminal.js';

interface GateOptions {
  readonly golden: string;
  readonly tolerance: number;
  readonly cyclesOnly?: true;
  readonly only: readonly JobName[];
  readonly update?: true;
  readonly json?: true;
}

/** Adds `hotpath gate`. */
export function addGate(program: Command, terminal: Terminal): void {
  program
    .command('gate')
    .description(
      'has anything become slower? Simulated cycles must be the golden ones exactly, host ' +
        'instructions of hot paths (valgrind, a minute or more) within the tolerance',
    )
    .option('--golden <file>', 'golden figures', join(packageFolder(), 'data', 'gate.json'))
    .option('--tolerance <percent>', 'how many more host instructions', decimal(0, 100), 2)
    .option('--cycles-only', 'no host instructions: seconds, and no valgrind')
    .option(
      '--only <names>',
      `these benchmarks: ${CYCLE_BENCHMARKS.join(', ')}`,
      listOf(CYCLE_BENCHMARKS),
      CYCLE_BENCHMARKS,
    )
    .option('--update', 'keep the figures of this run as golden')
    .option('--json', 'print one JSON object')
    .action((options: GateOptions) => run(options, terminal));
}

const runtime = (): string => `node ${process.versions.node} ${process.arch}`;

function run(options: GateOptions, terminal: Terminal): void {
  const golden = options.update ? null : readGolden(options.golden);
  const counts = options.cyclesOnly !== true;
  if (counts && !hasCallgrind()) {
    throw new UsageError('valgrind is not installed; allowed: --cycles-only');
  }
  if (counts && golden !== null && golden.runtime !== runtime()) {
    throw new UsageError(
      `instructions were counted on '${golden.runtime}', this is '${runtime()}'; allowed: ` +
        '--cycles-only, or --update',
    );
  }
  const now = measure(options.only, counts, terminal);
  if (golden === null) {
    const kept = counts ? now : keepInstructions(now, options.golden);
    writeGolden(options.golden, kept);
    terminal.print(options.json ? JSON.stringify(kept) : `${options.golden}: updated`);
    return;
  }
  // Fewer cycles are a change, too, but a welcome one: only more are wrong.
  const expected = Object.fromEntries(
    Object.entries(golden.cycles).filter(([name]) => options.only.includes(name as JobName)),
  );
  const cycles = compareResults(expected, now.cycles, 0, () => 'less');
  const instructions = counts
    ? compareResults(golden.instructions, now.instructions, options.tolerance / 100, () => 'less')
    : null;
  report({ cycles, instructions, now }, options, terminal);
}

/** An update of the cycles alone leaves what was counted before. */
function keepInstructions(now: Golden, path: string): Golden {
  try {
    const { instructions, runtime: of } = readGolden(path);
    return { ...now, instructions, runtime: of };
  } catch {
    return now; // the first golden figures
  }
}

function measure(only: readonly JobName[], counts: boolean, terminal: Terminal): Golden {
  const total = only.length + (counts ? HOT_PATHS.length : 0);
  let done = 0;
  const step = <Result>(name: string, work: () => Result): [string, Result] => {
    terminal.progress(name, done++ / total);
    return [name, work()];
  };
  const cycles = only.map((name) => step(name, () => cyclesOf(name)));
  const paths = counts ? HOT_PATHS : [];
  const instructions = paths.map((path) => step(path.name, () => instructionsOf(path)));
  terminal.progress('');
  return {
    schema: 'hotpath-gate/1',
    cycles: Object.fromEntries(cycles),
    instructions: Object.fromEntries(instructions),
    runtime: counts ? runtime() : '',
  };
}

interface Verdict {
  readonly cycles: Comparison;
  readonly instructions: Comparison | null;
  readonly now: Golden;
}

function report(
  { cycles, instructions, now }: Verdict,
  options: GateOptions,
  terminal: Terminal,
): void {
  const regressions = cycles.regressions + (instructions?.regressions ?? 0);
  if (options.json) {
    terminal.print(
      JSON.stringify({ schema: 'hotpath-gate/1', regressions, cycles, instructions, now }),
    );
  } else {
    const all = [...cycles.differences, ...(instructions?.differences ?? [])];
    const rows = all.map(({ after, before, change, path, verdict }) => [
      verdict,
      path,
      `${before ?? '-'}`,
      `${after ?? '-'}`,
      change === null ? '' : `${(change * 100).toFixed(3)} %`,
    ]);
    const columns = ['', 'figure', 'golden', 'now', 'change'].map((head, index) => ({
      head,
      align: index < 2 ? ('left' as const) : ('right' as const),
    }));
    if (rows.length > 0) for (const line of formatTable(columns, rows)) terminal.print(line);
    const counted = cycles.compared + (instructions?.compared ?? 0);
    terminal.print(`${counted} figures: ${all.length} changed, ${regressions} worse or gone`);
  }
  if (regressions > 0) throw new Error(`${regressions} figures are worse than the golden ones`);
}
