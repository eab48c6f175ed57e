import {
  PERFEVTSEL_EDGE,
  PERFEVTSEL_EN,
  PERFEVTSEL_INT,
  PERFEVTSEL_INV,
  PERFEVTSEL_OS,
  PERFEVTSEL_USR,
} from '../architecture.js';
import { HALTED, INSTRUCTIONS, TSC } from '../cells.js';
import { USER } from '../cpu.js';
import { assert } from '../errors.js';
import { type EventEncodings, UNKNOWN_EVENT } from './event-encodings.js';

/** General counters: eight a core with Hyper-Threading off (SDM vol. 3, 20.3.8 on Skylake). */
export const GENERAL_COUNTERS = 8;
/** Fixed counters: instructions, core cycles, reference cycles (SDM vol. 3, 20.2.2). */
export const FIXED_COUNTERS = 3;
/** Width of every counter, CPUID 0AH. */
export const COUNTER_BITS = 48;

const INSTRUCTIONS_EVENT = 0xc0;
const SPAN = 2 ** COUNTER_BITS;
const COUNT = GENERAL_COUNTERS + FIXED_COUNTERS;

/**
 * The performance-monitoring unit: counters are differences of the CPU's cells. Nothing is counted
 * twice or late: whatever changes what is counted (ring, enable bits, selection) first settles.
 *
 * CMASK, INV and EDGE speak of single cycles, which the cells do not resolve. Between two settlements
 * operations are taken to retire at full width, other events to come one a cycle, as they do here.
 *
 * value[i] is the count at the last settlement, 0 <= value[i] < 2**48; counters 8.. are fixed.
 */
export class PerformanceUnit {
  /** PERFEVTSELx, unsigned. */
  readonly select = new Float64Array(GENERAL_COUNTERS);
  fixedControl = 0;
  /** Enable bits of GLOBAL_CTRL: general ones, then fixed from bit 8. */
  enabled = 0xff;
  /** Overflow bits of GLOBAL_STATUS in the same layout. */
  overflowed = 0;
  /** Set when an overflow asked for an interrupt; taken by the machine at a safe point. */
  interruptPending = false;
  readonly #value = new Float64Array(COUNT);
  readonly #lastEvents = new Float64Array(COUNT);
  readonly #lastCycles = new Float64Array(COUNT);
  readonly #event = new Int32Array(GENERAL_COUNTERS).fill(UNKNOWN_EVENT);
  readonly #cells: Float64Array;
  readonly #encodings: EventEncodings;
  readonly #retireWidth: number;
  #active = 0;

  constructor(cells: Float64Array, encodings: EventEncodings, retireWidth: number) {
    this.#cells = cells;
    this.#encodings = encodings;
    this.#retireWidth = retireWidth;
  }

  /** Bit i is set when counter i counts in the present ring; 0 means settling does nothing. */
  get active(): number {
    return this.#active;
  }

  /** Count of a counter now, 0..2**48 - 1. */
  read(counter: number): number {
    if (((this.#active >>> counter) & 1) !== 0) this.#settleOne(counter);
    return this.#value[counter];
  }

  /** Sets a counter, running or not. */
  write(counter: number, value: number): void {
    assert(value >= 0 && value < SPAN, 'counter value out of range');
    this.settle();
    this.#value[counter] = value;
  }

  /** Selects what a general counter counts. */
  configure(counter: number, select: number, privilege: number): void {
    this.settle();
    this.select[counter] = select;
    this.#event[counter] = this.#encodings.indexOf(select & 0xff, (select >>> 8) & 0xff);
    this.refresh(privilege);
  }

  /** Adds what happened since the last settlement to every running counter. */
  settle(): void {
    let rest = this.#active;
    while (rest !== 0) {
      const counter = 31 - Math.clz32(rest);
      rest &= ~(1 << counter);
      this.#settleOne(counter);
    }
  }

  /** Recomputes which counters run; call after any change of ring or control, once settled. */
  refresh(privilege: number): void {
    let active = 0;
    const ring = privilege === USER ? PERFEVTSEL_USR : PERFEVTSEL_OS;
    for (let i = 0; i < GENERAL_COUNTERS; i++) {
      const select = this.select[i];
      if ((select & PERFEVTSEL_EN) !== 0 && (select & ring) !== 0) active |= 1 << i;
    }
    const fixedRing = privilege === USER ? 2 : 1;
    for (let i = 0; i < FIXED_COUNTERS; i++) {
      if (((this.fixedControl >>> (4 * i)) & fixedRing) !== 0)
        active |= 1 << (GENERAL_COUNTERS + i);
    }
    active &= this.enabled;
    for (let i = 0; i < COUNT; i++) {
      if (((active >>> i) & 1) === 0) continue;
      this.#lastEvents[i] = this.#total(i);
      this.#lastCycles[i] = this.#cycles();
    }
    this.#active = active;
  }

  /** Registers and counts, for snapshots and hashes; settled first. */
  save(): Float64Array {
    this.settle();
    const state = new Float64Array(GENERAL_COUNTERS + 3 + COUNT);
    state.set(this.select, 0);
    state[GENERAL_COUNTERS] = this.fixedControl;
    state[GENERAL_COUNTERS + 1] = this.enabled;
    state[GENERAL_COUNTERS + 2] = this.overflowed + (this.interruptPending ? 2 ** 32 : 0);
    state.set(this.#value, GENERAL_COUNTERS + 3);
    return state;
  }

  /** Puts a saved state back; the cells must have been restored before. */
  load(state: Float64Array, privilege: number): void {
    this.#active = 0;
    for (let i = 0; i < GENERAL_COUNTERS; i++) this.configure(i, state[i], privilege);
    this.fixedControl = state[GENERAL_COUNTERS];
    this.enabled = state[GENERAL_COUNTERS + 1];
    const overflow = state[GENERAL_COUNTERS + 2];
    this.interruptPending = overflow >= 2 ** 32;
    this.overflowed = overflow % 2 ** 32;
    this.#value.set(state.subarray(GENERAL_COUNTERS + 3));
    this.refresh(privilege);
  }

  /** Ranges of every register; for tests. */
  checkInvariants(): void {
    for (let i = 0; i < COUNT; i++) {
      assert(this.#value[i] >= 0 && this.#value[i] < SPAN, 'counter out of its 48 bits');
      assert(Number.isInteger(this.#value[i]), 'counter is not whole');
    }
    assert((this.#active & ~this.enabled) === 0, 'a counter runs that is not enabled');
  }

  #settleOne(counter: number): void {
    const total = this.#total(counter);
    const cycles = this.#cycles();
    let delta = total - this.#lastEvents[counter];
    if (counter < GENERAL_COUNTERS && this.select[counter] >= 2 ** 18) {
      const elapsed = cycles - this.#lastCycles[counter];
      delta = countCycles(this.select[counter], delta, elapsed, this.#widthOf(counter));
    }
    this.#lastEvents[counter] = total;
    this.#lastCycles[counter] = cycles;
    const sum = this.#value[counter] + delta;
    if (sum < SPAN) {
      this.#value[counter] = sum;
      return;
    }
    this.#value[counter] = sum % SPAN;
    this.overflowed |= 1 << counter;
    if (this.#interrupts(counter)) this.interruptPending = true;
  }

  #widthOf(counter: number): number {
    return (this.select[counter] & 0xffff) === INSTRUCTIONS_EVENT ? this.#retireWidth : 1;
  }

  #interrupts(counter: number): boolean {
    if (counter < GENERAL_COUNTERS) return (this.select[counter] & PERFEVTSEL_INT) !== 0;
    return ((this.fixedControl >>> (4 * (counter - GENERAL_COUNTERS))) & 8) !== 0;
  }

  #cycles(): number {
    return this.#cells[TSC] - this.#cells[HALTED];
  }

  #total(counter: number): number {
    if (counter === GENERAL_COUNTERS) return Math.floor(this.#cells[INSTRUCTIONS]);
    if (counter > GENERAL_COUNTERS) return this.#cycles();
    return this.#encodings.total(this.#event[counter], this.#cells);
  }
}

/**
 * Counts with CMASK, INV and EDGE over `cycles` in which `events` happened, packed `width` to a
 * cycle; the other cycles are stalls. Bursts are taken to lie apart as far as the cycles allow.
 */
export function countCycles(select: number, events: number, cycles: number, width: number): number {
  const threshold = (select >>> 24) & 0xff;
  const edge = (select & PERFEVTSEL_EDGE) !== 0;
  if (threshold === 0 && !edge) return events;
  const wanted = Math.max(threshold, 1);
  const full = wanted <= width ? Math.floor(events / width) : 0;
  const rest = events % width >= wanted ? 1 : 0;
  let met = Math.min(full + rest, cycles);
  if (threshold > 0 && (select & PERFEVTSEL_INV) !== 0) met = cycles - met;
  if (!edge) return met;
  return met === cycles ? Math.min(1, met) : Math.min(met, cycles - met);
}
