/**
 * Where each task's time goes, always on: at every change of mode (into a call, a fault, back to the
 * program, off the CPU) the cycles since the last one are added to the mode that ends (Linux:
 * CONFIG_VIRT_CPU_ACCOUNTING_GEN). Page walks are taken out of the mode in which they happened.
 */
import { type Cpu, HALTED, TSC, WALK_CYCLES } from '@hotpath/hw-x86';
import type { Current } from '../current.js';
import type { Call } from '../syscall/call.js';
import { SYS_NANOSLEEP } from '../syscall/numbers.js';
import type { Tasks } from './tasks.js';

/** The program's own instructions. */
export const TIME_USER = 0;
/** The kernel, for a call. */
export const TIME_SYSCALL = 1;
/** The kernel, for a page fault. */
export const TIME_FAULT = 2;
/** The kernel, to change to the task, and for its signals. */
export const TIME_SWITCH = 3;
/** Interrupt handlers while the task had the CPU. */
export const TIME_INTERRUPT = 4;
/** The processor, walking page tables. */
export const TIME_WALK = 5;
/** Ready, in a run queue. */
export const TIME_QUEUE = 6;
/** Blocked on a disk. */
export const TIME_DISK = 7;
/** Blocked, asleep for a time it asked for. */
export const TIME_SLEEP = 8;
/** Blocked on another task: a child, a pipe, a lock, a signal. */
export const TIME_WAIT = 9;

/** Names of the kinds above. */
export const TIME_KINDS = [
  'user',
  'syscall',
  'fault',
  'switch',
  'interrupt',
  'page walk',
  'run queue',
  'disk',
  'sleep',
  'wait',
] as const;

/** Cycles by kind. */
export type TimeTable = Readonly<Record<(typeof TIME_KINDS)[number], number>>;

/** A task's column as a table. */
export function timeTable(column: Float64Array): TimeTable {
  const table: Record<string, number> = {};
  for (const [kind, name] of TIME_KINDS.entries()) table[name] = column[kind];
  return table as TimeTable;
}

/** The clock of the step that runs now; one per kernel. */
export class CycleAccounts {
  /** Called before each change of mode, while a profiler runs. */
  probe: (() => void) | null = null;
  readonly #current: Current;
  readonly #tasks: Tasks;
  #mode = TIME_SWITCH;
  #mark = 0;
  #walkMark = 0;

  constructor(current: Current, tasks: Tasks) {
    this.#current = current;
    this.#tasks = tasks;
  }

  /** A step of the current CPU begins, for whatever task. */
  begin(cpu: Cpu): void {
    if (this.probe !== null) this.probe();
    this.#mark = cpu.cells[TSC];
    this.#walkMark = cpu.cells[WALK_CYCLES];
    this.#mode = TIME_SWITCH;
  }

  /** What the current task's time is spent on now. */
  get mode(): number {
    return this.#mode;
  }

  /** The current task changes to `mode`; the mode before. */
  enter(mode: number): number {
    if (this.probe !== null) this.probe();
    const before = this.#mode;
    this.#mode = mode;
    const { cpu, task } = this.#current;
    const column = this.#tasks.time[task];
    const { cells } = cpu;
    const walked = cells[WALK_CYCLES] - this.#walkMark;
    column[before] += cells[TSC] - this.#mark - walked;
    this.#mark = cells[TSC];
    if (walked === 0) return before;
    column[TIME_WALK] += walked;
    this.#walkMark = cells[WALK_CYCLES];
    return before;
  }
}

/** What a blocked task's time is spent on. */
export function waitKind(call: Call): number {
  if (call.interruptible === null) return call.stage === 0 ? TIME_WAIT : TIME_DISK;
  return call.number === SYS_NANOSLEEP ? TIME_SLEEP : TIME_WAIT;
}

/** What passes between CPUs carries its time: the receiver waits until then. */
export function raiseTo(cpu: Cpu, time: number): void {
  const { cells } = cpu;
  if (cells[TSC] >= time) return;
  cells[HALTED] += time - cells[TSC];
  cells[TSC] = time;
}
