import type { Command } from 'commander';
import { runSuite } from '../suite/index.js';
import { wholeNumber } from './arguments.js';
import type { Terminal } from './terminal.js';

interface SuiteOptions {
  readonly json?: string;
  readonly out: string;
  readonly seed: number;
}

/** Adds `hotpath suite`, which is also what runs when no command is named. */
export function addSuite(program: Command, terminal: Terminal): void {
  program
    .command('suite', { isDefault: true })
    .description('run the benchmark suite on the composed kernel')
    .option('--json <file>', 'write all results to a file')
    .option('--out <folder>', 'where output files go', 'out')
    .option('--seed <number>', 'seed of the run', wholeNumber(0, 2 ** 32 - 1), 1)
    .action(({ json, out, seed }: SuiteOptions) =>
      runSuite({
        seed,
        out,
        ...(json === undefined ? {} : { json }),
        print: (line) => terminal.print(line),
        progress: (text) => terminal.progress(text),
      }),
    );
}
