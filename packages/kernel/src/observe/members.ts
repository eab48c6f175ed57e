import { type Cpu, NIL } from '@hotpath/hw-x86';
import { TASK_LIMIT } from '../params.js';
import type { Tasks } from '../task/tasks.js';
import { TRACE_TASK_EXIT, TRACE_TASK_START } from '../trace-events.js';
import type { EventListener, EventTap } from './event-tap.js';

/** A task, and whatever it starts: whom a session of an observer is about. */
export class Members implements EventListener {
  /** Tasks that have belonged to it. */
  count = 1;
  readonly #tap: EventTap;
  readonly #tasks: Tasks;
  readonly #member = new Uint8Array(TASK_LIMIT);
  readonly #owner: number;
  readonly #ownerEnded: () => void;

  /**
   * @param task - the first member; NIL: every task is one
   * @param owner - who asked for the session; with its end the session ends. NIL: the host
   */
  constructor(tap: EventTap, tasks: Tasks, task: number, owner: number, ownerEnded: () => void) {
    this.#tap = tap;
    this.#tasks = tasks;
    this.#owner = owner;
    this.#ownerEnded = ownerEnded;
    if (task === NIL) this.#member.fill(1);
    else this.#member[task] = 1;
    const ends = owner === NIL ? [] : [TRACE_TASK_EXIT];
    tap.listen(this, task === NIL ? ends : [TRACE_TASK_START, ...ends]);
  }

  /** Is the task, or NIL, one of them? */
  has(task: number): boolean {
    return task !== NIL && this.#member[task] === 1;
  }

  /** Follows nobody any more. */
  close(): void {
    this.#tap.ignore(this);
  }

  event(kind: number, task: number, _b: number, _cpu: Cpu): void {
    if (kind === TRACE_TASK_EXIT) {
      if (task === this.#owner) this.#ownerEnded();
      return;
    }
    const { family, leader } = this.#tasks;
    const parent = leader[task] === task ? family.parent[task] : leader[task];
    this.#member[task] = parent === NIL ? 0 : this.#member[parent];
    this.count += this.#member[task];
  }
}
