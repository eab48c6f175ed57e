import { ArgumentError, type TraceHook } from '@hotpath/hw-x86';
import {
  type PolicyFactory,
  type SimulationResult,
  type SimulationTask,
  simulate,
  type TaskResult,
} from '@hotpath/sched';
import { quantile } from '../harness/statistics.js';
import type { BurstTask } from '../traces/burst-trace.js';

const NS_PER_US = 1000;
const NO_RESERVATIONS: ReadonlyMap<number, Reservation> = new Map();

/** How a recording is scheduled. */
export interface SchedReplayOptions {
  readonly policy: PolicyFactory;
  /** 1..32. */
  readonly cpus: number;
  /** Microseconds between two timer ticks, at which alone slices end; 0 (default): timers are exact. */
  readonly tickUs?: number;
  /** By task id: needs a policy that has deadlines as class 0 above others (`edf`). Default: none. */
  readonly reservations?: ReadonlyMap<number, Reservation>;
  readonly trace?: TraceHook | null;
}

/** CPU time that a task is promised in each period, whole microseconds. */
export interface Reservation {
  readonly runtimeUs: number;
  readonly periodUs: number;
}

/** What a policy made of a recording. Times in microseconds of virtual time; exact. */
export interface SchedReplay {
  readonly cpus: number;
  readonly tasks: number;
  /** CPU time that the recording asks for; all of it was given. */
  readonly runUs: number;
  /** When the last burst ended. */
  readonly makespanUs: number;
  /** Share of the CPUs' time up to then that was used. */
  readonly utilization: number;
  /** Switches to another task or from idle. */
  readonly switches: number;
  /** Times a task lost its CPU in the middle of a burst. */
  readonly preemptions: number;
  readonly migrations: number;
  /** Time tasks were ready and did not run: preempted or not yet picked. */
  readonly waitUs: { readonly total: number; readonly max: number };
  /** From a wake-up (or the start) to the first instruction. */
  readonly wakeLatencyUs: LatencySummary;
  /** By task, in the order of the recording. */
  readonly perTask: readonly TaskReplay[];
}

/** A distribution of latencies, us; all 0 when there are none. */
export interface LatencySummary {
  readonly count: number;
  readonly mean: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
}

/** What became of one task. For every one: spawn + runs + sleeps + waits = end. */
export interface TaskReplay {
  readonly id: number;
  /** CPU time it was given: what the recording says. */
  readonly runUs: number;
  readonly waitedUs: number;
  readonly waitMaxUs: number;
  /** End of its last run burst. */
  readonly endUs: number;
  /** With a reservation: run bursts that were not done a period after their wake-up. */
  readonly misses?: number;
}

/**
 * Runs the bursts of a recording through a scheduler on virtual CPUs ({@link simulate}). A sleep
 * begins when the burst before it has really ended; tasks do not depend on each other; switches cost
 * nothing. Tasks that never ran in the recording are left out. SJF and STCF are told each task's CPU
 * time of the whole recording.
 * @throws ArgumentError ERR_RESERVATION when a reservation is impossible or no CPU has room for it
 */
export function replaySched(
  recording: readonly BurstTask[],
  { policy, cpus, tickUs, reservations = NO_RESERVATIONS, trace }: SchedReplayOptions,
): SchedReplay {
  const tasks = recording.filter(({ bursts }) => bursts.length > 0);
  const workload = toWorkload(tasks, reservations);
  const tickNs = (tickUs ?? 0) * NS_PER_US;
  const result = simulate({ tasks: workload, policy, cpus, tickNs, trace: trace ?? null });
  checkAdmitted(result, tasks, reservations);
  const misses = missesOf(result, workload);
  const makespanNs = result.tasks.reduce((end, { endNs }) => Math.max(end, endNs), 0);
  const sum = (of: (task: TaskResult) => number): number =>
    result.tasks.reduce((total, task) => total + of(task), 0);
  return {
    cpus,
    tasks: tasks.length,
    runUs: result.totalRunNs / NS_PER_US,
    makespanUs: makespanNs / NS_PER_US,
    utilization: makespanNs === 0 ? 0 : result.totalRunNs / makespanNs / cpus,
    switches: result.switches,
    preemptions: sum(({ preempted }) => preempted),
    migrations: sum(({ migrations }) => migrations),
    waitUs: {
      total: result.totalWaitNs / NS_PER_US,
      max: Math.max(0, ...result.tasks.map(longestDelay)) / NS_PER_US,
    },
    wakeLatencyUs: summarizeLatencies(wakeLatencies(result)),
    perTask: result.tasks.map((task, index) => ({
      id: tasks[index]!.id,
      runUs: task.runNs / NS_PER_US,
      waitedUs: task.waitNs / NS_PER_US,
      waitMaxUs: longestDelay(task) / NS_PER_US,
      endUs: task.endNs / NS_PER_US,
      ...(reservations.has(tasks[index]!.id) ? { misses: misses[index]! } : {}),
    })),
  };
}

function checkAdmitted(
  { tasks: results }: SimulationResult,
  tasks: readonly BurstTask[],
  reservations: ReadonlyMap<number, Reservation>,
): void {
  const index = results.findIndex(({ refused }) => refused);
  if (index < 0) return;
  const { id, command } = tasks[index]!;
  const { runtimeUs, periodUs } = reservations.get(id) ?? { runtimeUs: 0, periodUs: 0 };
  throw new ArgumentError(
    'ERR_RESERVATION',
    `task ${id} (${command}) asks for ${runtimeUs} us in ${periodUs} us; ` +
      'allowed: reservations of at most 0.95 of each CPU',
  );
}

/** Tasks of a simulation from those of a recording that ran at all; class 1 without a reservation. */
export function toWorkload(
  tasks: readonly BurstTask[],
  reservations = NO_RESERVATIONS,
): SimulationTask[] {
  const indexOf = new Map(tasks.map(({ id }, index) => [id, index]));
  return tasks.map(({ id, command, nice, parent, spawnUs, bursts }) => {
    const parentIndex = indexOf.get(parent);
    const reserved = reservations.get(id);
    const lengthUs = bursts.reduce((sum, us, at) => (at % 2 === 0 ? sum + us : sum), 0);
    return {
      name: command,
      nice,
      arriveNs: spawnUs * NS_PER_US,
      lengthNs: lengthUs * NS_PER_US,
      class: reserved === undefined ? 1 : 0,
      // A sleep at the end says that the recording stopped there; nothing follows it.
      bursts: bursts
        .subarray(0, bursts.length - ((bursts.length + 1) % 2))
        .map((us) => us * NS_PER_US),
      ...(parentIndex === undefined ? {} : { parent: parentIndex }),
      ...(reserved === undefined ? {} : { reservation: inNs(reserved) }),
    };
  });
}

function inNs({ runtimeUs, periodUs }: Reservation): { runtimeNs: number; periodNs: number } {
  return { runtimeNs: runtimeUs * NS_PER_US, periodNs: periodUs * NS_PER_US };
}

/** By task: run bursts that took longer from their wake-up than the reservation's period. */
function missesOf({ slices }: SimulationResult, workload: readonly SimulationTask[]): Int32Array {
  const misses = new Int32Array(workload.length);
  const wokenNs = new Float64Array(workload.length).fill(-1);
  for (const { task, startNs, endNs, delayNs, blocked } of slices) {
    const period = workload[task]!.reservation?.periodNs;
    if (period === undefined) continue;
    if (wokenNs[task]! < 0) wokenNs[task] = startNs - delayNs;
    if (!blocked) continue;
    if (endNs - wokenNs[task]! > period) misses[task]!++;
    wokenNs[task] = -1;
  }
  return misses;
}

function longestDelay({ delays }: TaskResult): number {
  return delays.reduce((longest, delay) => Math.max(longest, delay), 0);
}

/** Waits of slices that follow a sleep or are a task's first, us. */
function wakeLatencies({ slices, tasks }: SimulationResult): number[] {
  const woken = new Uint8Array(tasks.length).fill(1);
  const latencies: number[] = [];
  for (const { task, delayNs, blocked } of slices) {
    if (woken[task] === 1) latencies.push(delayNs / NS_PER_US);
    woken[task] = blocked ? 1 : 0;
  }
  return latencies;
}

function summarizeLatencies(latencies: readonly number[]): LatencySummary {
  if (latencies.length === 0) return { count: 0, mean: 0, p50: 0, p95: 0, p99: 0, max: 0 };
  const sorted = Float64Array.from(latencies).sort();
  return {
    count: sorted.length,
    mean: sorted.reduce((sum, latency) => sum + latency, 0) / sorted.length,
    p50: quantile(sorted, 0.5),
    p95: quantile(sorted, 0.95),
    p99: quantile(sorted, 0.99),
    max: quantile(sorted, 1),
  };
}
