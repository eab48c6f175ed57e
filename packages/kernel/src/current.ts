import { type Cpu, NIL } from '@hotpath/hw-x86';

/**
 * Which CPU the kernel's code runs on right now, and for which task. One record per kernel, written
 * by the dispatcher only; whoever charges or maps something reads it (Linux: `current`).
 */
export interface Current {
  cpu: Cpu;
  /** The task in whose name the CPU works, or NIL in an interrupt of an idle CPU and during boot. */
  task: number;
}

/** The record as it is during boot: CPU 0, no task. */
export function bootCurrent(cpu: Cpu): Current {
  return { cpu, task: NIL };
}
