import {
  ACCESS_READ,
  BRANCH_MISSES,
  BRANCHES,
  CR4_PCE,
  GeneralProtection,
  INSTRUCTIONS,
  LLC_MISSES,
  LOAD_L1_HITS,
  LOAD_L3_MISSES,
  MSR_A_PMC0,
  MSR_APIC_BASE,
  MSR_EFER,
  MSR_FIXED_CTR_CTRL,
  MSR_FIXED_CTR0,
  MSR_LSTAR,
  MSR_PAT,
  MSR_PERF_CAPABILITIES,
  MSR_PERF_GLOBAL_CTRL,
  MSR_PERF_GLOBAL_OVF_CTRL,
  MSR_PERF_GLOBAL_STATUS,
  MSR_PERFEVTSEL0,
  MSR_PMC0,
  MSR_TSC,
  MSR_TSC_AUX,
  PERFEVTSEL_EDGE,
  PERFEVTSEL_EN,
  PERFEVTSEL_INT,
  PERFEVTSEL_INV,
  PERFEVTSEL_OS,
  PERFEVTSEL_USR,
  RDPMC_FIXED,
  SUPERVISOR,
  TSC,
  USER,
} from '@hotpath/hw-x86';
import { createMachine, type ModelCpu } from '@hotpath/hw-x86/model';
import { describe, expect, test } from 'vitest';
import { PageTables } from './page-tables.js';

const BOTH = PERFEVTSEL_USR | PERFEVTSEL_OS | PERFEVTSEL_EN;
const CYCLES = 0x3c;
const INSTRUCTIONS_EVENT = 0xc0;
const LVT_PMI = 0x834;

function boot(mode: 'flat' | 'full' = 'flat'): ModelCpu {
  return createMachine({ memoryBytes: 2 ** 24, mode }).cpus[0];
}

/** Work: n operations, which take n / 4 cycles. */
function work(cpu: ModelCpu, count: number): void {
  cpu.retire(count);
}

describe('performance counters', () => {
  test('count instructions and unhalted cycles, general and fixed alike', () => {
    const cpu = boot();
    cpu.writeMsr(MSR_PERFEVTSEL0, BigInt(INSTRUCTIONS_EVENT | BOTH));
    cpu.writeMsr(MSR_PERFEVTSEL0 + 1, BigInt(CYCLES | BOTH));
    cpu.writeMsr(MSR_FIXED_CTR_CTRL, 0x333n);
    cpu.writeMsr(MSR_PERF_GLOBAL_CTRL, 0x7000000ffn);
    cpu.writeMsr(MSR_PMC0, 0n);
    cpu.writeMsr(MSR_FIXED_CTR0, 0n);
    const { cells } = cpu;
    const instructions = cells[INSTRUCTIONS];
    work(cpu, 4000);
    expect(cpu.readCounter(0)).toBe(cells[INSTRUCTIONS] - instructions);
    expect(cpu.readCounter(RDPMC_FIXED)).toBe(4000);
    const before = [cpu.readCounter(1), cells[TSC]];
    cells[TSC] += 12_345;
    const after = [cpu.readCounter(1), cells[TSC]];
    expect(after[0] - before[0]).toBe(after[1] - before[1]);
  });

  test('count only in the rings that USR and OS name', () => {
    const cpu = boot();
    cpu.writeMsr(MSR_PERFEVTSEL0, BigInt(INSTRUCTIONS_EVENT | PERFEVTSEL_USR | PERFEVTSEL_EN));
    cpu.writeMsr(MSR_PERFEVTSEL0 + 1, BigInt(INSTRUCTIONS_EVENT | PERFEVTSEL_OS | PERFEVTSEL_EN));
    work(cpu, 100);
    cpu.setPrivilege(USER);
    work(cpu, 1000);
    cpu.setPrivilege(SUPERVISOR);
    work(cpu, 10);
    expect([cpu.readCounter(0), cpu.readCounter(1)]).toEqual([1000, 110]);
  });

  test('a cleared enable bit, of the counter or the global one, stops it', () => {
    const cpu = boot();
    cpu.writeMsr(MSR_PERFEVTSEL0, BigInt(INSTRUCTIONS_EVENT | BOTH));
    work(cpu, 5);
    cpu.writeMsr(MSR_PERF_GLOBAL_CTRL, 0xfen);
    work(cpu, 5);
    cpu.writeMsr(MSR_PERF_GLOBAL_CTRL, 0xffn);
    work(cpu, 5);
    cpu.writeMsr(MSR_PERFEVTSEL0, BigInt(INSTRUCTIONS_EVENT | (BOTH & ~PERFEVTSEL_EN)));
    work(cpu, 5);
    expect(cpu.readCounter(0)).toBe(10);
  });

  test('writing a running counter works', () => {
    const cpu = boot();
    cpu.writeMsr(MSR_PERFEVTSEL0, BigInt(INSTRUCTIONS_EVENT | BOTH));
    work(cpu, 50);
    cpu.writeMsr(MSR_A_PMC0, 1000n);
    work(cpu, 50);
    expect(cpu.readCounter(0)).toBe(1050);
  });

  test('overflow wraps at 48 bits and sets its status bit, cleared through OVF_CTRL', () => {
    const cpu = boot();
    cpu.writeMsr(MSR_PERFEVTSEL0 + 2, BigInt(INSTRUCTIONS_EVENT | BOTH));
    cpu.writeMsr(MSR_FIXED_CTR_CTRL, 0x3n);
    cpu.writeMsr(MSR_PERF_GLOBAL_CTRL, 0x1000000ffn);
    cpu.writeMsr(MSR_A_PMC0 + 2, 2n ** 48n - 10n);
    cpu.writeMsr(MSR_FIXED_CTR0, 2n ** 48n - 5n);
    work(cpu, 30);
    expect(cpu.readMsr(MSR_PERF_GLOBAL_STATUS)).toBe(0x100000004n);
    expect(cpu.readCounter(2)).toBe(20);
    cpu.writeMsr(MSR_PERF_GLOBAL_OVF_CTRL, 4n);
    expect(cpu.readMsr(MSR_PERF_GLOBAL_STATUS)).toBe(0x100000000n);
  });

  test('CMASK counts cycles with that many events, INV those with fewer, EDGE the rises', () => {
    const cpu = boot();
    // 400 operations retire at 4 a cycle: 100 busy cycles; WRMSR and RDPMC stall.
    const run = (flags: number): number => {
      cpu.writeMsr(MSR_PERFEVTSEL0, BigInt(INSTRUCTIONS_EVENT | BOTH) + BigInt(flags));
      cpu.writeMsr(MSR_PMC0, 0n);
      work(cpu, 400);
      return cpu.readCounter(0);
    };
    const stalls = cpu.numbers.rdpmcCycles;
    const mask = (events: number): number => events * 2 ** 24;
    expect(run(0)).toBe(400);
    expect(run(mask(1))).toBe(100);
    expect(run(mask(4))).toBe(100);
    expect(run(mask(5))).toBe(0);
    expect(run(mask(1) + PERFEVTSEL_INV)).toBe(stalls);
    expect(run(mask(5) + PERFEVTSEL_INV)).toBe(100 + stalls);
    expect(run(mask(1) + PERFEVTSEL_EDGE)).toBe(Math.min(100, stalls));
  });

  test('an overflow interrupts only with INT, at the next safe point, and masks its LVT entry', () => {
    for (const flag of [0, PERFEVTSEL_INT]) {
      const machine = createMachine({ memoryBytes: 2 ** 24 });
      const vectors: number[] = [];
      let steps = 0;
      machine.attach({
        step(cpu) {
          machine.meter.retire(1000);
          if (++steps === 5) machine.stop();
          expect(cpu.id).toBe(0);
        },
        interrupt(_cpu, vector) {
          vectors.push(vector);
        },
      });
      const cpu = machine.cpus[0];
      cpu.writeMsr(LVT_PMI, 0x42n);
      cpu.writeMsr(MSR_PERFEVTSEL0, BigInt(INSTRUCTIONS_EVENT | BOTH | flag));
      cpu.writeMsr(MSR_A_PMC0, 2n ** 48n - 1500n);
      machine.run();
      expect(vectors).toEqual(flag === 0 ? [] : [0x42]);
      expect(cpu.readMsr(LVT_PMI)).toBe(flag === 0 ? 0x42n : 0x10042n);
      expect(cpu.readMsr(MSR_PERF_GLOBAL_STATUS)).toBe(1n);
    }
  });

  test('RDPMC of a counter that does not exist, or at CPL 3 without CR4.PCE, raises #GP', () => {
    const cpu = boot();
    for (const index of [8, 64, RDPMC_FIXED + 3, -1]) {
      expect(() => cpu.readCounter(index), `RDPMC ${index}`).toThrow(GeneralProtection);
    }
    cpu.setPrivilege(USER);
    expect(() => cpu.readCounter(0)).toThrow(GeneralProtection);
    const { cr0, cr4, efer } = cpu.mmu.translation.rights;
    cpu.mmu.setControl(cr0 >>> 0, cr4 | CR4_PCE, efer);
    expect(cpu.readCounter(0)).toBe(0);
  });

  test('the five counters of a profile span count what the meter reports', () => {
    const machine = createMachine({ memoryBytes: 2 ** 24, mode: 'full' });
    const cpu = machine.cpus[0];
    const events = [0x412e, 0x00c5, 0x0e08, 0x0e49, 0x00c4];
    events.forEach((event, i) => {
      cpu.writeMsr(MSR_PERFEVTSEL0 + i, BigInt(event | BOTH));
    });
    const column = machine.meter.region('column', 2 ** 24);
    for (let i = 0; i < 2 ** 24; i += 2 ** 12) {
      machine.meter.load(column + i);
      machine.meter.store(column + i);
      machine.meter.branch(1, ((i >>> 12) & 3) === 3);
    }
    const counts = events.map((_event, i) => cpu.readCounter(i));
    expect(counts[0]).toBe(cpu.cells[LLC_MISSES]);
    // Every page of a fresh column misses the last level once, and its walk reads a few entries.
    expect(counts[0]).toBeGreaterThanOrEqual(4096);
    expect(counts[1]).toBe(cpu.cells[BRANCH_MISSES]);
    expect(counts[4]).toBe(cpu.cells[BRANCHES]);
    expect(counts[4]).toBe(4096);
    expect(counts[1]).toBeLessThan(200);
    // 16 MiB of a direct map of 2 MiB pages.
    expect(counts[2]).toBe(8);
    expect(counts[3]).toBe(0);
  });
});

describe('model-specific registers', () => {
  test('PMC writes sign-extend 32 bits at 0xc1 and take 48 at 0x4c1', () => {
    const cpu = boot();
    cpu.writeMsr(MSR_PMC0, 0x80000000n);
    expect(cpu.readMsr(MSR_PMC0)).toBe(0xffff80000000n);
    cpu.writeMsr(MSR_PMC0, 0x17fffffffn);
    expect(cpu.readMsr(MSR_A_PMC0)).toBe(0x7fffffffn);
    cpu.writeMsr(MSR_A_PMC0, 0x123456789abcn);
    expect(cpu.readMsr(MSR_PMC0)).toBe(0x123456789abcn);
    expect(() => cpu.writeMsr(MSR_A_PMC0, 2n ** 48n)).toThrow(GeneralProtection);
  });

  test.each([
    ['an unknown register', 0x12345, 0n],
    ['a register behind the last general counter', MSR_PMC0 + 8, 0n],
    ['reserved bits of PERFEVTSEL', MSR_PERFEVTSEL0, 2n ** 32n],
    ['reserved bits of FIXED_CTR_CTRL', MSR_FIXED_CTR_CTRL, 0x1000n],
    ['reserved bits of GLOBAL_CTRL', MSR_PERF_GLOBAL_CTRL, 0x100n],
    ['the read-only GLOBAL_STATUS', MSR_PERF_GLOBAL_STATUS, 0n],
    ['the read-only PERF_CAPABILITIES', MSR_PERF_CAPABILITIES, 0n],
    ['reserved bits of EFER', MSR_EFER, 0xd02n],
    ['EFER.LME while paging is on', MSR_EFER, 0x801n],
    ['a memory type that PAT does not know', MSR_PAT, 2n],
    ['an LSTAR that is not canonical', MSR_LSTAR, 2n ** 47n],
    ['TSC_AUX above 32 bits', MSR_TSC_AUX, 2n ** 32n],
    ['reserved bits of APIC_BASE', MSR_APIC_BASE, 1n],
    ['an LVT with reserved bits', 0x832, 0x200n],
    ['more than 64 bits', MSR_LSTAR, 2n ** 64n],
  ])('a write of %s raises #GP and changes nothing', (_what, index, value) => {
    const cpu = boot();
    const before = index === 0x12345 || index === MSR_PMC0 + 8 ? null : cpu.readMsr(index);
    expect(() => cpu.writeMsr(index, value)).toThrow(GeneralProtection);
    if (before !== null) expect(cpu.readMsr(index)).toBe(before);
  });

  test('reading an unknown register raises #GP', () => {
    expect(() => boot().readMsr(0xdead)).toThrow(GeneralProtection);
  });

  test('EFER.NXE reaches the page walker', () => {
    const cpu = boot();
    cpu.writeMsr(MSR_EFER, 0x501n);
    expect(cpu.mmu.translation.rights.efer).toBe(0x501);
    expect(cpu.readMsr(MSR_EFER)).toBe(0x501n);
  });

  test('a written TSC goes on from there, and machine time does not jump', () => {
    const cpu = boot();
    cpu.cells[TSC] = 1_000_000;
    cpu.writeMsr(MSR_TSC, 5000n);
    const read = Number(cpu.readMsr(MSR_TSC));
    expect(read).toBe(5000 + cpu.numbers.readMsrCycles);
    expect(cpu.cells[TSC]).toBeGreaterThan(1_000_000);
    expect(cpu.readTsc()).toBe(read + cpu.numbers.rdtscCycles);
  });
});

describe('retired loads by the level that has their line', () => {
  const events = {
    l1Hit: 0x01,
    l2Hit: 0x02,
    l3Hit: 0x04,
    l1Miss: 0x08,
    l2Miss: 0x10,
    l3Miss: 0x20,
  };

  /** Counts of the six events over what `run` does on a full-mode machine with 64 pages mapped. */
  function count(run: (cpu: ModelCpu) => void): Record<string, number> {
    const machine = createMachine({ memoryBytes: 2 ** 25, mode: 'full' });
    const tables = new PageTables(machine.memory);
    for (let page = 0; page < 64; page++) tables.map(page * 4096, 2 ** 24 + page * 4096);
    const cpu = machine.cpus[0];
    cpu.mmu.setRoot(tables.root);
    // Walks read page tables through L1D, too: done before anything is counted.
    for (let page = 0; page < 64; page++) cpu.mmu.translate(page * 4096, ACCESS_READ);
    Object.values(events).forEach((umask, i) => {
      cpu.writeMsr(MSR_PERFEVTSEL0 + i, BigInt(0xd1 | (umask << 8) | BOTH));
    });
    run(cpu);
    return Object.fromEntries(Object.keys(events).map((name, i) => [name, cpu.readCounter(i)]));
  }

  test('a load counts once, at L1, L2, L3 or behind them', () => {
    const counts = count(({ mmu, caches }) => {
      mmu.load32(0);
      mmu.load32(4);
      caches?.l1d.clear();
      mmu.load32(8);
      caches?.l1d.clear();
      caches?.l2.clear();
      mmu.load32(12);
    });
    const misses = { l1Miss: 3, l2Miss: 2, l3Miss: 1 };
    expect(counts).toEqual({ l1Hit: 1, l2Hit: 1, l3Hit: 1, ...misses });
  });

  test('stores, fetches and walks are no retired loads', () => {
    const counts = count(({ mmu }) => {
      for (let i = 0; i < 50; i++) mmu.store32(i * 64, i);
      for (let i = 0; i < 50; i++) mmu.fetch32(8192 + i * 64);
      mmu.setRoot(mmu.root);
      mmu.store32(0, 1);
    });
    expect(Object.values(counts)).toEqual([0, 0, 0, 0, 0, 0]);
  });

  test('a load across two pages counts once, at the slower of its two lines', () => {
    const counts = count(({ mmu, caches }) => {
      mmu.load32(4092);
      caches?.l1d.clear();
      mmu.load32(4096);
      mmu.load64(4092);
    });
    expect(counts).toMatchObject({ l1Hit: 0, l3Miss: 2, l2Hit: 1, l1Miss: 3 });
  });

  test('metered loads are loads, metered stores are not', () => {
    const machine = createMachine({ memoryBytes: 2 ** 24, mode: 'full' });
    const cells = machine.cpus[0].cells;
    const region = machine.meter.region('column', 4096);
    machine.meter.load(region);
    machine.meter.load(region);
    machine.meter.store(region);
    expect([cells[LOAD_L1_HITS], cells[LOAD_L3_MISSES]]).toEqual([1, 1]);
  });
});
