/** Calls about the task itself and its time: sched_yield, nice, sleep, clock. */
import { BLOCKED, EFAULT, EINVAL, OK, TSC, type VirtAddr } from '@hotpath/hw-x86';
import type { Current } from '../current.js';
import type { Inheritance } from '../locks/inheritance.js';
import { isUserAddress } from '../memory/memory-map.js';
import { BOOT_TIME_NS } from '../params.js';
import type { Dispatcher } from '../task/dispatcher.js';
import type { Sleepers } from '../task/sleepers.js';
import { cyclesToNanoseconds, type Tasks } from '../task/tasks.js';
import type { TaskWaits } from '../task/waits.js';
import { type Call, type Interruptible, RESTART_UNHANDLED } from './call.js';
import type { Handler } from './entry.js';
import {
  CLOCK_MONOTONIC,
  CLOCK_PROCESS_CPUTIME_ID,
  CLOCK_REALTIME,
  CLOCK_THREAD_CPUTIME_ID,
} from './flags.js';
import { SYS_CLOCK_GETTIME, SYS_NANOSLEEP, SYS_NICE, SYS_YIELD } from './numbers.js';

/** What these calls work on. */
export interface ProcessCallPorts {
  readonly tasks: Tasks;
  readonly inheritance: Inheritance;
  readonly dispatcher: Dispatcher;
  readonly current: Current;
  readonly sleepers: Sleepers;
  readonly waits: TaskWaits;
  readonly frequencyHz: number;
  /** Stores a 64-bit number in the caller's memory: OK or EFAULT. */
  storeWords(call: Call, address: VirtAddr, value: number): number;
}

/** Puts the handlers into the table. */
export function installProcessCalls(table: (Handler | undefined)[], ports: ProcessCallPorts): void {
  const { dispatcher, inheritance, tasks } = ports;

  table[SYS_YIELD] = () => {
    dispatcher.yieldCurrent();
    return OK;
  };

  table[SYS_CLOCK_GETTIME] = (call) => clock(call, ports);

  table[SYS_NANOSLEEP] = (call) => sleep(call, ports);

  table[SYS_NICE] = (call) => {
    // What it is lent is not its own; as POSIX says, the sum is clamped.
    const sum = tasks.nice[call.task] + Math.trunc(call.a);
    const nice = Number.isNaN(sum) ? 0 : Math.max(-20, Math.min(19, sum));
    inheritance.setNice(call.task, nice);
    tasks.nice[call.task] = nice;
    return nice + 20;
  };
}

/** Nothing is to be taken back: the event of a wait that is over is dropped when it comes. */
const ALARM_CLOCK: Interruptible = { cancel: () => {} };

/** Stage 0 begins, with the end as progress; stage 1 is behind the wait, or behind a signal. */
function sleep(call: Call, ports: ProcessCallPorts): number {
  const { cells } = ports.current.cpu;
  if (call.stage === 1) {
    if (call.brought === OK) return OK;
    const left = Math.max(0, call.done - cells[TSC]);
    const leftNs = cyclesToNanoseconds(left, ports.frequencyHz);
    // Begun again after a stop, it sleeps for the rest only.
    call.a = leftNs;
    if (call.b === 0) return RESTART_UNHANDLED;
    const stored = ports.storeWords(call, call.b, leftNs);
    return stored === OK ? RESTART_UNHANDLED : stored;
  }
  if (!Number.isSafeInteger(call.a) || call.a < 0) return EINVAL;
  if (call.b !== 0 && !isUserAddress(call.b)) return EFAULT;
  call.stage = 1;
  call.done = cells[TSC] + Math.ceil((call.a * ports.frequencyHz) / 1e9);
  ports.sleepers.sleep(call.done, ports.waits.beginSlow(call, ALARM_CLOCK));
  return BLOCKED;
}

function clock(call: Call, ports: ProcessCallPorts): number {
  const { current, dispatcher, frequencyHz, tasks } = ports;
  if (call.a === CLOCK_MONOTONIC) return dispatcher.now(current.cpu);
  if (call.a === CLOCK_REALTIME) return BOOT_TIME_NS + dispatcher.now(current.cpu);
  if (call.a === CLOCK_THREAD_CPUTIME_ID) {
    return cyclesToNanoseconds(dispatcher.cpuCycles(call.task), frequencyHz);
  }
  if (call.a !== CLOCK_PROCESS_CPUTIME_ID) return EINVAL;
  return cyclesToNanoseconds(dispatcher.processCycles(tasks.leader[call.task]), frequencyHz);
}
