import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RangeAllocator } from '../../src/memory/range-allocator.js';

const START = -(2 ** 46);
const PAGE = 4096;

describe('RangeAllocator', () => {
  it('hands out the lowest free range that fits', () => {
    const ranges = new RangeAllocator(START, 16 * PAGE);
    expect(ranges.allocate(4 * PAGE, PAGE)).toBe(START);
    expect(ranges.allocate(4 * PAGE, PAGE)).toBe(START + 4 * PAGE);
    ranges.free(START);
    expect(ranges.allocate(2 * PAGE, PAGE)).toBe(START);
    expect(ranges.allocate(4 * PAGE, PAGE)).toBe(START + 8 * PAGE);
  });

  it('aligns a range and keeps the gap before it free', () => {
    const ranges = new RangeAllocator(START + PAGE, 64 * PAGE);
    expect(ranges.allocate(8 * PAGE, 8 * PAGE)).toBe(START + 8 * PAGE);
    expect(ranges.allocate(7 * PAGE, PAGE)).toBe(START + PAGE);
    ranges.checkInvariants();
  });

  it('answers NIL when no range is large enough, and takes it again after a free', () => {
    const ranges = new RangeAllocator(0, 4 * PAGE);
    const first = ranges.allocate(3 * PAGE, PAGE);
    expect(ranges.allocate(2 * PAGE, PAGE)).toBe(-1);
    ranges.free(first);
    expect(ranges.allocate(4 * PAGE, PAGE)).toBe(0);
  });

  it('refuses to free what is not the start of a range, and names the address', () => {
    const ranges = new RangeAllocator(0, 4 * PAGE);
    ranges.allocate(2 * PAGE, PAGE);
    expect(() => ranges.free(PAGE)).toThrow(/address is 4096/);
    ranges.free(0);
    expect(() => ranges.free(0)).toThrow(expect.objectContaining({ code: 'ERR_RANGE_START' }));
  });

  it('never hands out overlapping ranges and loses no byte', () => {
    const step = fc.oneof(
      fc.record({ pages: fc.integer({ min: 1, max: 9 }), align: fc.constantFrom(1, 2, 8) }),
      fc.record({ free: fc.nat(30) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const ranges = new RangeAllocator(START, 64 * PAGE);
        const live: { start: number; bytes: number }[] = [];
        for (const move of steps) {
          if ('free' in move) {
            const [gone] = live.splice(move.free % Math.max(live.length, 1), 1);
            if (gone !== undefined) ranges.free(gone.start);
          } else {
            const bytes = move.pages * PAGE;
            const start = ranges.allocate(bytes, move.align * PAGE);
            if (start === -1) continue;
            expect(Math.abs(start % (move.align * PAGE))).toBe(0);
            for (const other of live) {
              expect(start + bytes <= other.start || other.start + other.bytes <= start).toBe(true);
            }
            live.push({ start, bytes });
          }
          ranges.checkInvariants();
        }
        expect(ranges.usedCount).toBe(live.length);
      }),
    );
  });
});
