import { GIB, MIB, NIL } from '@hotpath/hw-x86';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PageAllocator } from '../src/index.js';

const PAGE = 4096;

function thrown(action: () => void): string {
  try {
    action();
  } catch (error) {
    return (error as { code: string }).code;
  }
  return 'nothing';
}

/** Pages by first address; checks that no two blocks overlap. */
class Model {
  readonly blocks = new Map<number, number>();

  add(address: number, pageCount: number): void {
    for (const [other, length] of this.blocks) {
      expect(address + pageCount * PAGE <= other || other + length * PAGE <= address).toBe(true);
    }
    this.blocks.set(address, pageCount);
  }

  get pages(): number {
    let sum = 0;
    for (const length of this.blocks.values()) sum += length;
    return sum;
  }
}

describe('page allocator', () => {
  test('blocks of every order are aligned to their length in physical memory', () => {
    const pages = new PageAllocator({ ranges: [{ start: 3 * PAGE, byteCount: 4 * GIB }] });
    for (let order = 18; order >= 0; order -= 1) {
      const address = pages.allocate(order);
      expect(address).toBeGreaterThan(0);
      expect(address % (2 ** order * PAGE)).toBe(0);
    }
    pages.checkInvariants();
  });

  test('four aligned blocks of 1 GiB come out of 4 GiB that start at an odd page, minus one', () => {
    const pages = new PageAllocator({ ranges: [{ start: PAGE, byteCount: 4 * GIB - PAGE }] });
    const got = [0, 1, 2, 3].map(() => pages.allocate(18));
    expect(got.filter((address) => address !== NIL).sort((a, b) => a - b)).toEqual([
      GIB,
      2 * GIB,
      3 * GIB,
    ]);
  });

  test('after everything is freed, the pages merge into the blocks there were', () => {
    const pages = new PageAllocator({ ranges: [{ start: 0, byteCount: 64 * MIB }] });
    const all: number[] = [];
    for (let address = pages.allocate(); address !== NIL; address = pages.allocate())
      all.push(address);
    expect(all.length).toBe((64 * MIB) / PAGE);
    expect(new Set(all).size).toBe(all.length);
    for (let i = 0; i < all.length; i += 2) pages.free(all[i]);
    for (let i = 1; i < all.length; i += 2) pages.free(all[i]);
    pages.checkInvariants();
    expect(pages.allocate(14)).toBe(0);
  });

  test('a run takes exactly its pages, and its tail serves others at once', () => {
    const pages = new PageAllocator({ ranges: [{ start: 0, byteCount: 8 * PAGE }] });
    const run = pages.allocateRun(5);
    expect(pages.freePages).toBe(3);
    expect(pages.allocateRun(2)).toBe(6 * PAGE);
    expect(pages.allocate()).toBe(5 * PAGE);
    expect(pages.allocate()).toBe(NIL);
    expect(pages.pagesAt(run)).toBe(5);
    pages.checkInvariants();
  });

  test('a run grows into the free pages behind it and not into used ones', () => {
    const pages = new PageAllocator({ ranges: [{ start: 0, byteCount: 64 * PAGE }] });
    const run = pages.allocateRun(3);
    expect(pages.resizeRun(run, 20)).toBe(true);
    expect(pages.pagesAt(run)).toBe(20);
    const other = pages.allocateRun(16);
    expect(other).toBe(32 * PAGE);
    expect(pages.resizeRun(run, 33)).toBe(false);
    expect(pages.resizeRun(run, 32)).toBe(true);
    expect(pages.resizeRun(run, 1)).toBe(true);
    expect(pages.freePages).toBe(64 - 17);
    pages.checkInvariants();
  });

  test('wrong frees are refused by name and change nothing', () => {
    const pages = new PageAllocator({ ranges: [{ start: 0, byteCount: 1 * MIB }], cpuCount: 1 });
    const block = pages.allocate(3);
    const single = pages.allocate();
    pages.free(single);
    const free = pages.freePages;
    expect(thrown(() => pages.free(single))).toBe('ERR_DOUBLE_FREE');
    expect(thrown(() => pages.free(block + PAGE))).toBe('ERR_INTERIOR_POINTER');
    expect(thrown(() => pages.free(block + 1))).toBe('ERR_INTERIOR_POINTER');
    expect(thrown(() => pages.free(8 * MIB))).toBe('ERR_FOREIGN_POINTER');
    expect(thrown(() => pages.free(Number.NaN))).toBe('ERR_FOREIGN_POINTER');
    expect(thrown(() => pages.free(block, 2))).toBe('ERR_ORDER');
    expect(pages.freePages).toBe(free);
    pages.free(block, 3);
    expect(thrown(() => pages.free(block))).toBe('ERR_DOUBLE_FREE');
    pages.drain();
    pages.checkInvariants();
  });

  test('the last page is found even when it waits in the list of another CPU', () => {
    const pages = new PageAllocator({
      ranges: [{ start: 0, byteCount: 4 * PAGE }],
      cpuCount: 2,
      cpuBatch: 4,
    });
    pages.useCpu(1);
    const first = pages.allocate();
    pages.useCpu(0);
    const rest = [pages.allocate(), pages.allocate(), pages.allocate()];
    expect(new Set([first, ...rest]).size).toBe(4);
    expect(pages.allocate()).toBe(NIL);
    for (const address of [first, ...rest]) pages.free(address);
    expect(pages.freePages).toBe(4);
    pages.drain();
    expect(pages.allocate(2)).toBe(0);
  });

  test('with holes and CPU lists, blocks stay disjoint, aligned and balanced', () => {
    const ranges = [
      { start: 5 * PAGE, byteCount: 300 * PAGE },
      { start: 1000 * PAGE, byteCount: 77 * PAGE },
      { start: 4096 * PAGE, byteCount: 512 * PAGE },
    ];
    const total = 300 + 77 + 512;
    const step = fc.record({
      op: fc.integer({ min: 0, max: 5 }),
      n: fc.nat(40),
      pick: fc.nat(1000),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), fc.constantFrom(1, 2), (steps, cpuCount) => {
        const pages = new PageAllocator({ ranges, cpuCount, cpuBatch: 3 });
        const model = new Model();
        for (const { op, n, pick } of steps) {
          pages.useCpu(pick % cpuCount);
          const live = [...model.blocks.keys()];
          if (op <= 1) {
            const order = n % 6;
            const address = pages.allocate(order);
            if (address !== NIL) {
              expect(address % (2 ** order * PAGE)).toBe(0);
              model.add(address, 2 ** order);
            }
          } else if (op === 2) {
            const address = pages.allocateRun(n + 1, n % 3);
            if (address !== NIL) {
              expect(address % (2 ** (n % 3) * PAGE)).toBe(0);
              model.add(address, n + 1);
            }
          } else if (live.length > 0) {
            const address = live[pick % live.length];
            const old = model.blocks.get(address) as number;
            if (op === 3) {
              expect(pages.pagesAt(address)).toBe(old);
              if (
                thrown(() => pages.resizeRun(address, n + 1)) === 'nothing' &&
                pages.pagesAt(address) === n + 1
              ) {
                model.blocks.delete(address);
                model.add(address, n + 1);
              }
            } else {
              pages.free(address);
              model.blocks.delete(address);
            }
          }
          expect(pages.usedPages).toBe(model.pages);
          pages.checkInvariants();
        }
        for (const address of model.blocks.keys()) pages.free(address);
        pages.drain();
        pages.checkInvariants();
        expect(pages.freePages).toBe(total);
      }),
      { numRuns: 60 },
    );
  });
});
