import {
  BRANCH_MISSES,
  CELL_COUNT,
  type Cpu,
  HALTED,
  INSTRUCTIONS,
  TSC,
  WALK_CYCLES,
} from '@hotpath/hw-x86';
import { type Profile, SKYLAKE_CLIENT } from '@hotpath/hw-x86/model';
import { CounterSet, type CpuModel } from '@hotpath/pmc-trace';

/** Where the cycles of a section went. Sums to its cycles, up to rounding. */
export interface CycleShares {
  /** Waiting for a disk or a timer. */
  readonly halted: number;
  /** Walking page tables. */
  readonly walks: number;
  /** Taken back after a mispredicted branch. */
  readonly branchMisses: number;
  /** Instructions, as many at once as the processor retires. */
  readonly retiring: number;
  /** The rest: loads and stores through the caches, entries to the kernel, copies. */
  readonly memoryAndEntries: number;
}

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
  readonly shares: CycleShares;
}

/**
 * The five counters of a CPU around a section, through PERFEVTSEL MSRs and RDPMC. Programming and
 * reading cost cycles as on real hardware; they fall outside of the section.
 */
export class Meter {
  readonly #cpu: Cpu;
  readonly #counters: CounterSet;
  readonly #profile: Profile;
  readonly #before = new Float64Array(CELL_COUNT);

  constructor(cpu: Cpu, model: CpuModel = 'skylake', profile: Profile = SKYLAKE_CLIENT) {
    this.#cpu = cpu;
    this.#counters = new CounterSet(cpu, { model });
    this.#profile = profile;
  }

  /** The section begins. */
  start(): void {
    this.#counters.start();
    this.#before.set(this.#cpu.cells.subarray(0, CELL_COUNT));
  }

  /** The section has ended. */
  stop(): Reading {
    const { cells } = this.#cpu;
    const spent = this.#before.map((before, cell) => cells[cell] - before);
    this.#counters.stop();
    const counts = this.#counters.readAll();
    return {
      cycles: spent[TSC],
      coreCycles: counts['cycles'],
      instructions: counts['instructions'],
      llcMisses: counts['llc-misses'],
      branchMisses: counts['branch-misses'],
      dtlbMisses: counts['dtlb-misses'],
      shares: this.#sharesOf(spent),
    };
  }

  #sharesOf(spent: Float64Array): CycleShares {
    const { branchMissCycles, retireWidth } = this.#profile.table;
    const cycles = spent[TSC];
    const halted = spent[HALTED] / cycles;
    const walks = spent[WALK_CYCLES] / cycles;
    const branchMisses = (spent[BRANCH_MISSES] * branchMissCycles[0]) / cycles;
    const retiring = spent[INSTRUCTIONS] / retireWidth[0] / cycles;
    const memoryAndEntries = 1 - halted - walks - branchMisses - retiring;
    return { halted, walks, branchMisses, retiring, memoryAndEntries };
  }
}
