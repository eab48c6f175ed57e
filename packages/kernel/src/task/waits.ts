import { assert, type Completion, EINTR, isErrno } from '@hotpath/hw-x86';
import { TASK_LIMIT } from '../params.js';
import { CALL_WAITING, type Call, type Interruptible } from '../syscall/call.js';
import type { Tasks } from './tasks.js';

/** Port: makes a task ready. */
export interface Waker {
  wake(task: number): void;
}

/**
 * The sink of every wait of a task: finds the call by the tag and wakes its task. The tag holds the
 * number of the wait too, so that a fault's completion is never taken for the file page's.
 */
export class TaskWaits implements Completion {
  readonly #tasks: Tasks;
  readonly #waker: Waker;

  constructor(tasks: Tasks, waker: Waker) {
    this.#tasks = tasks;
    this.#waker = waker;
  }

  /** The tag for the request that `call` is about to make. */
  begin(call: Call): number {
    call.wait = (call.wait + 1) % 2 ** 32;
    call.interruptible = null;
    return this.again(call);
  }

  /**
   * The same for a wait that a signal may end: the handler is then entered again with EINTR as
   * `call.brought`, after `interruptible.cancel` has taken the request back.
   */
  beginSlow(call: Call, interruptible: Interruptible): number {
    const tag = this.begin(call);
    call.interruptible = interruptible;
    return tag;
  }

  /** A signal has come: calls the wait off if it can be. True if the task is awake now. */
  interrupt(task: number): boolean {
    const call = this.#tasks.call[task];
    const { interruptible } = call;
    if (call.state !== CALL_WAITING || call.woken || interruptible === null) return false;
    interruptible.cancel(call);
    this.completed(call.wait * TASK_LIMIT + task, EINTR);
    return true;
  }

  /** False for the tag of a wait that is over: an alarm clock that nobody waits for any more. */
  isPending(tag: number): boolean {
    const call = this.#tasks.call[tag % TASK_LIMIT];
    return Math.floor(tag / TASK_LIMIT) === call.wait && call.state === CALL_WAITING && !call.woken;
  }

  /** The same tag for a further step of the same wait: of a request that is entered again. */
  again(call: Call): number {
    call.woken = false;
    return call.wait * TASK_LIMIT + call.task;
  }

  /** Ends the wait that `call` began, for waits that no request stands behind. */
  end(call: Call, result: number): void {
    this.completed(call.wait * TASK_LIMIT + call.task, result);
  }

  completed(tag: number, result: number): void {
    const task = tag % TASK_LIMIT;
    const call = this.#tasks.call[task];
    const ours = Math.floor(tag / TASK_LIMIT) === call.wait && call.state === CALL_WAITING;
    assert(ours && !call.woken, 'a completion does not belong to the wait of its task');
    assert(result >= 0 || isErrno(result), 'a completion is neither a value nor an errno');
    call.brought = result;
    call.woken = true;
    this.#waker.wake(task);
  }
}
