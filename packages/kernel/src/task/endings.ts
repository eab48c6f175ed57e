/** The end of threads and processes: what was taken is given back, and whoever waits is told. */
import { assert, NIL, OK, type TraceHook } from '@hotpath/hw-x86';
import type { Scheduler } from '@hotpath/sched';
import type { Current } from '../current.js';
import { type KernelPaths, PATH_EXIT, PATH_THREAD_EXIT, PATH_WAIT } from '../kernel-paths.js';
import type { SpinLock } from '../locks/spin-lock.js';
import type { AddressSpaces } from '../memory/address-spaces.js';
import { TASK_LIMIT } from '../params.js';
import { TRACE_TASK_EXIT } from '../trace-events.js';
import type { ProcessTimes } from './process-times.js';
import { SA_NOCLDSTOP, SA_NOCLDWAIT, SIG_IGN, SIGCHLD } from './signal-numbers.js';
import type { Signals } from './signals.js';
import { TASK_ZOMBIE, type Tasks } from './tasks.js';
import type { TaskWaits } from './waits.js';

/** What endings work on. */
export interface EndingPorts {
  readonly tasks: Tasks;
  readonly scheduler: Scheduler;
  readonly spaces: AddressSpaces;
  readonly signals: Signals;
  readonly waits: TaskWaits;
  readonly times: ProcessTimes;
  readonly trace: TraceHook | null;
  readonly paths: KernelPaths;
  readonly current: Current;
  /** Of the table of tasks and their families. */
  readonly lock: SpinLock;
  /** Gives a thread's kernel stack and object back. */
  releaseThread(task: number): void;
  /** Clears the word that says that the thread lives, and wakes who waits for it; its space is in force. */
  clearThreadWord(task: number): void;
  /** Takes the space of the task that ends out of force on this CPU. */
  leaveSpace(): void;
  /** Closes what a process has open. */
  closeFiles(leader: number): void;
  /** A process is down to one thread. */
  alone(leader: number): void;
  /** Takes back the timers of a process. */
  stopTimers(leader: number): void;
}

/** Ends tasks, keeps zombies, tells parents. */
export class Endings {
  /** The process that adopts orphans, or NIL: they are then reaped by nobody's wait. */
  init: number = NIL;
  readonly #ports: EndingPorts;
  /** Of a leader: stop or continue that wait4 has not told yet, as a wait status; 0: none. */
  readonly #news = new Int32Array(TASK_LIMIT);

  constructor(ports: EndingPorts) {
    this.#ports = ports;
  }

  /** The task that is current has ended: gives back all but what its parent may ask for. */
  exit(task: number, status: number): void {
    const { scheduler, tasks, trace } = this.#ports;
    const leader = tasks.leader[task];
    if (trace !== null) trace.emit(TRACE_TASK_EXIT, task, status);
    this.#ports.paths.pass(tasks.threadCount[leader] > 1 ? PATH_THREAD_EXIT : PATH_EXIT);
    if (tasks.clearAddress[task] !== 0) this.#ports.clearThreadWord(task);
    this.#ports.leaveSpace();
    tasks.program[task] = null;
    this.#ports.releaseThread(task);
    tasks.call[task].reset();
    tasks.threadCount[leader] -= 1;
    if (task === leader) {
      // A zombie keeps its number: the scheduler must not give it to anybody else.
      scheduler.blocked(task);
      tasks.state[task] = TASK_ZOMBIE;
    } else {
      const report = tasks.report[task];
      if (report !== null) report.status = status;
      this.#ports.times.threadEnded(task);
      scheduler.exit(task);
      tasks.release(task);
    }
    if (tasks.threadCount[leader] === 1) this.#ports.alone(leader);
    if (tasks.threadCount[leader] === 0) this.#endProcess(leader);
  }

  /**
   * A child of the process: number `pid`, any with -1, of the caller's group with 0, of group -pid
   * below; NIL if there is none. With `told`, only one of which wait4 has something to tell.
   */
  findChild(parent: number, pid: number, told: number): number {
    const { tasks } = this.#ports;
    const { family } = tasks;
    for (let child = family.firstChild[parent]; child !== NIL; child = family.next[child]) {
      if (pid > 0 && pid !== child) continue;
      const group = pid === 0 ? tasks.processGroup[parent] : -pid;
      if (pid !== -1 && pid <= 0 && tasks.processGroup[child] !== group) continue;
      if (told === 0 || this.hasEnded(child) || (this.#newsKind(child) & told) !== 0) return child;
    }
    return NIL;
  }

  /** True for a process all of whose threads have ended. */
  hasEnded(leader: number): boolean {
    const { tasks } = this.#ports;
    return tasks.state[leader] === TASK_ZOMBIE && tasks.threadCount[leader] === 0;
  }

  /** What wait4 stores of a child that has ended, or of its news, which are told once. */
  takeStatus(child: number): number {
    const { tasks } = this.#ports;
    if (this.hasEnded(child)) {
      const signal = tasks.exitSignal[child];
      return signal !== 0 ? signal : (tasks.exitStatus[child] & 255) * 256;
    }
    const news = this.#news[child];
    this.#news[child] = 0;
    return news;
  }

  /** A process was stopped or goes on: its parent may wait for that. */
  stateChanged(leader: number): void {
    const { signals, tasks } = this.#ports;
    const signal = signals.stopped[leader];
    this.#news[leader] = signal === 0 ? WAIT_CONTINUED : signal * 256 + 127;
    const parent = tasks.family.parent[leader];
    if (parent === NIL) return;
    this.#wakeWaiters(parent);
    if ((signals.flagsOf(parent, SIGCHLD) & SA_NOCLDSTOP) === 0) {
      signals.sendToProcess(parent, SIGCHLD);
    }
  }

  /** Forgets a process that has ended; its number is free. */
  reap(leader: number): void {
    const { scheduler, signals, tasks } = this.#ports;
    assert(this.hasEnded(leader), 'a process is reaped that has not ended');
    this.#ports.paths.pass(PATH_WAIT);
    this.#ports.times.reaped(leader);
    const { cpu } = this.#ports.current;
    this.#ports.lock.acquire(cpu);
    tasks.family.leave(leader);
    this.#ports.lock.release(cpu);
    this.#news[leader] = 0;
    signals.forget(leader);
    scheduler.exit(leader);
    tasks.release(leader);
  }

  #newsKind(child: number): number {
    const news = this.#news[child];
    if (news === 0) return 0;
    return news === WAIT_CONTINUED ? TOLD_CONTINUED : TOLD_STOPPED;
  }

  /** The last thread has ended: files, memory, children; then the parent hears of it. */
  #endProcess(leader: number): void {
    const { signals, tasks } = this.#ports;
    this.#ports.stopTimers(leader);
    this.#ports.closeFiles(leader);
    const space = tasks.space[leader];
    if (space !== null) this.#ports.spaces.destroy(space);
    tasks.space[leader] = null;
    if (signals.ending[leader] !== NIL) tasks.exitStatus[leader] = signals.ending[leader];
    const report = tasks.report[leader];
    if (report !== null) report.status = tasks.exitStatus[leader];
    if (this.init === leader) this.init = NIL;
    this.#orphan(leader);
    this.#tellParent(leader);
  }

  #tellParent(leader: number): void {
    const { signals, tasks } = this.#ports;
    const parent = tasks.family.parent[leader];
    if (parent === NIL) {
      this.reap(leader);
      return;
    }
    const actions = signals.actionsOf(parent);
    const unwanted =
      (actions.handler[SIGCHLD] === null && actions.disposition[SIGCHLD] === SIG_IGN) ||
      (actions.flags[SIGCHLD] & SA_NOCLDWAIT) !== 0;
    if (unwanted) this.reap(leader);
    this.#wakeWaiters(parent);
    signals.sendToProcess(parent, SIGCHLD);
  }

  /** Every thread of a process that waits for children looks again. */
  #wakeWaiters(parent: number): void {
    const { tasks, waits } = this.#ports;
    tasks.eachThread(parent, (task) => {
      if (tasks.waitsForChild[task] === 0) return;
      tasks.waitsForChild[task] = 0;
      waits.end(tasks.call[task], OK);
    });
  }

  /** Children of a process that has ended go to init, or to nobody: then those that ended go now. */
  #orphan(leader: number): void {
    const { family } = this.#ports.tasks;
    for (let child = family.firstChild[leader]; child !== NIL; child = family.firstChild[leader]) {
      family.leave(child);
      if (this.init !== NIL) {
        family.adopt(this.init, child);
        if (this.hasEnded(child)) this.#tellParent(child);
      } else if (this.hasEnded(child)) {
        this.reap(child);
      }
    }
  }
}

/** wait4: tell of stopped children, of continued ones (WUNTRACED, WCONTINUED). */
export const TOLD_STOPPED = 2;
export const TOLD_CONTINUED = 8;
const WAIT_CONTINUED = 0xffff;
