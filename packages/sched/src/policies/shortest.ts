import { assert, NIL } from '@hotpath/hw-x86';
import {
  ENQUEUE_PREEMPTED,
  type Policy,
  type PolicyContext,
  type PolicyFactory,
} from '../policy.js';
import { RedBlackTree } from '../red-black-tree.js';
import type { Tasks } from '../tasks.js';

const FIFO = 0;
const SJF = 1;
const STCF = 2;
const NAMES: readonly string[] = ['fifo', 'sjf', 'stcf'];

/**
 * The three teaching policies of OSTEP chapter 7 without time slices: first in first out, shortest job
 * first, shortest time to completion first (the only one that preempts). A tree per CPU by the key,
 * equal keys in order of arrival: O(log n).
 */
class Shortest implements Policy {
  readonly name: string;
  nextTimerNs = Infinity;
  private readonly kind: number;
  private readonly tasks: Tasks;
  private readonly tree: RedBlackTree;
  private readonly ran: Float64Array;

  constructor(context: PolicyContext, kind: number) {
    this.name = NAMES[kind];
    this.kind = kind;
    this.tasks = context.tasks;
    this.tree = new RedBlackTree(
      context.tasks.capacity,
      context.tasks.cpuCount,
      false,
      context.meter,
    );
    this.ran = new Float64Array(context.tasks.capacity);
  }

  /** What is left of a job that says its length; a job that does not comes first, with 0. */
  private key(task: number): number {
    if (this.kind === FIFO) return 0;
    const length = this.tasks.lengthNs[task];
    return this.kind === SJF ? length : Math.max(0, length - this.ran[task]);
  }

  newTask(task: number): number {
    this.ran[task] = 0;
    return 0;
  }
  selectCpu(): number {
    return NIL;
  }
  enqueue(task: number, cpu: number, flags: number): void {
    // Who was only set aside goes before all others again.
    this.tree.insert(task, flags === ENQUEUE_PREEMPTED ? -1 : this.key(task), cpu);
  }
  dequeue(task: number, cpu: number): void {
    this.tree.remove(task, cpu);
  }
  pickNext(cpu: number, previous: number): number {
    const first = this.tree.first(cpu);
    if (previous !== NIL) {
      const stays =
        first === NIL || this.kind !== STCF || this.key(previous) <= this.tree.keyOf(first);
      if (stays && this.offered !== previous) return previous;
      this.offered = NIL;
      this.tree.insert(previous, this.key(previous), cpu);
    }
    const task = this.tree.first(cpu);
    if (task !== NIL) this.tree.remove(task, cpu);
    return task;
  }
  /** The running task that called yield, or NIL. */
  private offered = NIL;

  update(task: number, _cpu: number, ranNs: number): void {
    this.ran[task] += ranNs;
  }
  tick(): boolean {
    return false;
  }
  sliceLeftNs(): number {
    return Infinity;
  }
  yield(task: number): void {
    this.offered = task;
  }
  stopped(task: number): void {
    if (this.offered === task) this.offered = NIL;
  }
  checkPreempt(_cpu: number, current: number, woken: number): boolean {
    return this.kind === STCF && this.key(woken) < this.key(current);
  }
  setNice(): void {}
  migrate(): void {}
  exit(): void {}
  timer(): void {}
  dump(cpu: number): string[] {
    const lines: string[] = [];
    for (let task = this.tree.first(cpu); task !== NIL; task = this.tree.next(task)) {
      lines.push(`  task ${task} key ${this.tree.keyOf(task)}`);
    }
    return lines;
  }
  checkInvariants(): void {
    this.tree.checkInvariants();
    assert(this.offered === NIL || !this.tree.contains(this.offered), 'who yields still runs');
  }
}

/** First in, first out: runs each task until it blocks or yields. */
export function fifo(): PolicyFactory {
  return (context) => new Shortest(context, FIFO);
}

/** Shortest job first, by `lengthNs`, without preemption. */
export function sjf(): PolicyFactory {
  return (context) => new Shortest(context, SJF);
}

/** Shortest time to completion first, by what is left of `lengthNs`, with preemption. */
export function stcf(): PolicyFactory {
  return (context) => new Shortest(context, STCF);
}
