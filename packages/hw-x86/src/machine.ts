import type { Cpu } from './cpu.js';
import type { PhysicalMemory } from './memory.js';
import type { Cycles } from './units.js';

/** What an event calls when its time has come. */
export interface EventSink {
  /** @param tag - what was handed to `schedule` */
  event(time: Cycles, tag: number): void;
}

/**
 * The machine's one event queue, ordered by (time, sequence), so that every interleaving is a
 * function of the seed. Events are numbers, never closures: they can be hashed and saved.
 */
export interface EventQueue {
  /** Time of the earliest event; Infinity when there is none. */
  readonly nextTime: Cycles;
  /** Registers a target at boot, in a fixed order; events name it by the returned number. */
  register(target: EventSink): number;
  /** Schedules an event; lowers the running CPU's LIMIT if it comes before that. */
  schedule(time: Cycles, target: number, tag: number): void;
}

/** Local APIC timer of each CPU. */
export interface Timer {
  /** One interrupt `vector` on `cpu` at `deadline` (TSC-deadline mode); replaces an earlier one. */
  setDeadline(cpu: number, deadline: Cycles, vector: number): void;
  /** Takes the pending deadline back. */
  cancel(cpu: number): void;
}

/** Interrupts from outside a CPU. */
export interface InterruptController {
  /** Interrupt `vector` on `cpu` at `time` or at the first safe point after it; wakes a halted CPU. */
  post(cpu: number, vector: number, time: Cycles): void;
  /**
   * Runs the handler on every CPU of the set now, for IPIs that need an answer: while one CPU runs,
   * all others are at safe points. Both sides are charged. `cpuMask` has bit i for CPU i.
   */
  callRemote(from: Cpu, vector: number, cpuMask: number): void;
}

/** What runs on the machine: a kernel, or a test. */
export interface Supervisor {
  /** Runs this CPU to its next safe point: raises `cells[TSC]`, or halts it. */
  step(cpu: Cpu): void;
  /** At a safe point with interrupts enabled. May change what the next `step` runs. */
  interrupt(cpu: Cpu, vector: number): void;
}

/** `run` ended because `stop` was called. */
export const STOPPED = 0;
/** `run` ended because every CPU is halted and no event is left. */
export const IDLE = 1;
/** `run` ended because the power is off. */
export const POWER_OFF = 2;

/** A whole computer. */
export interface Machine {
  readonly cpus: readonly Cpu[];
  readonly memory: PhysicalMemory;
  readonly events: EventQueue;
  readonly interrupts: InterruptController;
  readonly timer: Timer;
  /** Cycles a second of every TSC. */
  readonly frequencyHz: number;
  /** Installs what runs on it; once, before `run`. */
  attach(supervisor: Supervisor): void;
  /**
   * Steps the CPU that is furthest behind, again and again: LIMIT is the smaller of the next event
   * and the slowest other running CPU's TSC + skew. Answers STOPPED, IDLE or POWER_OFF. May be
   * entered from inside `step`.
   */
  run(): number;
  /** Ends `run` at the next safe point. */
  stop(): void;
  /** Cuts the power: `run` ends, disks keep what their write cache's rules allow. */
  powerOff(): void;
}
