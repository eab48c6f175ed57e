import { ArgumentError, assert, EBUSY, EINVAL, NIL } from '@hotpath/hw-x86';
import { Heap } from '../heap.js';
import {
  ENQUEUE_NEW,
  ENQUEUE_WAKE,
  type Policy,
  type PolicyContext,
  type PolicyFactory,
} from '../policy.js';
import { RedBlackTree } from '../red-black-tree.js';
import type { Tasks } from '../tasks.js';

/** Options of {@link edf}. */
export interface EdfOptions {
  /** Part of each CPU that reservations may take, above 0, at most 4 (over 1 is overload); default 0.95. */
  limit?: number;
  /**
   * Constant-bandwidth servers: throttle a task that used its runtime until its next period; default
   * true. False: plain EDF of strictly periodic jobs, each deadline a period after the last.
   */
  enforce?: boolean;
}

/** Linux's BW_SHIFT: bandwidths are whole numbers in units of 2**-20 of a CPU. */
const UNIT = 2 ** 20;

/**
 * Earliest deadline first with constant-bandwidth servers (Abeni and Buttazzo 1998; Linux's
 * SCHED_DEADLINE, kernel/sched/deadline.c), partitioned: a reservation of runtime per period is
 * admitted to one CPU, the least loaded with room, and stays there, because global EDF misses
 * deadlines long before the CPUs are full (Dhall and Liu 1978).
 *
 * A task that used its runtime waits, throttled, for its next period: an overrun hurts only itself.
 * At its wake-up it keeps deadline and runtime if they do not exceed its bandwidth, else gets new ones.
 *
 * For every CPU c: bandwidth[c] = sum over tasks admitted to c of floor(runtime * 2**20 / deadline),
 * bandwidth[c] <= limit * 2**20.
 */
class Edf implements Policy {
  readonly name = 'edf';
  nextTimerNs = Infinity;
  private readonly tasks: Tasks;
  private readonly tree: RedBlackTree;
  private readonly throttled: Heap;
  private readonly limit: number;
  private readonly enforce: boolean;
  private readonly bandwidth: Float64Array;
  private readonly deadline: Float64Array;
  private readonly runtime: Float64Array;
  private readonly yielded: Uint8Array;

  constructor(context: PolicyContext, limit: number, enforce: boolean) {
    const { capacity, cpuCount } = context.tasks;
    this.tasks = context.tasks;
    this.tree = new RedBlackTree(capacity, cpuCount, false, context.meter);
    this.throttled = new Heap(capacity, context.meter);
    this.limit = Math.floor(limit * UNIT);
    this.enforce = enforce;
    this.bandwidth = new Float64Array(cpuCount);
    this.deadline = new Float64Array(capacity);
    this.runtime = new Float64Array(capacity);
    this.yielded = new Uint8Array(capacity);
  }

  private bandwidthOf(task: number): number {
    return Math.floor((this.tasks.runtimeNs[task] / this.tasks.deadlineNs[task]) * UNIT);
  }

  /** Admission: EINVAL without a reservation, EBUSY when no allowed CPU has room for it. */
  newTask(task: number): number {
    const tasks = this.tasks;
    if (tasks.periodNs[task] === 0) return EINVAL;
    const wanted = this.bandwidthOf(task);
    let best = NIL;
    for (let cpu = 0; cpu < tasks.cpuCount; cpu++) {
      if (((tasks.affinity[task] >>> cpu) & 1) === 0) continue;
      if (this.bandwidth[cpu] + wanted > this.limit) continue;
      if (best === NIL || this.bandwidth[cpu] < this.bandwidth[best]) best = cpu;
    }
    if (best === NIL) return EBUSY;
    this.bandwidth[best] += wanted;
    tasks.cpu[task] = best;
    tasks.affinity[task] = (1 << best) >>> 0;
    this.deadline[task] = 0;
    this.runtime[task] = 0;
    this.yielded[task] = 0;
    return 0;
  }
  selectCpu(task: number): number {
    return this.tasks.cpu[task];
  }

  enqueue(task: number, cpu: number, flags: number): void {
    if (flags === ENQUEUE_WAKE || flags === ENQUEUE_NEW) this.wakeUp(task);
    if (this.exhausted(task)) this.throttle(task);
    else this.tree.insert(task, this.deadline[task], cpu);
  }

  /** The wake-up rule of CBS: the old pair is kept only while it asks for no more than its share. */
  private wakeUp(task: number): void {
    const { nowNs, runtimeNs, deadlineNs } = this.tasks;
    if (!this.enforce && this.deadline[task] > 0) {
      this.deadline[task] += this.tasks.periodNs[task];
      return;
    }
    const left = this.deadline[task] - nowNs;
    // A throttled sleeper waits for its period all the same.
    if (this.exhausted(task) && nowNs < this.replenishAt(task)) return;
    if (left > 0 && this.runtime[task] / left <= runtimeNs[task] / deadlineNs[task]) return;
    this.deadline[task] = nowNs + deadlineNs[task];
    this.runtime[task] = runtimeNs[task];
    this.yielded[task] = 0;
  }

  private exhausted(task: number): boolean {
    return this.yielded[task] === 1 || (this.enforce && this.runtime[task] <= 0);
  }

  private replenishAt(task: number): number {
    return this.deadline[task] - this.tasks.deadlineNs[task] + this.tasks.periodNs[task];
  }

  private throttle(task: number): void {
    this.throttled.insert(task, this.replenishAt(task));
    this.nextTimerNs = this.throttled.keyOf(this.throttled.first());
  }

  private leave(task: number, cpu: number): void {
    if (!this.throttled.contains(task)) {
      this.tree.remove(task, cpu);
      return;
    }
    this.throttled.remove(task);
    const first = this.throttled.first();
    this.nextTimerNs = first === NIL ? Infinity : this.throttled.keyOf(first);
  }

  dequeue(task: number, cpu: number): void {
    this.leave(task, cpu);
  }

  pickNext(cpu: number, previous: number): number {
    const first = this.tree.first(cpu);
    if (previous !== NIL) {
      if (this.exhausted(previous)) this.throttle(previous);
      else if (first === NIL || this.deadline[previous] <= this.tree.keyOf(first)) return previous;
      else this.tree.insert(previous, this.deadline[previous], cpu);
    }
    if (first !== NIL) this.tree.remove(first, cpu);
    return first;
  }

  update(task: number, _cpu: number, ranNs: number): void {
    this.runtime[task] -= ranNs;
  }
  tick(task: number, cpu: number): boolean {
    if (this.exhausted(task)) return true;
    const first = this.tree.first(cpu);
    return first !== NIL && this.tree.keyOf(first) < this.deadline[task];
  }
  sliceLeftNs(task: number): number {
    return this.enforce ? Math.max(0, this.runtime[task]) : Infinity;
  }
  /** Gives up what is left of this period's runtime, as sched_yield does for SCHED_DEADLINE. */
  yield(task: number): void {
    this.yielded[task] = 1;
  }
  stopped(task: number): void {
    assert(!this.tree.contains(task), 'a running task is not queued');
  }
  checkPreempt(cpu: number, current: number, woken: number): boolean {
    if (!this.tree.contains(woken) || this.tasks.cpu[woken] !== cpu) return false;
    return this.deadline[woken] < this.deadline[current];
  }
  setNice(): void {}
  migrate(): void {}
  exit(task: number): void {
    this.bandwidth[this.tasks.cpu[task]] -= this.bandwidthOf(task);
  }

  /** Replenishes whose next period has begun. O(log n) each. */
  timer(now: number): void {
    const { throttled, tasks } = this;
    while (throttled.size > 0 && throttled.keyOf(throttled.first()) <= now) {
      const task = throttled.first();
      throttled.remove(task);
      this.yielded[task] = 0;
      // An overrun is paid back: as many periods as it takes to have runtime again.
      if (this.runtime[task] > 0) this.runtime[task] = 0;
      do {
        this.deadline[task] += tasks.periodNs[task];
        this.runtime[task] += tasks.runtimeNs[task];
      } while (this.runtime[task] <= 0);
      if (this.deadline[task] <= now) {
        this.deadline[task] = now + tasks.deadlineNs[task];
        this.runtime[task] = tasks.runtimeNs[task];
      }
      this.tree.insert(task, this.deadline[task], tasks.cpu[task]);
    }
    const first = throttled.first();
    this.nextTimerNs = first === NIL ? Infinity : throttled.keyOf(first);
  }

  /** Absolute deadline of a task, ns. */
  deadlineOf(task: number): number {
    return this.deadline[task];
  }
  /** Runtime left in this period, ns. */
  runtimeLeftNs(task: number): number {
    return this.runtime[task];
  }
  /** Part of a CPU that is reserved, 0..limit. */
  reservedOf(cpu: number): number {
    return this.bandwidth[cpu] / UNIT;
  }

  dump(cpu: number): string[] {
    const lines = [`  reserved ${this.reservedOf(cpu)}`];
    for (let task = this.tree.first(cpu); task !== NIL; task = this.tree.next(task)) {
      lines.push(`  task ${task} deadline ${this.deadline[task]} runtime ${this.runtime[task]}`);
    }
    for (let at = 0; at < this.throttled.size; at++) {
      const task = this.throttled.at(at);
      if (this.tasks.cpu[task] === cpu) lines.push(`  task ${task} throttled`);
    }
    return lines;
  }

  checkInvariants(): void {
    this.tree.checkInvariants();
    this.throttled.checkInvariants();
    const first = this.throttled.first();
    const due = first === NIL ? Infinity : this.throttled.keyOf(first);
    assert(due === this.nextTimerNs, 'the timer is set to the first replenishment');
    for (let cpu = 0; cpu < this.tasks.cpuCount; cpu++) {
      assert(this.bandwidth[cpu] >= 0, 'no bandwidth is given back twice');
      assert(this.bandwidth[cpu] <= this.limit, 'no CPU is overbooked');
    }
  }
}

/** Read-outs of an EDF policy, `scheduler.policy as EdfPolicy`. */
export type EdfPolicy = Policy & Pick<Edf, 'deadlineOf' | 'runtimeLeftNs' | 'reservedOf'>;

/** EDF with CBS and admission per CPU; tasks need a `reservation`. @throws ArgumentError ERR_LIMIT */
export function edf(options: EdfOptions = {}): PolicyFactory {
  const limit = options.limit ?? 0.95;
  if (!(limit > 0 && limit <= 4)) {
    throw new ArgumentError('ERR_LIMIT', `limit is ${limit}; allowed: above 0, at most 4`);
  }
  return (context) => new Edf(context, limit, options.enforce ?? true);
}
