import {
  BRANCH_MISSES,
  BRANCHES,
  INSTRUCTIONS,
  LIMIT,
  LLC_MISSES,
  STOPPED,
  TSC,
} from '@hotpath/hw-x86';
import {
  createMachine,
  METER_BASE,
  type ModelMachine,
  REPLACE_RANDOM,
  SKYLAKE_CLIENT,
  withProfile,
} from '@hotpath/hw-x86/model';
import { describe, expect, test } from 'vitest';
import { PageTables } from './page-tables.js';

const RANDOM = withProfile(
  SKYLAKE_CLIENT,
  'random',
  { tlbReplacement: REPLACE_RANDOM, cacheReplacement: REPLACE_RANDOM },
  'test',
);

/** A machine with work that touches everything a snapshot must hold; `rounds` steps, then stop. */
function busy(seed: number, mode: 'flat' | 'full' = 'full') {
  const machine = createMachine({ cpus: 3, memoryBytes: 2 ** 24, profile: RANDOM, mode, seed });
  const tables = new PageTables(machine.memory);
  for (let i = 0; i < 1024; i++) tables.map(i * 4096, 0x40_0000 + (i % 512) * 4096);
  const column = machine.meter.region('column', 2 ** 22);
  for (const cpu of machine.cpus) {
    cpu.mmu.setRoot(tables.root);
    cpu.writeMsr(0x186, BigInt(0xc0 | 0x430000));
  }
  machine.timer.setPeriodic(1, 5000, 3333, 0x40);
  const order: number[] = [];
  // The supervisor's whole state, so that a test can put it back.
  const own = Int32Array.of(seed, 0, 0);
  machine.attach({
    step(cpu) {
      const state = (Math.imul(own[0], 1_664_525) + 1_013_904_223) | 0;
      own[0] = state;
      order.push(cpu.id * 2 ** 20 + (cpu.cells[TSC] % 2 ** 20));
      for (let i = 0; i < 20; i++) {
        const at = (Math.imul(state, i + 1) >>> 9) & 0x3fffff;
        cpu.mmu.store32(at & -4, state + i);
        machine.meter.load(column + (at & -8));
        machine.meter.branch(i, ((state >>> i) & 1) === 1);
      }
      if ((state & 7) === 0) machine.interrupts.post((own[1] + 1) % 3, 0x50, cpu.cells[TSC] + 999);
      own[1]++;
      if (own[1] % 200 === 0) machine.stop();
      expect(cpu.cells[LIMIT]).toBeGreaterThanOrEqual(0);
    },
    interrupt(cpu, vector) {
      own[2] = (Math.imul(own[2], 31) + vector) | 0;
      cpu.mmu.load32((vector * 4096) & 0x3fffff);
    },
  });
  return { machine, order, own };
}

function totals(machine: ModelMachine): number[] {
  return machine.cpus.flatMap(({ cells }) => [...cells]);
}

describe('determinism', () => {
  test('the same seed gives the same TSC, counters, memory hash and event order', () => {
    const runs = [1, 1, 2].map((seed) => {
      const { machine, order } = busy(seed);
      expect(machine.run()).toBe(STOPPED);
      machine.checkInvariants();
      return { hash: machine.hash(), order: order.join(), totals: totals(machine).join() };
    });
    expect(runs[0]).toEqual(runs[1]);
    expect(runs[2].hash).not.toBe(runs[0].hash);
    expect(runs[0].order.length).toBeGreaterThan(100);
  });

  test('one changed byte, cell or event changes the hash', () => {
    const { machine } = busy(1, 'flat');
    const before = machine.hash();
    machine.memory.store8(0xff_ffff, 1);
    expect(machine.hash()).not.toBe(before);
    machine.memory.store8(0xff_ffff, 0);
    expect(machine.hash()).toBe(before);
    machine.post(0, 0x33, 9e6);
    expect(machine.hash()).not.toBe(before);
  });
});

describe.each(['flat', 'full'] as const)('a snapshot in %s mode', (mode) => {
  test('brings the whole machine back: running on gives the same end again', () => {
    const { machine, own } = busy(7, mode);
    machine.run();
    const snapshot = structuredClone(machine.snapshot());
    const ownThen = own.slice();
    const hashThen = machine.hash();
    machine.run();
    const end = [machine.hash(), ...totals(machine)];
    machine.restore(snapshot);
    own.set(ownThen);
    expect(machine.hash()).toBe(hashThen);
    machine.run();
    expect([machine.hash(), ...totals(machine)]).toEqual(end);
    machine.checkInvariants();
  });

  test('can be restored into another machine of the same options', () => {
    const first = busy(9, mode);
    first.machine.run();
    const second = busy(9, mode);
    second.machine.restore(first.machine.snapshot());
    second.own.set(first.own);
    first.machine.run();
    second.machine.run();
    expect(second.machine.hash()).toBe(first.machine.hash());
  });
});

describe('the meter', () => {
  test('follows the processor that is stepped', () => {
    const machine = createMachine({ cpus: 2, memoryBytes: 2 ** 24 });
    const column = machine.meter.region('column', 64);
    machine.attach({
      step(cpu) {
        const before = cpu.cells[INSTRUCTIONS];
        machine.meter.load(column);
        machine.meter.retire(3);
        expect(cpu.cells[INSTRUCTIONS] - before).toBe(4);
        cpu.halted = true;
      },
      interrupt() {},
    });
    machine.run();
    expect(machine.cpus.map(({ cells }) => cells[INSTRUCTIONS])).toEqual([4, 4]);
  });

  test('hands out disjoint, line-aligned regions above METER_BASE and names them', () => {
    const { meter } = createMachine({ memoryBytes: 2 ** 24 });
    const a = meter.region('a', 100);
    const b = meter.region('b', 1);
    expect(a).toBe(METER_BASE);
    expect(b).toBe(a + 128);
    expect([meter.nameOf(a + 99), meter.nameOf(b), meter.nameOf(b + 1)]).toEqual(['a', 'b', null]);
    expect(() => meter.region('c', 2 ** 40)).toThrow(/1 TiB/);
    meter.checkInvariants();
  });

  test('full mode makes a column that fits L1D cheap and one that fits nothing dear', () => {
    const machine = createMachine({ memoryBytes: 2 ** 24, mode: 'full' });
    const cpu = machine.cpus[0];
    const cost = (bytes: number): number => {
      const column = machine.meter.region('column', bytes);
      const pass = (): void => {
        for (let at = 0; at < bytes; at += 64) machine.meter.load(column + at);
      };
      pass();
      const before = cpu.cells[TSC];
      pass();
      return (cpu.cells[TSC] - before) / (bytes / 64);
    };
    expect(cost(16 * 1024)).toBe(machine.numbers.l1dCycles);
    expect(cost(64 * 2 ** 20)).toBeGreaterThan(200);
    expect(cpu.cells[LLC_MISSES]).toBeGreaterThan(2 ** 20);
  });

  test('gshare learns a pattern of the history; flat mode only counts branches', () => {
    const machine = createMachine({ memoryBytes: 2 ** 24, mode: 'full' });
    const { cells } = machine.cpus[0];
    for (let i = 0; i < 3000; i++) machine.meter.branch(5, i % 5 === 0);
    const learning = cells[BRANCH_MISSES];
    for (let i = 0; i < 3000; i++) machine.meter.branch(5, i % 5 === 0);
    expect(cells[BRANCHES]).toBe(6000);
    expect(learning).toBeGreaterThan(0);
    expect(cells[BRANCH_MISSES]).toBe(learning);
    const flat = createMachine({ memoryBytes: 2 ** 24 });
    for (let i = 0; i < 100; i++) flat.meter.branch(5, i % 2 === 0);
    expect(flat.cpus[0].cells[BRANCHES]).toBe(100);
    expect(flat.cpus[0].cells[BRANCH_MISSES]).toBe(0);
  });
});
