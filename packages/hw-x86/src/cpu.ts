import type { Mmu } from './mmu.js';

/** Kernel privilege: ring 0. */
export const SUPERVISOR = 0;
/** User privilege: ring 3. */
export const USER = 3;

/**
 * Model-specific registers and performance counters of one CPU. A machine without them answers
 * `supported === false`, and every call throws UnsupportedError: no figure is ever invented.
 */
export interface PerformanceCounters {
  /** False on the host. */
  readonly supported: boolean;
  /** Width of a counter in bits, 48 (CPUID 0AH); 0 where unsupported. */
  readonly counterBits: number;
  /** Number of general counters; 0 where unsupported. */
  readonly generalCount: number;
  /** Number of fixed counters; 0 where unsupported. */
  readonly fixedCount: number;
  /**
   * RDMSR.
   * @throws GeneralProtection for an unknown index
   */
  readMsr(index: number): bigint;
  /**
   * WRMSR.
   * @throws GeneralProtection for an unknown index or a reserved bit
   */
  writeMsr(index: number, value: bigint): void;
  /**
   * RDPMC: a general counter, or with bit 30 set in `index` a fixed one. At most 2**48 - 1, so a
   * number holds it exactly. 12 ns, nothing allocated.
   * @throws GeneralProtection for an invalid index, or at CPL 3 without CR4.PCE
   */
  readCounter(index: number): number;
}

/** General-protection exception, #GP(0), of a register access: what RDMSR and RDPMC raise. */
export class GeneralProtection extends Error {
  override readonly name = 'GeneralProtection';
  readonly code = 'ERR_GENERAL_PROTECTION';

  /** @param what - the access that was refused, for example `WRMSR 0x186: reserved bits` */
  constructor(what: string) {
    super(`#GP(0): ${what}`);
  }
}

/** One logical processor. */
export interface Cpu extends PerformanceCounters {
  /** 0 .. cpuCount - 1. */
  readonly id: number;
  /** Address translation and memory access of this CPU. */
  readonly mmu: Mmu;
  /** Hot state, indexed by the constants of cells.ts (TSC, LIMIT, INSTRUCTIONS, ...). */
  readonly cells: Float64Array;
  /** True while it waits for an interrupt (HLT). Set by the supervisor, cleared by the machine. */
  halted: boolean;
  /** RFLAGS.IF. A step must end with it set. */
  interruptsEnabled: boolean;
  /** Current privilege level: SUPERVISOR or USER. */
  readonly privilege: number;
  /**
   * SYSCALL or SYSRET: changes ring and charges it; counters with a USR or OS filter are split here.
   */
  setPrivilege(privilege: number): void;
  /**
   * Changes ring without a charge: for a kernel that suspends or resumes a program between two
   * steps, whose way in and out (interrupt, exception) has been charged already.
   */
  enter(privilege: number): void;
}
