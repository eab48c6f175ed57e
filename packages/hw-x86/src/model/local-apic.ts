import { MSR_TSC_DEADLINE } from '../architecture.js';
import { TSC } from '../cells.js';
import { GeneralProtection } from '../cpu.js';
import { assert } from '../errors.js';
import type { EventQueue } from '../machine.js';
import type { Cycles } from '../units.js';
import type { ModelCpu } from './cpu.js';

// x2APIC registers, SDM vol. 3, table 11-6.
/** Local APIC ID. */
export const MSR_X2APIC_ID = 0x802;
/** End of interrupt. */
export const MSR_X2APIC_EOI = 0x80b;
/** Interrupt command: vector, delivery, destination. */
export const MSR_X2APIC_ICR = 0x830;
/** LVT timer: vector 7:0, mask 16, mode 18:17. */
export const MSR_X2APIC_LVT_TIMER = 0x832;
/** LVT of performance counters: vector 7:0, mask 16. */
export const MSR_X2APIC_LVT_PMI = 0x834;
/** Timer: initial count; writing it starts the timer. */
export const MSR_X2APIC_INITIAL_COUNT = 0x838;
/** Timer: current count. */
export const MSR_X2APIC_CURRENT_COUNT = 0x839;
/** Timer: divide configuration. */
export const MSR_X2APIC_DIVIDE = 0x83e;

/** LVT bit 16: the source is masked. */
export const LVT_MASKED = 0x10000;
/** LVT timer bits 18:17: counts down once. */
export const TIMER_ONE_SHOT = 0;
/** Starts again at each end. */
export const TIMER_PERIODIC = 0x20000;
/** Fires when the TSC reaches IA32_TSC_DEADLINE. */
export const TIMER_TSC_DEADLINE = 0x40000;

const MODE = 0x60000;
const OWNED = new Set([
  MSR_TSC_DEADLINE,
  MSR_X2APIC_ID,
  MSR_X2APIC_EOI,
  MSR_X2APIC_ICR,
  MSR_X2APIC_LVT_TIMER,
  MSR_X2APIC_LVT_PMI,
  MSR_X2APIC_INITIAL_COUNT,
  MSR_X2APIC_CURRENT_COUNT,
  MSR_X2APIC_DIVIDE,
]);

/** What a local APIC asks of the machine. */
export interface ApicBus {
  readonly events: EventQueue;
  /** Target number of timer events. */
  readonly timerTarget: number;
  /** An interrupt for another processor, by ICR. */
  sendIpi(from: ModelCpu, vector: number, destination: number, broadcast: number): void;
}

/**
 * Local APIC of one processor in x2APIC mode: pending interrupts, the timer in its three modes,
 * IPIs. The APIC timer counts TSC cycles through its divider.
 *
 * An event in the queue cannot be taken back, so each carries the generation it was made for; a
 * timer that was set again or cancelled has moved on. deadline is Infinity when nothing is armed.
 */
export class LocalApic {
  readonly #cpu: ModelCpu;
  readonly #bus: ApicBus;
  /** 256 bits: interrupts requested and not yet delivered. */
  readonly pending = new Int32Array(8);
  lvtTimer = LVT_MASKED;
  lvtPmi = LVT_MASKED;
  #deadline: Cycles = Number.POSITIVE_INFINITY;
  #generation = 0;
  #period: Cycles = 0;
  #initialCount = 0;
  #divide = 0;
  #pendingCount = 0;

  constructor(cpu: ModelCpu, bus: ApicBus) {
    this.#cpu = cpu;
    this.#bus = bus;
  }

  /** True for the MSRs below. */
  owns(index: number): boolean {
    return OWNED.has(index);
  }

  /** Requests an interrupt; delivered at the next safe point with interrupts enabled. */
  request(vector: number): void {
    const word = vector >>> 5;
    const bit = 1 << (vector & 31);
    if ((this.pending[word] & bit) !== 0) return;
    this.pending[word] |= bit;
    this.#pendingCount += 1;
  }

  /** True when an interrupt waits. */
  get hasPending(): boolean {
    return this.#pendingCount !== 0;
  }

  /** Takes the waiting interrupt with the highest vector. */
  take(): number {
    for (let word = 7; word >= 0; word--) {
      if (this.pending[word] === 0) continue;
      const bit = 31 - Math.clz32(this.pending[word]);
      this.pending[word] &= ~(1 << bit);
      this.#pendingCount -= 1;
      return word * 32 + bit;
    }
    assert(false, 'local APIC: nothing is pending');
  }

  /** Arms one interrupt `vector` at `deadline` in machine time; replaces an earlier one. */
  setDeadline(deadline: Cycles, vector: number): void {
    this.lvtTimer = vector | TIMER_TSC_DEADLINE;
    this.#period = 0;
    this.#arm(deadline);
  }

  /** Arms an interrupt every `period` cycles from `first` on, until cancelled or set again. */
  setPeriodic(first: Cycles, period: Cycles, vector: number): void {
    assert(period >= 1, 'local APIC: a period is at least one cycle');
    this.lvtTimer = vector | TIMER_PERIODIC;
    this.#period = period;
    this.#arm(first);
  }

  /** Takes back what is armed. */
  cancel(): void {
    this.#generation += 1;
    this.#deadline = Number.POSITIVE_INFINITY;
    this.#period = 0;
  }

  /** An event of the queue: fires if nothing has replaced it. True when an interrupt was made. */
  expire(time: Cycles, generation: number): boolean {
    if (generation !== this.#generation) return false;
    this.#deadline = Number.POSITIVE_INFINITY;
    if (this.#period > 0) this.#arm(time + this.#period);
    if ((this.lvtTimer & LVT_MASKED) !== 0) return false;
    this.request(this.lvtTimer & 0xff);
    return true;
  }

  /** A counter overflowed with its interrupt enabled; the entry masks itself, as on Intel. */
  performanceInterrupt(): void {
    if ((this.lvtPmi & LVT_MASKED) !== 0) return;
    this.request(this.lvtPmi & 0xff);
    this.lvtPmi |= LVT_MASKED;
  }

  /** RDMSR of a register this APIC owns. @throws GeneralProtection for a write-only one */
  readMsr(index: number): bigint {
    switch (index) {
      case MSR_TSC_DEADLINE: {
        const armed = (this.lvtTimer & MODE) === TIMER_TSC_DEADLINE;
        if (!armed || this.#deadline === Number.POSITIVE_INFINITY) return 0n;
        return BigInt(this.#deadline + this.#cpu.tscOffset);
      }
      case MSR_X2APIC_ID:
        return BigInt(this.#cpu.id);
      case MSR_X2APIC_ICR:
        return 0n;
      case MSR_X2APIC_LVT_TIMER:
        return BigInt(this.lvtTimer);
      case MSR_X2APIC_LVT_PMI:
        return BigInt(this.lvtPmi);
      case MSR_X2APIC_INITIAL_COUNT:
        return BigInt(this.#initialCount);
      case MSR_X2APIC_CURRENT_COUNT:
        return BigInt(this.#currentCount());
      case MSR_X2APIC_DIVIDE:
        return BigInt(this.#divide);
    }
    throw new GeneralProtection(`RDMSR 0x${index.toString(16)}: write-only`);
  }

  /** WRMSR of a register this APIC owns. @throws GeneralProtection for reserved bits */
  writeMsr(index: number, value: bigint): void {
    switch (index) {
      case MSR_TSC_DEADLINE:
        this.#writeDeadline(value);
        return;
      case MSR_X2APIC_EOI:
        if (value !== 0n) refuse(index, 'only 0 may be written');
        return;
      case MSR_X2APIC_ICR:
        this.#writeIcr(value);
        return;
      case MSR_X2APIC_LVT_TIMER:
        if ((value & ~0x710ffn) !== 0n || (value & 0x60000n) === 0x60000n) {
          refuse(index, 'reserved bits');
        }
        if ((Number(value) & MODE) !== (this.lvtTimer & MODE)) this.cancel();
        this.lvtTimer = Number(value);
        return;
      case MSR_X2APIC_LVT_PMI:
        if ((value & ~0x117ffn) !== 0n) refuse(index, 'reserved bits');
        this.lvtPmi = Number(value);
        return;
      case MSR_X2APIC_INITIAL_COUNT:
        this.#writeInitialCount(value);
        return;
      case MSR_X2APIC_DIVIDE:
        if ((value & ~0xbn) !== 0n) refuse(index, 'reserved bits');
        this.#divide = Number(value);
        return;
    }
    refuse(index, 'the register is read-only');
  }

  /** Everything but the owner, for snapshots and hashes. */
  save(): Float64Array {
    return Float64Array.of(
      ...this.pending,
      this.lvtTimer,
      this.lvtPmi,
      this.#deadline,
      this.#generation,
      this.#period,
      this.#initialCount,
      this.#divide,
    );
  }

  /** Puts a saved state back. */
  load(state: Float64Array): void {
    this.pending.set(state.subarray(0, 8));
    this.#pendingCount = 0;
    for (const word of this.pending) this.#pendingCount += bitCount(word);
    this.lvtTimer = state[8];
    this.lvtPmi = state[9];
    this.#deadline = state[10];
    this.#generation = state[11];
    this.#period = state[12];
    this.#initialCount = state[13];
    this.#divide = state[14];
  }

  /** The count of pending bits is right; for tests. */
  checkInvariants(): void {
    let count = 0;
    for (const word of this.pending) count += bitCount(word);
    assert(count === this.#pendingCount, 'local APIC: pending count');
    assert(this.#period >= 0 && this.#generation >= 0, 'local APIC: timer state');
  }

  #arm(deadline: Cycles): void {
    this.#generation += 1;
    this.#deadline = deadline;
    const tag = this.#generation * 256 + this.#cpu.id;
    this.#bus.events.schedule(deadline, this.#bus.timerTarget, tag);
  }

  #divisor(): number {
    const code = (this.#divide & 3) | ((this.#divide & 8) >>> 1);
    return code === 7 ? 1 : 2 << code;
  }

  #currentCount(): number {
    if (this.#deadline === Number.POSITIVE_INFINITY) return 0;
    const left = Math.max(0, this.#deadline - this.#cpu.cells[TSC]);
    return Math.ceil(left / this.#divisor());
  }

  #writeDeadline(value: bigint): void {
    if ((this.lvtTimer & MODE) !== TIMER_TSC_DEADLINE) return;
    if (value === 0n) {
      this.cancel();
      return;
    }
    const deadline = Number(value) - this.#cpu.tscOffset;
    this.#period = 0;
    this.#arm(Math.max(deadline, this.#cpu.cells[TSC]));
  }

  #writeInitialCount(value: bigint): void {
    if (value >> 32n !== 0n) refuse(MSR_X2APIC_INITIAL_COUNT, 'reserved bits 63:32');
    if ((this.lvtTimer & MODE) === TIMER_TSC_DEADLINE) return;
    this.#initialCount = Number(value);
    if (this.#initialCount === 0) {
      this.cancel();
      return;
    }
    const cycles = this.#initialCount * this.#divisor();
    this.#period = (this.lvtTimer & MODE) === TIMER_PERIODIC ? cycles : 0;
    this.#arm(this.#cpu.cells[TSC] + cycles);
  }

  #writeIcr(value: bigint): void {
    const delivery = Number((value >> 8n) & 7n);
    if (delivery !== 0) refuse(MSR_X2APIC_ICR, 'only fixed delivery is modelled');
    const vector = Number(value & 0xffn);
    if (vector < 16) refuse(MSR_X2APIC_ICR, 'vectors below 16 are illegal');
    this.#bus.sendIpi(this.#cpu, vector, Number(value >> 32n), Number((value >> 18n) & 3n));
  }
}

function bitCount(word: number): number {
  let rest = word;
  let count = 0;
  while (rest !== 0) {
    rest &= rest - 1;
    count += 1;
  }
  return count;
}

function refuse(index: number, why: string): never {
  throw new GeneralProtection(`WRMSR 0x${index.toString(16)}: ${why}`);
}
