/** Calls about the task itself and its time: getpid, exit, sched_yield, nice, brk, sleep, clock. */
import { BLOCKED, EINVAL, NIL, OK, PAGE_BYTES, TSC } from '@hotpath/hw-x86';
import type { Scheduler } from '@hotpath/sched';
import type { Current } from '../current.js';
import { AREA_WRITE } from '../memory/address-space.js';
import { USER_HEAP } from '../memory/memory-map.js';
import { USER_HEAP_BYTES } from '../params.js';
import type { Dispatcher } from '../task/dispatcher.js';
import type { Sleepers } from '../task/sleepers.js';
import type { Tasks } from '../task/tasks.js';
import type { TaskWaits } from '../task/waits.js';
import type { Call } from './call.js';
import type { Handler } from './entry.js';
import {
  SYS_BRK,
  SYS_CLOCK_GETTIME,
  SYS_EXIT,
  SYS_GETPID,
  SYS_NANOSLEEP,
  SYS_NICE,
  SYS_YIELD,
} from './numbers.js';

/** What these calls work on. */
export interface ProcessCallPorts {
  readonly tasks: Tasks;
  readonly scheduler: Scheduler;
  readonly dispatcher: Dispatcher;
  readonly current: Current;
  readonly sleepers: Sleepers;
  readonly waits: TaskWaits;
  readonly frequencyHz: number;
}

/** Puts the handlers into the table. */
export function installProcessCalls(table: (Handler | undefined)[], ports: ProcessCallPorts): void {
  const { dispatcher, scheduler, tasks } = ports;

  table[SYS_GETPID] = (call) => call.task;

  table[SYS_EXIT] = (call) => {
    tasks.exitStatus[call.task] = call.a & 255;
    return BLOCKED;
  };

  table[SYS_YIELD] = () => {
    dispatcher.yieldCurrent();
    return OK;
  };

  table[SYS_CLOCK_GETTIME] = () => dispatcher.now(ports.current.cpu);

  table[SYS_NANOSLEEP] = (call) => {
    if (call.stage === 1) return OK;
    if (!Number.isSafeInteger(call.a) || call.a < 0) return EINVAL;
    call.stage = 1;
    const cycles = Math.ceil((call.a * ports.frequencyHz) / 1e9);
    ports.sleepers.sleep(ports.current.cpu.cells[TSC] + cycles, ports.waits.begin(call));
    return BLOCKED;
  };

  table[SYS_NICE] = (call) => {
    const nice = scheduler.niceBy(call.task, call.a);
    tasks.nice[call.task] = nice;
    return nice + 20;
  };

  table[SYS_BRK] = (call) => moveBreak(tasks, call);
}

/** Like Linux's brk: answers the end in force, unchanged where the asked one cannot be. */
function moveBreak(tasks: Tasks, call: Call): number {
  const space = tasks.space[call.task];
  if (space === null) return NIL;
  const now = tasks.heapEnd[call.task];
  const wanted = call.a;
  if (!Number.isInteger(wanted) || wanted <= now || wanted > USER_HEAP + USER_HEAP_BYTES)
    return now;
  const from = Math.ceil(now / PAGE_BYTES) * PAGE_BYTES;
  const to = Math.ceil(wanted / PAGE_BYTES) * PAGE_BYTES;
  if (to > from) {
    const last = space.areaEnd.subarray(0, space.areaCount).indexOf(from);
    // The heap is one area that grows, not one more with each call.
    if (last >= 0 && from > USER_HEAP) space.areaEnd[last] = to;
    else if (!space.addArea(from, to, AREA_WRITE)) return now;
  }
  tasks.heapEnd[call.task] = wanted;
  return wanted;
}
