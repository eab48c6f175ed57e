import { type Meter, type Nanoseconds, NIL } from '@hotpath/hw-x86';
import type { Groups } from './groups.js';
import type { Tasks } from './tasks.js';

/** enqueue: the task slept and was woken. */
export const ENQUEUE_WAKE = 1;
/** enqueue: the task runs for the first time. */
export const ENQUEUE_NEW = 2;
/** enqueue: back after a change of nice, slice, group or affinity that took it out for a moment. */
export const ENQUEUE_RESTORE = 4;
/** enqueue: it comes from another CPU's queue. */
export const ENQUEUE_MIGRATED = 8;
/** enqueue: it was running and another class took the CPU. */
export const ENQUEUE_PREEMPTED = 16;

/** dequeue: for a moment only, {@link ENQUEUE_RESTORE} follows. */
export const DEQUEUE_SAVE = 1;
/** dequeue: {@link ENQUEUE_MIGRATED} on another CPU follows. */
export const DEQUEUE_MIGRATE = 2;
/** dequeue or stopped: the task ends. */
export const DEQUEUE_EXIT = 4;
/** stopped: the task sleeps. */
export const DEQUEUE_SLEEP = 8;

/** What a policy is built over. */
export interface PolicyContext {
  readonly tasks: Tasks;
  readonly groups: Groups;
  readonly meter: Meter | null;
}

/**
 * A scheduling policy, in the manner of sched_ext's operations (Linux Documentation/scheduler/
 * sched-ext.rst): integers in, integers out, no allocation. It keeps the queues; the
 * {@link Scheduler} keeps states, checks arguments and calls it in the order written here.
 *
 * A task is in the policy's queues exactly while `tasks.state[task] === QUEUED`: the running task is
 * not queued. Times are whole nanoseconds below 2**53.
 */
export interface Policy {
  readonly name: string;
  /** When {@link timer} wants to be called; Infinity when never. Read before each pick. */
  nextTimerNs: Nanoseconds;
  /** A task exists; its columns are set. OK, or an errno that refuses it (EBUSY: no bandwidth). */
  newTask(task: number): number;
  /** CPU for a task that becomes ready, or NIL for the scheduler's own choice. */
  selectCpu(task: number, previousCpu: number, flags: number): number;
  /** The task becomes ready on `cpu`. */
  enqueue(task: number, cpu: number, flags: number): void;
  /** A queued task leaves the queues. */
  dequeue(task: number, cpu: number, flags: number): void;
  /**
   * The next task of `cpu`, taken out of the queue; NIL when there is none. `previous` was running,
   * can go on, and is in no queue: put it back or return it. NIL when it blocked or there was none.
   */
  pickNext(cpu: number, previous: number): number;
  /** The running task used `ranNs` of CPU. */
  update(task: number, cpu: number, ranNs: Nanoseconds): void;
  /** Whether the running task should give way, as a timer tick asks. */
  tick(task: number, cpu: number): boolean;
  /** Nanoseconds of running after which {@link tick} would say yes; Infinity when alone. */
  sliceLeftNs(task: number, cpu: number): Nanoseconds;
  /** The running task offers the CPU; it stays runnable, and pickNext follows. */
  yield(task: number, cpu: number): void;
  /** The running task sleeps or ends. */
  stopped(task: number, cpu: number, flags: number): void;
  /** Whether `woken`, just queued on `cpu`, should preempt `current`. */
  checkPreempt(cpu: number, current: number, woken: number): boolean;
  /** nice and weight columns have changed; the task is in no queue, or it is the running one. */
  setNice(task: number): void;
  /** A waiting or sleeping task changes its CPU; called between dequeue and enqueue. */
  migrate(task: number, from: number, to: number): void;
  /** The task is gone; its columns are still readable. Called after stopped or dequeue. */
  exit(task: number): void;
  /** Called by the scheduler once `now >= nextTimerNs`: boosts, replenishments. */
  timer(now: Nanoseconds): void;
  /** Readable state of one CPU's queue, a line each. */
  dump(cpu: number): string[];
  /** Verifies the data structures; throws InvariantError. */
  checkInvariants(): void;
}

/** Builds a policy over the scheduler's columns. */
export type PolicyFactory = (context: PolicyContext) => Policy;

/** The four operations every policy must have; the rest have defaults. */
export type MinimalPolicy = Pick<Policy, 'name' | 'enqueue' | 'dequeue' | 'pickNext'> &
  Partial<Policy>;

/**
 * A whole policy from a partial one: no time slices, no preemption, every task admitted. This is how
 * a policy of twenty lines is written; methods are called with the given object as `this`.
 */
export function completePolicy(partial: MinimalPolicy): Policy {
  const defaults: Omit<Policy, 'name' | 'enqueue' | 'dequeue' | 'pickNext'> = {
    nextTimerNs: Infinity,
    newTask: () => 0,
    selectCpu: () => NIL,
    update: () => {},
    tick: () => false,
    sliceLeftNs: () => Infinity,
    yield: () => {},
    stopped: () => {},
    checkPreempt: () => false,
    setNice: () => {},
    migrate: () => {},
    exit: () => {},
    timer: () => {},
    dump: () => [],
    checkInvariants: () => {},
  };
  // The object itself is extended, so that a class instance keeps its prototype's methods.
  const whole = partial as unknown as Record<string, unknown>;
  for (const [name, value] of Object.entries(defaults)) {
    if (whole[name] === undefined) whole[name] = value;
  }
  return partial as Policy;
}
