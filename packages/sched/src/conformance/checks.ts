import { assert, NIL } from '@hotpath/hw-x86';
import type { PolicyFactory } from '../policy.js';
import { Scheduler } from '../scheduler.js';
import type { TaskOptions } from '../task-options.js';
import { BLOCKED_TASK, FREE, QUEUED, RUNNING } from '../tasks.js';

/** What a policy needs to be checked. */
export interface PolicyCheckOptions {
  /** Options of each task the checks create, for policies that need some (a reservation). */
  task?: TaskOptions;
  /** A ready task always makes pickNext answer one; false for policies that throttle. Default true. */
  workConserving?: boolean;
  /** Every ready task runs within this time beside seven others that only compute; default 10 s. */
  starvationNs?: number;
  /** Steps of each random run, default 2,000. */
  steps?: number;
}

/** One property that every policy must have. `run` throws where it does not hold. */
export interface PolicyCase {
  readonly name: string;
  run(): void;
}

interface PolicyCheck {
  title: string;
  run(policy: PolicyFactory, options?: PolicyCheckOptions): void;
}

const MS = 1_000_000;
const TASKS = 24;

/** Random life of a machine: wakes, sleeps, ends, yields, nice, affinity; a plain list is the model. */
class RandomRun {
  readonly scheduler: Scheduler;
  readonly picks: number[] = [];
  private readonly options: PolicyCheckOptions;
  private readonly cpus: number;
  private state: number;
  private now = 0;

  constructor(policy: PolicyFactory, options: PolicyCheckOptions, cpus: number, seed: number) {
    this.options = options;
    this.cpus = cpus;
    this.state = seed;
    this.scheduler = new Scheduler({ policy, tasks: TASKS, cpus });
  }

  private random(below: number): number {
    this.state = (this.state * 48_271) % 2_147_483_647;
    return this.state % below;
  }

  run(steps: number): void {
    for (let step = 0; step < steps; step++) {
      this.step();
      this.scheduler.checkInvariants();
    }
  }

  private step(): void {
    const scheduler = this.scheduler;
    const cpu = this.random(this.cpus);
    const ran = this.random(3 * MS);
    this.now += ran;
    for (let at = 0; at < this.cpus; at++)
      if (scheduler.current(at) !== NIL) scheduler.account(at, ran);
    this.change(this.random(TASKS), this.random(8), cpu);
    for (let at = 0; at < this.cpus; at++) {
      scheduler.tick(at);
      scheduler.balance(at, this.now);
      if (scheduler.needResched(at) || this.random(10) === 0) this.pick(at);
    }
  }

  private change(task: number, what: number, cpu: number): void {
    const scheduler = this.scheduler;
    const state = scheduler.tasks.state[task];
    const current = scheduler.current(cpu);
    if (what <= 1) scheduler.create(this.options.task ?? { nice: this.random(40) - 20 });
    else if (what <= 3 && state === BLOCKED_TASK) scheduler.wake(task, this.now, cpu);
    else if (what === 4 && current !== NIL) scheduler.blocked(current);
    else if (what === 5 && current !== NIL) scheduler.yield(current);
    else if (what === 6 && state !== FREE) scheduler.setNice(task, this.random(40) - 20);
    else if (what === 7 && state !== FREE) this.endOrMove(task);
  }

  private endOrMove(task: number): void {
    const reserved = this.scheduler.tasks.periodNs[task] > 0;
    if (reserved || this.random(2) === 0) this.scheduler.exit(task);
    else this.scheduler.setAffinity(task, 1 + this.random(2 ** this.cpus - 1), this.now);
  }

  private pick(cpu: number): void {
    const scheduler = this.scheduler;
    const task = scheduler.pickNext(cpu, this.now);
    this.picks.push(task);
    if (task === NIL) {
      const conserving = this.options.workConserving ?? true;
      const waiting = scheduler.tasks.queuedCount[cpu] > 0;
      assert(!conserving || !waiting, 'a CPU with a ready task does not idle');
      return;
    }
    assert(scheduler.tasks.state[task] === RUNNING, 'a picked task runs');
    const allowed = (scheduler.tasks.affinity[task] >>> cpu) & 1;
    assert(allowed === 1, 'a task runs only where it may');
  }
}

const steps = (options: PolicyCheckOptions): number => options.steps ?? 2000;

/** The cases of a policy, in the order of what usually breaks first. */
export function policyConformance(
  policy: PolicyFactory,
  options: PolicyCheckOptions = {},
): readonly PolicyCase[] {
  return policyChecks.map((check) => ({
    name: check.title,
    run: () => check.run(policy, options),
  }));
}

const policyChecks: readonly PolicyCheck[] = [
  {
    title: 'every ready task runs, and no other does, on one CPU',
    run(policy, options = {}) {
      for (const seed of [1, 77, 1234]) new RandomRun(policy, options, 1, seed).run(steps(options));
    },
  },
  {
    title: 'tasks move between CPUs and stay where they may run',
    run(policy, options = {}) {
      for (const seed of [5, 99]) new RandomRun(policy, options, 3, seed).run(steps(options));
    },
  },
  {
    title: 'the same calls give the same picks',
    run(policy, options = {}) {
      const runs = [0, 1].map(() => {
        const run = new RandomRun(policy, options, 2, 31);
        run.run(steps(options));
        return run.picks;
      });
      assert(runs[0].length === runs[1].length, 'as many picks in both runs');
      assert(
        runs[0].every((task, index) => task === runs[1][index]),
        'the same picks in both runs',
      );
    },
  },
  {
    title: 'a ready task is not starved by others that only compute',
    run(policy, options = {}) {
      const bound = options.starvationNs ?? 10_000 * MS;
      const scheduler = new Scheduler({ policy, tasks: 8 });
      const tasks: number[] = [];
      for (let i = 0; i < 8; i++) {
        const task = scheduler.create(options.task ?? {});
        if (task >= 0) tasks.push(task);
      }
      for (const task of tasks) scheduler.wake(task, 0);
      scheduler.pickNext(0, 0);
      for (let now = MS; now <= bound; now += MS) {
        if (scheduler.current(0) !== NIL) scheduler.account(0, MS);
        scheduler.runTimers(now);
        scheduler.tick(0);
        if (scheduler.needResched(0)) scheduler.pickNext(0, now);
      }
      for (const task of tasks) assert(scheduler.ranNs[task] > 0, 'every ready task has run');
    },
  },
  {
    title: 'a queue can be read at any time',
    run(policy, options = {}) {
      const run = new RandomRun(policy, options, 2, 7);
      run.run(50);
      for (let cpu = 0; cpu < 2; cpu++) {
        assert(run.scheduler.dump(cpu).length >= 1, 'a dump has a line');
      }
      for (let task = 0; task < TASKS; task++) {
        if (run.scheduler.tasks.state[task] !== FREE) run.scheduler.exit(task);
      }
      run.scheduler.checkInvariants();
      assert(
        run.scheduler.tasks.state.every((state) => state !== QUEUED),
        'an ended task is not queued',
      );
    },
  },
];
