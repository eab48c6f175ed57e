/** sched_setattr and sched_getattr: policy, nice value and reservation of a thread as one record. */
import { E2BIG, EINVAL, ESRCH, NIL, OK } from '@hotpath/hw-x86';
import type { Scheduler } from '@hotpath/sched';
import type { Inheritance } from '../locks/inheritance.js';
import { TASK_LIMIT } from '../params.js';
import { TASK_FREE, TASK_ZOMBIE, type Tasks } from '../task/tasks.js';
import type { Call } from './call.js';
import type { Handler } from './entry.js';
import { SYS_SCHED_GETATTR, SYS_SCHED_SETATTR } from './numbers.js';
import type { UserBytes } from './user-bytes.js';

/** Policy of tasks without a reservation. */
export const SCHED_NORMAL = 0;
/** Policy of tasks with one. */
export const SCHED_DEADLINE = 6;

/** struct sched_attr, first version. */
const ATTRIBUTE_BYTES = 48;

/** What these calls work on. */
export interface SchedAttributePorts {
  readonly tasks: Tasks;
  readonly scheduler: Scheduler;
  readonly inheritance: Inheritance;
  readonly bytes: UserBytes;
}

/** Puts the handlers into the table. */
export function installSchedAttributes(
  table: (Handler | undefined)[],
  ports: SchedAttributePorts,
): void {
  table[SYS_SCHED_SETATTR] = (call) => set(call, ports);
  table[SYS_SCHED_GETATTR] = (call) => get(call, ports);
}

/**
 * Sets the nice value of a thread. A reservation is given at spawn, where it is admitted: asking for
 * the one that a thread has is OK, for another, or for none of one that has, EINVAL.
 */
function set(call: Call, ports: SchedAttributePorts): number {
  const { bytes, inheritance, scheduler, tasks } = ports;
  const task = threadOf(call, tasks);
  if (task === NIL) return ESRCH;
  if (call.c !== 0) return EINVAL;
  const given = new Uint8Array(ATTRIBUTE_BYTES);
  const status = bytes.load(call, call.b, given, ATTRIBUTE_BYTES);
  if (status !== OK) return status;
  const view = new DataView(given.buffer);
  const size = view.getUint32(0, true);
  if (size !== 0 && size < ATTRIBUTE_BYTES) return E2BIG;
  const policy = view.getUint32(4, true);
  const { deadlineNs, periodNs, runtimeNs } = scheduler.tasks;
  if (policy === SCHED_DEADLINE) {
    const same =
      Number(view.getBigUint64(24, true)) === runtimeNs[task] &&
      Number(view.getBigUint64(32, true)) === deadlineNs[task] &&
      Number(view.getBigUint64(40, true)) === periodNs[task];
    return same && periodNs[task] > 0 ? OK : EINVAL;
  }
  if (policy !== SCHED_NORMAL || periodNs[task] > 0) return EINVAL;
  const nice = Math.max(-20, Math.min(19, view.getInt32(16, true)));
  inheritance.setNice(task, nice);
  tasks.nice[task] = nice;
  return OK;
}

/** sched_getattr(tid, attributes, bytes, flags): what is in force, the nice value that it asked for. */
function get(call: Call, ports: SchedAttributePorts): number {
  const { bytes, scheduler, tasks } = ports;
  const task = threadOf(call, tasks);
  if (task === NIL) return ESRCH;
  if (!Number.isInteger(call.c) || call.c < ATTRIBUTE_BYTES || call.d !== 0) return EINVAL;
  const { deadlineNs, periodNs, runtimeNs } = scheduler.tasks;
  const record = new Uint8Array(ATTRIBUTE_BYTES);
  const view = new DataView(record.buffer);
  view.setUint32(0, ATTRIBUTE_BYTES, true);
  view.setUint32(4, periodNs[task] > 0 ? SCHED_DEADLINE : SCHED_NORMAL, true);
  view.setInt32(16, tasks.nice[task], true);
  view.setBigUint64(24, BigInt(runtimeNs[task]), true);
  view.setBigUint64(32, BigInt(deadlineNs[task]), true);
  view.setBigUint64(40, BigInt(periodNs[task]), true);
  return bytes.store(call, call.b, record, 0, ATTRIBUTE_BYTES);
}

function threadOf(call: Call, tasks: Tasks): number {
  if (call.a === 0) return call.task;
  if (!Number.isInteger(call.a) || call.a < 1 || call.a >= TASK_LIMIT) return NIL;
  const state = tasks.state[call.a];
  return state === TASK_FREE || state === TASK_ZOMBIE ? NIL : call.a;
}
