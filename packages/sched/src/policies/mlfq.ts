import { ArgumentError, assert, checkInteger, NIL } from '@hotpath/hw-x86';
import {
  DEQUEUE_SLEEP,
  ENQUEUE_PREEMPTED,
  ENQUEUE_WAKE,
  type Policy,
  type PolicyContext,
  type PolicyFactory,
} from '../policy.js';
import { Rings } from '../rings.js';
import type { Tasks } from '../tasks.js';

/** Options of {@link mlfq}. Lists run from the highest level to the lowest. */
export interface MlfqOptions {
  /** Quantum of each level in ns, 1..32 levels; default 5, 10, 20, 40 ms. */
  quantaNs?: readonly number[];
  /** Quanta a task may use at a level before it is demoted, default 1 each. */
  allotments?: readonly number[];
  /** All tasks return to the highest level this often, ns; 0 = never; default 1 s. */
  boostNs?: number;
  /** Refill quantum and allotment at each sleep (OSTEP's `-S`): lets tasks game. Default false. */
  stayAfterSleep?: boolean;
  /** A woken task goes to the head of its level (OSTEP's `-I`). Default false: the tail. */
  wakeToHead?: boolean;
}

/**
 * Multi-level feedback queue (Arpaci-Dusseau, Operating Systems: Three Easy Pieces, chapter 8; event
 * for event its homework simulator). Highest nonempty level by a bitmap, rings within a level: O(1).
 *
 * A full quantum costs one allotment and sends the task to the tail; without allotment it goes down a
 * level. A sleep or an early yield costs neither, and refills neither: what was used stays used, so
 * that sleeping just before the end gains nothing. The boost repairs starvation.
 *
 * For every CPU c and level l: bit l of ready[c] is set <=> ring (c, l) is not empty.
 */
class Mlfq implements Policy {
  readonly name = 'mlfq';
  nextTimerNs: number;
  private readonly tasks: Tasks;
  private readonly rings: Rings;
  private readonly levels: number;
  private readonly quanta: Float64Array;
  private readonly allotments: Int32Array;
  private readonly boostNs: number;
  private readonly stay: boolean;
  private readonly toHead: boolean;
  private readonly ready: Uint32Array;
  private readonly level: Uint8Array;
  private readonly left: Float64Array;
  private readonly allotment: Int32Array;
  private readonly yielded: Uint8Array;
  /** The running task has its place in a ring already (a boost, or a head insertion before it). */
  private readonly parked: Uint8Array;
  /** The task of this policy that runs on each CPU, or NIL: another class may have the CPU. */
  private readonly running: Int32Array;

  constructor(context: PolicyContext, options: Required<MlfqOptions>) {
    const { capacity, cpuCount } = context.tasks;
    this.tasks = context.tasks;
    this.levels = options.quantaNs.length;
    this.rings = new Rings(capacity, cpuCount * this.levels, context.meter);
    this.quanta = Float64Array.from(options.quantaNs);
    this.allotments = Int32Array.from(options.allotments);
    this.boostNs = options.boostNs;
    this.stay = options.stayAfterSleep;
    this.toHead = options.wakeToHead;
    this.nextTimerNs = options.boostNs === 0 ? Infinity : options.boostNs;
    this.ready = new Uint32Array(cpuCount);
    this.level = new Uint8Array(capacity);
    this.left = new Float64Array(capacity);
    this.allotment = new Int32Array(capacity);
    this.yielded = new Uint8Array(capacity);
    this.parked = new Uint8Array(capacity);
    this.running = new Int32Array(cpuCount).fill(NIL);
  }

  newTask(task: number): number {
    this.level[task] = 0;
    this.refill(task);
    return 0;
  }
  selectCpu(): number {
    return NIL;
  }
  enqueue(task: number, cpu: number, flags: number): void {
    const front = this.toHead && flags === ENQUEUE_WAKE;
    const current = this.running[cpu];
    // The running task is the head of its level: who is put before it runs first.
    if (front && current !== NIL && this.level[current] === this.level[task]) {
      this.park(current, cpu);
    }
    if (flags === ENQUEUE_PREEMPTED) this.running[cpu] = NIL;
    if (this.parked[task] === 1) this.parked[task] = 0;
    else this.push(task, cpu, front || flags === ENQUEUE_PREEMPTED);
  }
  dequeue(task: number, cpu: number): void {
    this.pop(task, cpu);
  }

  pickNext(cpu: number, previous: number): number {
    if (previous !== NIL && this.parked[previous] === 1) {
      this.parked[previous] = 0;
      if (this.left[previous] <= 0) {
        this.pop(previous, cpu);
        this.endQuantum(previous);
        this.push(previous, cpu, false);
      }
    } else if (previous !== NIL) {
      if (this.left[previous] <= 0) {
        this.endQuantum(previous);
        this.push(previous, cpu, false);
      } else if (this.yielded[previous] === 1) {
        this.push(previous, cpu, false);
      } else {
        // Preempted inside its quantum: at the head, with what is left of it.
        const mask = this.ready[cpu];
        if (mask === 0 || 31 - Math.clz32(mask & -mask) >= this.level[previous]) return previous;
        this.push(previous, cpu, true);
      }
      this.yielded[previous] = 0;
    }
    const mask = this.ready[cpu];
    this.running[cpu] = NIL;
    if (mask === 0) return NIL;
    const level = 31 - Math.clz32(mask & -mask);
    const ring = cpu * this.levels + level;
    const task = this.rings.shift(ring);
    if (this.rings.size[ring] === 0) this.ready[cpu] = mask & ~(1 << level);
    this.running[cpu] = task;
    return task;
  }

  update(task: number, _cpu: number, ranNs: number): void {
    this.left[task] -= ranNs;
  }
  tick(task: number, cpu: number): boolean {
    if (this.left[task] <= 0 || this.parked[task] === 1) return true;
    const mask = this.ready[cpu];
    return mask !== 0 && 31 - Math.clz32(mask & -mask) < this.level[task];
  }
  sliceLeftNs(task: number): number {
    return Math.max(0, this.left[task]);
  }
  yield(task: number): void {
    this.yielded[task] = 1;
  }
  stopped(task: number, cpu: number, flags: number): void {
    this.running[cpu] = NIL;
    if (this.parked[task] === 1) {
      this.parked[task] = 0;
      this.pop(task, cpu);
    }
    const ended = this.left[task] <= 0;
    this.yielded[task] = 0;
    if (this.stay && flags === DEQUEUE_SLEEP) this.refill(task);
    // A sleep exactly at the end of a quantum does not save the allotment.
    if (ended) this.endQuantum(task);
  }
  checkPreempt(_cpu: number, current: number, woken: number): boolean {
    return this.level[woken] < this.level[current] || this.parked[current] === 1;
  }
  setNice(): void {}
  migrate(): void {}
  exit(): void {}

  /** The boost: everybody to the highest level with a full quantum and allotment. O(n). */
  timer(now: number): void {
    const rings = this.rings;
    for (let cpu = 0; cpu < this.tasks.cpuCount; cpu++) {
      const current = this.running[cpu];
      if (current !== NIL && this.level[current] > 0) this.park(current, cpu);
      // From the lowest level up, in order, behind those already at the top (as OSTEP's does).
      for (let level = this.levels - 1; level > 0; level--) {
        const ring = cpu * this.levels + level;
        for (let task = rings.first(ring); task !== NIL; task = rings.first(ring)) {
          rings.remove(task, ring);
          rings.pushTail(task, cpu * this.levels);
        }
      }
      this.ready[cpu] = rings.size[cpu * this.levels] > 0 ? 1 : 0;
    }
    for (let task = 0; task < this.tasks.capacity; task++) {
      this.level[task] = 0;
      this.refill(task);
    }
    while (this.nextTimerNs <= now) this.nextTimerNs += this.boostNs;
  }

  /** Level of a task, 0 = highest. */
  levelOf(task: number): number {
    return this.level[task];
  }
  /** Quantum left, ns. */
  leftNs(task: number): number {
    return this.left[task];
  }
  /** Allotments left at this level. */
  allotmentOf(task: number): number {
    return this.allotment[task];
  }

  private refill(task: number): void {
    this.left[task] = this.quanta[this.level[task]];
    this.allotment[task] = this.allotments[this.level[task]];
  }

  private endQuantum(task: number): void {
    this.allotment[task]--;
    if (this.allotment[task] > 0) {
      this.left[task] = this.quanta[this.level[task]];
      return;
    }
    if (this.level[task] < this.levels - 1) this.level[task]++;
    this.refill(task);
  }

  private park(task: number, cpu: number): void {
    if (this.parked[task] === 1) return;
    this.parked[task] = 1;
    const ended = this.left[task] <= 0;
    if (ended) this.endQuantum(task);
    this.push(task, cpu, !ended);
  }

  private push(task: number, cpu: number, head: boolean): void {
    const level = this.level[task];
    const ring = cpu * this.levels + level;
    if (head) this.rings.pushHead(task, ring);
    else this.rings.pushTail(task, ring);
    this.ready[cpu] |= 1 << level;
  }

  private pop(task: number, cpu: number): void {
    const level = this.level[task];
    const ring = cpu * this.levels + level;
    this.rings.remove(task, ring);
    if (this.rings.size[ring] === 0) this.ready[cpu] &= ~(1 << level);
  }

  dump(cpu: number): string[] {
    const lines: string[] = [];
    for (let level = 0; level < this.levels; level++) {
      const ring = cpu * this.levels + level;
      for (let task = this.rings.first(ring); task !== NIL; task = this.rings.next(task)) {
        lines.push(`  level ${level} task ${task} left ${this.left[task]} ns`);
      }
    }
    return lines;
  }

  checkInvariants(): void {
    this.rings.checkInvariants();
    for (let cpu = 0; cpu < this.tasks.cpuCount; cpu++) {
      for (let level = 0; level < this.levels; level++) {
        const ring = cpu * this.levels + level;
        const bit = ((this.ready[cpu] >>> level) & 1) === 1;
        assert(bit === this.rings.size[ring] > 0, 'the bitmap tells the nonempty levels');
        for (let task = this.rings.first(ring); task !== NIL; task = this.rings.next(task)) {
          assert(this.level[task] === level, 'a task waits at its level');
          const waiting = this.parked[task] === 0;
          assert(!waiting || this.left[task] > 0, 'a waiting task has quantum left');
        }
      }
    }
  }
}

/** Read-outs of an MLFQ policy, `scheduler.policy as MlfqPolicy`. */
export type MlfqPolicy = Policy & Pick<Mlfq, 'levelOf' | 'leftNs' | 'allotmentOf'>;

/** Multi-level feedback queue. @throws ArgumentError ERR_LEVELS, ERR_QUANTUM, ERR_ALLOTMENT, ERR_BOOST */
export function mlfq(options: MlfqOptions = {}): PolicyFactory {
  const quantaNs = options.quantaNs ?? [5_000_000, 10_000_000, 20_000_000, 40_000_000];
  const allotments = options.allotments ?? quantaNs.map(() => 1);
  checkInteger('ERR_LEVELS', 'number of levels', quantaNs.length, 1, 32);
  if (allotments.length !== quantaNs.length) {
    throw new ArgumentError(
      'ERR_ALLOTMENT',
      `${allotments.length} allotments for ${quantaNs.length} levels; allowed: one for each level`,
    );
  }
  for (const quantum of quantaNs) {
    checkInteger('ERR_QUANTUM', 'quantum', quantum, 1, Number.MAX_SAFE_INTEGER);
  }
  for (const count of allotments) checkInteger('ERR_ALLOTMENT', 'allotment', count, 1, 2 ** 30);
  const boostNs = options.boostNs ?? 1_000_000_000;
  checkInteger('ERR_BOOST', 'boostNs', boostNs, 0, Number.MAX_SAFE_INTEGER);
  const stayAfterSleep = options.stayAfterSleep ?? false;
  const wakeToHead = options.wakeToHead ?? false;
  return (context) =>
    new Mlfq(context, { quantaNs, allotments, boostNs, stayAfterSleep, wakeToHead });
}
