import { assert, type Completion, NIL, OK, PENDING } from '@hotpath/hw-x86';
import type { Call } from '../syscall/call.js';
import type { Operation, Wait } from '../vfs/file-system.js';
import type { Inheritance } from './inheritance.js';
import type { LockClasses } from './lock-classes.js';

/** Whoever waits for a lock. */
interface Waiting {
  readonly sink: Completion;
  readonly tag: number;
  readonly task: number;
  readonly exclusive: boolean;
  readonly since: number;
}

/** What sleeping locks need of the kernel. */
export interface SleepLockPorts {
  readonly classes: LockClasses;
  readonly inheritance: Inheritance;
  /** Sink of a call's wait, and its tag (TaskWaits). */
  readonly waits: Completion & { begin(call: Call): number };
  /** Cycles of the CPU that runs. */
  now(): number;
  /** The CPU that runs. */
  cpu(): number;
}

/**
 * Reader-writer locks whose waiters sleep (Linux: rw_semaphore; with exclusive holders alone, mutex),
 * one for each number and all of one class. They are held across waits by tasks' calls and by
 * operations, and handed over in the order of asking: a reader that comes after a waiting writer
 * waits behind it, so that neither starves, and readers next to each other enter together.
 *
 * While tasks wait, an exclusive holder runs at least at the nice value of the most urgent of them
 * ({@link Inheritance}). Orders are checked and contention is counted as for spin locks.
 *
 *   holders[n] === -1: one exclusive holder;  0: free;  k > 0: k shared holders
 *   owner[n] === NIL unless holders[n] === -1 and the holder is a task
 */
export class SleepLocks {
  readonly #holders: Int32Array;
  readonly #owner: Int32Array;
  /** When the first of the present holders got it. */
  readonly #since: Float64Array;
  readonly #queues = new Map<number, Waiting[]>();
  readonly #class: number;
  readonly #ports: SleepLockPorts;
  #heldCount = 0;

  /**
   * @param count - locks, by number
   * @param name - of their class
   * @param nests - several may be held at once, in an order that the callers vouch for
   */
  constructor(count: number, name: string, ports: SleepLockPorts, nests = false) {
    this.#holders = new Int32Array(count);
    this.#owner = new Int32Array(count).fill(NIL);
    this.#since = new Float64Array(count);
    this.#class = ports.classes.define(name, nests);
    this.#ports = ports;
  }

  /** Locks held now; 0 when nothing is under way. */
  get heldCount(): number {
    return this.#heldCount;
  }

  /** The task that holds a lock exclusively, or NIL. */
  ownerOf(lock: number): number {
    return this.#owner[lock];
  }

  /** Tasks and operations that wait for a lock. */
  waitingFor(lock: number): number {
    return this.#queues.get(lock)?.length ?? 0;
  }

  /** The most urgent nice value among the waiters of a lock, or 127 without any. */
  urgency(lock: number, niceOf: (task: number) => number): number {
    let least = 127;
    for (const { task } of this.#queues.get(lock) ?? []) {
      if (task !== NIL) least = Math.min(least, niceOf(task));
    }
    return least;
  }

  /** Takes a lock for an operation, after a wait if need be. */
  *acquire(wait: Wait, lock: number, exclusive: boolean): Operation {
    if (this.#enter(lock, wait.task, exclusive)) return OK;
    this.#queue(lock, { sink: wait, tag: 0, task: wait.task, exclusive, since: this.#ports.now() });
    wait.result = PENDING;
    yield;
    return OK;
  }

  /**
   * Takes a lock for a call: true when it has it. False: its handler answers BLOCKED, and when it is
   * entered again the call has the lock. A signal does not end this wait.
   */
  take(call: Call, lock: number, exclusive: boolean): boolean {
    if (this.#enter(lock, call.task, exclusive)) return true;
    const { waits } = this.#ports;
    const tag = waits.begin(call);
    this.#queue(lock, {
      sink: waits,
      tag,
      task: call.task,
      exclusive,
      since: this.#ports.now(),
    });
    return false;
  }

  /** A task, or NIL for an operation without one, gives a lock back; it goes to whoever is next. */
  release(lock: number, task: number): void {
    const holders = this.#holders[lock];
    assert(holders !== 0, 'a lock is released that nobody holds');
    assert(this.#owner[lock] === NIL || this.#owner[lock] === task, 'a lock is another task’s');
    this.#holders[lock] = holders < 0 ? 0 : holders - 1;
    this.#heldCount -= 1;
    const { classes, inheritance } = this.#ports;
    const free = this.#holders[lock] === 0;
    classes.releasedAny(task, this.#class, free ? this.#ports.now() - this.#since[lock] : 0);
    if (this.#owner[lock] !== NIL) {
      this.#owner[lock] = NIL;
      inheritance.released(task, this, lock);
    }
    if (free) this.#handOver(lock);
  }

  #enter(lock: number, task: number, exclusive: boolean): boolean {
    const { classes, cpu } = this.#ports;
    assert(classes.heldBy(cpu()) === 0, 'a sleeping lock is asked for under a spin lock');
    classes.takingAsTask(task, this.#class);
    const holders = this.#holders[lock];
    const free = exclusive ? holders === 0 : holders >= 0;
    if (!free || this.#queues.has(lock)) return false;
    classes.taken(this.#class, 0);
    this.#grant(lock, task, exclusive);
    return true;
  }

  #queue(lock: number, waiting: Waiting): void {
    let queue = this.#queues.get(lock);
    if (queue === undefined) {
      queue = [];
      this.#queues.set(lock, queue);
    }
    queue.push(waiting);
    if (waiting.task !== NIL) this.#ports.inheritance.waits(waiting.task, this, lock);
  }

  #handOver(lock: number): void {
    const queue = this.#queues.get(lock);
    if (queue === undefined) return;
    const now = this.#ports.now();
    const next: Waiting[] = [];
    do {
      const waiting = queue.shift();
      assert(waiting !== undefined, 'an empty queue of a lock was kept');
      next.push(waiting);
    } while (queue.length > 0 && !next[0].exclusive && !queue[0].exclusive);
    if (queue.length === 0) this.#queues.delete(lock);
    for (const { exclusive, since, task } of next) {
      // Processors are apart by the skew: the asker's clock may be ahead of the giver's.
      this.#ports.classes.taken(this.#class, Math.max(1, now - since));
      if (task !== NIL) this.#ports.inheritance.waitsNoMore(task);
      this.#grant(lock, task, exclusive);
    }
    for (const { sink, tag } of next) sink.completed(tag, OK);
  }

  #grant(lock: number, task: number, exclusive: boolean): void {
    if (this.#holders[lock] === 0) this.#since[lock] = this.#ports.now();
    this.#holders[lock] = exclusive ? -1 : this.#holders[lock] + 1;
    this.#heldCount += 1;
    if (!exclusive || task === NIL) return;
    this.#owner[lock] = task;
    this.#ports.inheritance.granted(task, this, lock);
  }
}
