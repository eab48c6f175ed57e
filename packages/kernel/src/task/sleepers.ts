import { type Completion, type Cycles, type EventSink, type Machine, OK } from '@hotpath/hw-x86';
import { VECTOR_TIMER } from '../vectors.js';

/** Port: what the tags of sleepers stand for. */
export interface LastCpu {
  /** The CPU on which a task last ran, where its timer interrupt arrives. */
  cpuOf(tag: number): number;
  /** False once the wait is over, because a signal ended it. */
  isPending(tag: number): boolean;
}

/**
 * Tasks that sleep for a time. An event of the machine stands for the timer's expiry; it posts the
 * timer interrupt, and the handler wakes whoever is due. A wake-up is never early.
 */
export class Sleepers implements EventSink {
  readonly #machine: Machine;
  readonly #sink: Completion;
  readonly #lastCpu: LastCpu;
  readonly #target: number;
  #due: number[] = [];

  /** @param sink - told with the tag of `sleep` and OK */
  constructor(machine: Machine, sink: Completion, lastCpu: LastCpu) {
    this.#machine = machine;
    this.#sink = sink;
    this.#lastCpu = lastCpu;
    this.#target = machine.events.register(this);
  }

  /** Wakes the waiter `tag` at `time` or at the first safe point after it. */
  sleep(time: Cycles, tag: number): void {
    this.#machine.events.schedule(time, this.#target, tag);
  }

  event(time: Cycles, tag: number): void {
    if (!this.#lastCpu.isPending(tag)) return;
    this.#due.push(tag);
    this.#machine.interrupts.post(this.#lastCpu.cpuOf(tag), VECTOR_TIMER, time);
  }

  /** Called by the timer interrupt's handler. */
  wakeDue(): void {
    if (this.#due.length === 0) return;
    const due = this.#due;
    this.#due = [];
    for (const tag of due) if (this.#lastCpu.isPending(tag)) this.#sink.completed(tag, OK);
  }
}
