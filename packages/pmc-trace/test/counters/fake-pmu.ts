import {
  GeneralProtection,
  MSR_A_PMC0,
  MSR_FIXED_CTR_CTRL,
  MSR_FIXED_CTR0,
  MSR_PERF_GLOBAL_CTRL,
  MSR_PERF_GLOBAL_OVF_CTRL,
  MSR_PERF_GLOBAL_STATUS,
  MSR_PERFEVTSEL0,
  MSR_PMC0,
  type PerformanceCounters,
  RDPMC_FIXED,
} from '@hotpath/hw-x86';

const WIDTH = 48n;
const MASK = (1n << WIDTH) - 1n;
const GENERAL = 4;
const FIXED = 3;
const FIXED_EVENTS = [0x00c0, 0x003c, 0x013c];

/** A PMU written in bigints, straight from the manual: the model that CounterSet is tested against. */
export class FakePmu implements PerformanceCounters {
  readonly supported = true;
  readonly counterBits = 48;
  readonly generalCount = GENERAL;
  readonly fixedCount = FIXED;
  interrupts = 0;
  private readonly values = new Map<number, bigint>();
  private readonly selects = new Map<number, bigint>();
  private fixedControl = 0n;
  private globalControl = 0n;
  private status = 0n;

  readMsr(index: number): bigint {
    if (index === MSR_PERF_GLOBAL_STATUS) return this.status;
    if (index === MSR_PERF_GLOBAL_CTRL) return this.globalControl;
    if (index === MSR_FIXED_CTR_CTRL) return this.fixedControl;
    if (index >= MSR_PERFEVTSEL0 && index < MSR_PERFEVTSEL0 + GENERAL) {
      return this.selects.get(index - MSR_PERFEVTSEL0) ?? 0n;
    }
    if (index >= MSR_PMC0 && index < MSR_PMC0 + GENERAL) return this.value(index - MSR_PMC0);
    throw new GeneralProtection(`RDMSR ${index}`);
  }

  writeMsr(index: number, value: bigint): void {
    if (index >= MSR_PERFEVTSEL0 && index < MSR_PERFEVTSEL0 + GENERAL) {
      if (value < 0n || value >> 32n !== 0n) throw new GeneralProtection('reserved bits');
      this.selects.set(index - MSR_PERFEVTSEL0, value);
    } else if (index >= MSR_PMC0 && index < MSR_PMC0 + GENERAL) {
      const low = BigInt.asIntN(32, value);
      this.values.set(index - MSR_PMC0, BigInt.asUintN(Number(WIDTH), low));
    } else if (index >= MSR_A_PMC0 && index < MSR_A_PMC0 + GENERAL) {
      if (value > MASK) throw new GeneralProtection('beyond the width');
      this.values.set(index - MSR_A_PMC0, value);
    } else if (index >= MSR_FIXED_CTR0 && index < MSR_FIXED_CTR0 + FIXED) {
      if (value > MASK) throw new GeneralProtection('beyond the width');
      this.values.set(32 + index - MSR_FIXED_CTR0, value);
    } else if (index === MSR_FIXED_CTR_CTRL) this.fixedControl = value;
    else if (index === MSR_PERF_GLOBAL_CTRL) this.globalControl = value;
    else if (index === MSR_PERF_GLOBAL_OVF_CTRL) this.status &= ~value;
    else throw new GeneralProtection(`WRMSR ${index}`);
  }

  readCounter(index: number): number {
    if (index >= RDPMC_FIXED && index < RDPMC_FIXED + FIXED) {
      return Number(this.value(32 + index - RDPMC_FIXED));
    }
    if (index < 0 || index >= GENERAL) throw new GeneralProtection(`RDPMC ${index}`);
    return Number(this.value(index));
  }

  /** `count` events with this encoding (event + umask * 256) happen at a privilege. */
  happen(encoding: number, count: number, user = false): void {
    for (let bit = 0; bit < GENERAL; bit += 1) {
      const select = this.selects.get(bit) ?? 0n;
      if (Number(select & 0xffffn) !== encoding || (select & 0x400000n) === 0n) continue;
      if ((select & (user ? 0x10000n : 0x20000n)) === 0n) continue;
      this.add(bit, count, (select & 0x100000n) !== 0n);
    }
    FIXED_EVENTS.forEach((event, fixed) => {
      const control = Number((this.fixedControl >> BigInt(fixed * 4)) & 15n);
      if (event !== encoding || (control & (user ? 2 : 1)) === 0) return;
      this.add(32 + fixed, count, (control & 8) !== 0);
    });
  }

  private value(bit: number): bigint {
    return this.values.get(bit) ?? 0n;
  }

  private add(bit: number, count: number, interrupt: boolean): void {
    const flag = 1n << BigInt(bit);
    if ((this.globalControl & flag) === 0n) return;
    const sum = this.value(bit) + BigInt(count);
    this.values.set(bit, sum & MASK);
    if (sum <= MASK) return;
    this.status |= flag;
    if (interrupt) this.interrupts += 1;
  }
}
