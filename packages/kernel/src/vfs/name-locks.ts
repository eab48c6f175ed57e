import { assert, OK, PENDING } from '@hotpath/hw-x86';
import type { Operation, Wait } from './file-system.js';

interface Waiting {
  readonly wait: Wait;
  readonly exclusive: boolean;
}

/**
 * Locks that operations hold across their waits, one for each number: of a directory while its names
 * change (exclusive) or are read (shared), of a file system while its tree changes shape. They are
 * handed over in the order of asking, so that nobody starves.
 *
 * Order: first the tree, then directories. Who holds only a directory waits for no other lock, and
 * of those who hold the tree there is one, so no circle can close.
 *
 *   holders[n] === -1: one exclusive holder;  0: free;  k > 0: k shared holders
 */
export class NameLocks {
  readonly #holders: Int32Array;
  readonly #queues = new Map<number, Waiting[]>();
  #heldCount = 0;

  constructor(count: number) {
    this.#holders = new Int32Array(count);
  }

  /** Locks held now; 0 when nothing is under way. */
  get heldCount(): number {
    return this.#heldCount;
  }

  /** Takes a lock, after a wait if need be. */
  *acquire(wait: Wait, lock: number, exclusive: boolean): Operation {
    const holders = this.#holders[lock];
    const free = exclusive ? holders === 0 : holders >= 0;
    if (free && !this.#queues.has(lock)) {
      this.#grant(lock, exclusive);
      return OK;
    }
    const queue = this.#queues.get(lock) ?? [];
    this.#queues.set(lock, queue);
    queue.push({ wait, exclusive });
    wait.result = PENDING;
    yield;
    return OK;
  }

  /** Gives a lock back and hands it to whoever is next. */
  release(lock: number): void {
    const holders = this.#holders[lock];
    assert(holders !== 0, 'a lock of names is released that nobody holds');
    this.#holders[lock] = holders < 0 ? 0 : holders - 1;
    this.#heldCount -= 1;
    const queue = this.#queues.get(lock);
    if (queue === undefined || this.#holders[lock] !== 0) return;
    const next: Waiting[] = [];
    do {
      const waiting = queue.shift();
      assert(waiting !== undefined, 'an empty queue of a lock was kept');
      this.#grant(lock, waiting.exclusive);
      next.push(waiting);
    } while (queue.length > 0 && !next[0].exclusive && !queue[0].exclusive);
    if (queue.length === 0) this.#queues.delete(lock);
    for (const { wait } of next) wait.completed(0, OK);
  }

  #grant(lock: number, exclusive: boolean): void {
    this.#holders[lock] = exclusive ? -1 : this.#holders[lock] + 1;
    this.#heldCount += 1;
  }
}
