/** Calls about processes and threads: fork, clone, exec, exit_group, wait4, process groups. */
import {
  BLOCKED,
  E2BIG,
  EAGAIN,
  ECHILD,
  EFAULT,
  EINVAL,
  ENOENT,
  EPERM,
  ESRCH,
  NIL,
  OK,
} from '@hotpath/hw-x86';
import { isUserAddress } from '../memory/memory-map.js';
import { ARGUMENT_BYTES, TASK_LIMIT } from '../params.js';
import { type Endings, TOLD_CONTINUED, TOLD_STOPPED } from '../task/endings.js';
import type { Lifecycle } from '../task/lifecycle.js';
import type { Programs } from '../task/programs.js';
import type { Signals } from '../task/signals.js';
import { TASK_FREE, type Tasks } from '../task/tasks.js';
import type { ThreadExec } from '../task/thread-exec.js';
import type { UserAccess } from '../task/user-access.js';
import type { TaskWaits } from '../task/waits.js';
import { type Call, type Interruptible, RESTART } from './call.js';
import type { Handler } from './entry.js';
import { WNOHANG } from './flags.js';
import {
  SYS_CLONE,
  SYS_EXECVE,
  SYS_EXIT,
  SYS_EXIT_GROUP,
  SYS_FORK,
  SYS_GETPGID,
  SYS_GETPID,
  SYS_GETPPID,
  SYS_GETSID,
  SYS_GETTID,
  SYS_SETPGID,
  SYS_SETSID,
  SYS_WAIT4,
} from './numbers.js';

/** What these calls work on. */
export interface ChildCallPorts {
  readonly tasks: Tasks;
  readonly lifecycle: Lifecycle;
  readonly endings: Endings;
  readonly threadExec: ThreadExec;
  readonly programs: Programs;
  readonly signals: Signals;
  readonly waits: TaskWaits;
  readonly access: UserAccess;
}

/** Puts the handlers into the table. */
export function installChildCalls(table: (Handler | undefined)[], ports: ChildCallPorts): void {
  const { lifecycle, signals, tasks } = ports;
  table[SYS_FORK] = (call) => {
    const { program } = call;
    call.program = null;
    if (program === null) return EFAULT;
    return lifecycle.fork(call.task, program)?.task ?? EAGAIN;
  };
  table[SYS_CLONE] = (call) => clone(call, ports);
  table[SYS_EXECVE] = (call) => exec(call, ports);
  table[SYS_EXIT] = (call) => {
    tasks.exitStatus[call.task] = call.a & 255;
    return BLOCKED;
  };
  table[SYS_EXIT_GROUP] = (call) => {
    signals.endProcess(tasks.leader[call.task], call.a & 255, 0);
    tasks.exitStatus[call.task] = call.a & 255;
    return BLOCKED;
  };
  const wait = new ChildWait(ports);
  table[SYS_WAIT4] = (call) => wait.handle(call);
  table[SYS_GETPID] = (call) => tasks.leader[call.task];
  table[SYS_GETTID] = (call) => call.task;
  table[SYS_GETPPID] = (call) => Math.max(0, tasks.family.parent[tasks.leader[call.task]]);
  table[SYS_GETPGID] = (call) => {
    const process = processOf(call, tasks);
    return process === NIL ? ESRCH : tasks.processGroup[process];
  };
  table[SYS_GETSID] = (call) => {
    const process = processOf(call, tasks);
    return process === NIL ? ESRCH : tasks.session[process];
  };
  table[SYS_SETPGID] = (call) => setProcessGroup(call, tasks);
  table[SYS_SETSID] = (call) => {
    const process = tasks.leader[call.task];
    if (tasks.processGroup[process] === process && tasks.session[process] !== process) return EPERM;
    tasks.session[process] = process;
    tasks.processGroup[process] = process;
    return process;
  };
}

/** The process that argument `a` names; 0: the caller's. NIL if there is none. */
function processOf(call: Call, tasks: Tasks): number {
  if (call.a === 0) return tasks.leader[call.task];
  const process = call.a;
  if (!Number.isInteger(process) || process < 1 || process >= TASK_LIMIT) return NIL;
  const exists = tasks.state[process] !== TASK_FREE && tasks.leader[process] === process;
  return exists ? process : NIL;
}

/** A process moves itself or a child into its own group, or into one of its session (POSIX). */
function setProcessGroup(call: Call, tasks: Tasks): number {
  const caller = tasks.leader[call.task];
  const process = processOf(call, tasks);
  if (process === NIL) return ESRCH;
  if (process !== caller && tasks.family.parent[process] !== caller) return ESRCH;
  const group = call.b === 0 ? process : call.b;
  if (!Number.isInteger(group) || group < 0) return EINVAL;
  if (tasks.session[process] !== tasks.session[caller]) return EPERM;
  if (group !== process && !groupExists(group, tasks.session[caller], tasks)) return EPERM;
  tasks.processGroup[process] = group;
  return OK;
}

function groupExists(group: number, session: number, tasks: Tasks): boolean {
  for (let task = 1; task < TASK_LIMIT; task++) {
    if (tasks.state[task] === TASK_FREE || tasks.leader[task] !== task) continue;
    if (tasks.processGroup[task] === group && tasks.session[task] === session) return true;
  }
  return false;
}

/** A thread; its number is stored at `a` until it ends, unless that is 0. */
function clone(call: Call, ports: ChildCallPorts): number {
  const { program } = call;
  call.program = null;
  if (program === null) return EFAULT;
  if (call.a !== 0 && (!isUserAddress(call.a) || call.a % 4 !== 0)) return EFAULT;
  // The word is touched first, so that a thread is never begun for nothing.
  if (call.a !== 0 && ports.access.storeWord(call.task, call.a, 0) !== OK) return EFAULT;
  const task = ports.lifecycle.thread(call.task, program, call.a)?.task ?? EAGAIN;
  if (task >= 0 && call.a !== 0) ports.access.storeWord(call.task, call.a, task);
  return task;
}

/**
 * exec: until file systems have executable files, the last part of the path names a registered
 * program.
 */
function exec(call: Call, ports: ChildCallPorts): number {
  if (call.stage === 1) return ports.threadExec.resume(call);
  const { launch } = call;
  call.launch = null;
  if (launch === null) return EFAULT;
  const program = ports.programs.find(launch.name);
  if (program === null) return ENOENT;
  let bytes = 0;
  for (const text of launch.argv) bytes += text.length + 1;
  for (const [name, value] of Object.entries(launch.env)) bytes += name.length + value.length + 2;
  if (bytes > ARGUMENT_BYTES) return E2BIG;
  const { task } = call;
  if (ports.tasks.space[task] === null) return EINVAL;
  const name = launch.name.slice(launch.name.lastIndexOf('/') + 1);
  return ports.threadExec.begin(call, { ...launch, name, program });
}

/** wait4, which looks again after each wake-up: nobody but its parent can take a zombie. */
class ChildWait implements Interruptible {
  readonly #ports: ChildCallPorts;

  constructor(ports: ChildCallPorts) {
    this.#ports = ports;
  }

  handle(call: Call): number {
    const { endings, tasks, waits } = this.#ports;
    const parent = tasks.leader[call.task];
    const options = call.c;
    if (!Number.isInteger(call.a)) return ECHILD;
    if ((options & ~(WNOHANG | TOLD_STOPPED | TOLD_CONTINUED)) !== 0) return EINVAL;
    // Bit 31 makes `told` non-zero without asking for stops or continues.
    const child = endings.findChild(parent, call.a, options | 0x40000000);
    if (child === NIL) {
      if (endings.findChild(parent, call.a, 0) === NIL) return ECHILD;
      if ((options & WNOHANG) !== 0) return 0;
      if (call.stage === 1 && call.brought !== OK) return RESTART;
      call.stage = 1;
      waits.beginSlow(call, this);
      tasks.waitsForChild[call.task] = 1;
      return BLOCKED;
    }
    if (call.b !== 0) {
      // A bad pointer is EFAULT, and the zombie stays.
      if (!isUserAddress(call.b)) return EFAULT;
      const probe = this.#ports.access.storeWord(call.task, call.b, 0);
      if (probe !== OK) return probe;
    }
    const status = endings.takeStatus(child);
    if (call.b !== 0) this.#ports.access.storeWord(call.task, call.b, status);
    if (endings.hasEnded(child)) endings.reap(child);
    return child;
  }

  cancel(call: Call): void {
    this.#ports.tasks.waitsForChild[call.task] = 0;
  }
}
