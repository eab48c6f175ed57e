/** Who steps the operations of file systems: a task's call that is entered again, or nobody's. */
import { assert, BLOCKED, type Completion, PENDING } from '@hotpath/hw-x86';
import { TASK_LIMIT } from '../params.js';
import type { Call } from '../syscall/call.js';
import { type CallStack, frameNamed, type ParkedFrames } from '../task/call-stack.js';
import type { TaskWaits } from '../task/waits.js';
import { type Operation, Wait } from './file-system.js';

const FRAME_OPERATION = frameNamed('operation');
const FRAME_BACKGROUND = frameNamed('background_operation');

/** Operations of calls: one at a time for each task. A signal does not end them. */
export class TaskOperations {
  readonly #waits: TaskWaits;
  readonly #stack: CallStack;
  /** Made when a task first has an operation; reused by whoever has the slot next. */
  readonly #wait: (Wait | undefined)[] = new Array<Wait | undefined>(TASK_LIMIT);
  readonly #running: (Operation | null)[] = new Array<Operation | null>(TASK_LIMIT).fill(null);
  /** Functions that the operation of each task waits in. */
  readonly #parked = new Array<ParkedFrames | null>(TASK_LIMIT).fill(null);

  constructor(waits: TaskWaits, stack: CallStack) {
    this.#waits = waits;
    this.#stack = stack;
  }

  /** What an operation of this task is to be given. */
  waitOf(task: number): Wait {
    let wait = this.#wait[task];
    if (wait === undefined) {
      wait = new Wait(this.#waits, 0, task);
      this.#wait[task] = wait;
    }
    return wait;
  }

  /** True while the task's operation waits. */
  isRunning(task: number): boolean {
    return this.#running[task] !== null;
  }

  /** Kernel functions that the task's operation waits in, outermost first; null if none waits. */
  parkedOf(task: number): ParkedFrames | null {
    return this.#running[task] === null ? null : this.#parked[task];
  }

  /** Begins an operation: its result, or BLOCKED; after the wake-up call {@link resume}. */
  start(call: Call, operation: Operation): number {
    assert(this.#running[call.task] === null, 'a task begins an operation while one is under way');
    this.#running[call.task] = operation;
    return this.resume(call);
  }

  /** Goes on with the task's operation: its result, or BLOCKED. */
  resume(call: Call): number {
    const operation = this.#running[call.task];
    assert(operation !== null, 'a call goes on with an operation that it never began');
    this.waitOf(call.task).tag = this.#waits.begin(call);
    const stack = this.#stack;
    const depth = stack.push(FRAME_OPERATION);
    const parked = this.#parked[call.task];
    if (parked !== null) stack.resume(parked);
    const step = operation.next();
    if (step.done !== true) {
      this.#parked[call.task] = stack.park(depth + 1);
      stack.cut(depth);
      return BLOCKED;
    }
    stack.cut(depth);
    this.#parked[call.task] = null;
    this.#running[call.task] = null;
    return step.value;
  }
}

/**
 * Operations that no task stands behind: pages read ahead or written back, inodes that the end of a
 * task leaves behind. Stepped where their requests complete. Runners are pooled.
 */
export class BackgroundOperations implements Completion {
  readonly #wait: Wait[] = [];
  readonly #operation: (Operation | null)[] = [];
  readonly #sink: (Completion | null)[] = [];
  readonly #tag: number[] = [];
  readonly #frame: number[] = [];
  readonly #parked: (ParkedFrames | null)[] = [];
  readonly #free: number[] = [];
  readonly #stack: CallStack;

  constructor(stack: CallStack) {
    this.#stack = stack;
  }

  /** Operations under way. */
  get count(): number {
    return this.#wait.length - this.#free.length;
  }

  /** A runner for one operation. */
  take(): number {
    const free = this.#free.pop();
    if (free !== undefined) return free;
    const runner = this.#wait.length;
    this.#wait.push(new Wait(this, runner));
    this.#operation.push(null);
    this.#sink.push(null);
    this.#tag.push(0);
    this.#frame.push(FRAME_BACKGROUND);
    this.#parked.push(null);
    return runner;
  }

  /** What the operation of a runner is to be given. */
  waitOf(runner: number): Wait {
    return this.#wait[runner];
  }

  /**
   * Begins the runner's operation: its result, or PENDING and the sink is told later. The runner is
   * the operation's until it ends.
   * @param frame - what it is, on the stack of kernel functions
   */
  start(
    runner: number,
    operation: Operation,
    sink: Completion | null,
    tag: number,
    frame = FRAME_BACKGROUND,
  ): number {
    this.#frame[runner] = frame;
    this.#operation[runner] = operation;
    this.#sink[runner] = sink;
    this.#tag[runner] = tag;
    return this.#step(runner);
  }

  completed(runner: number, _result: number): void {
    const sink = this.#sink[runner];
    const tag = this.#tag[runner];
    const status = this.#step(runner);
    if (status !== PENDING && sink !== null) sink.completed(tag, status);
  }

  #step(runner: number): number {
    const operation = this.#operation[runner];
    assert(operation !== null, 'a completion belongs to no operation');
    const stack = this.#stack;
    const depth = stack.push(this.#frame[runner]);
    const parked = this.#parked[runner];
    if (parked !== null) stack.resume(parked);
    const step = operation.next();
    if (step.done !== true) {
      this.#parked[runner] = stack.park(depth + 1);
      stack.cut(depth);
      return PENDING;
    }
    stack.cut(depth);
    this.#parked[runner] = null;
    this.#operation[runner] = null;
    this.#sink[runner] = null;
    this.#free.push(runner);
    return step.value;
  }
}
