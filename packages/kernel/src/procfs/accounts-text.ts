/** /proc/accounts: what was counted of every task that lives, and of the last 256 that have ended. */
import { KIB, PAGE_BYTES } from '@hotpath/hw-x86';
import { TIME_KINDS } from '../task/cycle-accounts.js';
import {
  cyclesToNanoseconds,
  TASK_BLOCKED,
  TASK_FREE,
  TASK_ZOMBIE,
  type TaskReport,
  type Tasks,
} from '../task/tasks.js';

const COLUMNS = [
  'task',
  'name',
  'state',
  'nice',
  'parent',
  'resident_kib',
  'switches',
  'queue_ns_max',
  'cpu_ns',
];

/** A table with tabs: a heading, ended tasks in the order of their ends (state X), living ones. */
export function accountsText(tasks: Tasks, frequencyHz: number): string {
  const nanoseconds = (cycles: number): number => cyclesToNanoseconds(cycles, frequencyHz);
  const row = (report: TaskReport, state: string, about: readonly number[]): string => {
    const { cycles, name, queueCyclesMax, switches, task, time } = report;
    const counted = [switches, nanoseconds(queueCyclesMax), nanoseconds(cycles)];
    const kinds = TIME_KINDS.map((_, kind) => nanoseconds(time[kind]));
    return `${[task, name, state, ...about, ...counted, ...kinds].join('\t')}\n`;
  };
  let text = `${[...COLUMNS, ...TIME_KINDS].join('\t')}\n`;
  for (const report of tasks.ended) text += row(report, 'X', [0, 0, 0]);
  for (let task = 1; task < tasks.state.length; task++) {
    const report = tasks.report[task];
    if (tasks.state[task] === TASK_FREE || report === null) continue;
    const resident = ((tasks.space[task]?.residentPages ?? 0) * PAGE_BYTES) / KIB;
    const parent = Math.max(0, tasks.family.parent[tasks.leader[task]]);
    text += row(report, stateLetter(tasks.state[task]), [tasks.nice[task], parent, resident]);
  }
  return text;
}

function stateLetter(state: number): string {
  if (state === TASK_ZOMBIE) return 'Z';
  return state === TASK_BLOCKED ? 'S' : 'R';
}
