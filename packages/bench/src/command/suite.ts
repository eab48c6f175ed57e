import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { lastPeers, shippedPeersFolder } from '../report/peers-store.js';
import { tracksOfJson, writeReport } from '../report/write-report.js';
import { LAST_LINE, runSuite } from '../suite/index.js';
import { wholeNumber } from './arguments.js';
import type { Terminal } from './terminal.js';

interface SuiteOptions {
  readonly json?: string;
  readonly out: string;
  readonly seed: number;
  readonly full?: true;
  readonly threads: number;
}

/** Adds `hotpath suite`, which is also what runs when no command is named. */
export function addSuite(program: Command, terminal: Terminal): void {
  program
    .command('suite', { isDefault: true })
    .description('run the benchmark suite on the composed kernel')
    .option('--json <file>', 'write all results to a file')
    .option('--out <folder>', 'where output files go', 'out')
    .option('--seed <number>', 'seed of the run', wholeNumber(0, 2 ** 32 - 1), 1)
    .option('--full', 'also replay every shipped recording: minutes')
    .option('--threads <count>', 'threads', wholeNumber(1, 64), availableParallelism())
    .action((options: SuiteOptions) => run(options, terminal));
}

async function run(options: SuiteOptions, terminal: Terminal): Promise<void> {
  const { json, out, seed, threads } = options;
  const { host, results, trace } = await runSuite({
    seed,
    out,
    threads,
    full: options.full === true,
    ...(json === undefined ? {} : { json }),
    print: (line) => terminal.print(line),
    progress: (text, share) => terminal.progress(text, share),
  });
  const page = join(out, 'report.html');
  await writeReport(page, {
    suite: results,
    host,
    timeline: { title: 'tour of the kernel, two CPUs', tracks: tracksOfJson(trace) },
    peers: lastPeers([join(out, 'peers'), shippedPeersFolder()]),
  });
  terminal.print('');
  terminal.print(`Report: ${page}`);
  terminal.print(LAST_LINE);
}
