import type { TraceHook } from '@hotpath/hw-x86';
import { ArgumentError, assert, type Nanoseconds, NIL } from '@hotpath/hw-x86';
import { TRACE_STALL } from './events.js';
import { roundRobin } from './policies/round-robin.js';
import { ENQUEUE_RESTORE, type Policy, type PolicyContext, type PolicyFactory } from './policy.js';
import { Rings } from './rings.js';
import { FREE, QUEUED, type Tasks } from './tasks.js';

/** Why a guarded policy was ejected, with what its queues looked like. */
export interface PolicyFault {
  policy: string;
  /** What it did: an exception, a wrong pick, a task that waited too long. */
  reason: string;
  /** The task concerned, or NIL. */
  task: number;
  /** Lines of the policy's own dump of every CPU; empty when dump threw. */
  dump: string[];
}

/** Options of {@link guarded}. */
export interface GuardOptions {
  /** A ready task that waits longer ejects the policy, ns; default 30 s (sched_ext's). */
  stallNs?: Nanoseconds;
  /** Told once, when the policy is ejected. */
  onFault?: (fault: PolicyFault) => void;
  trace?: TraceHook | null;
}

/**
 * Watches over a policy that may be wrong, as sched_ext does: when it throws, picks a task that is not
 * queued on that CPU, loses one, or leaves a ready task waiting too long, its tasks go to round-robin
 * and it is never asked again. Costs two ring operations a switch.
 *
 * For every CPU c: ring c holds exactly the tasks that are queued on c, longest waiting first.
 */
class Guard implements Policy {
  readonly name: string;
  private readonly tasks: Tasks;
  private readonly rings: Rings;
  private readonly readySince: Float64Array;
  private readonly fallback: Policy;
  private readonly stallNs: number;
  private readonly onFault: ((fault: PolicyFault) => void) | null;
  private readonly trace: TraceHook | null;
  private inner: Policy;
  private ejected = false;

  constructor(context: PolicyContext, factory: PolicyFactory, options: GuardOptions) {
    const { capacity, cpuCount } = context.tasks;
    this.tasks = context.tasks;
    this.inner = factory(context);
    this.name = `guarded ${this.inner.name}`;
    this.rings = new Rings(capacity, cpuCount);
    this.readySince = new Float64Array(capacity);
    this.fallback = roundRobin()(context);
    this.stallNs = options.stallNs ?? 30_000_000_000;
    this.onFault = options.onFault ?? null;
    this.trace = options.trace ?? null;
  }

  get nextTimerNs(): number {
    return this.inner.nextTimerNs;
  }
  /** Whether round-robin has taken over. */
  get faulted(): boolean {
    return this.ejected;
  }

  /** Runs a call of the policy; its exceptions eject it, and `otherwise` is the answer. */
  private ask<T>(call: () => T, otherwise: T): T {
    if (this.ejected) return call();
    try {
      return call();
    } catch (error) {
      if (error instanceof ArgumentError) throw error;
      this.eject(`threw ${error instanceof Error ? error.message : String(error)}`, NIL);
      return otherwise;
    }
  }

  private eject(reason: string, task: number): void {
    const dump: string[] = [];
    const policy = this.inner.name;
    try {
      for (let cpu = 0; cpu < this.tasks.cpuCount; cpu++) dump.push(...this.inner.dump(cpu));
    } catch {
      // What is broken need not be able to say so.
    }
    this.ejected = true;
    this.inner = this.fallback;
    for (let other = 0; other < this.tasks.capacity; other++) {
      if (this.tasks.state[other] !== FREE) this.fallback.newTask(other);
    }
    for (let cpu = 0; cpu < this.tasks.cpuCount; cpu++) {
      for (let other = this.rings.first(cpu); other !== NIL; other = this.rings.next(other)) {
        this.fallback.enqueue(other, cpu, ENQUEUE_RESTORE);
      }
    }
    if (this.onFault !== null) this.onFault({ policy, reason, task, dump });
  }

  newTask(task: number): number {
    return this.ask(() => this.inner.newTask(task), 0);
  }
  selectCpu(task: number, previousCpu: number, flags: number): number {
    const cpu = this.ask(() => this.inner.selectCpu(task, previousCpu, flags), NIL);
    const valid = Number.isInteger(cpu) && cpu >= 0 && cpu < this.tasks.cpuCount;
    if (valid && ((this.tasks.affinity[task] >>> cpu) & 1) === 1) return cpu;
    if (cpu !== NIL) this.eject(`chose CPU ${cpu} for a task that may not run there`, task);
    return NIL;
  }
  enqueue(task: number, cpu: number, flags: number): void {
    this.rings.pushTail(task, cpu);
    this.readySince[task] = this.tasks.nowNs;
    // After an ejection inside the call the fallback has taken the task over with the others.
    this.ask(() => this.inner.enqueue(task, cpu, flags), undefined);
  }
  dequeue(task: number, cpu: number, flags: number): void {
    this.ask(() => this.inner.dequeue(task, cpu, flags), undefined);
    if (this.rings.contains(task)) this.rings.remove(task, cpu);
    if (this.ejected && this.fallbackHolds(task)) this.fallback.dequeue(task, cpu, flags);
  }

  /** The ejection happened inside dequeue, so that the task came back to the fallback's queue. */
  private fallbackHolds(task: number): boolean {
    return (this.fallback as Policy & { holds(task: number): boolean }).holds(task);
  }

  pickNext(cpu: number, previous: number): number {
    if (!this.ejected) this.findStall(cpu);
    if (previous !== NIL) {
      this.rings.pushTail(previous, cpu);
      this.readySince[previous] = this.tasks.nowNs;
    }
    let task = this.pickChecked(cpu, previous);
    if (task === NIL && this.ejected && this.rings.size[cpu] > 0)
      task = this.fallback.pickNext(cpu, NIL);
    if (task !== NIL) this.rings.remove(task, cpu);
    return task;
  }

  private pickChecked(cpu: number, previous: number): number {
    if (this.ejected) return this.inner.pickNext(cpu, previous);
    const task = this.ask(() => this.inner.pickNext(cpu, previous), NIL);
    if (this.ejected) return NIL;
    if (task === NIL) return NIL;
    const known = Number.isInteger(task) && task >= 0 && task < this.tasks.capacity;
    const queued = known && this.rings.contains(task) && this.tasks.cpu[task] === cpu;
    if (queued && this.tasks.state[task] === QUEUED) return task;
    this.eject(`picked ${task}, which is not queued on CPU ${cpu}`, known ? task : NIL);
    return NIL;
  }

  /** The ring is in order of waiting: its first task has waited longest. */
  private findStall(cpu: number): void {
    const task = this.rings.first(cpu);
    if (task === NIL) return;
    const waited = this.tasks.nowNs - this.readySince[task];
    if (waited <= this.stallNs) return;
    if (this.trace !== null) this.trace.emit(TRACE_STALL, task, waited);
    this.eject(`left task ${task} waiting for ${waited} ns`, task);
  }

  update(task: number, cpu: number, ranNs: number): void {
    this.ask(() => this.inner.update(task, cpu, ranNs), undefined);
  }
  tick(task: number, cpu: number): boolean {
    if (!this.ejected) {
      const first = this.rings.first(cpu);
      // A stalled task must not need a switch to be found.
      if (first !== NIL && this.tasks.nowNs - this.readySince[first] > this.stallNs) return true;
    }
    return this.ask(() => this.inner.tick(task, cpu), true);
  }
  sliceLeftNs(task: number, cpu: number): number {
    const left = this.ask(() => this.inner.sliceLeftNs(task, cpu), 0);
    const first = this.rings.first(cpu);
    if (this.ejected || first === NIL) return left;
    const stall = this.readySince[first] + this.stallNs - this.tasks.nowNs;
    return Math.min(left, Math.max(1, stall + 1));
  }
  yield(task: number, cpu: number): void {
    this.ask(() => this.inner.yield(task, cpu), undefined);
  }
  stopped(task: number, cpu: number, flags: number): void {
    this.ask(() => this.inner.stopped(task, cpu, flags), undefined);
  }
  checkPreempt(cpu: number, current: number, woken: number): boolean {
    return this.ask(() => this.inner.checkPreempt(cpu, current, woken), false);
  }
  setNice(task: number): void {
    this.ask(() => this.inner.setNice(task), undefined);
  }
  migrate(task: number, from: number, to: number): void {
    this.ask(() => this.inner.migrate(task, from, to), undefined);
  }
  exit(task: number): void {
    this.ask(() => this.inner.exit(task), undefined);
  }
  timer(now: number): void {
    this.ask(() => this.inner.timer(now), undefined);
  }
  dump(cpu: number): string[] {
    return this.ask(() => this.inner.dump(cpu), []);
  }
  checkInvariants(): void {
    this.rings.checkInvariants();
    for (let task = 0; task < this.tasks.capacity; task++) {
      const queued = this.tasks.state[task] === QUEUED;
      assert(queued === this.rings.contains(task), 'the rings hold the queued tasks');
    }
    if (this.ejected) this.inner.checkInvariants();
  }
}

/** Read-out of a guarded policy, `scheduler.policy as GuardedPolicy`. */
export type GuardedPolicy = Policy & Pick<Guard, 'faulted'>;

/** A policy under a watchdog, with round-robin behind it. @throws ArgumentError ERR_STALL */
export function guarded(policy: PolicyFactory, options: GuardOptions = {}): PolicyFactory {
  const stall = options.stallNs ?? 30_000_000_000;
  if (!(Number.isSafeInteger(stall) && stall > 0)) {
    throw new ArgumentError('ERR_STALL', `stallNs is ${stall}; allowed: whole ns above 0`);
  }
  return (context) => new Guard(context, policy, options);
}
