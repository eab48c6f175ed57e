import {
  ArgumentError,
  assert,
  checkInteger,
  type Meter,
  type Nanoseconds,
  NIL,
  type TraceHook,
  type VirtAddr,
} from '@hotpath/hw-x86';
import { BALANCE_NEWLY_IDLE, Balancer } from './balancer.js';
import { CpuLists } from './cpu-lists.js';
import { TRACE_EXIT, TRACE_MIGRATE, TRACE_NEW, TRACE_SWITCH, TRACE_WAKE } from './events.js';
import { type GroupOptions, Groups } from './groups.js';
import { LoadAverages } from './load-averages.js';
import { choosePlace, wholeMask } from './placement.js';
import {
  DEQUEUE_EXIT,
  DEQUEUE_MIGRATE,
  DEQUEUE_SAVE,
  DEQUEUE_SLEEP,
  ENQUEUE_MIGRATED,
  ENQUEUE_NEW,
  ENQUEUE_RESTORE,
  ENQUEUE_WAKE,
  type Policy,
  type PolicyFactory,
} from './policy.js';
import { fillTask, type TaskOptions } from './task-options.js';
import { BLOCKED_TASK, FREE, QUEUED, RUNNING, STATE_NAMES, Tasks } from './tasks.js';
import { checkNice, checkWeight, NICE_MAX, NICE_MIN, weightOf } from './weights.js';

/** How a scheduler is built. */
export interface SchedulerOptions {
  /** Which task runs: `cfs()`, `eevdf()`, `mlfq()`, `roundRobin()`, ... or your own factory. */
  policy: PolicyFactory;
  /** Task slots, default 1,024. */
  tasks?: number;
  /** CPUs, 1..32, default 1. */
  cpus?: number;
  /** Group slots, default 0. */
  groups?: number;
  /** Nanoseconds between two rounds of balancing of an idle CPU, default 1 ms for each CPU. */
  balanceNs?: number;
  /** A task that ran within this time is cache-hot and is not pulled by {@link Scheduler.balance}. */
  migrationCostNs?: number;
  /** An idle CPU steals while its idle times are on average this long; default migrationCostNs. */
  stealIdleNs?: number;
  meter?: Meter | null;
  trace?: TraceHook | null;
}

/**
 * Run queues of several CPUs over one policy. Keeps who is free, blocked, queued or running, checks
 * every transition, places woken tasks, steals and balances; the policy orders the queues.
 *
 * Time is given, never read: whole nanoseconds below 2**53, not going backwards per CPU. No call
 * allocates, except create's options.
 */
export class Scheduler {
  readonly tasks: Tasks;
  readonly groups: Groups;
  readonly policy: Policy;
  readonly cpuCount: number;
  /** Switches from one task to another or from idle, per CPU. */
  readonly switches: Float64Array;
  /** Time each task ran, ns. */
  readonly ranNs: Float64Array;
  /** Time each task waited in queues, ns. */
  readonly waitedNs: Float64Array;
  /** Longest single wait, ns. */
  readonly waitMaxNs: Float64Array;
  /** Since when a queued task waits, ns. */
  readonly readySince: Float64Array;
  /** Times each task was moved to another CPU. */
  readonly migrations: Float64Array;
  private readonly lastRan: Float64Array;
  private readonly started: Uint8Array;
  private readonly resched: Uint8Array;
  private readonly freeSlots: Int32Array;
  private freeCount: number;
  private readonly lists: CpuLists | null;
  private readonly loads: LoadAverages | null;
  private readonly balancer: Balancer | null;
  /** What each CPU's clock shows by the time that its task was charged. */
  private readonly clockNs: Float64Array;
  private readonly idleSince: Float64Array;
  private readonly averageIdle: Float64Array;
  private readonly stealIdleNs: number;
  private readonly migrationCostNs: number;
  private readonly trace: TraceHook | null;
  private readonly meter: Meter | null;
  private readonly stateBase: VirtAddr;
  private readonly cpuBase: VirtAddr;

  /** @throws ArgumentError ERR_CPUS, ERR_TASKS, ERR_GROUPS, ERR_POLICY */
  constructor(options: SchedulerOptions) {
    const cpus = checkInteger('ERR_CPUS', 'cpus', options.cpus ?? 1, 1, 32);
    const count = checkInteger('ERR_TASKS', 'tasks', options.tasks ?? 1024, 1, 2 ** 24);
    const groups = checkInteger('ERR_GROUPS', 'groups', options.groups ?? 0, 0, 2 ** 16);
    if (typeof options.policy !== 'function') {
      throw new ArgumentError(
        'ERR_POLICY',
        `policy is ${options.policy}; allowed: cfs() or the like`,
      );
    }
    this.cpuCount = cpus;
    this.tasks = new Tasks(count, cpus);
    this.groups = new Groups(groups);
    this.meter = options.meter ?? null;
    this.trace = options.trace ?? null;
    this.policy = options.policy({ tasks: this.tasks, groups: this.groups, meter: this.meter });
    this.switches = new Float64Array(cpus);
    this.ranNs = new Float64Array(count);
    this.waitedNs = new Float64Array(count);
    this.waitMaxNs = new Float64Array(count);
    this.readySince = new Float64Array(count);
    this.migrations = new Float64Array(count);
    this.lastRan = new Float64Array(count);
    this.started = new Uint8Array(count);
    this.resched = new Uint8Array(cpus);
    this.lists = cpus > 1 ? new CpuLists(count, cpus) : null;
    this.loads = cpus > 1 ? new LoadAverages(this.tasks) : null;
    this.clockNs = new Float64Array(cpus);
    this.balancer =
      this.lists === null || this.loads === null
        ? null
        : new Balancer({
            tasks: this.tasks,
            lists: this.lists,
            loads: this.loads,
            lastRan: this.lastRan,
            hotNs: options.migrationCostNs ?? 500_000,
            intervalNs: options.balanceNs ?? 1_000_000 * cpus,
            move: (task, to, now) => this.move(task, to, now),
          });
    this.migrationCostNs = options.migrationCostNs ?? 500_000;
    this.stealIdleNs = options.stealIdleNs ?? this.migrationCostNs;
    this.idleSince = new Float64Array(cpus).fill(NIL);
    this.averageIdle = new Float64Array(cpus).fill(2 * this.migrationCostNs);
    this.freeSlots = new Int32Array(count);
    for (let i = 0; i < count; i++) this.freeSlots[i] = count - 1 - i;
    this.freeCount = count;
    // One line of modelled memory for each task's record and for each CPU's.
    this.stateBase = this.meter === null ? 0 : this.meter.region('sched.tasks', 64 * count);
    this.cpuBase = this.meter === null ? 0 : this.meter.region('sched.cpus', 64 * cpus);
  }

  /**
   * A new task, blocked until {@link wake}. Its id; NIL when no slot is free; an errno when the policy
   * refuses it (EBUSY: a deadline reservation that does not fit). O(1), EDF O(1).
   * @throws ArgumentError ERR_NICE, ERR_WEIGHT, ERR_AFFINITY, ERR_GROUP, ERR_RESERVATION, ...
   */
  create(options: TaskOptions = {}): number {
    if (this.freeCount === 0) return NIL;
    const task = this.freeSlots[this.freeCount - 1];
    fillTask(this.tasks, this.groups, task, options);
    this.tasks.state[task] = BLOCKED_TASK;
    const status = this.policy.newTask(task);
    if (status < 0) {
      this.tasks.state[task] = FREE;
      return status;
    }
    this.freeCount--;
    if (this.tasks.group[task] !== NIL) this.groups.taskCount[this.tasks.group[task]]++;
    this.ranNs[task] = 0;
    this.waitedNs[task] = 0;
    this.waitMaxNs[task] = 0;
    this.migrations[task] = 0;
    this.lastRan[task] = -Infinity;
    this.started[task] = 0;
    if (this.loads !== null) this.loads.start(task, this.tasks.nowNs);
    if (this.trace !== null) this.trace.emit(TRACE_NEW, task, this.tasks.nice[task]);
    return task;
  }

  /** A new group (tenant), or NIL when full. @throws ArgumentError */
  createGroup(options: GroupOptions = {}): number {
    return this.groups.create(options);
  }

  /**
   * A blocked (or new) task becomes ready. Answers the CPU whose queue it is in; that CPU's
   * {@link needResched} says whether its running task should give way (send it an interrupt).
   * @param waker - CPU on which the waker runs, or NIL
   * @throws ArgumentError ERR_TASK, ERR_TASK_STATE when it is queued, running or free
   */
  wake(task: number, now: Nanoseconds, waker: number = NIL): number {
    this.expect(task, BLOCKED_TASK, 'wake');
    const tasks = this.tasks;
    tasks.nowNs = now;
    const first = this.started[task] === 0;
    this.started[task] = 1;
    const flags = first ? ENQUEUE_NEW : ENQUEUE_WAKE;
    let cpu = this.policy.selectCpu(task, tasks.cpu[task], flags);
    if (cpu === NIL) {
      if (this.balancer === null) cpu = 0;
      else if (first) cpu = this.balancer.placeNew(task, now);
      else cpu = choosePlace(tasks, task, first, waker);
    }
    const from = tasks.cpu[task];
    if (cpu !== from) this.noteMove(task, from, cpu, !first);
    tasks.cpu[task] = cpu;
    this.put(task, cpu, flags, now);
    if (this.trace !== null) this.trace.emit(TRACE_WAKE, task, cpu);
    const current = tasks.current[cpu];
    if (current === NIL || this.policy.checkPreempt(cpu, current, task)) this.resched[cpu] = 1;
    return cpu;
  }

  /**
   * The task that `cpu` runs from now on, or NIL: idle. The task that ran until now goes back to its
   * queue unless it blocked, ended or is picked again. An idle CPU steals from the busiest.
   */
  pickNext(cpu: number, now: Nanoseconds): number {
    const tasks = this.tasks;
    const policy = this.policy;
    const before = tasks.current[cpu];
    assert(now >= 0 && now <= Number.MAX_SAFE_INTEGER, 'time within range');
    tasks.nowNs = now;
    if (now >= policy.nextTimerNs) policy.timer(now);
    if (this.meter !== null) this.meter.load(this.cpuBase + 64 * cpu);
    if (before !== NIL) {
      tasks.state[before] = QUEUED;
      if (this.loads !== null) {
        this.loads.switched(before, cpu, now, true);
        this.loads.setRunning(cpu, now, false);
      }
      tasks.queuedCount[cpu]++;
      this.readySince[before] = now;
      this.lastRan[before] = now;
      tasks.current[cpu] = NIL;
    }
    const stays = before === NIL || ((tasks.affinity[before] >>> cpu) & 1) === 1;
    if (!stays) this.expel(before, cpu, now);
    let next = policy.pickNext(cpu, stays ? before : NIL);
    if (next === NIL && this.lists !== null) {
      // A CPU whose idle times are short would steal only to be woken for its own task at once.
      if (
        this.averageIdle[cpu] >= this.stealIdleNs &&
        this.balancer!.round(cpu, now, BALANCE_NEWLY_IDLE) > 0
      ) {
        next = policy.pickNext(cpu, NIL);
      }
      if (before !== NIL || this.idleSince[cpu] < 0) this.idleSince[cpu] = now;
    }
    if (next !== NIL && this.idleSince[cpu] >= 0) this.endIdle(cpu, now);
    this.resched[cpu] = 0;
    if (next !== NIL) this.start(next, cpu, now, before);
    if (next !== before) {
      if (next !== NIL) this.switches[cpu]++;
      if (this.trace !== null) this.trace.emit(TRACE_SWITCH, before, next);
    }
    return next;
  }

  /** A task that ran here and may no longer: its policy stops it, and it is queued elsewhere. */
  private expel(task: number, cpu: number, now: Nanoseconds): void {
    const tasks = this.tasks;
    tasks.queuedCount[cpu]--;
    tasks.state[task] = BLOCKED_TASK;
    if (this.loads !== null) this.loads.dequeue(task, cpu, now, false);
    this.policy.stopped(task, cpu, DEQUEUE_MIGRATE);
    const to = choosePlace(tasks, task, true, NIL);
    this.noteMove(task, cpu, to, true);
    tasks.cpu[task] = to;
    this.put(task, to, ENQUEUE_MIGRATED, now);
    const current = tasks.current[to];
    if (current === NIL || this.policy.checkPreempt(to, current, task)) this.resched[to] = 1;
  }

  /** Linux's update_avg of rq->avg_idle: an eighth of the way, at most twice the migration cost. */
  private endIdle(cpu: number, now: Nanoseconds): void {
    const idle = now - this.idleSince[cpu];
    const average = this.averageIdle[cpu];
    this.idleSince[cpu] = NIL;
    const next = average + Math.floor((idle - average) / 8);
    this.averageIdle[cpu] = Math.min(next, 2 * this.migrationCostNs);
  }

  private start(task: number, cpu: number, now: Nanoseconds, before: number): void {
    const tasks = this.tasks;
    assert(tasks.state[task] === QUEUED && tasks.cpu[task] === cpu, 'a picked task is queued here');
    tasks.state[task] = RUNNING;
    tasks.queuedCount[cpu]--;
    tasks.current[cpu] = task;
    this.clockNs[cpu] = tasks.nowNs;
    if (this.loads !== null) {
      if (task !== before) this.loads.switched(task, cpu, now, false);
      this.loads.setRunning(cpu, now, true);
    }
    if (task !== before) {
      const waited = now - this.readySince[task];
      this.waitedNs[task] += waited;
      if (waited > this.waitMaxNs[task]) this.waitMaxNs[task] = waited;
      if (this.lists !== null) this.lists.toFront(task, cpu);
    }
    if (this.meter !== null) {
      this.meter.load(this.stateBase + 64 * task);
      this.meter.store(this.stateBase + 64 * task);
      this.meter.store(this.cpuBase + 64 * cpu);
      if (before !== NIL) this.meter.store(this.stateBase + 64 * before);
      this.meter.retire(24);
    }
  }

  /**
   * Charges the running task of `cpu` with `ranNs` of CPU time. Does not ask whether it should give
   * way: {@link tick} does.
   * @throws ArgumentError ERR_RAN when negative or not whole, ERR_IDLE when nothing runs
   */
  account(cpu: number, ranNs: Nanoseconds): void {
    const task = this.running(cpu);
    if (!Number.isSafeInteger(ranNs) || ranNs < 0) {
      throw new ArgumentError('ERR_RAN', `ranNs is ${ranNs}; allowed: a whole number 0..2**53-1`);
    }
    this.ranNs[task] += ranNs;
    this.clockNs[cpu] += ranNs;
    if (this.meter !== null) this.meter.store(this.stateBase + 64 * task + 8);
    this.policy.update(task, cpu, ranNs);
  }

  /** The timer's question: should the running task give way? Remembered in {@link needResched}. */
  tick(cpu: number): boolean {
    const task = this.tasks.current[cpu];
    if (task !== NIL && this.policy.tick(task, cpu)) this.resched[cpu] = 1;
    return this.resched[cpu] === 1;
  }

  /** Whether `cpu` should call {@link pickNext} at its next safe point. */
  needResched(cpu: number): boolean {
    return this.resched[cpu] === 1;
  }

  /** Runs policy timers due by `now` (they run in pickNext too); the next one, or Infinity. */
  runTimers(now: Nanoseconds): Nanoseconds {
    this.tasks.nowNs = now;
    if (now >= this.policy.nextTimerNs) {
      this.policy.timer(now);
      // A replenished or boosted task may outrank whoever runs.
      for (let cpu = 0; cpu < this.cpuCount; cpu++) {
        if (this.tasks.queuedCount[cpu] > 0) this.resched[cpu] = 1;
      }
    }
    return this.policy.nextTimerNs;
  }

  /** Nanoseconds after which the running task's slice ends, so that a timer can be set; Infinity: none. */
  sliceLeftNs(cpu: number): Nanoseconds {
    const task = this.tasks.current[cpu];
    return task === NIL ? Infinity : this.policy.sliceLeftNs(task, cpu);
  }

  /** The running task sleeps: {@link pickNext} follows. @throws ArgumentError ERR_TASK_STATE */
  blocked(task: number): void {
    this.expect(task, RUNNING, 'blocked');
    this.stop(task, DEQUEUE_SLEEP);
  }

  /** The running task offers its CPU: {@link pickNext} follows. @throws ArgumentError ERR_TASK_STATE */
  yield(task: number): void {
    this.expect(task, RUNNING, 'yield');
    const cpu = this.tasks.cpu[task];
    this.policy.yield(task, cpu);
    this.resched[cpu] = 1;
  }

  /** The task ends, in whatever state it is, and its slot is free. @throws ArgumentError ERR_TASK */
  exit(task: number): void {
    const tasks = this.tasks;
    this.check(task);
    if (tasks.state[task] === RUNNING) this.stop(task, DEQUEUE_EXIT);
    else if (tasks.state[task] === QUEUED) this.take(task, DEQUEUE_EXIT);
    this.policy.exit(task);
    if (this.loads !== null) this.loads.detach(task, tasks.nowNs);
    if (tasks.group[task] !== NIL) this.groups.taskCount[tasks.group[task]]--;
    tasks.state[task] = FREE;
    this.freeSlots[this.freeCount++] = task;
    if (this.trace !== null) this.trace.emit(TRACE_EXIT, task, 0);
  }

  /** Changes the share. @throws ArgumentError ERR_NICE outside -20..19, ERR_TASK */
  setNice(task: number, nice: number): void {
    this.check(task);
    checkNice(nice);
    this.reweigh(task, nice, weightOf(nice));
  }

  /** The system call nice(2): adds and clamps to -20..19, as POSIX says; the new value. */
  niceBy(task: number, increment: number): number {
    this.check(task);
    const sum = this.tasks.nice[task] + Math.trunc(increment);
    const nice = Math.min(NICE_MAX, Math.max(NICE_MIN, Number.isNaN(sum) ? 0 : sum));
    this.reweigh(task, nice, weightOf(nice));
    return nice;
  }

  /** Changes the weight itself, 1..262144, and leaves nice. @throws ArgumentError ERR_WEIGHT */
  setWeight(task: number, weight: number): void {
    this.check(task);
    checkWeight(weight);
    this.reweigh(task, this.tasks.nice[task], weight);
  }

  private reweigh(task: number, nice: number, weight: number): void {
    const tasks = this.tasks;
    const queued = tasks.state[task] === QUEUED;
    // Out of its queue first: an order that depends on the weight would break under it.
    if (queued) this.policy.dequeue(task, tasks.cpu[task], DEQUEUE_SAVE);
    if (this.loads !== null) {
      const ready = queued || tasks.state[task] === RUNNING;
      this.loads.reweigh(task, tasks.cpu[task], tasks.nowNs, weight, ready);
    }
    tasks.nice[task] = nice;
    tasks.weight[task] = weight;
    this.policy.setNice(task);
    if (!queued) return;
    const cpu = tasks.cpu[task];
    this.policy.enqueue(task, cpu, ENQUEUE_RESTORE);
    const current = tasks.current[cpu];
    if (current !== NIL && this.policy.checkPreempt(cpu, current, task)) this.resched[cpu] = 1;
  }

  /**
   * Restricts the task to the CPUs whose bits are set. A queued task on a forbidden CPU moves at once;
   * a running one is marked to be rescheduled and moves when it is next put back.
   * @throws ArgumentError ERR_AFFINITY for an empty mask
   */
  setAffinity(task: number, mask: number, now: Nanoseconds): void {
    const tasks = this.tasks;
    this.check(task);
    const allowed = (mask & wholeMask(this.cpuCount)) >>> 0;
    if (allowed === 0) {
      throw new ArgumentError(
        'ERR_AFFINITY',
        `affinity is ${mask}; allowed: a bit of an existing CPU`,
      );
    }
    const cpu = tasks.cpu[task];
    if (tasks.periodNs[task] > 0) {
      throw new ArgumentError(
        'ERR_AFFINITY',
        `task ${task} has a reservation: it stays on CPU ${cpu}`,
      );
    }
    tasks.nowNs = now;
    tasks.affinity[task] = allowed;
    if (((allowed >>> cpu) & 1) === 1) return;
    const to = choosePlace(tasks, task, true, NIL);
    if (tasks.state[task] === QUEUED) this.move(task, to, now);
    else if (tasks.state[task] === RUNNING) this.resched[cpu] = 1;
  }

  /**
   * Periodic balancing of `cpu`, called from its timer tick, by the load averages of the recent past
   * (the rules are in balancer.ts): an idle CPU every `balanceNs`, a busy one 16 times less often. Tasks moved.
   */
  balance(cpu: number, now: Nanoseconds): number {
    return this.balancer === null ? 0 : this.balancer.periodic(cpu, now);
  }

  private move(task: number, to: number, now: Nanoseconds): void {
    const from = this.tasks.cpu[task];
    const since = this.readySince[task];
    this.take(task, DEQUEUE_MIGRATE);
    if (this.loads !== null) this.loads.detach(task, now);
    this.noteMove(task, from, to, true);
    this.tasks.cpu[task] = to;
    this.put(task, to, ENQUEUE_MIGRATED, now);
    this.readySince[task] = since;
    const current = this.tasks.current[to];
    if (current === NIL || this.policy.checkPreempt(to, current, task)) this.resched[to] = 1;
    if (this.trace !== null) this.trace.emit(TRACE_MIGRATE, task, to);
  }

  private noteMove(task: number, from: number, to: number, counted: boolean): void {
    this.policy.migrate(task, from, to);
    if (counted) this.migrations[task]++;
  }

  private put(task: number, cpu: number, flags: number, now: Nanoseconds): void {
    const tasks = this.tasks;
    tasks.state[task] = QUEUED;
    tasks.queuedCount[cpu]++;
    this.readySince[task] = now;
    if (this.lists !== null) this.lists.toFront(task, cpu);
    if (this.loads !== null) this.loads.enqueue(task, cpu, now);
    if (this.meter !== null) {
      this.meter.store(this.stateBase + 64 * task);
      this.meter.store(this.cpuBase + 64 * cpu);
      this.meter.retire(12);
    }
    this.policy.enqueue(task, cpu, flags);
  }

  private take(task: number, flags: number): void {
    const tasks = this.tasks;
    const cpu = tasks.cpu[task];
    this.policy.dequeue(task, cpu, flags);
    tasks.state[task] = BLOCKED_TASK;
    tasks.queuedCount[cpu]--;
    if (this.lists !== null) this.lists.remove(task);
    if (this.loads !== null) this.loads.dequeue(task, cpu, tasks.nowNs, false);
  }

  private stop(task: number, flags: number): void {
    const tasks = this.tasks;
    const cpu = tasks.cpu[task];
    assert(tasks.current[cpu] === task, 'a running task is current on its CPU');
    tasks.state[task] = BLOCKED_TASK;
    tasks.current[cpu] = NIL;
    this.resched[cpu] = 1;
    if (this.lists !== null) this.lists.remove(task);
    if (this.loads !== null) {
      const now = Math.max(tasks.nowNs, this.clockNs[cpu]);
      this.loads.dequeue(task, cpu, now, true);
      this.loads.setRunning(cpu, now, false);
    }
    if (this.meter !== null) this.meter.store(this.stateBase + 64 * task);
    this.policy.stopped(task, cpu, flags);
  }

  /** The running task of `cpu`, or NIL. */
  current(cpu: number): number {
    return this.tasks.current[cpu];
  }

  private running(cpu: number): number {
    const task = cpu >= 0 && cpu < this.cpuCount ? this.tasks.current[cpu] : NIL;
    if (task !== NIL) return task;
    throw new ArgumentError(
      'ERR_IDLE',
      `CPU ${cpu} runs no task; allowed: a CPU with a current task`,
    );
  }

  private check(task: number): void {
    const tasks = this.tasks;
    if (task >= 0 && task < tasks.capacity && tasks.state[task] !== FREE) return;
    throw new ArgumentError(
      'ERR_TASK',
      `task ${task} does not exist; allowed: an id from create()`,
    );
  }

  private expect(task: number, state: number, call: string): void {
    if (this.tasks.state[task] === state) return;
    this.check(task);
    const is = STATE_NAMES[this.tasks.state[task]];
    throw new ArgumentError(
      'ERR_TASK_STATE',
      `${call}: task ${task} is ${is}; allowed: a ${STATE_NAMES[state]} task`,
    );
  }

  /** The queue of one CPU in readable lines: for panics and the watchdog. */
  dump(cpu: number): string[] {
    const head = `cpu ${cpu}: policy ${this.policy.name}, current ${this.tasks.current[cpu]}, queued ${this.tasks.queuedCount[cpu]}`;
    return [head, ...this.policy.dump(cpu)];
  }

  /** Verifies states against queues, lists and counts, and the policy's structures. O(n). */
  checkInvariants(): void {
    const tasks = this.tasks;
    const queued = new Int32Array(this.cpuCount);
    let free = 0;
    for (let task = 0; task < tasks.capacity; task++) {
      const cpu = tasks.cpu[task];
      if (tasks.state[task] === FREE) free++;
      if (tasks.state[task] === QUEUED) queued[cpu]++;
      if (tasks.state[task] === RUNNING) assert(tasks.current[cpu] === task, 'running is current');
    }
    assert(free === this.freeCount, 'free slots are counted');
    for (let cpu = 0; cpu < this.cpuCount; cpu++) {
      assert(queued[cpu] === tasks.queuedCount[cpu], 'queued tasks are counted');
      const current = tasks.current[cpu];
      assert(current === NIL || tasks.state[current] === RUNNING, 'current is running');
      assert(current === NIL || tasks.cpu[current] === cpu, 'current knows its CPU');
    }
    if (this.lists !== null) this.lists.checkInvariants(tasks);
    if (this.loads !== null) this.loads.checkInvariants(tasks);
    this.policy.checkInvariants();
  }
}
