/** Calls about signals and the clocks that send them. */
import { BLOCKED, EINVAL, ESRCH, OK } from '@hotpath/hw-x86';
import { TASK_LIMIT } from '../params.js';
import type { IntervalTimers } from '../task/interval-timers.js';
import {
  SIG_BLOCK,
  SIG_DFL,
  SIG_IGN,
  SIG_SETMASK,
  SIG_UNBLOCK,
  SIGKILL,
  SIGNAL_MAX,
  SIGSTOP,
} from '../task/signal-numbers.js';
import type { Signals } from '../task/signals.js';
import { TASK_FREE, TASK_ZOMBIE, type Tasks } from '../task/tasks.js';
import type { TaskWaits } from '../task/waits.js';
import { type Call, type Interruptible, RESTART_UNHANDLED } from './call.js';
import type { Handler } from './entry.js';
import {
  SYS_ALARM,
  SYS_KILL,
  SYS_PAUSE,
  SYS_RT_SIGACTION,
  SYS_RT_SIGPENDING,
  SYS_RT_SIGPROCMASK,
  SYS_SETITIMER,
  SYS_TGKILL,
} from './numbers.js';

/** What these calls work on. */
export interface SignalCallPorts {
  readonly tasks: Tasks;
  readonly signals: Signals;
  readonly waits: TaskWaits;
  readonly timers: IntervalTimers;
}

/** Nothing has to be taken back where only a signal could end the wait. */
const ONLY_A_SIGNAL: Interruptible = { cancel: () => {} };

/** Puts the handlers into the table. */
export function installSignalCalls(table: (Handler | undefined)[], ports: SignalCallPorts): void {
  const { signals, tasks, timers, waits } = ports;
  table[SYS_KILL] = (call) => kill(call, ports);
  table[SYS_TGKILL] = (call) => {
    const { a: group, b: task, c: signal } = call;
    if (!isSignal(signal, true)) return EINVAL;
    if (!Number.isInteger(task) || task < 1 || task >= TASK_LIMIT) return ESRCH;
    const lives = tasks.state[task] !== TASK_FREE && tasks.state[task] !== TASK_ZOMBIE;
    if (!lives || tasks.leader[task] !== group) return ESRCH;
    if (signal !== 0) signals.sendToThread(task, signal);
    return OK;
  };
  table[SYS_RT_SIGACTION] = (call) => setAction(call, ports);
  table[SYS_RT_SIGPROCMASK] = (call) => {
    const before = signals.blocked[call.task];
    const mask = call.b >>> 0;
    if (call.a === SIG_BLOCK) signals.setBlocked(call.task, before | mask);
    else if (call.a === SIG_UNBLOCK) signals.setBlocked(call.task, before & ~mask);
    else if (call.a === SIG_SETMASK) signals.setBlocked(call.task, mask);
    else return EINVAL;
    return before;
  };
  table[SYS_RT_SIGPENDING] = (call) =>
    (signals.pendingOf(call.task) & signals.blocked[call.task]) >>> 0;
  table[SYS_PAUSE] = (call) => {
    if (call.stage === 1) return RESTART_UNHANDLED;
    call.stage = 1;
    waits.beginSlow(call, ONLY_A_SIGNAL);
    return BLOCKED;
  };
  table[SYS_ALARM] = (call) => {
    if (!Number.isSafeInteger(call.a) || call.a < 0 || call.a > 2 ** 31) return EINVAL;
    const left = timers.set(tasks.leader[call.task], call.a * 1e9, 0);
    return Math.ceil(left / 1e9);
  };
  table[SYS_SETITIMER] = (call) => {
    const fine = (ns: number) => Number.isSafeInteger(ns) && ns >= 0 && ns < 2 ** 52;
    if (!fine(call.a) || !fine(call.b)) return EINVAL;
    return timers.set(tasks.leader[call.task], call.a, call.b);
  };
}

function isSignal(signal: number, zero: boolean): boolean {
  return Number.isInteger(signal) && signal >= (zero ? 0 : 1) && signal <= SIGNAL_MAX;
}

/** kill(2): one process, a group with pid < -1, the own group with 0, all with -1. */
function kill(call: Call, ports: SignalCallPorts): number {
  const { signals, tasks } = ports;
  const { a: pid, b: signal } = call;
  if (!isSignal(signal, true)) return EINVAL;
  if (!Number.isInteger(pid)) return ESRCH;
  const caller = tasks.leader[call.task];
  if (pid > 0) {
    const exists = pid < TASK_LIMIT && tasks.state[pid] !== TASK_FREE && tasks.leader[pid] === pid;
    if (!exists) return ESRCH;
    if (signal !== 0) signals.sendToProcess(pid, signal);
    return OK;
  }
  const group = pid === 0 ? tasks.processGroup[caller] : -pid;
  let found = 0;
  for (let task = 1; task < TASK_LIMIT; task++) {
    if (tasks.state[task] === TASK_FREE || tasks.leader[task] !== task) continue;
    if (tasks.space[task] === null && tasks.threadCount[task] > 0) continue;
    // -1 spares the caller, as Linux does, and the process that adopts orphans.
    if (pid === -1 ? task === caller || task === 1 : tasks.processGroup[task] !== group) continue;
    found += 1;
    if (signal !== 0) signals.sendToProcess(task, signal);
  }
  return found === 0 ? ESRCH : OK;
}

function setAction(call: Call, ports: SignalCallPorts): number {
  const { handler } = call;
  call.handler = null;
  const { a: signal, b: disposition, c: flags } = call;
  if (!isSignal(signal, false) || signal === SIGKILL || signal === SIGSTOP) return EINVAL;
  if (handler === null && disposition !== SIG_DFL && disposition !== SIG_IGN) return EINVAL;
  const actions = ports.signals.actionsOf(ports.tasks.leader[call.task]);
  actions.handler[signal] = handler;
  actions.disposition[signal] = handler === null ? disposition : SIG_DFL;
  actions.flags[signal] = flags >>> 0;
  actions.mask[signal] = call.d >>> 0;
  return OK;
}
