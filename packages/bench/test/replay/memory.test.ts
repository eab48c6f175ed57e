import { describe, expect, test } from 'vitest';
import { MACHINES } from '../../src/replay/machines.js';
import { replayCaches, replayTlb } from '../../src/replay/memory.js';
import { replayModelled } from '../../src/replay/modelled-memory.js';
import { decodeMemoryTrace, type MemoryTrace } from '../../src/traces/memory-trace.js';
import { readTraceFile } from '../../src/traces/trace-file.js';
import { readJson, recordings } from '../recordings.js';

type Triple = [bytes: number, ways: number, lineBytes: number];

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

/** HOTPATH_CAMPAIGN=1 checks every TLB and page size; a sample is checked otherwise. */
const campaign = process.env['HOTPATH_CAMPAIGN'] === '1';

const PAGE_BYTES = { '4K': 4096, '2M': 2 ** 21 };

describe.each(recordings('hw', /^mem-.*\.expected\.json$/))('%s', (path) => {
  const answers = readJson<Answers>(path);
  const trace = decodeMemoryTrace(readTraceFile(path.replace('.expected.json', '.mem.gz')));

  test('cache misses are those of the reference, by kind', () => {
    for (const { I1, D1, LL, Ir_I1mr_ILmr_Dr_D1mr_DLmr_Dw_D1mw_DLmw: counts } of answers.cache) {
      const options = { i1: I1, d1: D1, ll: LL };
      expect(Object.values(replayCaches(trace, options))).toEqual(counts);
    }
  });

  test('TLB look-ups and misses are those of the reference', () => {
    expect(answers.tlb_lru_full.length).toBeGreaterThan(0);
    const sizes = answers.tlb_lru_full.filter(
      ({ stream, page, entries }) =>
        stream === 'I' && (campaign || (page === '4K') === (entries === 64)),
    );
    for (const { page, entries } of sizes) {
      const tlb = replayTlb(trace, entries, PAGE_BYTES[page]);
      const rows = answers.tlb_lru_full.filter((r) => r.page === page && r.entries === entries);
      for (const { stream, lookups, misses } of rows) {
        expect(tlb[stream]).toEqual({ lookups, misses });
      }
    }
  });
});

/** Loads of 8 bytes, one of each of 1,000 pages, twice around; the second time they are mapped. */
const strided: MemoryTrace = {
  referenceCount: 2000,
  kind: new Uint8Array(2000).fill(1),
  size: new Uint8Array(2000).fill(8),
  address: Float64Array.from({ length: 2000 }, (_, index) => (index % 1000) * 4096),
};

test('on the modelled machine 2 MiB pages take the walks away', () => {
  const small = replayModelled(strided, MACHINES['skylake-client']!, 4096);
  const large = replayModelled(strided, MACHINES['skylake-client']!, 2 ** 21);
  // 1,000 pages fit the second level of 1,536 entries, not the first of 64.
  expect([small.pages, small.dtlbLoadWalks, small.stlbHits]).toEqual([1000, 1000, 1000]);
  expect([large.pages, large.dtlbLoadWalks, large.stlbHits]).toEqual([2, 2, 0]);
  expect(large.cycles).toBeLessThan(small.cycles);
});

test('a reference across two pages touches both, a modify loads and stores', () => {
  const across: MemoryTrace = {
    referenceCount: 2,
    kind: Uint8Array.of(1, 3),
    size: Uint8Array.of(8, 4),
    address: Float64Array.of(4092, 64),
  };
  const replay = replayModelled(across, MACHINES['zen-4']!, 4096);
  // Three lines of data, and one of each of the four tables: walks go through the caches.
  expect([replay.pages, replay.dtlbLoadWalks, replay.l1dMisses]).toEqual([2, 2, 7]);
  expect(replayModelled(across, MACHINES['zen-4']!, 4096)).toEqual(replay);
});
