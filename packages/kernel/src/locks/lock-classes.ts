import { ArgumentError, assert, NIL } from '@hotpath/hw-x86';
import { TASK_LIMIT } from '../params.js';

/** Classes that may exist. */
const CLASS_LIMIT = 64;
/** Locks that one CPU, or one task, may hold at once. */
const HELD_LIMIT = 16;

/** What is known of the locks of one class. */
export interface LockStatistics {
  readonly name: string;
  readonly acquisitions: number;
  /** Acquisitions that found the lock held. */
  readonly contended: number;
  /** Cycles spent waiting for it, and the longest single wait. */
  readonly waitCycles: number;
  readonly waitCyclesMax: number;
  /** Cycles for which it was held, and the longest single hold. */
  readonly holdCycles: number;
  readonly holdCyclesMax: number;
}

/**
 * Classes of locks, their statistics, and the order in which they are taken (after Linux's lockdep):
 * `a before b` is learnt when b is taken while a is held; an order that would close a circle could
 * deadlock, and is reported the first time it is seen, whether or not it deadlocks that time.
 */
export class LockClasses {
  readonly #names: string[] = [];
  readonly #acquisitions = new Float64Array(CLASS_LIMIT);
  readonly #contended = new Float64Array(CLASS_LIMIT);
  readonly #wait = new Float64Array(CLASS_LIMIT);
  readonly #waitMax = new Float64Array(CLASS_LIMIT);
  readonly #hold = new Float64Array(CLASS_LIMIT);
  readonly #holdMax = new Float64Array(CLASS_LIMIT);
  /** `before[a * CLASS_LIMIT + b]` is 1 when b has been taken while a was held. */
  readonly #before = new Uint8Array(CLASS_LIMIT * CLASS_LIMIT);
  /** 1: locks of the class may be held together. */
  readonly #nests: boolean[] = [];
  /** Rows of holders: one for each CPU, then one for each task. */
  readonly #held: Int32Array;
  readonly #depth: Int32Array;
  readonly #cpuCount: number;
  readonly #report: (text: string) => void;

  /** @param report - told of an order that could deadlock, as text */
  constructor(cpuCount: number, report: (text: string) => void) {
    const rows = cpuCount + TASK_LIMIT;
    this.#cpuCount = cpuCount;
    this.#held = new Int32Array(rows * HELD_LIMIT).fill(NIL);
    this.#depth = new Int32Array(rows);
    this.#report = report;
  }

  /**
   * A new class.
   * @param nests - several locks of it may be held, in an order that whoever takes them vouches for
   * @throws ArgumentError `ERR_LOCK_CLASS` when there are too many
   */
  define(name: string, nests = false): number {
    if (this.#names.length === CLASS_LIMIT) {
      throw new ArgumentError('ERR_LOCK_CLASS', `lock class "${name}": allowed: ${CLASS_LIMIT}`);
    }
    this.#names.push(name);
    this.#nests.push(nests);
    return this.#names.length - 1;
  }

  /** A CPU is about to take a lock of the class: checks the order. */
  taking(cpu: number, lockClass: number): void {
    const depth = this.#depth[cpu];
    assert(depth < HELD_LIMIT, 'a CPU holds too many locks');
    for (let i = 0; i < depth; i++) {
      const held = this.#held[cpu * HELD_LIMIT + i];
      if (held === lockClass && this.#nests[held]) continue;
      const edge = held * CLASS_LIMIT + lockClass;
      if (this.#before[edge] === 1) continue;
      this.#before[edge] = 1;
      const path = this.#path(lockClass, held);
      if (path !== null) this.#report(this.#describe(path));
    }
    this.#held[cpu * HELD_LIMIT + depth] = lockClass;
    this.#depth[cpu] = depth + 1;
  }

  /** The same for a task and a sleeping lock; NIL, an operation that no task stands behind, is not checked. */
  takingAsTask(task: number, lockClass: number): void {
    if (task !== NIL) this.taking(this.#cpuCount + task, lockClass);
  }

  /** It has the lock, after so many cycles of waiting. */
  taken(lockClass: number, waited: number): void {
    this.#acquisitions[lockClass] += 1;
    if (waited === 0) return;
    this.#contended[lockClass] += 1;
    this.#wait[lockClass] += waited;
    if (waited > this.#waitMax[lockClass]) this.#waitMax[lockClass] = waited;
  }

  /** A CPU gives back the lock that it took last, held for so many cycles. */
  released(cpu: number, lockClass: number, held: number): void {
    const depth = this.#depth[cpu] - 1;
    assert(depth >= 0, 'a CPU releases a lock that it does not hold');
    assert(this.#held[cpu * HELD_LIMIT + depth] === lockClass, 'locks are released out of order');
    this.#depth[cpu] = depth;
    this.#hold[lockClass] += held;
    if (held > this.#holdMax[lockClass]) this.#holdMax[lockClass] = held;
  }

  /** A task gives back a sleeping lock, in whatever order. */
  releasedAny(task: number, lockClass: number, held: number): void {
    this.#hold[lockClass] += held;
    if (held > this.#holdMax[lockClass]) this.#holdMax[lockClass] = held;
    if (task === NIL) return;
    const row = (this.#cpuCount + task) * HELD_LIMIT;
    const depth = this.#depth[this.#cpuCount + task] - 1;
    let at = depth;
    while (at >= 0 && this.#held[row + at] !== lockClass) at -= 1;
    assert(at >= 0, 'a task releases a lock that it does not hold');
    this.#held.copyWithin(row + at, row + at + 1, row + depth + 1);
    this.#depth[this.#cpuCount + task] = depth;
  }

  /** Sleeping locks that a task holds, or waits for. */
  heldByTask(task: number): number {
    return this.#depth[this.#cpuCount + task];
  }

  /** Locks that a CPU holds. */
  heldBy(cpu: number): number {
    return this.#depth[cpu];
  }

  /** Names of the locks that a CPU holds, in the order of taking. */
  heldNames(cpu: number): string[] {
    const held = this.#held.subarray(cpu * HELD_LIMIT, cpu * HELD_LIMIT + this.#depth[cpu]);
    return Array.from(held, (lockClass) => this.#names[lockClass]);
  }

  /** Every class, in order of definition. */
  statistics(): LockStatistics[] {
    return this.#names.map((name, i) => ({
      name,
      acquisitions: this.#acquisitions[i],
      contended: this.#contended[i],
      waitCycles: this.#wait[i],
      waitCyclesMax: this.#waitMax[i],
      holdCycles: this.#hold[i],
      holdCyclesMax: this.#holdMax[i],
    }));
  }

  /** A chain of orders from one class to another, both included, or null. */
  #path(from: number, to: number): number[] | null {
    const seen = new Set<number>();
    const search = (at: number): number[] | null => {
      if (at === to) return [at];
      seen.add(at);
      for (let next = 0; next < this.#names.length; next++) {
        if (this.#before[at * CLASS_LIMIT + next] === 0 || seen.has(next)) continue;
        const rest = search(next);
        if (rest !== null) return [at, ...rest];
      }
      return null;
    };
    return search(from);
  }

  #describe(path: readonly number[]): string {
    const names = path.map((lockClass) => this.#names[lockClass]);
    return `possible deadlock: ${names.join(' before ')}, and now ${names[0]} after ${names.at(-1)}`;
  }
}
