import { ACCESS_FETCH, ACCESS_READ, ACCESS_WRITE, NIL, PTE_WRITE } from '@hotpath/hw-x86';
import {
  createMachine,
  type Profile,
  REPLACE_FIFO,
  REPLACE_LRU,
  REPLACE_PLRU,
  REPLACE_RANDOM,
  SKYLAKE_CLIENT,
  TEACHING,
  withProfile,
  ZEN_4,
} from '@hotpath/hw-x86/model';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PageTables } from './page-tables.js';

const PAGES = 40;
const FRAMES = 64;
const BASE = -(2 ** 40);
const FRAME_BASE = 0x40_0000;
const UNMAPPED = -1;

const small = (policy: number): Profile =>
  withProfile(
    SKYLAKE_CLIENT,
    `tiny-${policy}`,
    {
      dtlb4kEntries: 8,
      dtlb4kWays: 4,
      itlb4kEntries: 4,
      itlb4kWays: 4,
      stlbEntries: 16,
      stlbWays: 4,
      tlbReplacement: policy,
      pdCacheEntries: 2,
    },
    'test',
  );

const profiles: Profile[] = [
  SKYLAKE_CLIENT,
  ZEN_4,
  TEACHING,
  small(REPLACE_LRU),
  small(REPLACE_PLRU),
  small(REPLACE_FIFO),
  small(REPLACE_RANDOM),
];

/** [operation, page, frame]: 0 map, 1 unmap, 2 INVLPG, 3 read, 4 write, 5 fetch, 6 CR3, 7 read-only. */
// Accesses are frequent and CR3 loads rare, so that the buffers fill and evict.
const operation = fc.constantFrom(
  ...[0, 0, 0, 1, 2, 2, 7, 6],
  ...Array.from({ length: 24 }, (_, i) => 3 + (i % 3)),
);
const operations = fc.array(fc.tuple(operation, fc.nat(PAGES - 1), fc.nat(FRAMES - 1)), {
  minLength: 200,
  maxLength: 500,
});

describe.each(profiles)('translations of $name', (profile) => {
  test('are stale only before INVLPG, and never invented', () => {
    fc.assert(
      fc.property(operations, (list) => {
        const machine = createMachine({ memoryBytes: 2 ** 23, profile });
        const { mmu } = machine.cpus[0];
        const tables = new PageTables(machine.memory, 0x10_0000);
        for (let page = 0; page < PAGES; page++) tables.entry(BASE + page * 4096);
        mmu.setRoot(tables.root);
        // What the tables say now, and every mapping since the last invalidation.
        const now = new Int32Array(PAGES).fill(UNMAPPED);
        const since = Array.from({ length: PAGES }, () => new Set<number>());
        const writable = new Uint8Array(PAGES);
        for (let page = 0; page < PAGES; page += 2) {
          tables.map(BASE + page * 4096, FRAME_BASE + page * 4096);
          now[page] = page;
          writable[page] = 1;
          since[page].add(page);
        }
        for (const [operation, page, frame] of list) {
          const address = BASE + page * 4096;
          if (operation === 0 || operation === 7) {
            tables.map(address, FRAME_BASE + frame * 4096, operation === 0 ? PTE_WRITE : 0);
            now[page] = frame;
            writable[page] = operation === 0 ? 1 : 0;
            since[page].add(frame);
          } else if (operation === 1) {
            tables.unmap(address);
            now[page] = UNMAPPED;
          } else if (operation === 2) {
            mmu.invalidate(address + 100);
            since[page] = new Set(now[page] === UNMAPPED ? [] : [now[page]]);
          } else if (operation === 6) {
            mmu.setRoot(tables.root);
            now.forEach((mapped, i) => {
              since[i] = new Set(mapped === UNMAPPED ? [] : [mapped]);
            });
          } else {
            const access = [ACCESS_READ, ACCESS_WRITE, ACCESS_FETCH][operation - 3];
            const seen = mmu.translate(address + 8, access);
            if (seen === NIL) {
              // Refused: unmapped now, or a write where a mapping was read-only.
              expect(now[page] === UNMAPPED || access === ACCESS_WRITE).toBe(true);
            } else {
              const found = (seen - 8 - FRAME_BASE) / 4096;
              expect(since[page].has(found)).toBe(true);
              if (since[page].size === 1 && access === ACCESS_WRITE) {
                expect(mmu.translation.rights.privilege === 0 || writable[page] === 1).toBe(true);
              }
            }
          }
          if (operation < 3) mmu.translation.checkInvariants();
        }
        mmu.translation.checkInvariants();
      }),
      { numRuns: 15 },
    );
  });
});

test('a TLB that is only hit never walks: 64 pages fit 64 entries under exact LRU', () => {
  const machine = createMachine({ memoryBytes: 2 ** 23, profile: TEACHING });
  const { mmu } = machine.cpus[0];
  const tables = new PageTables(machine.memory);
  for (let page = 0; page < 65; page++) tables.map(BASE + page * 4096, FRAME_BASE);
  mmu.setRoot(tables.root);
  const walks = (pages: number): number => {
    const before = mmu.translation.cells[6];
    for (let round = 0; round < 3; round++) {
      for (let page = 0; page < pages; page++) mmu.load8(BASE + page * 4096);
    }
    return mmu.translation.cells[6] - before;
  };
  expect(walks(64)).toBe(64);
  // One page too many in a cycle: LRU misses every time.
  mmu.setRoot(tables.root);
  expect(walks(65)).toBe(3 * 65);
});
