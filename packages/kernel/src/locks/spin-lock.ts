import { type Cpu, type Meter, TSC, type VirtAddr } from '@hotpath/hw-x86';
import type { LockClasses } from './lock-classes.js';

/** Past holds that are remembered, of either kind; CPUs are apart by the machine's skew at most. */
const HOLDS = 8;

/**
 * A reader-writer spin lock between the CPUs of the model; without readers, a plain one. Steps are
 * atomic and CPUs take turns, each with a clock of its own: who asks at a time that lies within
 * another's hold waits until its end, which is what spinning would have cost; who shares the lock
 * waits for exclusive holds only. With one CPU nothing is charged, as in a kernel built for one;
 * orders and counts are kept all the same.
 *
 * For every past hold i: from[i] <= to[i].
 */
export class SpinLock {
  readonly #classes: LockClasses;
  readonly #class: number;
  readonly #meter: Meter | null;
  readonly #line: VirtAddr;
  readonly #from = new Float64Array(HOLDS);
  readonly #to = new Float64Array(HOLDS);
  readonly #exclusive = new Uint8Array(HOLDS);
  #next = 0;
  #since = 0;
  #isExclusive = true;

  /**
   * @param meter - takes the locked exchange and the store of the release; null with one CPU
   * @param line - where the lock word lies
   */
  constructor(classes: LockClasses, lockClass: number, meter: Meter | null, line: VirtAddr) {
    this.#classes = classes;
    this.#class = lockClass;
    this.#meter = meter;
    this.#line = line;
  }

  /** Takes the lock; the CPU's clock passes over whoever holds it then and would not share it. */
  acquire(cpu: Cpu, exclusive = true): void {
    this.#classes.taking(cpu.id, this.#class);
    const { cells } = cpu;
    let waited = 0;
    if (this.#meter !== null) {
      this.#meter.load(this.#line);
      this.#meter.store(this.#line);
      const asked = cells[TSC];
      while (this.#waitOnce(cells, exclusive));
      waited = cells[TSC] - asked;
    }
    this.#classes.taken(this.#class, waited);
    this.#since = cells[TSC];
    this.#isExclusive = exclusive;
  }

  /** Gives it back. */
  release(cpu: Cpu): void {
    const { cells } = cpu;
    if (this.#meter !== null) this.#meter.store(this.#line);
    const now = cells[TSC];
    this.#classes.released(cpu.id, this.#class, now - this.#since);
    this.#from[this.#next] = this.#since;
    this.#to[this.#next] = now;
    this.#exclusive[this.#next] = this.#isExclusive ? 1 : 0;
    this.#next = (this.#next + 1) % HOLDS;
  }

  /** Passes over one hold that covers now and keeps it out; false if none does. */
  #waitOnce(cells: Float64Array, exclusive: boolean): boolean {
    const now = cells[TSC];
    for (let i = 0; i < HOLDS; i++) {
      if (this.#from[i] > now || this.#to[i] <= now) continue;
      if (!exclusive && this.#exclusive[i] === 0) continue;
      cells[TSC] = this.#to[i];
      return true;
    }
    return false;
  }
}
