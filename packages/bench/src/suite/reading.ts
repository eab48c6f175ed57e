import { type Cpu, TSC } from '@hotpath/hw-x86';
import { CounterSet, type CpuModel } from '@hotpath/pmc-trace';

/** What one CPU's counters said over a section: simulated, exact. */
export interface Reading {
  /** Cycles of the time-stamp counter, halted ones included. */
  readonly cycles: number;
  /** Core cycles unhalted. */
  readonly coreCycles: number;
  readonly instructions: number;
  readonly llcMisses: number;
  readonly branchMisses: number;
  /** Load and store walks completed. */
  readonly dtlbMisses: number;
}

/**
 * The five counters of a CPU around a section, through PERFEVTSEL MSRs and RDPMC. Programming and
 * reading cost cycles as on real hardware; they fall outside of the section.
 */
export class Meter {
  readonly #cpu: Cpu;
  readonly #counters: CounterSet;
  #start = 0;

  constructor(cpu: Cpu, model: CpuModel = 'skylake') {
    this.#cpu = cpu;
    this.#counters = new CounterSet(cpu, { model });
  }

  /** The section begins. */
  start(): void {
    this.#counters.start();
    this.#start = this.#cpu.cells[TSC];
  }

  /** The section has ended. */
  stop(): Reading {
    const cycles = this.#cpu.cells[TSC] - this.#start;
    this.#counters.stop();
    const counts = this.#counters.readAll();
    return {
      cycles,
      coreCycles: counts['cycles'],
      instructions: counts['instructions'],
      llcMisses: counts['llc-misses'],
      branchMisses: counts['branch-misses'],
      dtlbMisses: counts['dtlb-misses'],
    };
  }
}
