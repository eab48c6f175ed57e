import { assert, checkInteger, NIL } from '@hotpath/hw-x86';
import type { Policy, PolicyContext, PolicyFactory } from '../policy.js';
import { RedBlackTree } from '../red-black-tree.js';
import type { Tasks } from '../tasks.js';

/** Options of {@link lottery} and {@link stride}. */
export interface ProportionalOptions {
  /** Quantum in ns, default 10 ms. */
  quantumNs?: number;
}

/** Options of {@link lottery}. */
export interface LotteryOptions extends ProportionalOptions {
  /** A random whole number below 2**53; default: a seeded generator. The winner is it modulo tickets. */
  random?: () => number;
  /** Seed of the default generator, 1..2**31-2, default 1. */
  seed?: number;
}

const STRIDE_ONE = 2 ** 40;

/**
 * Lottery scheduling (Waldspurger and Weihl 1994): at the end of each quantum a ticket is drawn, a
 * task's tickets being its weight. A Fenwick tree per CPU over task ids finds the winner in O(log n);
 * tickets are counted in the order of ids.
 */
class Lottery implements Policy {
  readonly name = 'lottery';
  nextTimerNs = Infinity;
  private readonly tasks: Tasks;
  private readonly quantumNs: number;
  private readonly random: () => number;
  private readonly left: Float64Array;
  /** Fenwick sums: `sums[cpu * (capacity + 1) + i]`, i from 1. */
  private readonly sums: Float64Array;
  private readonly queued: Uint8Array;
  private readonly total: Float64Array;
  private readonly top: number;

  constructor(context: PolicyContext, quantumNs: number, random: () => number) {
    const { capacity, cpuCount } = context.tasks;
    this.tasks = context.tasks;
    this.quantumNs = quantumNs;
    this.random = random;
    this.left = new Float64Array(capacity);
    this.sums = new Float64Array(cpuCount * (capacity + 1));
    this.queued = new Uint8Array(capacity);
    this.total = new Float64Array(cpuCount);
    this.top = 2 ** (31 - Math.clz32(capacity));
  }

  private add(task: number, cpu: number, tickets: number): void {
    const base = cpu * (this.tasks.capacity + 1);
    for (let i = task + 1; i <= this.tasks.capacity; i += i & -i) this.sums[base + i] += tickets;
    this.total[cpu] += tickets;
  }

  /** The task that holds ticket `ticket`, counted in order of ids. */
  private holder(cpu: number, ticket: number): number {
    const base = cpu * (this.tasks.capacity + 1);
    let at = 0;
    let before = ticket;
    for (let step = this.top; step > 0; step >>= 1) {
      const next = at + step;
      if (next <= this.tasks.capacity && this.sums[base + next] <= before) {
        at = next;
        before -= this.sums[base + next];
      }
    }
    return at;
  }

  newTask(task: number): number {
    this.left[task] = this.quantumNs;
    return 0;
  }
  selectCpu(): number {
    return NIL;
  }
  enqueue(task: number, cpu: number): void {
    assert(this.queued[task] === 0, 'an enqueued task holds no tickets yet');
    this.queued[task] = 1;
    this.add(task, cpu, this.tasks.weight[task]);
  }
  dequeue(task: number, cpu: number): void {
    assert(this.queued[task] === 1, 'a dequeued task holds tickets');
    this.queued[task] = 0;
    this.add(task, cpu, -this.tasks.weight[task]);
  }
  pickNext(cpu: number, previous: number): number {
    if (previous !== NIL) {
      if (this.left[previous] > 0) return previous;
      this.enqueue(previous, cpu);
    }
    if (this.total[cpu] === 0) return NIL;
    const task = this.holder(cpu, this.random() % this.total[cpu]);
    this.dequeue(task, cpu);
    this.left[task] = this.quantumNs;
    return task;
  }
  update(task: number, _cpu: number, ranNs: number): void {
    this.left[task] -= ranNs;
  }
  tick(task: number): boolean {
    return this.left[task] <= 0;
  }
  sliceLeftNs(task: number, cpu: number): number {
    return this.total[cpu] === 0 ? Infinity : Math.max(0, this.left[task]);
  }
  yield(task: number): void {
    this.left[task] = 0;
  }
  stopped(): void {}
  checkPreempt(): boolean {
    return false;
  }
  setNice(): void {}
  migrate(): void {}
  exit(): void {}
  timer(): void {}
  dump(cpu: number): string[] {
    return [`  tickets ${this.total[cpu]}`];
  }
  checkInvariants(): void {
    const { capacity, cpuCount, weight, cpu } = this.tasks;
    const total = new Float64Array(cpuCount);
    for (let task = 0; task < capacity; task++) {
      if (this.queued[task] === 0) continue;
      assert(this.holder(cpu[task], total[cpu[task]]) === task, 'a ticket finds its task');
      total[cpu[task]] += weight[task];
    }
    for (let at = 0; at < cpuCount; at++) {
      assert(total[at] === this.total[at], 'tickets of the queued are counted');
    }
  }
}

/**
 * Stride scheduling (Waldspurger 1995): lottery without chance. The least pass runs; it advances by
 * time over weight. A sleeper comes back at the pass of those who stayed, keeping what it was ahead.
 */
class Stride implements Policy {
  readonly name = 'stride';
  nextTimerNs = Infinity;
  private readonly tasks: Tasks;
  private readonly tree: RedBlackTree;
  private readonly quantumNs: number;
  private readonly left: Float64Array;
  private readonly pass: Float64Array;
  /** Pass of each CPU: the least of those ready; of the running one where it is alone. */
  private readonly globalPass: Float64Array;

  constructor(context: PolicyContext, quantumNs: number) {
    const { capacity, cpuCount } = context.tasks;
    this.tasks = context.tasks;
    this.tree = new RedBlackTree(capacity, cpuCount, false, context.meter);
    this.quantumNs = quantumNs;
    this.left = new Float64Array(capacity);
    this.pass = new Float64Array(capacity);
    this.globalPass = new Float64Array(cpuCount);
  }

  newTask(task: number): number {
    this.left[task] = this.quantumNs;
    this.pass[task] = 0;
    return 0;
  }
  selectCpu(): number {
    return NIL;
  }
  enqueue(task: number, cpu: number): void {
    // What a sleeper is ahead of the others it still owes; what it is behind it has lost.
    this.pass[task] = Math.max(this.pass[task], this.globalPass[cpu]);
    this.tree.insert(task, this.pass[task], cpu);
  }
  dequeue(task: number, cpu: number): void {
    this.tree.remove(task, cpu);
  }
  pickNext(cpu: number, previous: number): number {
    if (previous !== NIL) {
      if (this.left[previous] > 0) return previous;
      this.tree.insert(previous, this.pass[previous], cpu);
    }
    const task = this.tree.first(cpu);
    if (task === NIL) return NIL;
    this.tree.remove(task, cpu);
    this.left[task] = this.quantumNs;
    this.globalPass[cpu] = Math.max(this.globalPass[cpu], this.pass[task]);
    if (this.pass[task] > STRIDE_ONE) this.renormalise(cpu, task);
    return task;
  }
  /** Moves the queue down: passes stay small enough for exact sums. */
  private renormalise(cpu: number, running: number): void {
    const down = this.globalPass[cpu];
    this.tree.shift(-down, cpu);
    for (let task = this.tree.first(cpu); task !== NIL; task = this.tree.next(task)) {
      this.pass[task] -= down;
    }
    this.pass[running] -= down;
    this.globalPass[cpu] = 0;
  }
  update(task: number, _cpu: number, ranNs: number): void {
    this.left[task] -= ranNs;
    this.pass[task] += (ranNs * 1024) / this.tasks.weight[task];
  }
  tick(task: number, cpu: number): boolean {
    return this.left[task] <= 0 && this.tree.size[cpu] > 0;
  }
  sliceLeftNs(task: number, cpu: number): number {
    return this.tree.size[cpu] === 0 ? Infinity : Math.max(0, this.left[task]);
  }
  yield(task: number): void {
    this.left[task] = 0;
  }
  stopped(): void {}
  checkPreempt(): boolean {
    return false;
  }
  setNice(): void {}
  migrate(task: number, from: number, to: number): void {
    const ahead = Math.max(0, this.pass[task] - this.globalPass[from]);
    this.pass[task] = this.globalPass[to] + ahead;
  }
  exit(): void {}
  timer(): void {}
  dump(cpu: number): string[] {
    const lines: string[] = [];
    for (let task = this.tree.first(cpu); task !== NIL; task = this.tree.next(task)) {
      lines.push(`  task ${task} pass ${this.pass[task]}`);
    }
    return lines;
  }
  checkInvariants(): void {
    this.tree.checkInvariants();
    for (let task = 0; task < this.tasks.capacity; task++) {
      if (!this.tree.contains(task)) continue;
      assert(this.tree.keyOf(task) === this.pass[task], 'the key is the pass');
    }
  }
}

/** Park and Miller's minimal standard generator: 1..2**31-2, the same on every machine. */
function minimalStandard(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state;
  };
}

function checkQuantum(quantum: number): number {
  return checkInteger('ERR_QUANTUM', 'quantumNs', quantum, 1, Number.MAX_SAFE_INTEGER);
}

/** Lottery scheduling: CPU in proportion to weights, by chance. @throws ArgumentError */
export function lottery(options: LotteryOptions = {}): PolicyFactory {
  const quantum = checkQuantum(options.quantumNs ?? 10_000_000);
  const seed = checkInteger('ERR_SEED', 'seed', options.seed ?? 1, 1, 2_147_483_646);
  return (context) => new Lottery(context, quantum, options.random ?? minimalStandard(seed));
}

/** Stride scheduling: CPU in proportion to weights, without chance. @throws ArgumentError */
export function stride(options: ProportionalOptions = {}): PolicyFactory {
  const quantum = checkQuantum(options.quantumNs ?? 10_000_000);
  return (context) => new Stride(context, quantum);
}
