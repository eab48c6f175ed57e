/**
 * The record of a task's one outstanding call: its arguments, and how far it has come. It is its own
 * iterator, so `yield* sys.read(fd, buffer, count)` allocates nothing, hit or miss.
 *
 * A blocked call is entered again after the wake-up with the progress that stands here; it is never
 * restarted from its arguments: a read larger than the cache would not end, an append would be
 * applied twice.
 */
import { NIL } from '@hotpath/hw-x86';
import type { CallAnswer } from './call-answer.js';
import type { Launch, ProgramFactory, SignalHandler } from './program.js';

/** No call is outstanding: the program runs. */
export const CALL_IDLE = 0;
/** Arguments are set; the kernel is entered by the `yield*`. */
export const CALL_ARMED = 1;
/** Inside the kernel, waiting for a wake-up. */
export const CALL_WAITING = 2;
/** Finished, but the task gave up its CPU before it heard the result. */
export const CALL_RETURNED = 3;

/** A system call; `number` says which. */
export const OPERATION_SYSCALL = 0;
/** 32-bit load by the program: `a` is the address. */
export const OPERATION_LOAD = 1;
/** 32-bit store by the program: `a` is the address, `b` the value. */
export const OPERATION_STORE = 2;
/** Computing for `a` cycles, of which `done` have passed. */
export const OPERATION_COMPUTE = 3;
/** A kernel thread's wait for a block: `a` device, `b` block; the value is a pinned slot. */
export const OPERATION_BLOCK = 4;
/** 8-bit load by the program: `a` is the address. */
export const OPERATION_LOAD8 = 5;
/** 8-bit store by the program: `a` is the address, `b` the value. */
export const OPERATION_STORE8 = 6;
/** 64-bit load: `a` is the address; the value is the low word, `high` the other. */
export const OPERATION_LOAD64 = 7;
/** 64-bit store: `a` is the address, `b` the low word, `c` the high one. */
export const OPERATION_STORE64 = 8;
/** Copy from memory at `a` into `bytes`, of which `done` have arrived. */
export const OPERATION_LOAD_BYTES = 9;
/** Copy of `bytes` to memory at `a`, of which `done` have left. */
export const OPERATION_STORE_BYTES = 10;
/** No call at all: the task waits for the page that a `try...` access needs; `a` is the address. */
export const OPERATION_TOUCH = 11;

/**
 * What the handler of an interrupted slow call answers: EINTR, or the call begins again when the
 * signal had no handler, or one with SA_RESTART (Linux: ERESTARTSYS).
 */
export const RESTART = -4098;
/** The same, but any handler makes it EINTR (Linux: ERESTARTNOHAND): sleep, pause. */
export const RESTART_UNHANDLED = -4099;
/** The call has put another program in the place of its own (exec): nothing goes back to the old one. */
export const REPLACED = -4100;

/**
 * A wait that a signal may end. `cancel` takes back whatever would complete it; the handler is then
 * entered again with EINTR as what was brought.
 */
export interface Interruptible {
  cancel(call: Call): void;
}

/** What the `yield*` of a call runs; the kernel implements it. */
export interface CallEntry {
  /** Begins or goes on with the call: true when `value` is final and the program may go on. */
  enter(call: Call): boolean;
}

const SUSPENDED: IteratorResult<void, number> = { done: false, value: undefined };

/** One per task slot, reused for every call. */
export class Call implements Iterable<void, number, void>, Iterator<void, number, void> {
  /** The task slot that this record belongs to. */
  readonly task: number;

  /** CALL_IDLE .. CALL_RETURNED. */
  state = CALL_IDLE;
  /** One of the operations above. */
  operation = OPERATION_SYSCALL;
  /** Number of the system call. */
  number = 0;
  /** Arguments, as many as registers carry them on x86-64. */
  a = 0;
  b = 0;
  c = 0;
  d = 0;
  e = 0;
  f = 0;
  /** What fork's child is to run: the one argument that is no number. */
  program: ProgramFactory | null = null;
  /** What a copy between memory and the program's own variables fills or takes. */
  bytes: Uint8Array | null = null;
  /** High word of the last 64-bit load. */
  high = 0;
  /** What exec hands to the new program. */
  launch: Launch | null = null;
  /** What sigaction installs. */
  handler: SignalHandler | null = null;
  /** What calls about files tell beside a number; null before the first. */
  answer: CallAnswer | null = null;
  /** Progress: bytes (or cycles) done. */
  done = 0;
  /** Progress: which part of the call is next; 0 at the first entry. */
  stage = 0;
  /** What the last wake-up brought: a pinned slot, OK or an errno. */
  brought = NIL;
  /** Which wait it is in; a wake-up with another number is not its own. */
  wait = 0;
  /** True once the wake-up of `wait` has come. */
  woken = false;
  /** How a signal calls off the wait it is in; null: it cannot (a disk request). */
  interruptible: Interruptible | null = null;
  /** The result: >= 0, or an errno. */
  value = 0;

  readonly #entry: CallEntry;
  readonly #finished: { done: true; value: number } = { done: true, value: 0 };

  constructor(task: number, entry: CallEntry) {
    this.task = task;
    this.#entry = entry;
  }

  /** Sets the record up for a new operation. The caller has checked that none is outstanding. */
  arm(operation: number, number: number, a = 0, b = 0, c = 0, d = 0, e = 0, f = 0): this {
    this.state = CALL_ARMED;
    this.operation = operation;
    this.number = number;
    this.a = a;
    this.b = b;
    this.c = c;
    this.d = d;
    this.e = e;
    this.f = f;
    this.done = 0;
    this.stage = 0;
    this.brought = NIL;
    this.woken = false;
    return this;
  }

  /** Forgets the outstanding call of a task that has ended; a late wake-up meets another wait. */
  reset(): void {
    this.state = CALL_IDLE;
    this.wait += 1;
    this.woken = false;
    this.interruptible = null;
  }

  [Symbol.iterator](): this {
    return this;
  }

  next(): IteratorResult<void, number> {
    if (!this.#entry.enter(this)) return SUSPENDED;
    this.#finished.value = this.value;
    return this.#finished;
  }
}
