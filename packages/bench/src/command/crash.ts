import type { Command } from 'commander';
import {
  type CampaignReport,
  CRASH_WORKLOADS,
  type CrashWorkload,
  runCampaign,
} from '../crash/campaign.js';
import { findE2fsck } from '../crash/e2fsck.js';
import { oneOf, wholeNumber } from './arguments.js';
import { formatTable } from './table.js';
import type { Terminal } from './terminal.js';

const FAULTS = ['flush', 'fua', 'claims'] as const;

interface CrashCommandOptions {
  readonly workload: CrashWorkload | 'all';
  readonly states: number;
  readonly seed: number;
  readonly e2fsck: boolean;
  readonly break?: (typeof FAULTS)[number];
  readonly json?: true;
}

/** Adds `hotpath crash`. */
export function addCrash(program: Command, terminal: Terminal): void {
  const workloads = ['all', ...CRASH_WORKLOADS] as const;
  program
    .command('crash')
    .description(
      'cuts the power at every write of generated workloads on ext3 and of SQLite on it, and judges ' +
        'the disks that could be left: exit code 1 when something durable was lost',
    )
    .option('--workload <name>', `one of ${workloads.join(', ')}`, oneOf(workloads), 'all')
    .option('--states <count>', 'disks to judge, at least', wholeNumber(1, 10_000_000), 5000)
    .option('--seed <number>', 'for everything drawn', wholeNumber(0, 2 ** 32 - 1), 1)
    .option('--no-e2fsck', 'without e2fsck, which judges too where it is installed')
    .option(
      '--break <barrier>',
      `one of ${FAULTS.join(', ')}: removes a barrier, to see what is lost then`,
      oneOf(FAULTS),
    )
    .option('--json', 'print one JSON object')
    .action((options: CrashCommandOptions) => run(options, terminal));
}

async function run(options: CrashCommandOptions, terminal: Terminal): Promise<void> {
  const { workload, states, seed } = options;
  const started = process.cpuUsage();
  const startedMs = performance.now();
  const report = await runCampaign({
    workload,
    states,
    seed,
    e2fsck: options.e2fsck ? findE2fsck() : null,
    sabotage:
      options.break === 'flush' ? 'drop-flush' : options.break === 'fua' ? 'drop-fua' : 'none',
    earlyClaims: options.break === 'claims',
    progress: (done, name) =>
      terminal.progress(`${done} states: ${name}`, Math.min(1, done / states)),
  });
  terminal.progress('');
  const { user, system } = process.cpuUsage(started);
  const seconds = (performance.now() - startedMs) / 1000;
  const cpuSeconds = (user + system) / 1e6;
  if (options.json) {
    terminal.print(JSON.stringify({ schema: 'hotpath-crash/1', ...report, seconds, cpuSeconds }));
  } else printReport(report, seconds, cpuSeconds, terminal);
  if (report.failure !== null) throw new Error(`something was lost: ${report.failure.message}`);
}

function printReport(
  report: CampaignReport,
  seconds: number,
  cpuSeconds: number,
  terminal: Terminal,
): void {
  const right = (head: string) => ({ head, align: 'right' as const });
  const columns = [
    { head: 'workload', align: 'left' as const },
    ...['runs', 'cuts', 'states', 'lose unflushed writes', 'seen by e2fsck'].map(right),
  ];
  const rows = report.counts.map((count) => [
    count.workload,
    `${count.runs}`,
    `${count.cuts}`,
    `${count.states}`,
    `${count.losing} (${percent(count.losing, count.states)})`,
    `${count.e2fsck}`,
  ]);
  for (const line of formatTable(columns, rows)) terminal.print(line);
  const { states, losing } = report;
  terminal.print(
    `${states} states, ${percent(losing, states)} of which lose unflushed writes; seed ${report.seed}; ` +
      `${seconds.toFixed(1)} s, ${(states / seconds).toFixed(0)} a second ` +
      `(${(states / cpuSeconds).toFixed(0)} a second of this process's CPU time)`,
  );
  const { failure } = report;
  if (failure === null) {
    terminal.print('nothing that had been made durable was lost');
    return;
  }
  terminal.print('the shortest losing sequence:');
  failure.calls.forEach((call, i) => {
    terminal.print(`  ${i + 1}. ${call}`);
  });
  for (const line of failure.story) terminal.print(`  ${line}`);
}

function percent(part: number, whole: number): string {
  return `${((100 * part) / Math.max(1, whole)).toFixed(1)} %`;
}
