import {
  DTLB_LOAD_WALKS,
  GIB,
  HUGE_PAGE_BYTES,
  KIB,
  LARGE_PAGE_BYTES,
  MIB,
  PAGE_BYTES,
  TSC,
} from '@hotpath/hw-x86';
import {
  createMachine,
  ICE_LAKE,
  type Profile,
  profileNumbers,
  SKYLAKE_CLIENT,
  SKYLAKE_SERVER,
  TEACHING,
  withProfile,
  ZEN_2,
  ZEN_4,
} from '@hotpath/hw-x86/model';
import { describe, expect, test } from 'vitest';
import { chaseNs } from './chase.js';
import { PageTables } from './page-tables.js';

describe('the reach of 64 TLB entries', () => {
  test.each([
    [PAGE_BYTES, 256 * KIB, 4],
    [LARGE_PAGE_BYTES, 128 * MIB, 3],
    [HUGE_PAGE_BYTES, 64 * GIB, 2],
  ])('with pages of %i bytes is %i bytes, with %i levels walked', (pageBytes, reach, levels) => {
    const machine = createMachine({ memoryBytes: 128 * GIB, profile: TEACHING });
    const { mmu, cells } = machine.cpus[0];
    const tables = new PageTables(machine.memory, 0x1000);
    const pages = reach / pageBytes;
    expect(pages).toBe(64);
    // One frame behind all pages: the reach is a matter of virtual addresses.
    for (let i = 0; i <= pages; i++) tables.map(i * pageBytes, GIB, undefined, pageBytes);
    mmu.setRoot(tables.root);
    const pass = (count: number): number => {
      const before = cells[DTLB_LOAD_WALKS];
      for (let i = 0; i < count; i++) mmu.load8(i * pageBytes);
      return cells[DTLB_LOAD_WALKS] - before;
    };
    expect(pass(pages)).toBe(64);
    expect(mmu.translation.walk.levelsRead).toBe(levels);
    expect(pass(pages)).toBe(0);
    expect(pass(pages + 1)).toBeGreaterThan(0);
    expect(pass(pages + 1)).toBe(65);
  });
});

test('the Zen 4 profile is within 10 % of the measured pointer chase up to 2,048 pages', () => {
  // 64 pages fit the first level; from 1,024 on their lines have left L1D, too.
  for (const [pages, measured] of [
    [64, 1.08],
    [96, 2.98],
    [192, 2.98],
    [384, 2.98],
    [1024, 5.97],
    [2048, 5.97],
  ]) {
    const modelled = chaseNs(ZEN_4, pages);
    const error = Math.abs(modelled / measured - 1);
    expect(error, `${pages} pages: ${modelled} ns, measured ${measured}`).toBeLessThan(0.1);
  }
});

test('the teaching profile costs 1, 4, 10 and 100 ns', () => {
  const machine = createMachine({ memoryBytes: 2 ** 26, profile: TEACHING, mode: 'full' });
  const { mmu, cells } = machine.cpus[0];
  const tables = new PageTables(machine.memory);
  tables.map(0, 0x200_0000, undefined, LARGE_PAGE_BYTES);
  mmu.setRoot(tables.root);
  const cost = (address: number): number => {
    const before = cells[TSC];
    mmu.load8(address);
    return cells[TSC] - before;
  };
  mmu.load8(64);
  expect(cost(0)).toBe(100);
  expect(cost(0)).toBe(1);
  // 8 further lines of the same L1D set push line 0 out of L1D (8 ways), not out of L2.
  for (let i = 1; i <= 8; i++) mmu.load8(i * 4096);
  expect(cost(0)).toBe(4);
  // 8 lines of the same L2 set (512 sets) push it out of L2, not out of L3.
  for (let i = 1; i <= 16; i++) mmu.load8(i * 512 * 64);
  expect(cost(0)).toBe(10);
});

describe.each([SKYLAKE_CLIENT, SKYLAKE_SERVER, ICE_LAKE, ZEN_2, ZEN_4, TEACHING])(
  'profile $name',
  (profile: Profile) => {
    test('gives every number with a source, and makes a machine', () => {
      for (const [key, [value, source]] of Object.entries(profile.table)) {
        expect(Number.isFinite(value), key).toBe(true);
        expect(source.length, `${key}: "${source}"`).toBeGreaterThan(8);
      }
      const machine = createMachine({ profile, mode: 'full', memoryBytes: 2 ** 24 });
      expect(machine.frequencyHz).toBe(profile.table.frequencyHz[0]);
      machine.checkInvariants();
    });
  },
);

test('a profile that contradicts itself is refused with the number and what is allowed', () => {
  const broken = withProfile(ZEN_4, 'mine', { l2Ways: 7 }, 'test');
  expect(() => profileNumbers(broken)).toThrow(/profile mine: l2 sets is .*power of two/);
  expect(() => withProfile(ZEN_4, 'mine', { l2Wayz: 7 } as object, 'test')).toThrow(/l2Wayz/);
});
