import { ArgumentError, checkInteger, NIL } from '@hotpath/hw-x86';
import type { Groups } from './groups.js';
import { wholeMask } from './placement.js';
import type { Tasks } from './tasks.js';
import { checkNice, checkWeight, weightOf } from './weights.js';

/** What a task is created with; everything may be left out. */
export interface TaskOptions {
  /** -20..19, default 0: higher is less CPU. */
  nice?: number;
  /** Share 1..262144 instead of that of `nice` (tickets of a lottery). */
  weight?: number;
  /** Bit mask of CPUs, default all. */
  affinity?: number;
  /** CPU of the parent: where a new task is placed unless another is idler. */
  cpu?: number;
  /** Class of a stacked policy, 0 = highest, default 0. */
  class?: number;
  /** Group from createGroup(), default none. */
  group?: number;
  /** Requested slice in ns, 100 us..100 ms (EEVDF), default the policy's. */
  sliceNs?: number;
  /** Expected length in ns (SJF, STCF). */
  lengthNs?: number;
  /** Reservation of the deadline class: runtime <= deadline <= period, in ns. */
  reservation?: { runtimeNs: number; deadlineNs?: number; periodNs: number };
}

/** Checks the options and writes a task's columns; on an error nothing has been written. */
export function fillTask(tasks: Tasks, groups: Groups, task: number, options: TaskOptions): void {
  const nice = checkNice(options.nice ?? 0);
  const weight = checkWeight(options.weight ?? weightOf(nice));
  const whole = wholeMask(tasks.cpuCount);
  const affinity = ((options.affinity ?? whole) & whole) >>> 0;
  if (affinity === 0) {
    throw new ArgumentError(
      'ERR_AFFINITY',
      `affinity is ${options.affinity}; allowed: a bit of an existing CPU`,
    );
  }
  const cpu = checkInteger('ERR_CPU', 'cpu', options.cpu ?? 0, 0, tasks.cpuCount - 1);
  const taskClass = checkInteger('ERR_CLASS', 'class', options.class ?? 0, 0, 255);
  const group = options.group === undefined ? NIL : groups.check(options.group);
  const slice =
    options.sliceNs === undefined
      ? 0
      : checkInteger('ERR_SLICE', 'sliceNs', options.sliceNs, 100_000, 100_000_000);
  const length = checkInteger(
    'ERR_LENGTH',
    'lengthNs',
    options.lengthNs ?? 0,
    0,
    Number.MAX_SAFE_INTEGER,
  );
  const period = options.reservation?.periodNs ?? 0;
  const deadline = options.reservation?.deadlineNs ?? period;
  const runtime = options.reservation?.runtimeNs ?? 0;
  if (options.reservation !== undefined) checkReservation(runtime, deadline, period);
  tasks.nice[task] = nice;
  tasks.weight[task] = weight;
  tasks.affinity[task] = affinity;
  tasks.cpu[task] = ((affinity >>> cpu) & 1) === 1 ? cpu : 31 - Math.clz32(affinity);
  tasks.class[task] = taskClass;
  tasks.group[task] = group;
  tasks.sliceNs[task] = slice;
  tasks.lengthNs[task] = length;
  tasks.runtimeNs[task] = runtime;
  tasks.deadlineNs[task] = deadline;
  tasks.periodNs[task] = period;
}

function checkReservation(runtime: number, deadline: number, period: number): void {
  const whole =
    Number.isSafeInteger(runtime) && Number.isSafeInteger(deadline) && Number.isSafeInteger(period);
  if (whole && runtime >= 1024 && runtime <= deadline && deadline <= period && period < 2 ** 42)
    return;
  throw new ArgumentError(
    'ERR_RESERVATION',
    `reservation is runtime ${runtime}, deadline ${deadline}, period ${period}; ` +
      'allowed: whole ns with 1024 <= runtime <= deadline <= period < 2**42',
  );
}
