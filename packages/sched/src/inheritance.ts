import { ArgumentError, assert, NIL } from '@hotpath/hw-x86';
import type { Scheduler } from './scheduler.js';

/**
 * Priority inheritance for locks (Sha, Rajkumar and Lehoczky 1990): while tasks wait for a lock, its
 * holder has at least the share of the heaviest of them, and passes it on to whoever it waits for
 * itself. Without it a low task that holds a lock is kept off the CPU by middling ones, and the high
 * task that waits is kept waiting with it (Mars Pathfinder, 1997).
 *
 * What is inherited is nice: the holder runs at the least nice value of its waiters. Under EEVDF that
 * takes effect at once; under CFS, which does not rescale a vruntime, the holder first has to be
 * caught up with where its own low weight has carried it.
 *
 * For every lock l: owner[l] === NIL => nobody waits for it. For every task t that waits: effective
 * nice of owner[waitsFor[t]] <= effective nice of t.
 */
export class InheritingLocks {
  private readonly scheduler: Scheduler;
  private readonly owner: Int32Array;
  /** Lock a task waits for, or NIL. */
  private readonly waitsFor: Int32Array;
  /** Nice a task has by itself; what the scheduler has is the inherited one. */
  private readonly ownNice: Int8Array;
  private readonly touched: Uint8Array;
  /** Waiters in order of arrival: next task behind this one, or NIL. */
  private readonly nextWaiter: Int32Array;
  private readonly firstWaiter: Int32Array;

  constructor(scheduler: Scheduler, lockCount: number) {
    const capacity = scheduler.tasks.capacity;
    this.scheduler = scheduler;
    this.owner = new Int32Array(lockCount).fill(NIL);
    this.firstWaiter = new Int32Array(lockCount).fill(NIL);
    this.waitsFor = new Int32Array(capacity).fill(NIL);
    this.nextWaiter = new Int32Array(capacity).fill(NIL);
    this.ownNice = new Int8Array(capacity);
    this.touched = new Uint8Array(capacity);
  }

  /** Holder of a lock, or NIL. */
  holder(lock: number): number {
    return this.owner[lock];
  }

  /**
   * The running task asks for the lock: true when it has it. False when it must wait: it has been
   * blocked, pickNext follows, and it is woken as the holder. O(length of the chain).
   * @throws ArgumentError ERR_DEADLOCK when the wait would close a circle, ERR_LOCK when it is its own
   */
  acquire(task: number, lock: number): boolean {
    this.checkLock(lock);
    const holder = this.owner[lock];
    if (holder === NIL) {
      this.owner[lock] = task;
      return true;
    }
    if (holder === task) {
      throw new ArgumentError(
        'ERR_LOCK',
        `task ${task} holds lock ${lock}; allowed: one it does not`,
      );
    }
    for (let at = holder; at !== NIL; ) {
      if (at === task) {
        throw new ArgumentError(
          'ERR_DEADLOCK',
          `task ${task} would wait for itself by lock ${lock}`,
        );
      }
      at = this.waitsFor[at] === NIL ? NIL : this.owner[this.waitsFor[at]];
    }
    this.scheduler.blocked(task);
    this.waitsFor[task] = lock;
    this.append(task, lock);
    this.lend(lock, this.scheduler.tasks.nice[task]);
    return false;
  }

  /**
   * The holder gives the lock up: the most urgent waiter has it now and is ready. That task, or NIL.
   * @throws ArgumentError ERR_LOCK when `task` does not hold it
   */
  release(task: number, lock: number, now: number): number {
    this.checkLock(lock);
    if (this.owner[lock] !== task) {
      throw new ArgumentError(
        'ERR_LOCK',
        `task ${task} does not hold lock ${lock}; allowed: its holder`,
      );
    }
    const heir = this.takeMostUrgent(lock);
    this.owner[lock] = heir;
    this.settle(task);
    if (heir === NIL) return NIL;
    this.waitsFor[heir] = NIL;
    this.settle(heir);
    this.scheduler.wake(heir, now);
    return heir;
  }

  /** Changes a task's own nice value; what it inherits stays. */
  setNice(task: number, nice: number): void {
    this.scheduler.setNice(task, nice);
    this.ownNice[task] = nice;
    this.touched[task] = 1;
    this.settle(task);
  }

  private checkLock(lock: number): void {
    if (Number.isInteger(lock) && lock >= 0 && lock < this.owner.length) return;
    throw new ArgumentError('ERR_LOCK', `lock is ${lock}; allowed: 0..${this.owner.length - 1}`);
  }

  private append(task: number, lock: number): void {
    this.nextWaiter[task] = NIL;
    let last = this.firstWaiter[lock];
    if (last === NIL) {
      this.firstWaiter[lock] = task;
      return;
    }
    while (this.nextWaiter[last] !== NIL) last = this.nextWaiter[last];
    this.nextWaiter[last] = task;
  }

  private takeMostUrgent(lock: number): number {
    const nice = this.scheduler.tasks.nice;
    let best = NIL;
    let beforeBest = NIL;
    let before = NIL;
    for (let at = this.firstWaiter[lock]; at !== NIL; at = this.nextWaiter[at]) {
      if (best === NIL || nice[at] < nice[best]) {
        best = at;
        beforeBest = before;
      }
      before = at;
    }
    if (best === NIL) return NIL;
    if (beforeBest === NIL) this.firstWaiter[lock] = this.nextWaiter[best];
    else this.nextWaiter[beforeBest] = this.nextWaiter[best];
    return best;
  }

  /** Raises the holder of `lock`, and whoever it waits for, to at least `nice`. */
  private lend(lock: number, nice: number): void {
    for (let at = lock; at !== NIL; ) {
      const holder = this.owner[at];
      assert(holder !== NIL, 'a lock that is waited for is held');
      this.remember(holder);
      if (this.scheduler.tasks.nice[holder] <= nice) return;
      this.scheduler.setNice(holder, nice);
      at = this.waitsFor[holder];
    }
  }

  private remember(task: number): void {
    if (this.touched[task] === 1) return;
    this.touched[task] = 1;
    this.ownNice[task] = this.scheduler.tasks.nice[task];
  }

  /** A task's nice from what it has by itself and what waits for the locks it holds. */
  private settle(task: number): void {
    if (this.touched[task] === 0) return;
    const nice = this.scheduler.tasks.nice;
    let least = this.ownNice[task];
    let waited = false;
    for (let lock = 0; lock < this.owner.length; lock++) {
      if (this.owner[lock] !== task) continue;
      for (let at = this.firstWaiter[lock]; at !== NIL; at = this.nextWaiter[at]) {
        waited = true;
        least = Math.min(least, nice[at]);
      }
    }
    if (least !== nice[task]) this.scheduler.setNice(task, least);
    if (!waited && this.waitsFor[task] === NIL) this.touched[task] = 0;
  }

  /** Forgets an ended task, which must hold and wait for nothing. */
  forget(task: number): void {
    assert(this.waitsFor[task] === NIL, 'an ended task waits for no lock');
    for (let lock = 0; lock < this.owner.length; lock++) {
      assert(this.owner[lock] !== task, 'an ended task holds no lock');
    }
    this.touched[task] = 0;
  }

  /** Verifies owners, waiters and inherited nice values. O(locks + waiters). */
  checkInvariants(): void {
    const nice = this.scheduler.tasks.nice;
    for (let lock = 0; lock < this.owner.length; lock++) {
      const owner = this.owner[lock];
      for (let at = this.firstWaiter[lock]; at !== NIL; at = this.nextWaiter[at]) {
        assert(owner !== NIL, 'a lock that is waited for is held');
        assert(this.waitsFor[at] === lock, 'a waiter knows its lock');
        assert(nice[owner] <= nice[at], 'a holder is as urgent as its waiters');
      }
    }
  }
}
