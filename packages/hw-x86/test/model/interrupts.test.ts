import {
  type Cpu,
  IDLE,
  INTERRUPTS,
  LIMIT,
  MSR_TSC_DEADLINE,
  POWER_OFF,
  SHOOTDOWNS,
  STOPPED,
  SUPERVISOR,
  TSC,
  USER,
} from '@hotpath/hw-x86';
import { createMachine, type MachineOptions, type ModelMachine } from '@hotpath/hw-x86/model';
import { describe, expect, test } from 'vitest';

const ICR = 0x830;
const LVT_TIMER = 0x832;
const INITIAL_COUNT = 0x838;
const CURRENT_COUNT = 0x839;
const DIVIDE = 0x83e;

interface Seen {
  readonly cpu: number;
  readonly vector: number;
  readonly time: number;
}

/** A machine whose CPUs compute in slices of 1,000 cycles until `end` and note interrupts. */
function computing(end: number, options: MachineOptions = {}) {
  const machine = createMachine({ memoryBytes: 2 ** 24, ...options });
  const seen: Seen[] = [];
  machine.attach({
    step(cpu) {
      cpu.cells[TSC] = Math.min(cpu.cells[LIMIT], cpu.cells[TSC] + 1000);
      if (cpu.cells[TSC] >= end) cpu.halted = true;
    },
    interrupt(cpu, vector) {
      seen.push({ cpu: cpu.id, vector, time: cpu.cells[TSC] - machine.numbers.interruptCycles });
    },
  });
  return { machine, seen };
}

describe('the local APIC timer', () => {
  test('one-shot mode counts down once through its divider', () => {
    const { machine, seen } = computing(100_000);
    const cpu = machine.cpus[0];
    cpu.writeMsr(DIVIDE, 0x1n); // by 4
    cpu.writeMsr(LVT_TIMER, 0x50n);
    cpu.writeMsr(INITIAL_COUNT, 5000n);
    const armed = cpu.cells[TSC];
    expect(Number(cpu.readMsr(CURRENT_COUNT))).toBeLessThan(5000);
    expect(machine.run()).toBe(IDLE);
    expect(seen.map(({ vector }) => vector)).toEqual([0x50]);
    expect(seen[0].time).toBe(armed + 20_000);
    expect(cpu.readMsr(CURRENT_COUNT)).toBe(0n);
  });

  test('periodic mode starts again each time until it is stopped', () => {
    const { machine, seen } = computing(50_000);
    machine.timer.setPeriodic(0, 10_000, 7000, 0x51);
    machine.post(0, 0x60, 40_000);
    const cpu = machine.cpus[0];
    // Without an end the machine would never be idle.
    const stop = machine.events.register({ event: () => machine.timer.cancel(0) });
    machine.events.schedule(35_000, stop, 0);
    machine.run();
    expect(seen.filter(({ vector }) => vector === 0x51).map(({ time }) => time)).toEqual([
      10_000, 17_000, 24_000, 31_000,
    ]);
    expect(cpu.cells[INTERRUPTS]).toBe(5);
  });

  test('TSC-deadline mode fires at the deadline, 0 disarms, and a later write replaces', () => {
    const { machine, seen } = computing(100_000);
    const cpu = machine.cpus[0];
    cpu.writeMsr(LVT_TIMER, 0x40052n);
    cpu.writeMsr(MSR_TSC_DEADLINE, 30_000n);
    expect(cpu.readMsr(MSR_TSC_DEADLINE)).toBe(30_000n);
    cpu.writeMsr(MSR_TSC_DEADLINE, 0n);
    expect(cpu.readMsr(MSR_TSC_DEADLINE)).toBe(0n);
    cpu.writeMsr(MSR_TSC_DEADLINE, 60_000n);
    cpu.writeMsr(MSR_TSC_DEADLINE, 45_000n);
    machine.run();
    expect(seen.map(({ vector, time }) => [vector, time])).toEqual([[0x52, 45_000]]);
  });

  test('a masked timer makes no interrupt', () => {
    const { machine, seen } = computing(50_000);
    machine.cpus[0].writeMsr(LVT_TIMER, 0x10052n);
    machine.cpus[0].writeMsr(INITIAL_COUNT, 100n);
    machine.run();
    expect(seen).toEqual([]);
  });
});

describe('interrupts', () => {
  test('wait while the flag is closed and come at the next safe point, highest vector first', () => {
    const machine = createMachine({ memoryBytes: 2 ** 24 });
    const vectors: number[] = [];
    let steps = 0;
    machine.attach({
      step(cpu) {
        steps++;
        if (steps === 1) {
          machine.post(0, 0x30, 0);
          machine.post(0, 0x90, 0);
          machine.post(0, 0x90, 0);
        }
        cpu.cells[TSC] += 10;
        if (steps === 3) machine.stop();
      },
      interrupt(cpu, vector) {
        expect(cpu.privilege).toBe(SUPERVISOR);
        vectors.push(vector);
      },
    });
    machine.cpus[0].setPrivilege(USER);
    expect(machine.run()).toBe(STOPPED);
    expect(vectors).toEqual([0x90, 0x30]);
    expect(machine.cpus[0].privilege).toBe(USER);
  });

  test('a step that ends with interrupts off is refused', () => {
    const machine = createMachine({ memoryBytes: 2 ** 24 });
    machine.attach({
      step(cpu) {
        cpu.cells[TSC] += 1;
        cpu.interruptsEnabled = false;
      },
      interrupt() {},
    });
    expect(() => machine.run()).toThrow(/interrupts off/);
  });

  test('an IPI by ICR arrives on the other CPU after its latency', () => {
    const { machine, seen } = computing(100_000, { cpus: 4 });
    const sender = machine.cpus[0];
    sender.writeMsr(ICR, (2n << 32n) | 0x44n);
    const sent = sender.cells[TSC];
    sender.writeMsr(ICR, (3n << 18n) | 0x45n);
    machine.run();
    expect(seen.filter(({ vector }) => vector === 0x44).map(({ cpu }) => cpu)).toEqual([2]);
    const others = seen.filter(({ vector }) => vector === 0x45).map(({ cpu }) => cpu);
    expect(others.sort()).toEqual([1, 2, 3]);
    for (const { time } of seen) {
      expect(time).toBeGreaterThanOrEqual(sent + machine.numbers.ipiLatencyCycles);
    }
  });

  test('an event never comes later than a step that watches LIMIT lets it', () => {
    const { machine, seen } = computing(60_000, { cpus: 2, skew: 500 });
    machine.post(1, 0x33, 12_345);
    machine.run();
    expect(seen).toEqual([{ cpu: 1, vector: 0x33, time: 12_345 }]);
  });
});

describe('a TLB shootdown', () => {
  test('runs its handler on the other CPUs at once and costs cycles on both sides', () => {
    const machine = createMachine({ cpus: 3, memoryBytes: 2 ** 24 });
    const order: string[] = [];
    const page = 0x1000;
    let done = false;
    machine.attach({
      step(cpu: Cpu) {
        cpu.cells[TSC] += 100;
        if (cpu.id !== 0 || done) {
          cpu.halted = true;
          return;
        }
        done = true;
        const before = machine.cpus.map(({ cells }) => cells[TSC]);
        machine.interrupts.callRemote(cpu, 0xfd, 0b110);
        const after = machine.cpus.map(({ cells }) => cells[TSC]);
        order.push('returned');
        const { ipiSendCycles, ipiLatencyCycles, interruptCycles, invlpgCycles } = machine.numbers;
        const round = ipiSendCycles + ipiLatencyCycles + interruptCycles + invlpgCycles;
        expect(after[0] - before[0]).toBe(round);
        expect(after[1]).toBe(after[0]);
        expect(after[2]).toBe(after[0]);
      },
      interrupt(cpu) {
        expect(machine.meter.cpu).toBe(cpu);
        order.push(`cpu ${cpu.id}`);
        cpu.mmu.invalidate(page);
      },
    });
    expect(machine.run()).toBe(IDLE);
    expect(order).toEqual(['cpu 1', 'cpu 2', 'returned']);
    expect(machine.cpus.map(({ cells }) => cells[SHOOTDOWNS])).toEqual([0, 1, 1]);
  });
});

describe('run', () => {
  test('may be entered from inside a step and ends with the inner stop', () => {
    const machine: ModelMachine = createMachine({ memoryBytes: 2 ** 24 });
    const log: string[] = [];
    let depth = 0;
    machine.attach({
      step(cpu) {
        cpu.cells[TSC] += 100;
        if (depth === 0) {
          depth = 1;
          log.push(`inner ${machine.run()}`);
          log.push('outer goes on');
          machine.stop();
        } else {
          log.push('inner step');
          if (log.length === 3) machine.stop();
        }
      },
      interrupt() {},
    });
    expect(machine.run()).toBe(STOPPED);
    expect(log).toEqual(['inner step', 'inner step', 'inner step', 'inner 0', 'outer goes on']);
  });

  test('ends at a power cut, tells the devices the time, and stays off', () => {
    const machine = createMachine({ memoryBytes: 2 ** 24 });
    const lost: number[] = [];
    machine.attachDevice({ powerLost: (time) => lost.push(time) });
    machine.attach({
      step(cpu) {
        cpu.cells[TSC] += 100;
        if (cpu.cells[TSC] === 500) machine.powerOff();
      },
      interrupt() {},
    });
    expect(machine.run()).toBe(POWER_OFF);
    expect(lost).toEqual([500]);
    expect(machine.run()).toBe(POWER_OFF);
    expect(machine.isPowered).toBe(false);
  });

  test('a supervisor that charges no time is reported, not waited for', () => {
    const machine = createMachine({ memoryBytes: 2 ** 24 });
    machine.attach({ step() {}, interrupt() {} });
    expect(() => machine.run()).toThrow(/charges no time/);
  });
});
