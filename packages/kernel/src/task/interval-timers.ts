import { type Cpu, type EventSink, type Machine, type Nanoseconds, TSC } from '@hotpath/hw-x86';
import { TASK_LIMIT } from '../params.js';
import { VECTOR_TIMER } from '../vectors.js';
import { cyclesToNanoseconds } from './tasks.js';

/** What interval timers need of the rest of the kernel. */
export interface IntervalTimerPorts {
  readonly machine: Machine;
  /** The CPU that runs now. */
  cpu(): Cpu;
  /** CPU on which a process last ran: its timer interrupt arrives there. */
  lastCpu(leader: number): number;
  /** Sends SIGALRM to the process. */
  expired(leader: number): void;
}

/**
 * The real-time timer of each process (setitimer(2), alarm(2)). An event of the machine stands for the
 * expiry; the timer interrupt's handler sends the signal. An event whose timer was set anew meanwhile
 * has another generation and means nothing.
 */
export class IntervalTimers implements EventSink {
  readonly #ports: IntervalTimerPorts;
  readonly #target: number;
  /** Of a leader: cycle of the next expiry, or 0; cycles of the interval, or 0. */
  readonly #expiry = new Float64Array(TASK_LIMIT);
  readonly #interval = new Float64Array(TASK_LIMIT);
  /** Of a leader: the expiry whose signal is on its way, or 0. */
  readonly #taken = new Float64Array(TASK_LIMIT);
  readonly #generation = new Float64Array(TASK_LIMIT);
  #due: number[] = [];

  constructor(ports: IntervalTimerPorts) {
    this.#ports = ports;
    this.#target = ports.machine.events.register(this);
  }

  /** Sets the timer, or stops it with 0; what was left of the one before, 0 if it did not run. */
  set(leader: number, valueNs: Nanoseconds, intervalNs: Nanoseconds): Nanoseconds {
    const { frequencyHz } = this.#ports.machine;
    const now = this.#ports.cpu().cells[TSC];
    const before = this.#expiry[leader];
    const left = before === 0 ? 0 : Math.max(1, before - now);
    this.#generation[leader] = (this.#generation[leader] + 1) % 2 ** 32;
    this.#interval[leader] = Math.ceil((intervalNs * frequencyHz) / 1e9);
    this.#expiry[leader] = 0;
    this.#taken[leader] = 0;
    if (valueNs > 0) this.#arm(leader, now + Math.ceil((valueNs * frequencyHz) / 1e9));
    return cyclesToNanoseconds(left, frequencyHz);
  }

  /** Stops the timer of a process that ends. */
  stop(leader: number): void {
    this.#expiry[leader] = 0;
    this.#taken[leader] = 0;
    this.#generation[leader] = (this.#generation[leader] + 1) % 2 ** 32;
  }

  event(time: number, tag: number): void {
    const leader = tag % TASK_LIMIT;
    if (!this.#isCurrent(tag)) return;
    this.#due.push(tag);
    this.#ports.machine.interrupts.post(this.#ports.lastCpu(leader), VECTOR_TIMER, time);
  }

  /** Called by the timer interrupt's handler. */
  expireDue(): void {
    if (this.#due.length === 0) return;
    const due = this.#due;
    this.#due = [];
    for (const tag of due) {
      const leader = tag % TASK_LIMIT;
      if (!this.#isCurrent(tag)) continue;
      // The next beat is set when the signal is taken: a short interval cannot starve its process.
      this.#taken[leader] = this.#interval[leader] > 0 ? this.#expiry[leader] : 0;
      this.#expiry[leader] = 0;
      this.#ports.expired(leader);
    }
  }

  /** The process has taken SIGALRM: the interval goes on, missed beats are one signal. */
  signalTaken(leader: number): void {
    const expiry = this.#taken[leader];
    if (expiry === 0) return;
    this.#taken[leader] = 0;
    const late = Math.max(0, this.#ports.cpu().cells[TSC] - expiry);
    const beats = Math.floor(late / this.#interval[leader]) + 1;
    this.#arm(leader, expiry + beats * this.#interval[leader]);
  }

  #arm(leader: number, time: number): void {
    this.#expiry[leader] = time;
    const tag = this.#generation[leader] * TASK_LIMIT + leader;
    this.#ports.machine.events.schedule(time, this.#target, tag);
  }

  #isCurrent(tag: number): boolean {
    const leader = tag % TASK_LIMIT;
    return this.#expiry[leader] > 0 && Math.floor(tag / TASK_LIMIT) === this.#generation[leader];
  }
}
