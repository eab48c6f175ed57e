import {
  MSR_PERF_GLOBAL_STATUS,
  MSR_PERFEVTSEL0,
  MSR_TSC,
  PERFEVTSEL_EN,
  PERFEVTSEL_OS,
  RDPMC_FIXED,
} from '../architecture.js';
import { GeneralProtection, type PerformanceCounters } from '../cpu.js';
import { UnsupportedError } from '../errors.js';
import { type ConformanceCase, expectSame, expectThat } from './case.js';

/** Counters and something to count. */
export interface CountersUnderTest {
  readonly counters: PerformanceCounters;
  /** Retires `count` operations; never called where counters are unsupported. */
  retire(count: number): void;
}

/** The promises of PerformanceCounters: of those that count, or of those that say they cannot. */
export function countersConformance(create: () => CountersUnderTest): ConformanceCase[] {
  const cases: [string, (under: CountersUnderTest) => void][] = [
    ['an unsupported unit refuses every call and invents no figure', unsupported],
    ['a programmed counter counts operations exactly', counts],
    ['unknown registers, reserved bits and absent counters raise #GP', refusals],
  ];
  return cases.map(([name, check]) => ({ name, run: async (): Promise<void> => check(create()) }));
}

function expectThrow(
  what: string,
  kind: abstract new (what: string) => Error,
  run: () => void,
): void {
  try {
    run();
  } catch (error) {
    expectThat(error instanceof kind, `${what} threw ${String(error)}`);
    return;
  }
  expectThat(false, `${what} was not refused`);
}

function unsupported({ counters }: CountersUnderTest): void {
  if (counters.supported) return;
  expectSame('counterBits', counters.counterBits, 0);
  expectSame('generalCount', counters.generalCount, 0);
  expectSame('fixedCount', counters.fixedCount, 0);
  expectThrow('RDMSR', UnsupportedError, () => counters.readMsr(MSR_TSC));
  expectThrow('WRMSR', UnsupportedError, () => counters.writeMsr(MSR_TSC, 0n));
  expectThrow('RDPMC', UnsupportedError, () => counters.readCounter(0));
}

function counts({ counters, retire }: CountersUnderTest): void {
  if (!counters.supported) return;
  expectThat(counters.generalCount > 0, 'a supported unit has a general counter');
  counters.writeMsr(MSR_PERFEVTSEL0, BigInt(0xc0 | PERFEVTSEL_OS | PERFEVTSEL_EN));
  const before = counters.readCounter(0);
  retire(1234);
  expectSame('operations counted', counters.readCounter(0) - before, 1234);
  counters.writeMsr(MSR_PERFEVTSEL0, 0n);
  const stopped = counters.readCounter(0);
  retire(10);
  expectSame('a stopped counter', counters.readCounter(0), stopped);
}

function refusals({ counters }: CountersUnderTest): void {
  if (!counters.supported) return;
  expectThrow('RDMSR of an unknown register', GeneralProtection, () => counters.readMsr(0xdead));
  expectThrow('WRMSR of an unknown register', GeneralProtection, () => {
    counters.writeMsr(0xdead, 0n);
  });
  expectThrow('reserved bits of PERFEVTSEL', GeneralProtection, () => {
    counters.writeMsr(MSR_PERFEVTSEL0, 2n ** 32n);
  });
  expectThrow('a write to GLOBAL_STATUS', GeneralProtection, () => {
    counters.writeMsr(MSR_PERF_GLOBAL_STATUS, 1n);
  });
  expectThrow('RDPMC(64)', GeneralProtection, () => counters.readCounter(64));
  expectThrow('RDPMC of an absent fixed counter', GeneralProtection, () => {
    counters.readCounter(RDPMC_FIXED + counters.fixedCount);
  });
}
