import {
  type Cpu,
  HALTED,
  IDLE,
  LIMIT,
  NIL,
  OK,
  PF_WRITE,
  STOPPED,
  type Supervisor,
  TSC,
} from '@hotpath/hw-x86';
import { createMachine } from '@hotpath/hw-x86/model';
import { describe, expect, test } from 'vitest';
import { PageTables } from './page-tables.js';

describe('a machine', () => {
  test('stores and loads through mapped pages and faults on others', () => {
    const machine = createMachine({ memoryBytes: 64 * 2 ** 20 });
    const tables = new PageTables(machine.memory);
    const { mmu } = machine.cpus[0];
    const page = -(2 ** 47) + 0x5000;
    tables.map(page, 0x200000);
    mmu.setRoot(tables.root);
    expect(mmu.store32(page + 8, 0xdeadbeef)).toBe(OK);
    expect(mmu.load32(page + 8)).toBe(0xdeadbeef);
    expect(machine.memory.load32(0x200008)).toBe(0xdeadbeef);
    expect(mmu.store32(page + 4096, 1)).toBe(NIL);
    expect(mmu.faultVector).toBe(14);
    expect(mmu.faultCode).toBe(PF_WRITE);
    expect(mmu.faultAddress).toBe(page + 4096);
  });

  test('steps the processor that is furthest behind, at most skew cycles ahead', () => {
    const machine = createMachine({ cpus: 3, memoryBytes: 4 * 2 ** 20, skew: 500 });
    const order: number[] = [];
    const supervisor: Supervisor = {
      step(cpu) {
        const others = machine.cpus.filter((other) => other !== cpu && !other.halted);
        for (const other of others) expect(cpu.cells[TSC]).toBeLessThanOrEqual(other.cells[TSC]);
        order.push(cpu.id);
        cpu.cells[TSC] = Math.min(cpu.cells[LIMIT], cpu.cells[TSC] + 700 + cpu.id);
        if (cpu.cells[TSC] > 10_000) cpu.halted = true;
      },
      interrupt() {},
    };
    machine.attach(supervisor);
    expect(machine.run()).toBe(IDLE);
    expect(new Set(order)).toEqual(new Set([0, 1, 2]));
  });

  test('wakes a halted processor at the time of its timer, and halted cycles are counted', () => {
    const machine = createMachine({ memoryBytes: 4 * 2 ** 20 });
    const seen: [number, number][] = [];
    machine.attach({
      step(cpu) {
        cpu.cells[TSC] += 10;
        if (seen.length === 2) machine.stop();
        else cpu.halted = true;
      },
      interrupt(cpu: Cpu, vector) {
        seen.push([vector, cpu.cells[TSC]]);
        if (seen.length === 1) machine.timer.setDeadline(0, 90_000, 33);
      },
    });
    machine.timer.setDeadline(0, 50_000, 32);
    expect(machine.run()).toBe(STOPPED);
    const cost = machine.numbers.interruptCycles;
    expect(seen).toEqual([
      [32, 50_000 + cost],
      [33, 90_000 + cost],
    ]);
    const { cells } = machine.cpus[0];
    expect(cells[HALTED]).toBe(90_000 - 10 - cost - 10);
  });
});
