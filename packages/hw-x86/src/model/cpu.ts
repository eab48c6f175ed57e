import { CR4_PCE, MSR_TSC, RDPMC_FIXED } from '../architecture.js';
import { CELL_COUNT, HALTED, INSTRUCTIONS, INTERRUPTS, LIMIT, TSC } from '../cells.js';
import { type Cpu, GeneralProtection, SUPERVISOR, USER } from '../cpu.js';
import { assert, checkInteger } from '../errors.js';
import { ACCESS_READ } from '../mmu.js';
import type { Cycles, VirtAddr } from '../units.js';
import { BranchPredictor } from './branch-predictor.js';
import type { CacheHierarchy } from './cache-hierarchy.js';
import type { EventEncodings } from './event-encodings.js';
import type { ExceptionSink } from './exception-sink.js';
import type { LocalApic } from './local-apic.js';
import type { ModelMemory } from './memory.js';
import { ModelMmu } from './mmu.js';
import { MsrFile } from './msr-file.js';
import {
  COUNTER_BITS,
  FIXED_COUNTERS,
  GENERAL_COUNTERS,
  PerformanceUnit,
} from './performance-unit.js';
import type { ProfileNumbers } from './profile.js';

const HIGH_WORD = 2 ** -32;

/** Handler of an exception: true means "handled, try the access again". */
export type ExceptionHandler = (
  cpu: ModelCpu,
  vector: number,
  code: number,
  address: VirtAddr,
) => boolean;

/** How a processor of the model is made; see `createMachine`. */
export interface CpuOptions {
  readonly id: number;
  readonly numbers: ProfileNumbers;
  readonly full: boolean;
  readonly strict: boolean;
  readonly pagingCaches: boolean;
  readonly seed: number;
}

/** One logical processor of the model. */
export class ModelCpu implements Cpu, ExceptionSink {
  readonly id: number;
  readonly mmu: ModelMmu;
  readonly cells: Float64Array;
  halted = false;
  interruptsEnabled = true;
  readonly supported = true;
  readonly counterBits = COUNTER_BITS;
  readonly generalCount = GENERAL_COUNTERS;
  readonly fixedCount = FIXED_COUNTERS;
  /** L1D, L1I, L2 and the shared L3; null in flat mode. */
  readonly caches: CacheHierarchy | null;
  /** gshare; null in flat mode. */
  readonly predictor: BranchPredictor | null;
  readonly numbers: ProfileNumbers;
  /** Counters behind the MSRs. */
  readonly unit: PerformanceUnit;
  readonly msrs: MsrFile;
  /** Timer, pending interrupts, IPIs; set by the machine. */
  apic!: LocalApic;
  readonly #handlers: (ExceptionHandler | null)[] = new Array(32).fill(null);
  #privilege = SUPERVISOR;
  #retired = 0;
  #tscOffset = 0;

  constructor(
    memory: ModelMemory,
    cells: Float64Array,
    caches: CacheHierarchy | null,
    encodings: EventEncodings,
    options: CpuOptions,
  ) {
    assert(cells.length === CELL_COUNT, 'CPU: wrong number of cells');
    this.id = options.id;
    this.cells = cells;
    this.numbers = options.numbers;
    this.caches = caches;
    this.predictor = options.full ? new BranchPredictor(options.numbers.predictorBits) : null;
    this.mmu = new ModelMmu(memory, cells, caches, options);
    this.unit = new PerformanceUnit(cells, encodings, options.numbers.retireWidth);
    this.msrs = new MsrFile(this.unit, this, options.id === 0);
    cells[LIMIT] = Number.POSITIVE_INFINITY;
  }

  get privilege(): number {
    return this.#privilege;
  }

  /** IA32_EFER in force. */
  get efer(): number {
    return this.mmu.translation.rights.efer;
  }

  /** Charges SYSCALL or SYSRET when the ring really changes. */
  setPrivilege(privilege: number): void {
    if (privilege === this.#privilege) return;
    const { syscallCycles, sysretCycles } = this.numbers;
    this.cells[TSC] += privilege === USER ? sysretCycles : syscallCycles;
    this.enter(privilege);
  }

  /** Changes ring without charging, as exceptions and interrupts do: they charge their own. */
  enter(privilege: number): void {
    if (privilege === this.#privilege) return;
    assert(privilege === SUPERVISOR || privilege === USER, 'privilege is 0 or 3');
    this.unit.settle();
    this.#privilege = privilege;
    this.unit.refresh(privilege);
    this.mmu.setPrivilege(privilege);
  }

  readMsr(index: number): bigint {
    this.cells[TSC] += this.numbers.readMsrCycles;
    if (index === MSR_TSC) return BigInt(this.cells[TSC] + this.#tscOffset);
    if (this.apic.owns(index)) return this.apic.readMsr(index);
    return this.msrs.read(index);
  }

  writeMsr(index: number, value: bigint): void {
    this.cells[TSC] += this.numbers.writeMsrCycles;
    if (index === MSR_TSC) this.#tscOffset = Number(value) - this.cells[TSC];
    else if (this.apic.owns(index)) this.apic.writeMsr(index, value);
    else this.msrs.write(index, value);
  }

  readCounter(index: number): number {
    const fixed = index >= RDPMC_FIXED;
    const counter = fixed ? index - RDPMC_FIXED : index;
    if (!(counter >= 0 && counter < (fixed ? FIXED_COUNTERS : GENERAL_COUNTERS))) {
      throw new GeneralProtection(`RDPMC ${index}: no such counter`);
    }
    if (this.#privilege === USER && (this.mmu.translation.rights.cr4 & CR4_PCE) === 0) {
      throw new GeneralProtection('RDPMC at CPL 3 without CR4.PCE');
    }
    this.cells[TSC] += this.numbers.rdpmcCycles;
    return this.unit.read(fixed ? counter + GENERAL_COUNTERS : counter);
  }

  /** RDTSC, with what WRMSR 0x10 added. */
  readTsc(): Cycles {
    return (this.cells[TSC] += this.numbers.rdtscCycles) + this.#tscOffset;
  }

  /** TSC as software sees it minus the machine's time. */
  get tscOffset(): Cycles {
    return this.#tscOffset;
  }

  /** IA32_EFER was written. */
  eferChanged(value: number): void {
    const { cr0, cr4 } = this.mmu.translation.rights;
    this.mmu.setControl(cr0 >>> 0, cr4 >>> 0, value);
  }

  /**
   * Installs the handler of an exception (13 #GP, 14 #PF), or takes it away with null. It runs in
   * ring 0 at the access that faulted; `true` makes the access try again, `false` lets it answer
   * NIL, as it does without a handler.
   */
  setExceptionHandler(vector: number, handler: ExceptionHandler | null): void {
    checkInteger('ERR_VECTOR', 'exception vector', vector, 0, 31);
    this.#handlers[vector] = handler;
    this.mmu.translation.sink = this.#handlers.some((entry) => entry !== null) ? this : null;
  }

  /** Runs the registered handler; called by the translation. */
  exception(vector: number, code: number, address: VirtAddr): boolean {
    const handler = this.#handlers[vector];
    if (handler === null) return false;
    const privilege = this.#privilege;
    this.enter(SUPERVISOR);
    const handled = handler(this, vector, code, address);
    this.enter(privilege);
    return handled;
  }

  /** Retires operations at the profile's width; the remainder of a cycle is kept. */
  retire(count: number): void {
    this.cells[INSTRUCTIONS] += count;
    const sum = this.#retired + count;
    const cycles = Math.floor(sum / this.numbers.retireWidth);
    this.#retired = sum - cycles * this.numbers.retireWidth;
    this.cells[TSC] += cycles;
  }

  /** One metered load or store; see ModelMeter. */
  meterAccess(address: VirtAddr, access: number): void {
    const cells = this.cells;
    const numbers = this.numbers;
    const caches = this.caches;
    if (caches === null) {
      cells[INSTRUCTIONS] += 1;
      cells[TSC] += access === ACCESS_READ ? numbers.l1dCycles : numbers.storeCycles;
      return;
    }
    const low = address | 0;
    const high = Math.floor(address * HIGH_WORD) | 0;
    const page = this.mmu.translation.meter.page(low, high, access);
    const line = (low & 0xfff) >>> 6;
    if (access === ACCESS_READ) {
      cells[TSC] += caches.load(page, line);
      return;
    }
    const cycles = caches.data(page, line);
    cells[TSC] += cycles === numbers.l1dCycles ? numbers.storeCycles : cycles;
  }

  /** Time passes without work until `time`, halted: the machine wakes it then. */
  sleepUntil(time: Cycles): void {
    const gap = time - this.cells[TSC];
    if (gap <= 0) return;
    this.cells[TSC] += gap;
    this.cells[HALTED] += gap;
  }

  /** Delivers an interrupt: ring 0, charged, and back to the ring it came from. */
  deliver(vector: number, run: (cpu: ModelCpu, vector: number) => void): void {
    const privilege = this.#privilege;
    this.enter(SUPERVISOR);
    this.cells[INTERRUPTS] += 1;
    this.cells[TSC] += this.numbers.interruptCycles;
    run(this, vector);
    this.enter(privilege);
  }

  /** Checks TLBs, caches, counters and APIC; for tests. */
  checkInvariants(): void {
    this.mmu.translation.checkInvariants();
    this.unit.checkInvariants();
    this.apic.checkInvariants();
    this.caches?.l1d.checkInvariants();
    this.caches?.l1i.checkInvariants();
    this.caches?.l2.checkInvariants();
    assert(this.cells[HALTED] <= this.cells[TSC], 'CPU: halted for longer than it ran');
    assert(this.mmu.translation.rights.privilege === this.#privilege, 'CPU: two privilege levels');
  }

  /** Scalars beside cells, memory, caches, TLBs and registers. */
  save(): CpuScalars {
    return {
      halted: this.halted,
      interruptsEnabled: this.interruptsEnabled,
      privilege: this.#privilege,
      retired: this.#retired,
      tscOffset: this.#tscOffset,
    };
  }

  /** Puts scalars back. */
  load(state: CpuScalars): void {
    this.halted = state.halted;
    this.interruptsEnabled = state.interruptsEnabled;
    this.#privilege = state.privilege;
    this.#retired = state.retired;
    this.#tscOffset = state.tscOffset;
  }
}

/** What {@link ModelCpu.save} answers. */
export interface CpuScalars {
  readonly halted: boolean;
  readonly interruptsEnabled: boolean;
  readonly privilege: number;
  readonly retired: number;
  readonly tscOffset: Cycles;
}
