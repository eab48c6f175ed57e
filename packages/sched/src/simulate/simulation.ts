import { assert, checkInteger, NIL } from '@hotpath/hw-x86';
import { Heap } from '../heap.js';
import { Scheduler } from '../scheduler.js';
import {
  emptyResult,
  type SimulationOptions,
  type SimulationResult,
  type Slice,
  type TaskResult,
} from './result.js';
import { checkWorkload, type SimulationTask } from './workload.js';

/**
 * Runs a workload under a policy, deterministically, in virtual time.
 * @throws ArgumentError ERR_BURST, ERR_ARRIVAL and those of {@link Scheduler}; nothing has run then
 */
export function simulate(options: SimulationOptions): SimulationResult {
  checkWorkload(options.tasks);
  return new Simulation(options).run();
}

/**
 * The machine of a simulation: wake-ups in a heap, one stop time per CPU.
 * For every CPU c: current(c) has run since ranFrom[c] without being charged, and stops by itself at
 * ranFrom[c] + left[task].
 */
class Simulation {
  private readonly workload: readonly SimulationTask[];
  private readonly scheduler: Scheduler;
  private readonly wakes: Heap;
  /** Scheduler's id of each task of the workload, and back. */
  private readonly idOf: Int32Array;
  private readonly indexOf: Int32Array;
  private readonly burst: Int32Array;
  private readonly left: Float64Array;
  private readonly readySince: Float64Array;
  private readonly sleptFrom: Float64Array;
  private readonly sleptNs: Float64Array;
  private readonly lastCpu: Int32Array;
  private readonly ranFrom: Float64Array;
  private readonly sliceStart: Float64Array;
  private readonly sliceDelay: Float64Array;
  private readonly sliceAt: Float64Array;
  private readonly results: TaskResult[];
  private readonly slices: Slice[] = [];
  private readonly tickNs: number;
  private readonly switchNs: number;
  private readonly migrateNs: number;
  private readonly untilNs: number;
  private readonly keep: boolean;
  private readonly observe: ((scheduler: Scheduler, cpu: number, now: number) => void) | null;
  private alive: number;
  private now = 0;

  constructor(options: SimulationOptions) {
    const count = options.tasks.length;
    const cpus = options.cpus ?? 1;
    checkInteger('ERR_TASKS', 'number of tasks', count, 1, 2 ** 20);
    this.workload = options.tasks;
    this.tickNs = checkInteger('ERR_TICK', 'tickNs', options.tickNs ?? 0, 0, 2 ** 40);
    this.switchNs = checkInteger('ERR_SWITCH', 'switchNs', options.switchNs ?? 0, 0, 2 ** 40);
    this.migrateNs = checkInteger('ERR_MIGRATE', 'migrateNs', options.migrateNs ?? 0, 0, 2 ** 40);
    this.untilNs = options.untilNs ?? Infinity;
    this.keep = options.record ?? true;
    this.observe = options.observe ?? null;
    this.scheduler = new Scheduler({
      policy: options.policy,
      tasks: count,
      cpus,
      groups: options.groups?.length ?? 0,
      trace: options.trace ?? null,
      ...options.scheduler,
    });
    for (const group of options.groups ?? []) this.scheduler.createGroup(group);
    this.wakes = new Heap(count);
    this.idOf = new Int32Array(count).fill(NIL);
    this.indexOf = new Int32Array(count).fill(NIL);
    this.burst = new Int32Array(count);
    this.left = new Float64Array(count);
    this.readySince = new Float64Array(count);
    this.sleptFrom = new Float64Array(count);
    this.sleptNs = new Float64Array(count);
    this.lastCpu = new Int32Array(count).fill(NIL);
    this.ranFrom = new Float64Array(cpus);
    this.sliceStart = new Float64Array(cpus);
    this.sliceDelay = new Float64Array(cpus);
    this.sliceAt = new Float64Array(cpus).fill(Infinity);
    this.alive = count;
    this.results = options.tasks.map((task, index) => emptyResult(task, index));
    for (let index = 0; index < count; index++) {
      this.wakes.insert(index, this.workload[index].arriveNs ?? 0);
    }
    if (this.tickNs > 0) {
      for (let cpu = 0; cpu < cpus; cpu++) {
        this.sliceAt[cpu] = this.tickNs + Math.floor((this.tickNs * cpu) / cpus);
      }
    }
  }

  run(): SimulationResult {
    const scheduler = this.scheduler;
    while (this.alive > 0) {
      const next = this.nextTime();
      if (next > this.untilNs || next === Infinity) break;
      assert(next >= this.now, 'time goes forward');
      this.now = next;
      this.endBursts();
      this.wakeSleepers();
      if (scheduler.policy.nextTimerNs <= next) {
        this.chargeAll();
        scheduler.runTimers(next);
      }
      this.endSlices();
      this.reschedule();
    }
    if (this.untilNs !== Infinity && this.untilNs > this.now) this.now = this.untilNs;
    this.chargeAll();
    return this.result();
  }

  private nextTime(): number {
    const scheduler = this.scheduler;
    let next = this.wakes.size > 0 ? this.wakes.keyOf(this.wakes.first()) : Infinity;
    // Without a runnable task a timer of the policy changes nothing that could be seen.
    let busy = false;
    for (let cpu = 0; cpu < scheduler.cpuCount; cpu++) {
      const task = scheduler.current(cpu);
      if (task === NIL && scheduler.tasks.queuedCount[cpu] === 0) continue;
      busy = true;
      if (task === NIL) continue;
      next = Math.min(next, this.ranFrom[cpu] + this.left[this.indexOf[task]], this.sliceAt[cpu]);
    }
    if (busy) next = Math.min(next, scheduler.policy.nextTimerNs);
    return Math.max(next, this.now);
  }

  private charge(cpu: number): void {
    const task = this.scheduler.current(cpu);
    const ran = this.now - this.ranFrom[cpu];
    if (task === NIL || ran <= 0) return;
    const index = this.indexOf[task];
    this.scheduler.account(cpu, ran);
    this.left[index] -= ran;
    this.results[index].runNs += ran;
    this.ranFrom[cpu] = this.now;
    assert(this.left[index] >= 0, 'no burst is overrun');
  }

  private chargeAll(): void {
    for (let cpu = 0; cpu < this.scheduler.cpuCount; cpu++) this.charge(cpu);
  }

  private endBursts(): void {
    for (let cpu = 0; cpu < this.scheduler.cpuCount; cpu++) {
      const task = this.scheduler.current(cpu);
      if (task === NIL) continue;
      const index = this.indexOf[task];
      if (this.ranFrom[cpu] + this.left[index] > this.now) continue;
      this.charge(cpu);
      this.finishBurst(cpu, task, index);
    }
  }

  private finishBurst(cpu: number, task: number, index: number): void {
    const bursts = this.workload[index].bursts;
    this.closeSlice(cpu, index, true);
    const sleep = this.burst[index] + 1;
    const next = this.endJob(index, this.now + bursts[sleep]);
    if (sleep + 1 < bursts.length) {
      this.scheduler.blocked(task);
      this.burst[index] = sleep + 1;
      this.sleptFrom[index] = this.now;
      this.wakes.insert(index, next);
      return;
    }
    this.results[index].endNs = this.now;
    this.results[index].migrations = this.scheduler.migrations[task];
    this.scheduler.exit(task);
    this.idOf[index] = NIL;
    this.alive--;
  }

  /** When the next job is released, at the earliest now; counts a job that ended after that. */
  private endJob(index: number, otherwise: number): number {
    const every = this.workload[index].releaseEveryNs;
    if (every === undefined) return otherwise;
    const due = (this.workload[index].arriveNs ?? 0) + (this.burst[index] / 2 + 1) * every;
    if (this.now > due) this.results[index].misses++;
    return Math.max(this.now, due);
  }

  private wakeSleepers(): void {
    const wakes = this.wakes;
    while (wakes.size > 0 && wakes.keyOf(wakes.first()) <= this.now) {
      const index = wakes.first();
      wakes.remove(index);
      this.chargeAll();
      const fresh = this.idOf[index] === NIL;
      let waker = NIL;
      if (fresh) {
        waker = this.spawn(index);
        if (this.idOf[index] === NIL) continue;
      }
      this.left[index] = this.workload[index].bursts[this.burst[index]];
      this.readySince[index] = this.now;
      this.sleptNs[index] = fresh ? 0 : this.now - this.sleptFrom[index];
      // Who runs is decided when all that happens now has happened.
      this.scheduler.wake(this.idOf[index], this.now, waker);
    }
  }

  /** Creates the task; the CPU its parent is on, or NIL. A refused task never runs. */
  private spawn(index: number): number {
    const {
      name: _name,
      arriveNs: _at,
      bursts: _bursts,
      parent,
      ...options
    } = this.workload[index];
    const parentId = parent === undefined ? NIL : this.idOf[parent];
    const cpu = parentId === NIL ? 0 : this.scheduler.tasks.cpu[parentId];
    const task = this.scheduler.create({ ...options, cpu });
    if (task < 0) {
      this.results[index].refused = true;
      this.alive--;
      return NIL;
    }
    this.idOf[index] = task;
    this.indexOf[task] = index;
    return parentId === NIL ? NIL : cpu;
  }

  private endSlices(): void {
    for (let cpu = 0; cpu < this.scheduler.cpuCount; cpu++) {
      if (this.sliceAt[cpu] > this.now) continue;
      if (this.tickNs > 0) {
        while (this.sliceAt[cpu] <= this.now) this.sliceAt[cpu] += this.tickNs;
      }
      this.charge(cpu);
      this.scheduler.tick(cpu);
      this.scheduler.balance(cpu, this.now);
    }
  }

  private reschedule(): void {
    const scheduler = this.scheduler;
    for (let cpu = 0; cpu < scheduler.cpuCount; cpu++) {
      if (scheduler.needResched(cpu)) this.switchOn(cpu);
    }
    if (this.tickNs > 0) return;
    for (let cpu = 0; cpu < scheduler.cpuCount; cpu++) {
      // At least a nanosecond away: a slice that ended and was not preempted must not stop time.
      const left = scheduler.sliceLeftNs(cpu);
      this.sliceAt[cpu] = left === Infinity ? Infinity : this.ranFrom[cpu] + Math.max(1, left);
    }
  }

  private switchOn(cpu: number): void {
    const scheduler = this.scheduler;
    this.charge(cpu);
    const before = scheduler.current(cpu);
    const next = scheduler.pickNext(cpu, this.now);
    if (this.observe !== null) this.observe(scheduler, cpu, this.now);
    if (next === before) return;
    if (before !== NIL) {
      const index = this.indexOf[before];
      this.closeSlice(cpu, index, false);
      this.results[index].preempted++;
      this.readySince[index] = this.now;
    }
    if (next !== NIL) this.openSlice(cpu, this.indexOf[next]);
  }

  private openSlice(cpu: number, index: number): void {
    const result = this.results[index];
    const delay = this.now - this.readySince[index];
    const moved = this.lastCpu[index] !== NIL && this.lastCpu[index] !== cpu;
    this.ranFrom[cpu] = this.now + this.switchNs + (moved ? this.migrateNs : 0);
    this.lastCpu[index] = cpu;
    this.sliceStart[cpu] = this.now;
    this.sliceDelay[cpu] = delay;
    result.delays.push(delay);
    result.waitNs += delay;
    if (Number.isNaN(result.firstRunNs)) result.firstRunNs = this.now;
  }

  private closeSlice(cpu: number, index: number, blocked: boolean): void {
    if (!this.keep) return;
    this.slices.push({
      task: index,
      cpu,
      startNs: this.sliceStart[cpu],
      endNs: this.now,
      delayNs: this.sliceDelay[cpu],
      sleptNs: this.sleptNs[index],
      blocked,
    });
    this.sleptNs[index] = 0;
  }

  private result(): SimulationResult {
    const scheduler = this.scheduler;
    let switches = 0;
    for (let cpu = 0; cpu < scheduler.cpuCount; cpu++) {
      switches += scheduler.switches[cpu];
      const task = scheduler.current(cpu);
      if (task !== NIL) this.closeSlice(cpu, this.indexOf[task], false);
    }
    let totalRunNs = 0;
    let totalWaitNs = 0;
    for (const [index, task] of this.results.entries()) {
      if (this.idOf[index] !== NIL) task.migrations = scheduler.migrations[this.idOf[index]];
      totalRunNs += task.runNs;
      totalWaitNs += task.waitNs;
    }
    return {
      tasks: this.results,
      slices: this.slices,
      cpus: scheduler.cpuCount,
      nowNs: this.now,
      switches,
      totalRunNs,
      totalWaitNs,
    };
  }
}
