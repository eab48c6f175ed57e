import { ArgumentError } from '@hotpath/hw-x86';
import { type Command, InvalidArgumentError } from 'commander';
import { type Reservation, replaySched } from '../replay/sched.js';
import { SCHED_POLICIES } from '../replay/sched-policies.js';
import type { BurstTask } from '../traces/burst-trace.js';
import { loadBursts } from '../traces/recordings.js';
import { shippedTraces } from '../traces/trace-file.js';
import { oneOf, wholeNumber } from './arguments.js';
import type { Terminal } from './terminal.js';

interface SchedOptions {
  readonly policy: string;
  readonly cpus: number;
  readonly tick: number;
  readonly reserve: readonly Wanted[];
  readonly json?: true;
}

/** A reservation as the command line gives it: for a task's id, or all tasks of a command. */
interface Wanted extends Reservation {
  readonly task: string;
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
    .option(
      '--reserve <task=runtime/period>',
      'with --policy edf: microseconds that a task (id or command) is promised in each period; again for more',
      reservation,
      [],
    )
    .option('--json', 'print one JSON object')
    .action((trace: string, options: SchedOptions) => runSched(trace, options, terminal));
}

function runSched(name: string, options: SchedOptions, terminal: Terminal): void {
  const tasks = loadBursts(name);
  const policy = SCHED_POLICIES[options.policy]!();
  const reservations = reservationsOf(options, tasks);
  const { cpus, tick: tickUs } = options;
  const figures = replaySched(tasks, { policy, cpus, tickUs, reservations });
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
  for (const { id, misses } of figures.perTask) {
    if (misses !== undefined) terminal.print(`  task ${id}: ${misses} bursts past their period`);
  }
}

/** Parser of `--reserve`, which may be given many times. */
function reservation(text: string, before: readonly Wanted[]): Wanted[] {
  const match = /^(.+)=(\d+)\/(\d+)$/.exec(text);
  const runtimeUs = Number(match?.[2]);
  const periodUs = Number(match?.[3]);
  if (match === null || runtimeUs < 2 || runtimeUs > periodUs || periodUs > 4_000_000_000) {
    throw new InvalidArgumentError(
      'allowed: TASK=RUNTIME/PERIOD in whole microseconds, 2 <= RUNTIME <= PERIOD <= 4000000000',
    );
  }
  return [...before, { task: match[1]!, runtimeUs, periodUs }];
}

function reservationsOf(
  { policy, reserve }: SchedOptions,
  tasks: readonly BurstTask[],
): Map<number, Reservation> {
  if (reserve.length > 0 && policy !== 'edf') {
    throw new ArgumentError(
      'ERR_RESERVATION',
      `--reserve with --policy ${policy}; allowed: with --policy edf`,
    );
  }
  const reservations = new Map<number, Reservation>();
  for (const { task, ...reserved } of reserve) {
    const meant = tasks.filter(({ id, command }) => `${id}` === task || command === task);
    if (meant.length === 0) {
      throw new ArgumentError(
        'ERR_RESERVATION',
        `--reserve for ${task}; allowed: an id or command of the recording`,
      );
    }
    for (const { id } of meant) reservations.set(id, reserved);
  }
  return reservations;
}
