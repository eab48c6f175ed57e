import type { Command } from 'commander';
import { replaySched } from '../replay/sched.js';
import { SCHED_POLICIES } from '../replay/sched-policies.js';
import { loadBursts } from '../traces/recordings.js';
import { shippedTraces } from '../traces/trace-file.js';
import { oneOf, wholeNumber } from './arguments.js';
import type { Terminal } from './terminal.js';

interface SchedOptions {
  readonly policy: string;
  readonly cpus: number;
  readonly tick: number;
  readonly json?: true;
}

/** Adds `hotpath replay sched TRACE`. */
export function addReplaySched(replay: Command, terminal: Terminal): void {
  const policies = Object.keys(SCHED_POLICIES);
  replay
    .command('sched')
    .description('run and sleep bursts of tasks under a scheduling policy; exact virtual time')
    .argument('<trace>', `a file, or one of ${shippedTraces('sched').join(', ')}`)
    .option('--policy <name>', `one of ${policies.join(', ')}`, oneOf(policies), 'cfs')
    .option('--cpus <count>', 'CPUs, 1 to 32', wholeNumber(1, 32), 2)
    .option(
      '--tick <us>',
      'microseconds between timer ticks; 0: slices end exactly (Linux at 250 Hz: 4000)',
      wholeNumber(0, 1_000_000),
      0,
    )
    .option('--json', 'print one JSON object')
    .action((trace: string, options: SchedOptions) => runSched(trace, options, terminal));
}

function runSched(name: string, options: SchedOptions, terminal: Terminal): void {
  const tasks = loadBursts(name);
  const policy = SCHED_POLICIES[options.policy]!();
  const figures = replaySched(tasks, { policy, cpus: options.cpus, tickUs: options.tick });
  if (options.json) {
    terminal.print(JSON.stringify({ trace: name, policy: options.policy, ...figures }));
    return;
  }
  const { wakeLatencyUs: latency, waitUs } = figures;
  const us = (value: number): string => `${value.toFixed(0)} us`;
  terminal.print(`${name}: ${figures.tasks} tasks under ${options.policy} on ${figures.cpus} CPUs`);
  terminal.print(
    `  ended at ${us(figures.makespanUs)}, CPUs ${(figures.utilization * 100).toFixed(1)} % busy`,
  );
  terminal.print(
    `  ${figures.switches} switches, ${figures.preemptions} preemptions, ${figures.migrations} migrations`,
  );
  terminal.print(
    `  wake-up to first instruction: p50 ${us(latency.p50)}, p95 ${us(latency.p95)}, ` +
      `p99 ${us(latency.p99)}, max ${us(latency.max)} of ${latency.count}`,
  );
  terminal.print(`  ready but not running: ${us(waitUs.total)} in all, ${us(waitUs.max)} at once`);
}
