import { assert } from '@hotpath/hw-x86';

/** The slot holds no task. */
export const FREE = 0;
/** Sleeping, new, or stopped: in no queue. */
export const BLOCKED_TASK = 1;
/** In a queue of `cpu[task]`, waiting to run. */
export const QUEUED = 2;
/** Current on `cpu[task]`. */
export const RUNNING = 3;

/** Names of the states, by number. */
export const STATE_NAMES: readonly string[] = ['free', 'blocked', 'queued', 'running'];

/**
 * Columns of the tasks, shared by the scheduler and its policy; index = task id. The scheduler writes
 * them, a policy reads them.
 *
 * For every CPU c: current[c] === NIL or (state[current[c]] === RUNNING and cpu[current[c]] === c).
 */
export class Tasks {
  readonly capacity: number;
  readonly cpuCount: number;
  /** {@link FREE}, {@link BLOCKED_TASK}, {@link QUEUED} or {@link RUNNING}. */
  readonly state: Uint8Array;
  /** CPU the task runs, waits or last ran on. */
  readonly cpu: Int32Array;
  /** -20..19. */
  readonly nice: Int8Array;
  /** Share: Linux's weight of `nice` (tickets of a lottery), or what the caller gave. */
  readonly weight: Float64Array;
  /** Bit c set: may run on CPU c. */
  readonly affinity: Uint32Array;
  /** Class of a stacked policy, 0 = highest. */
  readonly class: Uint8Array;
  /** Group (tenant), or NIL. */
  readonly group: Int32Array;
  /** Requested slice in ns, 0 = the policy's default. */
  readonly sliceNs: Float64Array;
  /** Expected length of the whole job in ns (SJF, STCF), 0 = unknown. */
  readonly lengthNs: Float64Array;
  /** Reservation (deadline class): CPU time per period, ns. */
  readonly runtimeNs: Float64Array;
  /** Reservation: relative deadline, ns. */
  readonly deadlineNs: Float64Array;
  /** Reservation: period, ns. */
  readonly periodNs: Float64Array;
  /** Time of the scheduler's last call that had one, ns. */
  nowNs = 0;
  /** Running task of each CPU, or NIL. */
  readonly current: Int32Array;
  /** Queued tasks of each CPU, the running one not included. */
  readonly queuedCount: Int32Array;

  constructor(capacity: number, cpuCount: number) {
    assert(capacity > 0 && cpuCount > 0 && cpuCount <= 32, 'task table size in range');
    this.capacity = capacity;
    this.cpuCount = cpuCount;
    this.state = new Uint8Array(capacity);
    this.cpu = new Int32Array(capacity);
    this.nice = new Int8Array(capacity);
    this.weight = new Float64Array(capacity);
    this.affinity = new Uint32Array(capacity);
    this.class = new Uint8Array(capacity);
    this.group = new Int32Array(capacity).fill(-1);
    this.sliceNs = new Float64Array(capacity);
    this.lengthNs = new Float64Array(capacity);
    this.runtimeNs = new Float64Array(capacity);
    this.deadlineNs = new Float64Array(capacity);
    this.periodNs = new Float64Array(capacity);
    this.current = new Int32Array(cpuCount).fill(-1);
    this.queuedCount = new Int32Array(cpuCount);
  }
}
