import { ArgumentError, assert, NIL } from '@hotpath/hw-x86';
import {
  ENQUEUE_PREEMPTED,
  type Policy,
  type PolicyContext,
  type PolicyFactory,
} from '../policy.js';
import type { Tasks } from '../tasks.js';

/**
 * Classes on top of each other, as Linux's deadline over fair over idle: a task of a lower class runs
 * only where no higher one has a ready task. `class` of a task says which policy it belongs to.
 */
class Stack implements Policy {
  readonly name: string;
  private readonly tasks: Tasks;
  private readonly policies: readonly Policy[];

  constructor(context: PolicyContext, factories: readonly PolicyFactory[]) {
    this.tasks = context.tasks;
    this.policies = factories.map((factory) => factory(context));
    this.name = this.policies.map((policy) => policy.name).join('/');
  }

  get nextTimerNs(): number {
    let next = Infinity;
    for (const policy of this.policies) next = Math.min(next, policy.nextTimerNs);
    return next;
  }

  /** The policy of class `index`, 0 = highest. */
  policyOf(index: number): Policy {
    return this.policies[index];
  }

  private of(task: number): Policy {
    return this.policies[this.tasks.class[task]];
  }

  newTask(task: number): number {
    const index = this.tasks.class[task];
    if (index >= this.policies.length) {
      throw new ArgumentError(
        'ERR_CLASS',
        `class is ${index}; allowed: 0..${this.policies.length - 1} (${this.name})`,
      );
    }
    return this.of(task).newTask(task);
  }
  selectCpu(task: number, previousCpu: number, flags: number): number {
    return this.of(task).selectCpu(task, previousCpu, flags);
  }
  enqueue(task: number, cpu: number, flags: number): void {
    this.of(task).enqueue(task, cpu, flags);
  }
  dequeue(task: number, cpu: number, flags: number): void {
    this.of(task).dequeue(task, cpu, flags);
  }

  pickNext(cpu: number, previous: number): number {
    const { policies, tasks } = this;
    let holder = previous === NIL ? NIL : tasks.class[previous];
    for (let index = 0; index < policies.length; index++) {
      const own = index === holder;
      const next = policies[index].pickNext(cpu, own ? previous : NIL);
      // Its own policy has taken the previous task back, even where it has nothing to run.
      if (own) holder = NIL;
      if (next === NIL) continue;
      if (holder !== NIL) policies[holder].enqueue(previous, cpu, ENQUEUE_PREEMPTED);
      return next;
    }
    assert(holder === NIL, 'a runnable task belongs to a class');
    return NIL;
  }

  update(task: number, cpu: number, ranNs: number): void {
    this.of(task).update(task, cpu, ranNs);
  }
  tick(task: number, cpu: number): boolean {
    return this.of(task).tick(task, cpu);
  }
  sliceLeftNs(task: number, cpu: number): number {
    return this.of(task).sliceLeftNs(task, cpu);
  }
  yield(task: number, cpu: number): void {
    this.of(task).yield(task, cpu);
  }
  stopped(task: number, cpu: number, flags: number): void {
    this.of(task).stopped(task, cpu, flags);
  }
  checkPreempt(cpu: number, current: number, woken: number): boolean {
    const running = this.tasks.class[current];
    const waking = this.tasks.class[woken];
    if (running !== waking) return waking < running;
    return this.policies[running].checkPreempt(cpu, current, woken);
  }
  setNice(task: number): void {
    this.of(task).setNice(task);
  }
  migrate(task: number, from: number, to: number): void {
    this.of(task).migrate(task, from, to);
  }
  exit(task: number): void {
    this.of(task).exit(task);
  }
  timer(now: number): void {
    for (const policy of this.policies) if (policy.nextTimerNs <= now) policy.timer(now);
  }
  dump(cpu: number): string[] {
    return this.policies.flatMap((policy) => [` ${policy.name}:`, ...policy.dump(cpu)]);
  }
  checkInvariants(): void {
    for (const policy of this.policies) policy.checkInvariants();
  }
}

/** Read-out of a stack, `scheduler.policy as StackPolicy`. */
export type StackPolicy = Policy & Pick<Stack, 'policyOf'>;

/** Stacks policies, highest first: `stack(edf(), eevdf(), roundRobin())`. @throws ArgumentError ERR_CLASS */
export function stack(...policies: PolicyFactory[]): PolicyFactory {
  if (policies.length < 1 || policies.length > 8) {
    throw new ArgumentError('ERR_CLASS', `${policies.length} classes; allowed: 1..8`);
  }
  return (context) => new Stack(context, policies);
}
