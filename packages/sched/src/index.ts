/**
 * Schedulers of operating systems over integer task ids and typed arrays, for kernels, simulations and
 * real event loops: a {@link Scheduler} with per-CPU run queues over one {@link Policy}.
 *
 * @module
 */

export {
  TRACE_EXIT,
  TRACE_MIGRATE,
  TRACE_NEW,
  TRACE_STALL,
  TRACE_SWITCH,
  TRACE_WAKE,
} from './events.js';
export { type GroupOptions, Groups } from './groups.js';
export { type GuardedPolicy, type GuardOptions, guarded, type PolicyFault } from './guard.js';
export { Heap } from './heap.js';
export { InheritingLocks } from './inheritance.js';
export { FairLoop } from './loop/fair-loop.js';
export { eventLoopHost, type LoopHost } from './loop/host.js';
export {
  type CancelSignal,
  type JobContext,
  type JobFunction,
  LoopError,
} from './loop/job.js';
export { fairLoopMetrics } from './loop/metrics.js';
export type { FairLoopOptions, JobOptions } from './loop/options.js';
export type { TenantStats } from './loop/tenant.js';
export { type CfsOptions, type CfsPolicy, cfs } from './policies/cfs.js';
export { type EdfOptions, type EdfPolicy, edf } from './policies/edf.js';
export { type EevdfOptions, type EevdfPolicy, eevdf } from './policies/eevdf.js';
export { type MlfqOptions, type MlfqPolicy, mlfq } from './policies/mlfq.js';
export {
  type LotteryOptions,
  lottery,
  type ProportionalOptions,
  stride,
} from './policies/proportional.js';
export { type RoundRobinOptions, roundRobin } from './policies/round-robin.js';
export { fifo, sjf, stcf } from './policies/shortest.js';
export { type StackPolicy, stack } from './policies/stack.js';
export {
  completePolicy,
  DEQUEUE_EXIT,
  DEQUEUE_MIGRATE,
  DEQUEUE_SAVE,
  DEQUEUE_SLEEP,
  ENQUEUE_MIGRATED,
  ENQUEUE_NEW,
  ENQUEUE_PREEMPTED,
  ENQUEUE_RESTORE,
  ENQUEUE_WAKE,
  type MinimalPolicy,
  type Policy,
  type PolicyContext,
  type PolicyFactory,
} from './policy.js';
export { RedBlackTree } from './red-black-tree.js';
export { Rings } from './rings.js';
export { Scheduler, type SchedulerOptions } from './scheduler.js';
export {
  delayPercentile,
  type GanttSvgOptions,
  ganttSvg,
  ganttText,
  latencyTable,
  shareOf,
  timeHistory,
} from './simulate/report.js';
export type {
  SimulationOptions,
  SimulationResult,
  Slice,
  TaskResult,
} from './simulate/result.js';
export { simulate } from './simulate/simulation.js';
export {
  hog,
  interactive,
  parseRecording,
  periodic,
  type SimulationTask,
} from './simulate/workload.js';
export type { TaskOptions } from './task-options.js';
export { BLOCKED_TASK, FREE, QUEUED, RUNNING, Tasks } from './tasks.js';
export {
  calcDelta,
  calcDeltaBig,
  calcDeltaFair,
  deltaFactor,
  deltaShift,
  IDLE_WEIGHT,
  INVERSE_WEIGHTS,
  inverseOf,
  NICE_0_WEIGHT,
  NICE_MAX,
  NICE_MIN,
  WEIGHTS,
  weightOf,
} from './weights.js';
