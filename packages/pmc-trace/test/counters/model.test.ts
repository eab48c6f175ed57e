import {
  BRANCH_MISSES,
  BRANCHES,
  DTLB_LOAD_WALKS,
  DTLB_STORE_WALKS,
  GeneralProtection,
  HALTED,
  INSTRUCTIONS,
  LLC_MISSES,
  MSR_A_PMC0,
  MSR_FIXED_CTR_CTRL,
  MSR_FIXED_CTR0,
  MSR_PERF_GLOBAL_CTRL,
  MSR_PERF_GLOBAL_OVF_CTRL,
  MSR_PERF_GLOBAL_STATUS,
  MSR_PERFEVTSEL0,
  MSR_PMC0,
  PERFEVTSEL_EDGE,
  PERFEVTSEL_EN,
  PERFEVTSEL_INT,
  PERFEVTSEL_INV,
  PERFEVTSEL_OS,
  RDPMC_FIXED,
  SUPERVISOR,
  type Supervisor,
  TSC,
  USER,
} from '@hotpath/hw-x86';
import { createMachine } from '@hotpath/hw-x86/model';
import { describe, expect, test } from 'vitest';
import {
  CallStack,
  CounterSet,
  MultiplexedCounters,
  ProfileSpans,
  SamplingProfiler,
} from '../../src/index.js';

// x2APIC local vector table entry of the counters' interrupt (SDM vol. 3, 11.12).
const LVT_PMI = 0x834;
const VECTOR = 0x40;

/** A model machine whose one CPU does `work` in each step until it answers false. */
function run(
  work: (cpu: ReturnType<typeof machine>['cpus'][0]) => boolean,
  onInterrupt = (): void => {},
) {
  const made = machine();
  const [cpu] = made.cpus;
  const supervisor: Supervisor = {
    step: () => {
      if (!work(cpu)) made.stop();
      cpu.cells[TSC] += 100;
      cpu.cells[INSTRUCTIONS] += 50;
    },
    interrupt: onInterrupt,
  };
  made.attach(supervisor);
  return { made, cpu };
}

function machine() {
  return createMachine({ mode: 'full', memoryBytes: 1 << 24 });
}

describe('counters on the model machine', () => {
  test('the five counters are the differences of the machine’s own totals', () => {
    let step = 0;
    const { made, cpu } = run(() => {
      made.meter.retire(7);
      for (let load = 0; load < 40; load += 1)
        made.meter.load(region + ((step * 7919 + load * 613) % 4000) * 2_097_152);
      for (let store = 0; store < 10; store += 1)
        made.meter.store(region + ((step * 31 + store) % 4000) * 2_097_152);
      made.meter.branch(1, (step * 7) % 3 === 0);
      step += 1;
      return step < 200;
    });
    const region = made.meter.region('data', 4000 * 2_097_152);
    const counters = new CounterSet(cpu, { model: 'skylake' });
    made.run();
    counters.start();
    const before = counters.readAll();
    const cells = cpu.cells.slice();
    const of = (...which: number[]): number =>
      which.reduce((sum, cell) => sum + cpu.cells[cell] - cells[cell], 0);
    step = 0;
    made.run();
    const after = counters.readAll();
    const read = Object.fromEntries(
      Object.entries(after).map(([name, count]) => [name, count - before[name]]),
    );
    // Reading takes time, the same each time: from reading to reading the cycles are exact.
    expect(read).toEqual({
      cycles: of(TSC) - of(HALTED),
      instructions: Math.floor(cpu.cells[INSTRUCTIONS]) - Math.floor(cells[INSTRUCTIONS]),
      'llc-misses': of(LLC_MISSES),
      'branch-misses': of(BRANCH_MISSES),
      'dtlb-misses': of(DTLB_LOAD_WALKS, DTLB_STORE_WALKS),
    });
    expect(read['cycles']).toBeGreaterThan(20_000);
    expect(read['dtlb-misses']).toBeGreaterThan(0);
    expect(of(BRANCHES)).toBe(200);
  });

  test('user and kernel counts are apart, also where the ring changes within a step', () => {
    const made = machine();
    const [cpu] = made.cpus;
    const user = new CounterSet(cpu, { model: 'skylake', events: ['instructions'], kernel: false });
    user.start();
    for (let round = 0; round < 10; round += 1) {
      cpu.setPrivilege(USER);
      cpu.cells[INSTRUCTIONS] += 3;
      cpu.setPrivilege(SUPERVISOR);
      cpu.cells[INSTRUCTIONS] += 100;
    }
    expect(user.readAll()).toEqual({ instructions: 30 });
  });

  test('a sample period interrupts as often as it fits, and the profile finds the guilty function', () => {
    const profiler = new SamplingProfiler({ period: 1000 });
    const [busy, idle] = ['busy', 'idle'].map((name) => profiler.register(name));
    const stack = new CallStack();
    let step = 0;
    let interrupts = 0;
    const { made, cpu } = run(
      () => {
        stack.unwind(0);
        stack.enter(step % 10 === 0 ? idle : busy);
        step += 1;
        cpu.cells[INSTRUCTIONS] += step % 10 === 1 ? 0 : 500;
        return step < 400;
      },
      () => {
        interrupts += 1;
        profiler.sample(stack, counters.overflowed());
        cpu.writeMsr(LVT_PMI, BigInt(VECTOR));
      },
    );
    const counters = new CounterSet(cpu, {
      model: 'skylake',
      events: ['instructions'],
      samplePeriod: 1000,
    });
    cpu.writeMsr(LVT_PMI, BigInt(VECTOR));
    counters.start();
    made.run();
    const total = counters.readAll()['instructions'];
    // The last step's overflow may still wait for a safe point.
    expect(profiler.sampleCount + counters.overflowed()).toBe(Math.floor(total / 1000));
    expect(interrupts).toBeGreaterThan(100);
    expect(profiler.tree.histogram()[0].name).toBe('busy');
    counters.checkInvariants();
  });

  test('more events than counters take turns, and what was counted is what the machine did then', () => {
    const made = machine();
    const [cpu] = made.cpus;
    const region = made.meter.region('data', 4000 * 2_097_152);
    const clock = { now: () => cpu.cells[TSC] };
    const counters = new MultiplexedCounters(cpu, clock, {
      model: 'skylake',
      groups: [
        ['l1-hits', 'l2-hits', 'l3-hits'],
        ['l1-misses', 'l2-misses', 'l3-misses'],
        ['dtlb-load-walks', 'dtlb-store-walks', 'llc-misses', 'branch-misses'],
      ],
    });
    // The first two groups share the eight general counters.
    expect(counters.turnCount).toBe(2);
    const walks = [0, 0];
    counters.start();
    for (let turn = 0; turn < 60; turn += 1) {
      if (turn > 0) counters.rotate();
      const before = [cpu.cells[DTLB_LOAD_WALKS], cpu.cells[DTLB_STORE_WALKS]];
      for (let load = 0; load < 200; load += 1) {
        made.meter.load(region + ((turn * 7919 + load * 613) % 4000) * 2_097_152);
        made.meter.store(region + ((turn * 31 + load * 17) % 4000) * 2_097_152);
      }
      if (turn % 2 === 1) {
        walks[0] += cpu.cells[DTLB_LOAD_WALKS] - before[0];
        walks[1] += cpu.cells[DTLB_STORE_WALKS] - before[1];
      }
      counters.checkInvariants();
    }
    counters.stop();
    const read = counters.read();
    const of = (name: string) => read.find((count) => count.name === name)!;
    expect([of('dtlb-load-walks').counted, of('dtlb-store-walks').counted]).toEqual(walks);
    expect(walks[0]).toBeGreaterThan(0);
    // Each turn took about half of the time.
    for (const { counted, estimate, enabledTicks, runningTicks } of read) {
      expect(runningTicks / enabledTicks).toBeGreaterThan(0.3);
      expect(runningTicks / enabledTicks).toBeLessThan(0.7);
      expect(estimate).toBeCloseTo((counted * enabledTicks) / runningTicks);
    }
  });

  test('spans on the model measure cycles and deltas exactly', () => {
    const made = machine();
    const [cpu] = made.cpus;
    const counters = new CounterSet(cpu, { model: 'skylake' });
    counters.start();
    const spans = new ProfileSpans({ now: () => cpu.cells[TSC] }, counters);
    const span = spans.register('walk');
    spans.start(span);
    cpu.cells[TSC] += 1234;
    cpu.cells[INSTRUCTIONS] += 600;
    expect(spans.end(span)).toBe(1234);
    expect(spans.report(span).counters).toMatchObject({ instructions: 600, 'llc-misses': 0 });
    // The counters saw RDPMC itself, too, which the clock did not.
    const { cycles } = spans.report(span).counters;
    expect(cycles).toBe(1234 + counters.slotCount * cpu.numbers.rdpmcCycles);
  });
});

// What kvm-unit-tests x86/pmu.c asks of a PMU, on the model.
describe('the conformance list of a PMU', () => {
  const CYCLES = 0x3c + PERFEVTSEL_OS + PERFEVTSEL_EN;
  const INSTRUCTION_EVENT = 0xc0 + PERFEVTSEL_OS + PERFEVTSEL_EN;
  const start = (select: number) => {
    const made = machine();
    const [cpu] = made.cpus;
    cpu.writeMsr(MSR_PERF_GLOBAL_CTRL, 1n);
    cpu.writeMsr(MSR_PERFEVTSEL0, BigInt(select));
    return { made, cpu };
  };

  test('overflow sets its status bit, which OVF_CTRL clears', () => {
    const { cpu } = start(INSTRUCTION_EVENT);
    cpu.writeMsr(MSR_PMC0, 0xffff_fff6n);
    cpu.cells[INSTRUCTIONS] += 9;
    expect(cpu.readMsr(MSR_PERF_GLOBAL_STATUS)).toBe(0n);
    cpu.cells[INSTRUCTIONS] += 4;
    expect(cpu.readMsr(MSR_PERF_GLOBAL_STATUS)).toBe(1n);
    expect(cpu.readCounter(0)).toBe(3);
    cpu.writeMsr(MSR_PERF_GLOBAL_OVF_CTRL, 1n);
    expect(cpu.readMsr(MSR_PERF_GLOBAL_STATUS)).toBe(0n);
  });

  test('an overflow interrupts only with INT', () => {
    for (const [flag, expected] of [
      [0, 0],
      [PERFEVTSEL_INT, 1],
    ]) {
      let interrupts = 0;
      let step = 0;
      const { made, cpu } = run(
        () => {
          step += 1;
          return step < 10;
        },
        () => {
          interrupts += 1;
        },
      );
      cpu.writeMsr(LVT_PMI, BigInt(VECTOR));
      cpu.writeMsr(MSR_PERF_GLOBAL_CTRL, 1n);
      cpu.writeMsr(MSR_PERFEVTSEL0, BigInt(INSTRUCTION_EVENT + flag));
      cpu.writeMsr(MSR_PMC0, 0xffff_fff0n);
      made.run();
      expect(interrupts).toBe(expected);
    }
  });

  test('CMASK and INV count cycles instead of events', () => {
    // How events fall on cycles is the model's; whatever it is, these must hold.
    const count = (extra: number): number => {
      const { cpu } = start(INSTRUCTION_EVENT + extra);
      // RDPMC takes its time before it reads.
      cpu.cells[TSC] += 100 - cpu.numbers.rdpmcCycles;
      cpu.cells[INSTRUCTIONS] += 150;
      return cpu.readCounter(0);
    };
    expect(count(0)).toBe(150);
    const atLeast = [1, 2, 3, 4].map((threshold) => count(threshold * 2 ** 24));
    atLeast.forEach((cycles, index) => {
      expect(cycles * (index + 1)).toBeLessThanOrEqual(150);
      expect(cycles).toBeLessThanOrEqual(index === 0 ? 100 : atLeast[index - 1]);
      const below = count((index + 1) * 2 ** 24 + PERFEVTSEL_INV);
      expect(below).toBe(100 - cycles);
    });
    expect(atLeast[0]).toBeGreaterThan(0);
    expect(count(255 * 2 ** 24)).toBe(0);
  });

  test('EDGE counts how often a condition begins', () => {
    const { cpu } = start(INSTRUCTION_EVENT + PERFEVTSEL_EDGE + 2 ** 24);
    cpu.cells[TSC] += 1000;
    cpu.cells[INSTRUCTIONS] += 30;
    const edges = cpu.readCounter(0);
    expect(edges).toBeGreaterThan(0);
    expect(edges).toBeLessThanOrEqual(30);
  });

  test('a running counter can be written', () => {
    const { cpu } = start(CYCLES);
    cpu.cells[TSC] += 55;
    cpu.writeMsr(MSR_PMC0, 1000n);
    cpu.cells[TSC] += 7;
    expect(cpu.readCounter(0)).toBe(1007 + cpu.numbers.rdpmcCycles);
  });

  test('fixed counters count by their own control, overflow from status bit 32, and bit 30 of RDPMC reads them', () => {
    const { cpu } = start(0);
    cpu.writeMsr(MSR_PERF_GLOBAL_CTRL, 1n << 32n);
    cpu.cells[INSTRUCTIONS] += 10;
    // OS is bit 0 of the field, USR bit 1: a counter for user code does not see the kernel.
    cpu.writeMsr(MSR_FIXED_CTR_CTRL, 2n);
    cpu.cells[INSTRUCTIONS] += 10;
    expect(cpu.readCounter(RDPMC_FIXED)).toBe(0);
    cpu.writeMsr(MSR_FIXED_CTR_CTRL, 1n);
    cpu.writeMsr(MSR_FIXED_CTR0, 2n ** 48n - 3n);
    cpu.cells[INSTRUCTIONS] += 5;
    expect(cpu.readCounter(RDPMC_FIXED)).toBe(2);
    expect(cpu.readMsr(MSR_PERF_GLOBAL_STATUS)).toBe(1n << 32n);
    cpu.writeMsr(MSR_PERF_GLOBAL_OVF_CTRL, 1n << 32n);
    expect(cpu.readMsr(MSR_PERF_GLOBAL_STATUS)).toBe(0n);
  });

  test('WRMSR to 0xC1 sign-extends 32 bits, to 0x4C1 takes the width that CPUID tells', () => {
    const { cpu } = start(0);
    expect(cpu.counterBits).toBe(48);
    cpu.writeMsr(MSR_PMC0, 0x8000_0000n);
    expect(cpu.readCounter(0)).toBe(2 ** 48 - 2 ** 31);
    cpu.writeMsr(MSR_PMC0, 0x7fff_ffffn);
    expect(cpu.readCounter(0)).toBe(2 ** 31 - 1);
    cpu.writeMsr(MSR_A_PMC0, 0x8000_0000n);
    expect(cpu.readCounter(0)).toBe(2 ** 31);
  });

  test('RDPMC(64) and reserved bits raise #GP', () => {
    const { cpu } = start(CYCLES);
    expect(() => cpu.readCounter(64)).toThrow(GeneralProtection);
    expect(() => cpu.writeMsr(MSR_PERFEVTSEL0, 1n << 32n)).toThrow(GeneralProtection);
    expect(() => cpu.writeMsr(MSR_FIXED_CTR0, 1n << 48n)).toThrow(GeneralProtection);
  });
});
