/** Calls about the CPU a task gets, its resources, and the system: affinity, priority, futex, uname. */
import { EFAULT, EINVAL, ENOSYS, ESRCH, NIL, OK } from '@hotpath/hw-x86';
import type { Scheduler } from '@hotpath/sched';
import type { PageAllocator } from '@hotpath/slab';
import type { Current } from '../current.js';
import type { Inheritance } from '../locks/inheritance.js';
import { isUserAddress } from '../memory/memory-map.js';
import { TASK_LIMIT } from '../params.js';
import type { Dispatcher } from '../task/dispatcher.js';
import type { Futexes } from '../task/futexes.js';
import { cyclesToNanoseconds, TASK_FREE, TASK_ZOMBIE, type Tasks } from '../task/tasks.js';
import type { UserAccess } from '../task/user-access.js';
import type { Call } from './call.js';
import type { Handler } from './entry.js';
import { FUTEX_WAIT, FUTEX_WAKE, RUSAGE_THREAD } from './flags.js';
import {
  SYS_FUTEX,
  SYS_GETPRIORITY,
  SYS_GETRUSAGE,
  SYS_SCHED_GETAFFINITY,
  SYS_SCHED_SETAFFINITY,
  SYS_SETPRIORITY,
  SYS_SYSINFO,
  SYS_UNAME,
} from './numbers.js';

/** What these calls work on. */
export interface SchedCallPorts {
  readonly current: Current;
  readonly tasks: Tasks;
  readonly scheduler: Scheduler;
  readonly inheritance: Inheritance;
  readonly dispatcher: Dispatcher;
  readonly futexes: Futexes;
  readonly access: UserAccess;
  readonly pages: PageAllocator;
  readonly cpuCount: number;
  readonly memoryBytes: number;
  readonly frequencyHz: number;
}

/** Fields of utsname, each ended by zeros up to 65 bytes (struct new_utsname). */
const UTSNAME = ['Hotpath', 'hotpath', '6.5.0-hotpath', '#1', 'x86_64', '(none)'];
const UTSNAME_FIELD_BYTES = 65;

/** Puts the handlers into the table. */
export function installSchedCalls(table: (Handler | undefined)[], ports: SchedCallPorts): void {
  const { dispatcher, futexes, inheritance, scheduler, tasks } = ports;
  table[SYS_SCHED_SETAFFINITY] = (call) => {
    const task = threadOf(call, call.a, tasks);
    if (task === NIL) return ESRCH;
    const mask = (call.b & (2 ** ports.cpuCount - 1)) >>> 0;
    if (mask === 0 || scheduler.tasks.periodNs[task] > 0) return EINVAL;
    scheduler.setAffinity(task, mask, dispatcher.now(ports.current.cpu));
    dispatcher.wakeIdleCpus();
    return OK;
  };
  table[SYS_SCHED_GETAFFINITY] = (call) => {
    const task = threadOf(call, call.a, tasks);
    return task === NIL ? ESRCH : scheduler.tasks.affinity[task];
  };
  // `which` is PRIO_PROCESS alone; as in Linux the answer is 20 - nice, so that errors stay negative.
  table[SYS_GETPRIORITY] = (call) => {
    const task = threadOf(call, call.b, tasks);
    if (call.a !== 0) return EINVAL;
    return task === NIL ? ESRCH : 20 - tasks.nice[task];
  };
  table[SYS_SETPRIORITY] = (call) => {
    const task = threadOf(call, call.b, tasks);
    if (call.a !== 0 || !Number.isInteger(call.c)) return EINVAL;
    if (task === NIL) return ESRCH;
    const nice = Math.max(-20, Math.min(19, call.c));
    inheritance.setNice(task, nice);
    tasks.nice[task] = nice;
    return OK;
  };
  table[SYS_FUTEX] = (call) => {
    if (call.b === FUTEX_WAIT) return futexes.wait(call);
    if (call.b !== FUTEX_WAKE) return ENOSYS;
    if (!isUserAddress(call.a)) return EFAULT;
    if (call.a % 4 !== 0 || !(call.c >= 0)) return EINVAL;
    return futexes.wake(tasks.space[call.task], call.a, call.c);
  };
  table[SYS_UNAME] = (call) => uname(call, ports);
  table[SYS_SYSINFO] = (call) => {
    const { memoryBytes, pages } = ports;
    const uptime = Math.floor(dispatcher.now(ports.current.cpu) / 1e9);
    return store(call, call.a, ports, [
      uptime,
      memoryBytes,
      pages.freePages * 4096,
      tasks.liveCount,
    ]);
  };
  table[SYS_GETRUSAGE] = (call) => {
    const thread = call.a === RUSAGE_THREAD;
    if (!thread && call.a !== 0) return EINVAL;
    const cycles = thread
      ? dispatcher.cpuCycles(call.task)
      : dispatcher.processCycles(tasks.leader[call.task]);
    const report = tasks.report[call.task];
    const space = tasks.space[call.task];
    return store(call, call.b, ports, [
      cyclesToNanoseconds(cycles, ports.frequencyHz),
      (space?.residentPages ?? 0) * 4096,
      report?.switches ?? 0,
    ]);
  };
}

/** A thread by number (0: the caller) that has not ended, or NIL. */
function threadOf(call: Call, number: number, tasks: Tasks): number {
  if (number === 0) return call.task;
  if (!Number.isInteger(number) || number < 1 || number >= TASK_LIMIT) return NIL;
  const gone = tasks.state[number] === TASK_FREE || tasks.state[number] === TASK_ZOMBIE;
  return gone ? NIL : number;
}

/** 64-bit words into the caller's memory: OK or EFAULT. */
function store(
  call: Call,
  address: number,
  ports: SchedCallPorts,
  values: readonly number[],
): number {
  for (const [i, value] of values.entries()) {
    if (!isUserAddress(address + i * 8)) return EFAULT;
    const status = ports.access.storeWords(call.task, address + i * 8, value);
    if (status !== OK) return status;
  }
  return OK;
}

function uname(call: Call, ports: SchedCallPorts): number {
  const bytes = new Uint8Array(Math.ceil((UTSNAME.length * UTSNAME_FIELD_BYTES) / 8) * 8);
  for (const [i, text] of UTSNAME.entries()) {
    for (let at = 0; at < text.length; at++) {
      bytes[i * UTSNAME_FIELD_BYTES + at] = text.charCodeAt(at);
    }
  }
  const view = new DataView(bytes.buffer);
  for (let at = 0; at < bytes.length; at += 4) {
    if (!isUserAddress(call.a + at)) return EFAULT;
    const status = ports.access.storeWord(call.task, call.a + at, view.getUint32(at, true));
    if (status !== OK) return status;
  }
  return OK;
}
