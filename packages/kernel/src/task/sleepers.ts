import { type Completion, type Cycles, type EventSink, type Machine, OK } from '@hotpath/hw-x86';
import { VECTOR_TIMER } from '../vectors.js';

/** Port: the CPU on which a task last ran, where its timer interrupt arrives. */
export interface LastCpu {
  cpuOf(tag: number): number;
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
    this.#due.push(tag);
    this.#machine.interrupts.post(this.#lastCpu.cpuOf(tag), VECTOR_TIMER, time);
  }

  /** Called by the timer interrupt's handler. */
  wakeDue(): void {
    if (this.#due.length === 0) return;
    const due = this.#due;
    this.#due = [];
    for (const tag of due) this.#sink.completed(tag, OK);
  }
}
