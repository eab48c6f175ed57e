import { createMachine, REPLACE_LRU, SKYLAKE_CLIENT, withProfile } from '@hotpath/hw-x86/model';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CacheLevel } from '../../src/model/cache-level.js';

/** Lists of pages by set, newest first: what LRU means. */
class PlainLru {
  readonly #sets = new Map<number, number[]>();
  readonly #setCount: number;
  readonly #ways: number;

  constructor(setCount: number, ways: number) {
    this.#setCount = setCount;
    this.#ways = ways;
  }

  access(page: number, line: number): boolean {
    const set = (page * 64 + line) % this.#setCount;
    const pages = this.#sets.get(set) ?? [];
    const found = pages.includes(page);
    this.#sets.set(set, [page, ...pages.filter((other) => other !== page)].slice(0, this.#ways));
    return found;
  }
}

const references = fc.array(fc.tuple(fc.nat(40), fc.nat(2)), { maxLength: 400 });

test('a cache under LRU hits and misses as lists of the newest lines do', () => {
  fc.assert(
    fc.property(references, fc.constantFrom(1, 2, 3, 8), (sequence, ways) => {
      const level = new CacheLevel(64 * 64 * ways, ways, REPLACE_LRU, 1);
      const plain = new PlainLru(64, ways);
      for (const [page, line] of sequence) {
        expect(level.access(page, line)).toBe(plain.access(page, line));
      }
      level.checkInvariants();
    }),
  );
});

test('a cache whose 32-bit clock runs out keeps the order of its lines', () => {
  fc.assert(
    fc.property(references, fc.nat(300), (sequence, left) => {
      const level = new CacheLevel(64 * 64 * 4, 4, REPLACE_LRU, 1);
      const plain = new PlainLru(64, 4);
      const state = level.save();
      state.scalars[0] = 2 ** 31 - 2 - left;
      level.load(state);
      for (const [page, line] of sequence) {
        expect(level.access(page, line)).toBe(plain.access(page, line));
      }
      level.checkInvariants();
    }),
  );
});

test('a task switch clears the front tables, and no page is found in an older generation', () => {
  const profile = withProfile(SKYLAKE_CLIENT, 'no path caches', { pdCacheEntries: 0 }, 'test');
  const { memory, cpus } = createMachine({ profile, memoryBytes: 2 ** 22 });
  const { mmu } = cpus[0];
  const table = (root: number, frame: number) => {
    memory.store32(root, (root + 4096) | 3);
    memory.store32(root + 4096, (root + 8192) | 3);
    memory.store32(root + 8192, (root + 12_288) | 3);
    memory.store32(root + 12_288, frame | 3);
  };
  table(0x10000, 0x100000);
  table(0x20000, 0x200000);
  memory.store32(0x100000, 1);
  memory.store32(0x200000, 2);
  // More than the 131,072 generations of a front table, so that the real clearing is met, too.
  for (let i = 0; i < 132_000; i++) {
    mmu.setRoot(i % 2 === 0 ? 0x10000 : 0x20000);
    if (mmu.load32(0) !== 1 + (i % 2)) expect.fail(`switch ${i} reads the other space`);
  }
  mmu.translation.checkInvariants();
});
