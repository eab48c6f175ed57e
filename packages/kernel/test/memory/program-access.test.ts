import { OK, PAGE_BYTES } from '@hotpath/hw-x86';
import { describe, expect, it } from 'vitest';
import { boot, STATUS_SEGV } from '../../src/index.js';

/** Bytes that differ from page to page and from their neighbours. */
function pattern(length: number, seed: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 7 + (i >> 8) * 13 + seed) & 255);
}

describe('copies between a program and its memory', () => {
  it.each([
    ['flat', 0, 1],
    ['flat', 4090, 13],
    ['full', 17, 5 * PAGE_BYTES + 3],
    ['full', 4095, 2 * PAGE_BYTES + 2],
  ] as const)(
    '%s: what is stored at offset %i, %i bytes, is loaded again',
    (mode, offset, length) => {
      const kernel = boot({ mode, strict: true });
      const written = pattern(length, 5);
      const read = new Uint8Array(length);
      const results: number[] = [];
      const report = kernel.spawn('copier', function* (sys) {
        const heap = yield* sys.brk(0);
        yield* sys.brk(heap + 8 * PAGE_BYTES);
        results.push(yield* sys.storeBytes(heap + offset, written));
        results.push(yield* sys.loadBytes(heap + offset, read));
        results.push(yield* sys.load8(heap + offset + length - 1));
      });
      kernel.run();
      expect(report.status).toBe(0);
      expect(read).toEqual(written);
      expect(results).toEqual([OK, OK, written[length - 1]]);
      expect(kernel.parts.faults.anonymousCount).toBe(Math.ceil((offset + length) / PAGE_BYTES));
    },
  );

  it('an empty array moves nothing and touches nothing, even at a bad address', () => {
    const kernel = boot();
    const report = kernel.spawn('nothing', function* (sys) {
      expect(yield* sys.loadBytes(5, new Uint8Array(0))).toBe(OK);
      expect(yield* sys.storeBytes(-(2 ** 46), new Uint8Array(0))).toBe(OK);
    });
    kernel.run();
    expect(report.status).toBe(0);
  });

  it('running off the end of the heap is SIGSEGV with the bytes before it moved', () => {
    const kernel = boot();
    const into = new Uint8Array(2 * PAGE_BYTES);
    const report = kernel.spawn('reader', function* (sys) {
      const heap = yield* sys.brk(0);
      yield* sys.brk(heap + PAGE_BYTES);
      yield* sys.storeBytes(heap, pattern(PAGE_BYTES, 1));
      yield* sys.loadBytes(heap, into);
    });
    kernel.run();
    expect(report.status).toBe(STATUS_SEGV);
    expect(into.subarray(0, PAGE_BYTES)).toEqual(pattern(PAGE_BYTES, 1));
    expect(into.subarray(PAGE_BYTES)).toEqual(new Uint8Array(PAGE_BYTES));
    kernel.checkInvariants();
  });

  it('a copy of many pages is preempted, and costs time on both sides', () => {
    const kernel = boot({ mode: 'full' });
    const bytes = pattern(256 * PAGE_BYTES, 9);
    const order: string[] = [];
    kernel.spawn('copier', function* (sys) {
      const heap = yield* sys.brk(0);
      yield* sys.brk(heap + bytes.length);
      for (let i = 0; i < 20; i++) yield* sys.storeBytes(heap, bytes);
      order.push('copied');
    });
    kernel.spawn('other', function* (sys) {
      yield* sys.compute(1000);
      order.push('computed');
    });
    kernel.run();
    expect(order).toEqual(['computed', 'copied']);
    // 64 lines a page on either side, a cycle each at the very least.
    expect(kernel.cycles).toBeGreaterThan(20 * 256 * 128);
  });
});

describe('loads and stores of 8 and 64 bits', () => {
  it('agree with each other, also across a page border', () => {
    const kernel = boot();
    const seen: number[] = [];
    kernel.spawn('widths', function* (sys) {
      const heap = yield* sys.brk(0);
      yield* sys.brk(heap + 2 * PAGE_BYTES);
      const at = heap + PAGE_BYTES - 3;
      yield* sys.store64(at, 0x89abcdef, 0x01234567);
      seen.push(yield* sys.load64(at), sys.high, yield* sys.load8(at + 7), yield* sys.load8(at));
      yield* sys.store8(at + 1, 0x1ff);
      seen.push(yield* sys.load32(at));
    });
    kernel.run();
    expect(seen).toEqual([0x89abcdef, 0x01234567, 0x01, 0xef, 0x89abffef]);
  });
});
