import { BLOCKED, NIL } from '@hotpath/hw-x86';
import type { Call, Interruptible } from '../syscall/call.js';
import type { TaskWaits } from '../task/waits.js';

/**
 * Calls that wait for something that another task does: bytes in a pipe, a lock, a line of input. In
 * the order in which they came; woken, each looks again, and waits at the end if it came too late.
 */
export class WaitingCalls implements Interruptible {
  readonly #waits: TaskWaits;
  #calls: Call[] = [];

  constructor(waits: TaskWaits) {
    this.#waits = waits;
  }

  /** Calls that wait. */
  get count(): number {
    return this.#calls.length;
  }

  /** The call waits: what its handler answers. A signal brings EINTR: the handler answers RESTART. */
  block(call: Call): number {
    this.#waits.beginSlow(call, this);
    this.#calls.push(call);
    return BLOCKED;
  }

  /** Wakes the call that has waited longest, with what it is to be brought. */
  wakeOne(result: number): void {
    const call = this.#calls.shift();
    if (call !== undefined) this.#waits.end(call, result);
  }

  /** Wakes all. */
  wakeAll(result: number): void {
    const calls = this.#calls;
    this.#calls = [];
    for (const call of calls) this.#waits.end(call, result);
  }

  /** The call waits no more: a signal has come. */
  cancel(call: Call): void {
    const at = this.#calls.indexOf(call);
    if (at !== NIL) this.#calls.splice(at, 1);
  }
}
