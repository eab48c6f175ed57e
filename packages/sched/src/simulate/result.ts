import type { TraceHook } from '@hotpath/hw-x86';
import type { GroupOptions } from '../groups.js';
import type { PolicyFactory } from '../policy.js';
import type { Scheduler, SchedulerOptions } from '../scheduler.js';
import type { SimulationTask } from './workload.js';

/** What to simulate. Times in whole virtual nanoseconds. */
export interface SimulationOptions {
  tasks: readonly SimulationTask[];
  policy: PolicyFactory;
  /** 1..32, default 1. */
  cpus?: number;
  groups?: readonly GroupOptions[];
  /** Time a switch to another task costs, charged to nobody; default 0. */
  switchNs?: number;
  /** Time a task loses when it runs on another CPU than before (cold caches); default 0. */
  migrateNs?: number;
  /**
   * Preempt at timer ticks this far apart, each CPU's shifted by an even part of it, as a kernel
   * without high-resolution ticks does; default 0: exactly at the end of each slice.
   */
  tickNs?: number;
  /** Stop at this time; default: when every task has ended. */
  untilNs?: number;
  /** Placement and balancing. */
  scheduler?: Pick<SchedulerOptions, 'balanceNs' | 'migrationCostNs' | 'stealIdleNs'>;
  /** Keep every slice for Gantt charts and timelines; default true. */
  record?: boolean;
  trace?: TraceHook | null;
  /** Called with the scheduler after every pick: for checks of invariants and lag bounds. */
  observe?: (scheduler: Scheduler, cpu: number, now: number) => void;
}

/** One stretch of a task on a CPU. */
export interface Slice {
  task: number;
  cpu: number;
  startNs: number;
  endNs: number;
  /** Wait in the queue before it, ns. */
  delayNs: number;
  /** Sleep before it, ns (0 after a preemption). */
  sleptNs: number;
  /** The task slept or ended after it, instead of being preempted. */
  blocked: boolean;
}

/** What happened to one task. */
export interface TaskResult {
  name: string;
  nice: number;
  runNs: number;
  waitNs: number;
  /** Each wait in a queue, ns, in order; one for each time it was switched to. */
  delays: number[];
  /** Times it lost the CPU while it could go on. */
  preempted: number;
  migrations: number;
  /** Jobs of a task with `releaseEveryNs` that ended after the next release. */
  misses: number;
  /** The policy refused the task (no bandwidth for its reservation): it never ran. */
  refused: boolean;
  arriveNs: number;
  /** NaN when it never ran. */
  firstRunNs: number;
  /** NaN when it had not ended. */
  endNs: number;
}

export interface SimulationResult {
  tasks: TaskResult[];
  slices: Slice[];
  cpus: number;
  /** Virtual time at the end. */
  nowNs: number;
  switches: number;
  totalRunNs: number;
  totalWaitNs: number;
}

/** A result of which nothing has happened yet. */
export function emptyResult(task: SimulationTask, index: number): TaskResult {
  return {
    name: task.name ?? `task ${index}`,
    nice: task.nice ?? 0,
    runNs: 0,
    waitNs: 0,
    delays: [],
    preempted: 0,
    migrations: 0,
    misses: 0,
    refused: false,
    arriveNs: task.arriveNs ?? 0,
    firstRunNs: Number.NaN,
    endNs: Number.NaN,
  };
}
