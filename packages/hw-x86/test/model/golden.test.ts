import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { ArgumentError, CR4_PCIDE, NIL, PTE_ACCESSED, VECTOR_GP, VECTOR_PF } from '@hotpath/hw-x86';
import { createMachine, SKYLAKE_CLIENT, withProfile } from '@hotpath/hw-x86/model';
import { describe, expect, test } from 'vitest';

/** One access as QEMU executed it: op (0 R, 1 W, 2 X), CPL, address, CR0, CR3, CR4, EFER, AC. */
type Case = [number, number, string, string, string, string, string, number];

interface Golden {
  readonly tables: [number, string][];
  readonly cases: Case[];
  readonly results: ([0] | [number] | [number, number, string])[];
  readonly tablesAfterAllCases: [number, string][];
}

const own = new URL('../data/', import.meta.url).pathname;
const more = process.env['HOTPATH_DATA'];
const files = [own, ...(more === undefined ? [] : [join(more, 'hw')])].flatMap((folder) =>
  readdirSync(folder)
    .filter((name) => /^golden-.*\.json\.gz$/.test(name))
    .map((name) => join(folder, name)),
);

const hex = (text: string): number => Number.parseInt(text, 16);

/** Runs every case and answers [vector, code, address] of each, and the tables afterwards. */
function runGolden(golden: Golden, pagingCaches: boolean, mode: 'flat' | 'full', warm: boolean) {
  const profile = withProfile(SKYLAKE_CLIENT, 'golden', { physicalAddressBits: 40 }, 'QEMU');
  const machine = createMachine({ memoryBytes: 2 ** 28, profile, pagingCaches, mode });
  const cpu = machine.cpus[0];
  for (const [address, text] of golden.tables) {
    const entry = BigInt(`0x${text}`);
    machine.memory.store32(address, Number(entry & 0xffffffffn));
    machine.memory.store32(address + 4, Number(entry >> 32n));
  }
  const results: [number, number, number][] = [];
  for (const [op, cpl, va, cr0, cr3, cr4, efer, ac] of golden.cases) {
    if (warm) {
      cpu.mmu.setControl(hex(cr0), hex(cr4) + CR4_PCIDE, hex(efer));
      cpu.mmu.setRoot(hex(cr3), (hex(cr3) / 4096) % 4096, true);
    } else {
      cpu.mmu.setControl(hex(cr0), hex(cr4), hex(efer));
      cpu.mmu.setRoot(hex(cr3));
      cpu.mmu.invalidateContext(2, 0, 0);
    }
    cpu.setPrivilege(cpl);
    cpu.mmu.setAlignmentCheck(ac === 1);
    const address = Number(BigInt.asIntN(64, BigInt(`0x${va}`)));
    if (!Number.isSafeInteger(address)) {
      // No number holds it, so it is refused at the edge; the processor says #GP.
      expect(() => cpu.mmu.translate(address, op)).toThrow(ArgumentError);
      results.push([VECTOR_GP, 0, 0]);
    } else if (cpu.mmu.translate(address, op) !== NIL) results.push([0, 0, 0]);
    else results.push([cpu.mmu.faultVector, cpu.mmu.faultCode, cpu.mmu.faultAddress]);
    if (results.length % 500 === 0) cpu.mmu.translation.tlb.checkInvariants();
  }
  const tables = golden.tables.map(([address]) => {
    const high = BigInt(machine.memory.load32(address + 4));
    return (high << 32n) | BigInt(machine.memory.load32(address));
  });
  return { results, tables };
}

describe.each(files)('golden accesses of %s', (file) => {
  const golden = JSON.parse(gunzipSync(readFileSync(file)).toString()) as Golden;

  test.each([
    [false, 'flat', false],
    [true, 'full', false],
    [true, 'flat', true],
  ] as const)(
    'every access faults or not as QEMU executed it, and the tables end the same ' +
      '(paging caches %s, %s, TLBs kept between cases %s)',
    (pagingCaches, mode, warm) => {
      const { results, tables } = runGolden(golden, pagingCaches, mode, warm);
      expect(golden.cases.length).toBeGreaterThan(0);
      const wrong: string[] = [];
      golden.results.forEach(([vector, code, address], i) => {
        const [gotVector, gotCode, gotAddress] = results[i];
        const same =
          gotVector === vector &&
          (vector !== VECTOR_PF ||
            (gotCode === withPresent(code as number) &&
              BigInt.asUintN(64, BigInt(gotAddress)) === BigInt(`0x${address}`)));
        if (!same) wrong.push(`case ${i}: ${golden.cases[i].join(' ')}: ${results[i].join(' ')}`);
      });
      expect(wrong).toEqual([]);
      const after = new Map(golden.tablesAfterAllCases);
      // A may be set in entries that were used before a fault: either is right.
      const free = BigInt(PTE_ACCESSED);
      const wrongEntries = golden.tables.filter(([address, text], i) => {
        const expected = BigInt(`0x${after.get(address) ?? text}`);
        return (tables[i] & ~free) !== (expected & ~free);
      });
      expect(wrongEntries).toEqual([]);
    },
  );
});

/** QEMU reports reserved-bit faults without P. */
function withPresent(code: number): number {
  return (code & 8) !== 0 ? code | 1 : code;
}
