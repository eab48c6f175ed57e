import { NIL } from '@hotpath/hw-x86';
import { describe, expect, test } from 'vitest';
import { buddyInfo, compactionReport, fragmentationIndex, PageAllocator } from '../src/index.js';
import { codeOf } from './plain-memory.js';

const PAGE = 4096;

describe('reports of the page allocator', () => {
  test('buddyinfo counts the free blocks of every order', () => {
    const pages = new PageAllocator({ ranges: [{ start: 0, byteCount: 21 * PAGE }] });
    const counts = buddyInfo(pages);
    expect(counts.slice(0, 5)).toEqual([1, 0, 1, 0, 1]);
    expect(counts.reduce((sum, count, order) => sum + count * 2 ** order, 0)).toBe(21);
  });

  test('the fragmentation index tells lack of memory from pieces', () => {
    const pages = new PageAllocator({ ranges: [{ start: 0, byteCount: 64 * PAGE }] });
    expect(fragmentationIndex(pages, 6)).toBe(-1);
    const all = Array.from({ length: 64 }, () => pages.allocate());
    expect(fragmentationIndex(pages, 3)).toBe(0);
    for (let i = 0; i < 64; i += 2) pages.free(i * PAGE);
    pages.drain();
    expect(fragmentationIndex(pages, 0)).toBe(-1);
    // 32 single pages free, 8 wanted in a row: 1 - (1 + 32/8)/32, as Linux computes it.
    expect(fragmentationIndex(pages, 3)).toBeCloseTo(1 - 5 / 32, 12);
    expect(all.length).toBe(64);
    expect(codeOf(() => fragmentationIndex(pages, 19))).toBe('ERR_ORDER');
  });

  test('compaction names the place where fewest pages are in use', () => {
    const pages = new PageAllocator({ ranges: [{ start: 0, byteCount: 64 * PAGE }] });
    for (let i = 0; i < 64; i += 1) pages.allocate();
    for (let i = 0; i < 64; i += 4) pages.free(i * PAGE);
    for (const i of [17, 18, 21, 22]) pages.free(i * PAGE);
    pages.drain();
    expect(pages.allocate(3)).toBe(NIL);
    expect(compactionReport(pages, 3)).toEqual({
      order: 3,
      address: 16 * PAGE,
      pagesToMove: 2,
      possible: true,
    });
    expect(compactionReport(pages, 6).possible).toBe(false);
    expect(compactionReport(pages, 7).address).toBe(NIL);
    for (const i of [19, 23]) pages.free(i * PAGE);
    pages.drain();
    expect(compactionReport(pages, 3).pagesToMove).toBe(0);
    expect(pages.allocate(3)).toBe(16 * PAGE);
  });
});
