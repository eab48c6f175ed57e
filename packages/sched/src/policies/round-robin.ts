import { assert, checkInteger, NIL } from '@hotpath/hw-x86';
import type { Policy, PolicyContext, PolicyFactory } from '../policy.js';
import { Rings } from '../rings.js';
import type { Tasks } from '../tasks.js';

/** Options of {@link roundRobin}. */
export interface RoundRobinOptions {
  /** Quantum in ns, default 10 ms. */
  quantumNs?: number;
}

/**
 * Round-robin: one FIFO ring per CPU, a fixed quantum, tail on its end. All O(1). A task preempted by
 * a higher class keeps the head and its remaining quantum.
 */
class RoundRobin implements Policy {
  readonly name = 'rr';
  nextTimerNs = Infinity;
  private readonly tasks: Tasks;
  private readonly rings: Rings;
  private readonly quantumNs: number;
  /** Quantum left, ns; at most 0 when it has ended. */
  private readonly left: Float64Array;

  constructor(context: PolicyContext, quantumNs: number) {
    this.tasks = context.tasks;
    this.rings = new Rings(context.tasks.capacity, context.tasks.cpuCount, context.meter);
    this.quantumNs = quantumNs;
    this.left = new Float64Array(context.tasks.capacity);
  }

  newTask(task: number): number {
    this.left[task] = this.quantumNs;
    return 0;
  }
  selectCpu(): number {
    return NIL;
  }
  enqueue(task: number, cpu: number): void {
    this.rings.pushTail(task, cpu);
  }
  dequeue(task: number, cpu: number): void {
    this.rings.remove(task, cpu);
  }
  /** Whether the task is in the CPU's ring. */
  holds(task: number): boolean {
    return this.rings.contains(task);
  }
  pickNext(cpu: number, previous: number): number {
    const rings = this.rings;
    if (previous !== NIL) {
      if (this.left[previous] > 0) return previous;
      this.left[previous] = this.quantumNs;
      if (rings.size[cpu] === 0) return previous;
      rings.pushTail(previous, cpu);
    }
    const task = rings.first(cpu);
    if (task !== NIL) rings.remove(task, cpu);
    return task;
  }
  update(task: number, _cpu: number, ranNs: number): void {
    this.left[task] -= ranNs;
  }
  tick(task: number, cpu: number): boolean {
    return this.left[task] <= 0 && this.rings.size[cpu] > 0;
  }
  sliceLeftNs(task: number, cpu: number): number {
    return this.rings.size[cpu] === 0 ? Infinity : Math.max(0, this.left[task]);
  }
  yield(task: number): void {
    this.left[task] = 0;
  }
  stopped(task: number): void {
    this.left[task] = this.quantumNs;
  }
  checkPreempt(): boolean {
    return false;
  }
  setNice(): void {}
  migrate(): void {}
  exit(): void {}
  timer(): void {}
  dump(cpu: number): string[] {
    const lines: string[] = [];
    for (let task = this.rings.first(cpu); task !== NIL; task = this.rings.next(task)) {
      lines.push(`  task ${task} left ${this.left[task]} ns`);
    }
    return lines;
  }
  checkInvariants(): void {
    this.rings.checkInvariants();
    for (let task = 0; task < this.tasks.capacity; task++) {
      assert(this.left[task] <= this.quantumNs, 'no task has more than a quantum');
    }
  }
}

/** Round-robin with one quantum for all. @throws ArgumentError ERR_QUANTUM */
export function roundRobin(options: RoundRobinOptions = {}): PolicyFactory {
  const quantum = options.quantumNs ?? 10_000_000;
  checkInteger('ERR_QUANTUM', 'quantumNs', quantum, 1, Number.MAX_SAFE_INTEGER);
  return (context) => new RoundRobin(context, quantum);
}
