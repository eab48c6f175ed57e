/** `perf sched latency` and `perf why`: tables of what the kernel always counts. */
import type { Process, Step } from '../../process.js';
import type { Account } from '../accounts.js';
import { milliseconds } from './times.js';

const RUN_QUEUE = 'run queue';

/** Tasks of a name or number, all without one, in the order of their numbers. */
export function chosenTasks(rows: readonly Account[], operands: readonly string[]): Account[] {
  const isMeant = ({ name, task }: Account): boolean =>
    operands.length === 0 || operands.includes(name) || operands.includes(String(task));
  return rows.filter(isMeant).sort((a, b) => a.task - b.task);
}

/** As `perf sched latency` of Linux: run time, switches, average and longest wait for a CPU. */
export function* showLatency(process: Process, rows: readonly Account[]): Step {
  yield* process.print(
    `${'Task'.padEnd(24)} ${'Runtime ms'.padStart(12)} ${'Switches'.padStart(9)} ` +
      `${'Avg delay ms'.padStart(13)} ${'Max delay ms'.padStart(13)}\n`,
  );
  let cpuNs = 0;
  let switches = 0;
  for (const row of rows) {
    if (row.switches === 0) continue;
    const waited = row.kinds.get(RUN_QUEUE) ?? 0;
    cpuNs += row.cpuNs;
    switches += row.switches;
    yield* process.print(
      `${`${row.name}:${row.task}`.padEnd(24)} ${milliseconds(row.cpuNs).padStart(12)} ` +
        `${String(row.switches).padStart(9)} ${milliseconds(waited / row.switches).padStart(13)} ` +
        `${milliseconds(row.queueNsMax).padStart(13)}\n`,
    );
  }
  yield* process.print(
    `${'TOTAL:'.padEnd(24)} ${milliseconds(cpuNs).padStart(12)} ${String(switches).padStart(9)}\n`,
  );
}

/** Where the time of tasks went: each kind's share. */
export function* showWhy(process: Process, rows: readonly Account[]): Step {
  for (const row of rows) {
    const total = [...row.kinds.values()].reduce((sum, value) => sum + value, 0);
    yield* process.print(`${row.name}:${row.task}, ${milliseconds(total)} ms\n`);
    const kinds = [...row.kinds].filter(([, value]) => value > 0).sort(([, a], [, b]) => b - a);
    for (const [kind, value] of kinds) {
      const share = ((100 * value) / total).toFixed(1);
      yield* process.print(
        `  ${kind.padEnd(12)} ${milliseconds(value).padStart(12)} ms ${share.padStart(6)} %\n`,
      );
    }
  }
}
