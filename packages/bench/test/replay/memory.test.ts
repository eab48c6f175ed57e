import { describe, expect, test } from 'vitest';
import { replayCaches, replayTlb } from '../../src/replay/memory.js';
import { SetAssociativeCache } from '../../src/replay/set-associative.js';
import { decodeMemoryTrace } from '../../src/traces/memory-trace.js';
import { readTraceFile } from '../../src/traces/trace-file.js';
import { readJson, recordings } from '../recordings.js';

type Triple = [byteCount: number, ways: number, lineBytes: number];

interface Answers {
  cache: { I1: Triple; D1: Triple; LL: Triple; Ir_I1mr_ILmr_Dr_D1mr_DLmr_Dw_D1mw_DLmw: number[] }[];
  tlb_lru_full: {
    page: '4K' | '2M';
    entries: number;
    stream: 'I' | 'D' | 'unified';
    lookups: number;
    misses: number;
  }[];
}

const geometry = ([byteCount, ways, lineBytes]: Triple) => ({ byteCount, ways, lineBytes });
const PAGE_BYTES = { '4K': 4096, '2M': 2 ** 21 };

describe.each(recordings('hw', /^mem-.*\.expected\.json$/))('%s', (path) => {
  const answers = readJson<Answers>(path);
  const trace = decodeMemoryTrace(readTraceFile(path.replace('.expected.json', '.mem.gz')));

  test('cache misses are those of the reference, by kind', () => {
    for (const { I1, D1, LL, Ir_I1mr_ILmr_Dr_D1mr_DLmr_Dw_D1mw_DLmw: counts } of answers.cache) {
      const options = { i1: geometry(I1), d1: geometry(D1), ll: geometry(LL) };
      expect(Object.values(replayCaches(trace, options))).toEqual(counts);
    }
  });

  test('TLB look-ups and misses are those of the reference', () => {
    expect(answers.tlb_lru_full.length).toBeGreaterThan(0);
    for (const { page, entries } of answers.tlb_lru_full.filter(({ stream }) => stream === 'I')) {
      const tlb = replayTlb(trace, entries, PAGE_BYTES[page]);
      const rows = answers.tlb_lru_full.filter((r) => r.page === page && r.entries === entries);
      for (const { stream, lookups, misses } of rows) {
        expect(tlb[stream]).toEqual({ lookups, misses });
      }
    }
  });
});

test('a reference that straddles two lines touches both and misses once', () => {
  const cache = new SetAssociativeCache({ byteCount: 512, ways: 2, lineBytes: 64 });
  expect(cache.misses(60, 8)).toBe(true);
  expect(cache.misses(0, 4)).toBe(false);
  expect(cache.misses(64, 4)).toBe(false);
});

test('the least recently used way of a set goes', () => {
  const cache = new SetAssociativeCache({ byteCount: 128, ways: 2, lineBytes: 64 });
  expect([0, 64, 0, 128, 0, 64].map((address) => cache.misses(address, 1))).toEqual([
    ...[true, true, false, true, false, true],
  ]);
});

test.each([
  { byteCount: 5000, ways: 4, lineBytes: 64 },
  { byteCount: 4096, ways: 4, lineBytes: 48 },
  { byteCount: 4096, ways: 3, lineBytes: 64 },
  { byteCount: 4096, ways: 0, lineBytes: 64 },
])('the geometry %j is refused', (wrong) => {
  expect(() => new SetAssociativeCache(wrong)).toThrow(/allowed: BYTES,WAYS,LINE/);
});
