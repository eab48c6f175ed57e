import { assert, NIL } from '@hotpath/hw-x86';
import type { Scheduler } from '@hotpath/sched';
import { TASK_LIMIT } from '../params.js';
import type { SleepLocks } from './sleep-locks.js';

/** No waiter lends anything. */
const NOTHING_LENT = 127;
/** What a task of the deadline class lends: the most that the fair class has. */
const DEADLINE_NICE = -20;

interface Held {
  readonly locks: SleepLocks;
  readonly lock: number;
}

/** What inheritance works on. */
export interface InheritancePorts {
  readonly scheduler: Scheduler;
  /** A task's place in its queue has changed: the CPU that it is on may have to look again. */
  changed(task: number): void;
}

/**
 * Priority inheritance for sleeping locks (Sha, Rajkumar and Lehoczky 1990): while tasks wait for a
 * lock, its exclusive holder runs at the least nice value of them, and passes it on to whoever it
 * waits for itself. Without it a low task that holds a lock is kept off the CPU by middling ones, and
 * the high task that waits is kept waiting with it (Mars Pathfinder, 1997).
 *
 * A waiter with a reservation lends nice -20. It does not lend its deadline: a task with another
 * reservation may still come before the holder, for as long as that reservation's server allows.
 *
 * For every task t: nice of t in the scheduler === min(own[t], lent[t]).
 */
export class Inheritance {
  readonly #ports: InheritancePorts;
  /** What a task asked for itself; what the scheduler has may be less. */
  readonly #own = new Int8Array(TASK_LIMIT);
  readonly #lent = new Int8Array(TASK_LIMIT).fill(NOTHING_LENT);
  readonly #waitsFor: (Held | null)[] = new Array<Held | null>(TASK_LIMIT).fill(null);
  readonly #held: Held[][] = Array.from({ length: TASK_LIMIT }, () => []);
  readonly #niceOf: (task: number) => number;
  /** Times that a holder was raised. */
  lendCount = 0;

  constructor(ports: InheritancePorts) {
    this.#ports = ports;
    const { nice, periodNs } = ports.scheduler.tasks;
    this.#niceOf = (task) => (periodNs[task] > 0 ? DEADLINE_NICE : nice[task]);
  }

  /** A task's own nice value; what it is lent stays. */
  setNice(task: number, nice: number): void {
    this.#own[task] = nice;
    this.#apply(task, Math.min(nice, this.#lent[task]));
  }

  /** A task waits for a lock: its holder, and whoever that one waits for, becomes as urgent. */
  waits(task: number, locks: SleepLocks, lock: number): void {
    this.#waitsFor[task] = { locks, lock };
    this.#lend(locks, lock, this.#niceOf(task));
  }

  /** The task has got what it waited for. */
  waitsNoMore(task: number): void {
    this.#waitsFor[task] = null;
  }

  /** A task holds a lock from now on, before perhaps others that wait for it. */
  granted(task: number, locks: SleepLocks, lock: number): void {
    this.#held[task].push({ locks, lock });
    this.#settle(task);
  }

  /** A task has given a lock up. */
  released(task: number, locks: SleepLocks, lock: number): void {
    const held = this.#held[task];
    const at = held.findIndex((each) => each.locks === locks && each.lock === lock);
    assert(at !== NIL, 'a task gives up a lock that it never took');
    held.splice(at, 1);
    this.#settle(task);
  }

  /** Locks that a task holds exclusively. */
  heldBy(task: number): number {
    return this.#held[task].length;
  }

  #lend(locks: SleepLocks, lock: number, nice: number): void {
    let at: Held | null = { locks, lock };
    while (at !== null) {
      const owner = at.locks.ownerOf(at.lock);
      if (owner === NIL || this.#lent[owner] <= nice) return;
      this.#remember(owner);
      this.#lent[owner] = nice;
      if (nice < this.#own[owner]) this.lendCount += 1;
      this.#apply(owner, Math.min(nice, this.#own[owner]));
      at = this.#waitsFor[owner];
    }
  }

  /** What a task is lent, from the locks that it still holds. */
  #settle(task: number): void {
    let least = NOTHING_LENT;
    for (const { lock, locks } of this.#held[task]) {
      least = Math.min(least, locks.urgency(lock, this.#niceOf));
    }
    if (least === this.#lent[task]) return;
    this.#remember(task);
    this.#lent[task] = least;
    this.#apply(task, Math.min(least, this.#own[task]));
  }

  /** A task that is lent nothing runs at its own nice value. */
  #remember(task: number): void {
    if (this.#lent[task] === NOTHING_LENT) this.#own[task] = this.#ports.scheduler.tasks.nice[task];
  }

  #apply(task: number, nice: number): void {
    const { changed, scheduler } = this.#ports;
    if (scheduler.tasks.nice[task] === nice) return;
    scheduler.setNice(task, nice);
    changed(task);
  }
}
