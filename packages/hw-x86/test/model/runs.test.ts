import { CR0_PG, CR4_PAE, EFER_LME, NIL, OK } from '@hotpath/hw-x86';
import { createMachine } from '@hotpath/hw-x86/model';
import { describe, expect, it } from 'vitest';
import { PageTables } from './page-tables.js';

function pagedMachine(mode: 'flat' | 'full') {
  const machine = createMachine({ mode });
  const tables = new PageTables(machine.memory);
  for (const page of [0x5000, 0x6000]) tables.map(page, page);
  const { mmu, cells } = machine.cpus[0]!;
  mmu.setRoot(tables.root);
  mmu.setControl((CR0_PG | 1) >>> 0, CR4_PAE, EFER_LME);
  return { memory: machine.memory, mmu, cells };
}

describe('a run of stores or loads', () => {
  it('charges, counts and stores what as many single ones do', () => {
    for (const mode of ['flat', 'full'] as const) {
      const single = pagedMachine(mode);
      const runs = pagedMachine(mode);
      for (const [address, count] of [
        [0x5000, 1],
        [0x5038, 15],
        [0x6000, 512],
        [0x5ff8, 1],
      ] as const) {
        for (const { memory } of [single, runs]) memory.fill(address, count * 8, 7);
        for (let at = 0; at < count; at++) single.mmu.load64(address + at * 8);
        for (let at = 0; at < count; at++) single.mmu.store64(address + at * 8, 0, 0);
        expect(runs.mmu.loadRun(address, count)).toBe(OK);
        expect(runs.mmu.storeRun(address, count)).toBe(OK);
        const last = address + (count - 1) * 8;
        expect([runs.mmu.load64(address), runs.mmu.load64(last)]).toEqual([0, 0]);
        expect([single.mmu.load64(address), single.mmu.load64(last)]).toEqual([0, 0]);
        expect([...runs.cells]).toEqual([...single.cells]);
      }
    }
  });

  it('answers NIL where nothing is mapped, and does not leave its page', () => {
    const { mmu } = pagedMachine('flat');
    expect(mmu.storeRun(0x7000, 3)).toBe(NIL);
    expect(mmu.loadRun(0x7000, 3)).toBe(NIL);
    expect(mmu.faultAddress).toBe(0x7000);
    expect(() => mmu.storeRun(0x5ff8, 2)).toThrow(/leaves its page/);
  });
});
