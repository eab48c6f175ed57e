import type { Scheduler } from '@hotpath/sched';
import type { KernelLog } from '../kernel-log.js';
import { TASK_LIMIT } from '../params.js';
import { cyclesToNanoseconds, TASK_READY, TASK_RUNNING, type Tasks } from './tasks.js';

/** What the watchdog looks at. */
export interface WatchdogPorts {
  readonly tasks: Tasks;
  readonly scheduler: Scheduler;
  readonly log: KernelLog;
  readonly frequencyHz: number;
  /** Nanoseconds that a task may wait for a CPU, or have one without ever blocking; 0: it sleeps. */
  readonly boundNs: number;
}

/**
 * Looks, at timer ticks and four times within the bound, for tasks that are ready and get no CPU, and
 * for tasks that have not blocked for so long while others wait (Linux: the soft lockup and hung task
 * detectors, sched_ext's watchdog). Each is told of once until it gets on, with the state of its CPU's
 * queue. Lines go to the kernel's log; nothing is done about it.
 */
export class Watchdog {
  /** Reports written. */
  count = 0;
  /** Nanoseconds after which it wants a tick while a task waits; Infinity: it sleeps. */
  readonly intervalNs: number;
  readonly #ports: WatchdogPorts;
  readonly #bound: number;
  #next = 0;
  /** Per task: the wait, or the waking, that has been told of. */
  readonly #toldWait = new Float64Array(TASK_LIMIT).fill(-1);
  readonly #toldRun = new Float64Array(TASK_LIMIT).fill(-1);
  /** TSC at which each task was last woken. */
  readonly #wokenAt = new Float64Array(TASK_LIMIT);

  constructor(ports: WatchdogPorts) {
    this.#ports = ports;
    this.intervalNs = ports.boundNs === 0 ? Number.POSITIVE_INFINITY : ports.boundNs / 4;
    this.#bound = Math.ceil((ports.boundNs * ports.frequencyHz) / 1e9);
  }

  /** A task has become ready after a wait. */
  woken(task: number, now: number): void {
    this.#wokenAt[task] = now;
  }

  /** A timer tick at `now`, in cycles. */
  tick(now: number): void {
    if (this.#bound === 0 || now < this.#next) return;
    this.#next = now + Math.ceil(this.#bound / 4);
    const { tasks } = this.#ports;
    for (let task = 1; task < TASK_LIMIT; task++) {
      const state = tasks.state[task];
      if (state === TASK_READY) this.#lookAtWait(task, now);
      if (state === TASK_READY || state === TASK_RUNNING) this.#lookAtRun(task, now);
    }
  }

  #lookAtWait(task: number, now: number): void {
    const since = this.#ports.tasks.readyAt[task];
    if (now - since <= this.#bound || this.#toldWait[task] === since) return;
    this.#toldWait[task] = since;
    this.#report(task, `has waited for a CPU for ${this.#seconds(now - since)} s`);
  }

  #lookAtRun(task: number, now: number): void {
    const { scheduler, tasks } = this.#ports;
    const since = this.#wokenAt[task];
    if (now - since <= this.#bound || this.#toldRun[task] === since) return;
    // Alone on its CPU it takes nothing from anybody; nor does one that has hardly run.
    const others = scheduler.tasks.queuedCount[tasks.cpu[task]] > 0;
    if (tasks.state[task] !== TASK_RUNNING || !others) return;
    this.#toldRun[task] = since;
    this.#report(task, `has not blocked for ${this.#seconds(now - since)} s, and others wait`);
  }

  #report(task: number, what: string): void {
    const { log, scheduler, tasks } = this.#ports;
    this.count += 1;
    log.write(`watchdog: task ${task} "${tasks.report[task]?.name ?? ''}" ${what}`);
    log.write(`watchdog: ${tasks.describe(task)}`);
    for (const line of scheduler.dump(tasks.cpu[task]).slice(0, 8)) log.write(`watchdog: ${line}`);
  }

  #seconds(cycles: number): string {
    return (cyclesToNanoseconds(cycles, this.#ports.frequencyHz) / 1e9).toFixed(1);
  }
}
