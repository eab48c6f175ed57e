/** Several requests of one operation under way at once. */
import { type Completion, isErrno, OK, PENDING } from '@hotpath/hw-x86';
import type { Operation, Wait } from '../vfs/file-system.js';

/** Counts requests; ends with OK or the first errno. */
export class Requests implements Completion {
  #remaining = 0;
  #error: number = OK;
  #waiting: Wait | null = null;

  /** Adds a request that was given this object as sink, by what it answered. */
  add(status: number): void {
    if (status === PENDING) this.#remaining += 1;
    else this.#note(status);
  }

  #note(status: number): void {
    if (isErrno(status) && this.#error === OK) this.#error = status;
  }

  completed(_tag: number, result: number): void {
    this.#remaining -= 1;
    this.#note(result);
    if (this.#remaining > 0 || this.#waiting === null) return;
    const waiting = this.#waiting;
    this.#waiting = null;
    waiting.completed(0, OK);
  }

  /** OK when all have ended well, else the first errno. */
  *settle(wait: Wait): Operation {
    if (this.#remaining > 0) {
      this.#waiting = wait;
      yield* wait.settle(PENDING);
    }
    return this.#error;
  }
}
