import {
  MSR_A_PMC0,
  MSR_APIC_BASE,
  MSR_CSTAR,
  MSR_EFER,
  MSR_FIXED_CTR_CTRL,
  MSR_FIXED_CTR0,
  MSR_FMASK,
  MSR_FS_BASE,
  MSR_GS_BASE,
  MSR_KERNEL_GS_BASE,
  MSR_LSTAR,
  MSR_MISC_ENABLE,
  MSR_PAT,
  MSR_PERF_CAPABILITIES,
  MSR_PERF_GLOBAL_CTRL,
  MSR_PERF_GLOBAL_OVF_CTRL,
  MSR_PERF_GLOBAL_STATUS,
  MSR_PERFEVTSEL0,
  MSR_PMC0,
  MSR_STAR,
  MSR_TSC_AUX,
} from '../architecture.js';
import { GeneralProtection } from '../cpu.js';
import {
  COUNTER_BITS,
  FIXED_COUNTERS,
  GENERAL_COUNTERS,
  type PerformanceUnit,
} from './performance-unit.js';

const GENERAL_MASK = (1n << BigInt(GENERAL_COUNTERS)) - 1n;
const FIXED_MASK = ((1n << BigInt(FIXED_COUNTERS)) - 1n) << 32n;
const COUNTER_MASK = (1n << BigInt(COUNTER_BITS)) - 1n;
const OVERFLOW_EXTRA = 7n << 61n;
const PERF_MON_AVAILABLE = 0x80n;
// Bit 13: full-width writes through MSR_A_PMC0.
const PERF_CAPABILITIES = 0x2000n;
const PAT_AT_RESET = 0x0007040600070406n;

/** What a register file needs of its processor beside the counters. */
export interface MsrOwner {
  readonly privilege: number;
  /** IA32_EFER in force. */
  readonly efer: number;
  /** IA32_EFER was written. */
  eferChanged(value: number): void;
}

// Plain registers: index -> bits that must be zero.
const RESERVED = new Map<number, bigint>([
  [MSR_STAR, 0n],
  [MSR_FMASK, ~0xffffffffn & (2n ** 64n - 1n)],
  [MSR_TSC_AUX, ~0xffffffffn & (2n ** 64n - 1n)],
]);
const CANONICAL = new Set([MSR_LSTAR, MSR_CSTAR, MSR_FS_BASE, MSR_GS_BASE, MSR_KERNEL_GS_BASE]);

/** The model-specific registers that are neither timer nor APIC (SDM vol. 4, table 2-2). */
export class MsrFile {
  readonly #plain = new Map<number, bigint>();
  readonly #unit: PerformanceUnit;
  readonly #owner: MsrOwner;

  constructor(unit: PerformanceUnit, owner: MsrOwner, bootstrap: boolean) {
    this.#unit = unit;
    this.#owner = owner;
    for (const index of [...RESERVED.keys(), ...CANONICAL]) this.#plain.set(index, 0n);
    this.#plain.set(MSR_APIC_BASE, 0xfee00800n | (bootstrap ? 0x100n : 0n));
    this.#plain.set(MSR_MISC_ENABLE, 1n);
    this.#plain.set(MSR_PAT, PAT_AT_RESET);
    this.#plain.set(MSR_EFER, 0n);
  }

  /** RDMSR. @throws GeneralProtection for an unknown index */
  read(index: number): bigint {
    const counter = counterOf(index);
    if (counter !== -1) return BigInt(this.#unit.read(counter));
    const select = index - MSR_PERFEVTSEL0;
    if (select >= 0 && select < GENERAL_COUNTERS) return BigInt(this.#unit.select[select]);
    switch (index) {
      case MSR_EFER:
        return BigInt(this.#owner.efer);
      case MSR_MISC_ENABLE:
        return (this.#plain.get(index) as bigint) | PERF_MON_AVAILABLE;
      case MSR_PERF_CAPABILITIES:
        return PERF_CAPABILITIES;
      case MSR_FIXED_CTR_CTRL:
        return BigInt(this.#unit.fixedControl);
      case MSR_PERF_GLOBAL_CTRL:
        return spread(this.#unit.enabled);
      case MSR_PERF_GLOBAL_STATUS:
        this.#unit.settle();
        return spread(this.#unit.overflowed);
      case MSR_PERF_GLOBAL_OVF_CTRL:
        return 0n;
    }
    const value = this.#plain.get(index);
    if (value === undefined) throw new GeneralProtection(`RDMSR ${hex(index)}: no such register`);
    return value;
  }

  /** WRMSR. @throws GeneralProtection for an unknown index or reserved bits */
  write(index: number, value: bigint): void {
    if (value < 0n || value >= 1n << 64n) refuse(index, 'the value has more than 64 bits');
    if (counterOf(index) !== -1) this.#writeCounter(index, value);
    else if (index >= MSR_PERFEVTSEL0 && index < MSR_PERFEVTSEL0 + GENERAL_COUNTERS) {
      if (value >> 32n !== 0n) refuse(index, 'reserved bits 63:32');
      this.#unit.configure(index - MSR_PERFEVTSEL0, Number(value), this.#owner.privilege);
    } else if (!this.#writeControl(index, value)) this.#writePlain(index, value);
  }

  /** Every plain register, for snapshots and hashes. */
  save(): [number, bigint][] {
    return [...this.#plain];
  }

  /** Puts saved registers back. */
  load(state: readonly (readonly [number, bigint])[]): void {
    for (const [index, value] of state) this.#plain.set(index, value);
  }

  #writeCounter(index: number, value: bigint): void {
    const general = index >= MSR_PMC0 && index < MSR_PMC0 + GENERAL_COUNTERS;
    // The legacy addresses take 32 bits and sign-extend them; the others refuse bits above 47.
    if (!general && value > COUNTER_MASK) refuse(index, 'reserved bits 63:48');
    const count = general ? BigInt.asIntN(32, value) & COUNTER_MASK : value;
    this.#unit.write(counterOf(index), Number(count));
  }

  #writeControl(index: number, value: bigint): boolean {
    const unit = this.#unit;
    unit.settle();
    if (index === MSR_FIXED_CTR_CTRL) {
      if (value >> BigInt(4 * FIXED_COUNTERS) !== 0n) refuse(index, 'reserved bits');
      unit.fixedControl = Number(value);
    } else if (index === MSR_PERF_GLOBAL_CTRL) {
      if ((value & ~(GENERAL_MASK | FIXED_MASK)) !== 0n) refuse(index, 'reserved bits');
      unit.enabled = gather(value);
    } else if (index === MSR_PERF_GLOBAL_OVF_CTRL) {
      const allowed = GENERAL_MASK | FIXED_MASK | OVERFLOW_EXTRA;
      if ((value & ~allowed) !== 0n) refuse(index, 'reserved bits');
      unit.overflowed &= ~gather(value);
    } else if (index === MSR_PERF_GLOBAL_STATUS || index === MSR_PERF_CAPABILITIES) {
      refuse(index, 'the register is read-only');
    } else return false;
    unit.refresh(this.#owner.privilege);
    return true;
  }

  #writePlain(index: number, value: bigint): void {
    if (!this.#plain.has(index)) {
      throw new GeneralProtection(`WRMSR ${hex(index)}: no such register`);
    }
    const reserved = RESERVED.get(index);
    if (reserved !== undefined && (value & reserved) !== 0n) refuse(index, 'reserved bits');
    if (CANONICAL.has(index) && BigInt.asUintN(64, BigInt.asIntN(48, value)) !== value) {
      refuse(index, 'not a canonical address');
    }
    if (index === MSR_PAT) checkPat(value);
    // Bits 7:0 and 9 are reserved, as is what lies above MAXPHYADDR (52 at most).
    if (index === MSR_APIC_BASE && (value & 0x2ffn) !== 0n) refuse(index, 'reserved bits');
    if (index === MSR_APIC_BASE && value >> 52n !== 0n) refuse(index, 'reserved bits 63:52');
    if (index === MSR_MISC_ENABLE && (value & ~0x400c51889n) !== 0n) refuse(index, 'reserved bits');
    if (index === MSR_EFER) value = this.#checkEfer(value);
    this.#plain.set(index, value);
  }

  #checkEfer(value: bigint): bigint {
    if ((value & ~0xd01n) !== 0n) refuse(MSR_EFER, 'reserved bits');
    const old = BigInt(this.#owner.efer);
    if (((value ^ old) & 0x100n) !== 0n) refuse(MSR_EFER, 'LME changes while paging is on');
    const result = (value & ~0x400n) | (old & 0x400n);
    this.#owner.eferChanged(Number(result));
    return result;
  }
}

/** Index into the performance unit of a counter's MSR, or -1. */
function counterOf(index: number): number {
  if (index >= MSR_PMC0 && index < MSR_PMC0 + GENERAL_COUNTERS) return index - MSR_PMC0;
  if (index >= MSR_A_PMC0 && index < MSR_A_PMC0 + GENERAL_COUNTERS) return index - MSR_A_PMC0;
  if (index >= MSR_FIXED_CTR0 && index < MSR_FIXED_CTR0 + FIXED_COUNTERS) {
    return GENERAL_COUNTERS + index - MSR_FIXED_CTR0;
  }
  return -1;
}

// GLOBAL_* registers have general counters from bit 0 and fixed ones from bit 32; the unit keeps
// both in one small number.
function spread(bits: number): bigint {
  const general = BigInt(bits & (2 ** GENERAL_COUNTERS - 1));
  return general | (BigInt(bits >>> GENERAL_COUNTERS) << 32n);
}

function gather(value: bigint): number {
  return Number(value & GENERAL_MASK) | (Number((value & FIXED_MASK) >> 32n) << GENERAL_COUNTERS);
}

function checkPat(value: bigint): void {
  for (let i = 0n; i < 8n; i++) {
    const type = (value >> (8n * i)) & 0xffn;
    if (type > 7n || type === 2n || type === 3n) refuse(MSR_PAT, `memory type ${type}`);
  }
}

function refuse(index: number, why: string): never {
  throw new GeneralProtection(`WRMSR ${hex(index)}: ${why}`);
}

function hex(index: number): string {
  return `0x${index.toString(16)}`;
}
