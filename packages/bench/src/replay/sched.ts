import { assert, type Meter, NIL, type TraceHook } from '@hotpath/hw-x86';
import { type PolicyFactory, Scheduler } from '@hotpath/sched';
import { quantile } from '../harness/statistics.js';
import type { BurstTask } from '../traces/burst-trace.js';
import { BurstEvents } from './burst-events.js';

const NS_PER_US = 1000;

/** How a recording is scheduled. */
export interface SchedReplayOptions {
  readonly policy: PolicyFactory;
  /** 1..32. */
  readonly cpus: number;
  readonly meter?: Meter | null;
  readonly trace?: TraceHook | null;
}

/** What a policy made of a recording. Times in microseconds of virtual time; exact. */
export interface SchedReplay {
  readonly policy: string;
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
  readonly wakeLatencyUs: {
    readonly count: number;
    readonly mean: number;
    readonly p50: number;
    readonly p95: number;
    readonly p99: number;
    readonly max: number;
  };
  /** By task, in the order of the recording. */
  readonly perTask: readonly TaskReplay[];
}

/** What became of one task. For every one: spawn + runs + sleeps + waits = end. */
export interface TaskReplay {
  readonly id: number;
  readonly waitedUs: number;
  readonly waitMaxUs: number;
  /** End of its last run burst. */
  readonly endUs: number;
}

/**
 * Runs the bursts of a recording through a scheduler on virtual CPUs: a task is woken at its time,
 * runs its burst in as many pieces as the policy likes, sleeps, and so on. A sleep begins when the
 * burst before it has really ended; tasks do not depend on each other. Slices end by a timer set to
 * the nanosecond; switches cost nothing.
 */
export function replaySched(tasks: readonly BurstTask[], options: SchedReplayOptions): SchedReplay {
  const replay = new Replay(tasks, options);
  replay.run();
  return replay.result();
}

/** Columns by task index (order of the recording); times in ns. */
class Replay {
  private readonly tasks: readonly BurstTask[];
  private readonly scheduler: Scheduler;
  private readonly events: BurstEvents;
  private readonly indexOf = new Map<number, number>();
  /** The scheduler's id of a task, and the task of an id. */
  private readonly idOf: Int32Array;
  private readonly taskOf: Int32Array;
  /** Next entry of the task's bursts. */
  private readonly burst: Int32Array;
  /** Run time left of the current burst. */
  private readonly left: Float64Array;
  /** Since when a woken task waits for its first instruction, or -1. */
  private readonly wokenAt: Float64Array;
  private readonly endAt: Float64Array;
  /** Sums of ended tasks, as the scheduler's slots are used again. */
  private readonly waited: Float64Array;
  private readonly waitMax: Float64Array;
  /** By CPU: until when its running task has been accounted. */
  private readonly accountedTo: Float64Array;
  private readonly latencies: number[] = [];
  private now = 0;
  private preemptions = 0;
  private migrations = 0;

  constructor(tasks: readonly BurstTask[], { policy, cpus, meter, trace }: SchedReplayOptions) {
    const count = tasks.length;
    this.tasks = tasks;
    this.scheduler = new Scheduler({
      ...{ policy, cpus, tasks: count },
      ...{ meter: meter ?? null, trace: trace ?? null },
    });
    this.events = new BurstEvents(count);
    this.idOf = new Int32Array(count).fill(NIL);
    this.taskOf = new Int32Array(count).fill(NIL);
    this.burst = new Int32Array(count);
    this.left = new Float64Array(count);
    this.wokenAt = new Float64Array(count).fill(-1);
    this.endAt = new Float64Array(count);
    this.waited = new Float64Array(count);
    this.waitMax = new Float64Array(count);
    this.accountedTo = new Float64Array(cpus);
    tasks.forEach(({ id, spawnUs }, index) => {
      this.indexOf.set(id, index);
      this.events.add(spawnUs * NS_PER_US, index);
    });
  }

  run(): void {
    const { scheduler, events } = this;
    for (;;) {
      const time = this.nextTime();
      if (time === Number.POSITIVE_INFINITY) break;
      assert(time >= this.now, 'virtual time does not go back');
      this.now = time;
      for (let cpu = 0; cpu < scheduler.cpuCount; cpu++) this.advance(cpu);
      scheduler.runTimers(time);
      while (events.nextTime === time) this.wake(events.take());
      for (let cpu = 0; cpu < scheduler.cpuCount; cpu++) {
        if (scheduler.current(cpu) !== NIL) scheduler.balance(cpu, time);
        if (scheduler.needResched(cpu) || scheduler.current(cpu) === NIL) this.pick(cpu);
      }
    }
  }

  /** When something happens next: a wake-up, the end of a burst or slice, a timer of the policy. */
  private nextTime(): number {
    const { scheduler } = this;
    let time = this.events.nextTime;
    let busy = false;
    for (let cpu = 0; cpu < scheduler.cpuCount; cpu++) {
      const id = scheduler.current(cpu);
      if (id === NIL) continue;
      busy = true;
      const slice = Math.max(1, scheduler.sliceLeftNs(cpu));
      const end = this.accountedTo[cpu] + Math.min(this.left[this.taskOf[id]], slice);
      if (end < time) time = end;
    }
    // A timer of the policy alone moves nothing: without tasks it would run for ever.
    if (busy && scheduler.policy.nextTimerNs < time) {
      time = Math.max(this.now, scheduler.policy.nextTimerNs);
    }
    return time;
  }

  /** Charges the running task up to now; ends its burst, or asks the policy about its slice. */
  private advance(cpu: number): void {
    const { scheduler } = this;
    const id = scheduler.current(cpu);
    if (id === NIL) return;
    const task = this.taskOf[id];
    const ran = this.now - this.accountedTo[cpu];
    this.accountedTo[cpu] = this.now;
    if (ran > 0) scheduler.account(cpu, ran);
    this.left[task] -= ran;
    assert(this.left[task] >= 0, 'nobody runs longer than its burst');
    if (this.left[task] === 0) this.endBurst(task, id);
    else scheduler.tick(cpu);
  }

  private endBurst(task: number, id: number): void {
    const { bursts, end } = this.tasks[task]!;
    const next = this.burst[task];
    this.endAt[task] = this.now;
    if (next < bursts.length) {
      this.scheduler.blocked(id);
      this.burst[task] = next + 1;
      // A recording may end inside a sleep: then nothing wakes the task any more.
      if (next + 1 < bursts.length) this.events.add(this.now + bursts[next] * NS_PER_US, task);
    } else if (end === 'blocked') this.scheduler.blocked(id);
    else this.retire(task, id);
  }

  private retire(task: number, id: number): void {
    this.readSums(task, id);
    this.scheduler.exit(id);
    this.idOf[task] = NIL;
  }

  private readSums(task: number, id: number): void {
    this.waited[task] = this.scheduler.waitedNs[id];
    this.waitMax[task] = this.scheduler.waitMaxNs[id];
    this.migrations += this.scheduler.migrations[id];
  }

  private wake(task: number): void {
    const { bursts } = this.tasks[task]!;
    if (this.burst[task] >= bursts.length) return;
    if (this.idOf[task] === NIL) this.create(task);
    this.left[task] = bursts[this.burst[task]++] * NS_PER_US;
    this.wokenAt[task] = this.now;
    this.scheduler.wake(this.idOf[task], this.now);
  }

  private create(task: number): void {
    const { nice, parent } = this.tasks[task]!;
    const parentId = parent === -1 ? NIL : this.idOf[this.indexOf.get(parent)!];
    const cpu = parentId === NIL ? 0 : this.scheduler.tasks.cpu[parentId];
    const id = this.scheduler.create({ nice, cpu });
    assert(id >= 0, 'there is a slot for every task of the recording');
    this.idOf[task] = id;
    this.taskOf[id] = task;
  }

  private pick(cpu: number): void {
    const before = this.scheduler.current(cpu);
    const id = this.scheduler.pickNext(cpu, this.now);
    if (before !== NIL && id !== before) this.preemptions++;
    this.accountedTo[cpu] = this.now;
    if (id === NIL) return;
    const task = this.taskOf[id];
    if (this.wokenAt[task] < 0) return;
    this.latencies.push((this.now - this.wokenAt[task]) / NS_PER_US);
    this.wokenAt[task] = -1;
  }

  result(): SchedReplay {
    const { scheduler, tasks } = this;
    tasks.forEach((_, task) => {
      if (this.idOf[task] !== NIL) this.readSums(task, this.idOf[task]);
    });
    const runUs = tasks.reduce((sum, { bursts }) => sum + runTimeUs(bursts), 0);
    const makespanUs = this.endAt.reduce((end, at) => Math.max(end, at), 0) / NS_PER_US;
    return {
      policy: scheduler.policy.name,
      cpus: scheduler.cpuCount,
      tasks: tasks.length,
      runUs,
      makespanUs,
      utilization: makespanUs === 0 ? 0 : runUs / makespanUs / scheduler.cpuCount,
      switches: scheduler.switches.reduce((sum, count) => sum + count, 0),
      preemptions: this.preemptions,
      migrations: this.migrations,
      waitUs: {
        total: this.waited.reduce((sum, ns) => sum + ns, 0) / NS_PER_US,
        max: this.waitMax.reduce((most, ns) => Math.max(most, ns), 0) / NS_PER_US,
      },
      wakeLatencyUs: summarizeLatencies(this.latencies),
      perTask: tasks.map(({ id }, task) => ({
        id,
        waitedUs: this.waited[task] / NS_PER_US,
        waitMaxUs: this.waitMax[task] / NS_PER_US,
        endUs: this.endAt[task] / NS_PER_US,
      })),
    };
  }
}

/** Sum of the run bursts: every other entry. */
function runTimeUs(bursts: Float64Array): number {
  let sum = 0;
  for (let index = 0; index < bursts.length; index += 2) sum += bursts[index];
  return sum;
}

function summarizeLatencies(latencies: readonly number[]): SchedReplay['wakeLatencyUs'] {
  if (latencies.length === 0) return { count: 0, mean: 0, p50: 0, p95: 0, p99: 0, max: 0 };
  return {
    count: latencies.length,
    mean: latencies.reduce((sum, latency) => sum + latency, 0) / latencies.length,
    p50: quantile(latencies, 0.5),
    p95: quantile(latencies, 0.95),
    p99: quantile(latencies, 0.99),
    max: quantile(latencies, 1),
  };
}
