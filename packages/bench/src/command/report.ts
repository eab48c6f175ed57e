import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { readResultFile } from '../compare/result-file.js';
import { lastPeers, shippedPeersFolder } from '../report/peers-store.js';
import { tracksOfFile, writeReport } from '../report/write-report.js';
import type { HostTimes } from '../suite/index.js';
import type { SuiteResults } from '../suite/results.js';
import { UsageError } from './failure.js';
import type { Terminal } from './terminal.js';

interface ReportOptions {
  readonly suite?: string;
  readonly trace?: string;
  readonly peers?: string;
  readonly out: string;
  readonly folder: string;
  readonly json?: true;
}

/** Adds `hotpath report`. */
export function addReport(program: Command, terminal: Terminal): void {
  program
    .command('report')
    .description(
      'one self-contained HTML page: claims, curves, timeline, flame graph, peers; from the files ' +
        'that suite and peers have left, or with a trace of your own',
    )
    .option('--folder <folder>', 'where suite and peers wrote', 'out')
    .option('--suite <file>', 'results of suite --json (default: suite.json of the folder)')
    .option('--trace <file>', 'Chrome JSON or Perfetto trace (default: trace.json of the folder)')
    .option(
      '--peers <folder>',
      'results of peers (default: peers of the folder, then shipped ones)',
    )
    .option('--out <file>', 'the page', 'out/report.html')
    .option('--json', 'print one JSON object')
    .action((options: ReportOptions) => run(options, terminal));
}

async function run(options: ReportOptions, terminal: Terminal): Promise<void> {
  const { folder, out } = options;
  const suitePath = options.suite ?? join(folder, 'suite.json');
  const suite = options.suite !== undefined || existsSync(suitePath) ? readSuite(suitePath) : null;
  const tracePath = options.trace ?? join(folder, 'trace.json');
  const hasTrace = options.trace !== undefined || existsSync(tracePath);
  if (suite === null && !hasTrace) {
    throw new UsageError(`nothing to show in '${folder}': run hotpath suite, or give --trace`);
  }
  terminal.progress('reading');
  const timeline = hasTrace ? { title: tracePath, tracks: await tracksOfFile(tracePath) } : null;
  const peers = lastPeers(
    options.peers === undefined ? [join(folder, 'peers'), shippedPeersFolder()] : [options.peers],
  );
  const byteCount = await writeReport(out, {
    suite,
    host: readHost(folder, suite),
    timeline,
    peers,
  });
  const events = timeline?.tracks.eventCount ?? 0;
  if (options.json) {
    const result = { schema: 'hotpath-report/1', path: out, bytes: byteCount, events };
    terminal.print(
      JSON.stringify({ ...result, peers: peers.map(({ area, date }) => ({ area, date })) }),
    );
  } else terminal.print(`${out}: ${byteCount} bytes, ${events} trace events`);
}

function readSuite(path: string): SuiteResults {
  const { schema, value } = readResultFile(path);
  if (schema === '1' && typeof value === 'object' && value !== null && 'plots' in value) {
    return value as SuiteResults;
  }
  throw new UsageError(`'${path}' holds no results of the suite; allowed: what suite --json wrote`);
}

/** Host times belong to a run: only those beside its results. */
function readHost(folder: string, suite: SuiteResults | null): HostTimes | null {
  const path = join(folder, 'suite-host.json');
  if (suite === null || !existsSync(path)) return null;
  return JSON.parse(readFileSync(path, 'utf8')) as HostTimes;
}
