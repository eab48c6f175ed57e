import { OK, PENDING } from '@hotpath/hw-x86';
import type { Operation, Wait } from './file-system.js';

/** Operations that wait for something to change, in the order in which they came. */
export class WaitList {
  #waiting: Wait[] = [];

  /** Operations that wait. */
  get length(): number {
    return this.#waiting.length;
  }

  /** Waits for the next {@link WaitList.wakeAll}; then look again. */
  *sleep(wait: Wait): Operation {
    wait.result = PENDING;
    this.#waiting.push(wait);
    yield;
    return wait.result;
  }

  /** Wakes all. The last act of whoever calls it: an operation without a task goes on at once. */
  wakeAll(): void {
    if (this.#waiting.length === 0) return;
    const woken = this.#waiting;
    this.#waiting = [];
    for (const wait of woken) wait.completed(0, OK);
  }
}
