import {
  CR0_PG,
  CR0_WP,
  CR4_PAE,
  CR4_PCIDE,
  CR4_PGE,
  EFER_NXE,
  LARGE_PAGE_BYTES,
  PTE_DIRTY,
  PTE_GLOBAL,
  PTE_USER,
  PTE_WRITE,
  SUPERVISOR,
  USER,
} from '@hotpath/hw-x86';
import {
  createMachine,
  ICE_LAKE,
  type Profile,
  SKYLAKE_CLIENT,
  withProfile,
} from '@hotpath/hw-x86/model';
import { expect, test } from 'vitest';
import { PageTables } from './page-tables.js';

const BASE = -(2 ** 41);
const LARGE = 2 ** 30;
const PAGES = 700;

const tiny = withProfile(
  SKYLAKE_CLIENT,
  'tiny',
  {
    dtlb4kEntries: 16,
    dtlb4kWays: 8,
    itlb4kEntries: 8,
    itlb4kWays: 4,
    stlbEntries: 32,
    stlbWays: 8,
    pdCacheEntries: 2,
  },
  'test',
);

/** The same accesses, mappings and flushes on one machine; every result and count in a row. */
function trail(profile: Profile, strict: boolean, large: boolean): number[] {
  const machine = createMachine({ profile, strict, memoryBytes: 2 ** 25 });
  const { mmu, cells } = machine.cpus[0];
  const spaces = [0x100000, 0x200000].map((first) => new PageTables(machine.memory, first));
  for (const tables of spaces) {
    for (let page = 0; page < PAGES; page++) {
      let flags = page % 5 === 0 ? 0 : PTE_USER;
      flags |= page % 3 === 0 ? 0 : PTE_WRITE;
      flags |= (page % 7 === 0 ? PTE_GLOBAL : 0) | (page % 2 === 0 ? PTE_DIRTY : 0);
      tables.map(
        BASE + page * 4096,
        0x400000 + ((page * 37) % 4096) * 4096,
        flags,
        4096,
        page % 11 === 0,
      );
    }
    if (large) tables.map(LARGE, 0x800000, PTE_WRITE, LARGE_PAGE_BYTES);
  }
  mmu.setControl(CR0_PG + CR0_WP + 1, CR4_PAE | CR4_PGE | CR4_PCIDE, EFER_NXE);
  mmu.setRoot(spaces[0].root, 0);
  let state = 1;
  const random = (below: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    return (state >>> 8) % below;
  };
  const seen: number[] = [];
  let span = PAGES;
  for (let i = 0; i < 20_000; i++) {
    if (i % 500 === 0) span = [6, 40, 200, PAGES, PAGES + 20][random(5)];
    const page = random(span);
    const address = (large && random(20) === 0 ? LARGE : BASE) + page * 4096 + random(4093);
    const what = random(100);
    if (what < 50) seen.push(mmu.load32(address));
    else if (what < 70) seen.push(mmu.store32(address, i));
    else if (what < 88) seen.push(mmu.fetch32(address));
    else if (what < 92) mmu.invalidate(address);
    else if (what < 97) mmu.setPrivilege(random(2) === 0 ? USER : SUPERVISOR);
    else if (what === 97) mmu.invalidateContext(0, random(2), address);
    else {
      const space = random(2);
      mmu.setRoot(spaces[space].root, space, random(2) === 0);
    }
    if (i % 1000 === 0) {
      mmu.translation.checkInvariants();
      seen.push(...cells);
      for (const bank of mmu.translation.tlb.allBanks) seen.push(...bank.save().words);
    }
  }
  return seen;
}

test.each([SKYLAKE_CLIENT, ICE_LAKE, tiny])(
  'the short way of small pages in $name leaves what the long way leaves, to the last stamp',
  (profile) => {
    // Strict mode takes the long way alone, and these tables never go stale.
    expect(trail(profile, false, false)).toEqual(trail(profile, true, false));
    expect(trail(profile, false, true)).toEqual(trail(profile, true, true));
  },
);
