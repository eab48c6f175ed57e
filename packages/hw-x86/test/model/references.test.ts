import { readFileSync } from 'node:fs';
import {
  DTLB_LOAD_WALKS,
  DTLB_STORE_WALKS,
  ITLB_WALKS,
  LARGE_PAGE_BYTES,
  NIL,
  PAGE_BYTES,
} from '@hotpath/hw-x86';
import {
  type CacheGeometry,
  CacheSimulator,
  createMachine,
  TEACHING,
  withProfile,
} from '@hotpath/hw-x86/model';
import { describe, expect, test } from 'vitest';
import { PageTables } from './page-tables.js';
import { type References, readReferences, recordings } from './recordings.js';

function simulate(refs: References, i1: CacheGeometry, d1: CacheGeometry, ll: CacheGeometry) {
  const simulator = new CacheSimulator({ i1, d1, ll });
  for (let i = 0; i < refs.kind.length; i++) {
    if (refs.kind[i] === 0) simulator.fetch(refs.address[i], refs.size[i]);
    else if (refs.kind[i] === 2) simulator.store(refs.address[i], refs.size[i]);
    else simulator.load(refs.address[i], refs.size[i]);
  }
  return Object.values(simulator.counts());
}

test('a replayed recording counts as its references do one by one, whatever piece is replayed', () => {
  const [path] = recordings(/^lackey-prog\.bin\.gz$/);
  const refs = readReferences(path);
  const small: CacheGeometry = [4096, 2, 64];
  for (const [i1, d1, ll] of [
    [small, small, [16_384, 4, 64]],
    [[8192, 4, 32], small, [32_768, 8, 64]],
  ] as CacheGeometry[][]) {
    const simulator = new CacheSimulator({ i1, d1, ll });
    simulator.replay(refs, 0, 1);
    simulator.replay(refs, 1, 100_001);
    simulator.replay(refs, 100_001);
    expect(Object.values(simulator.counts())).toEqual(simulate(refs, i1, d1, ll));
  }
  const simulator = new CacheSimulator({ i1: small, d1: small, ll: small });
  expect(() => simulator.replay(refs, 5, 4)).toThrow(/from is 5; allowed: .*0.*4/);
  expect(() => simulator.replay(refs, 0, refs.kind.length + 1)).toThrow(/end is/);
});

test('all 18 counters of a real program equal those of cachegrind', () => {
  const [path] = recordings(/^lackey-prog\.bin\.gz$/);
  const refs = readReferences(path);
  const text = readFileSync(path.replace('.bin.gz', '.expected.json'), 'utf8');
  const expected = JSON.parse(text) as { configs: Record<string, string | number[]>[] };
  expect(refs.kind.length).toBe(435_900);
  expect(expected.configs.length).toBe(2);
  for (const config of expected.configs) {
    const geometry = (name: string) =>
      (config[name] as string).split(',').map(Number) as unknown as CacheGeometry;
    const counts = simulate(refs, geometry('I1'), geometry('D1'), geometry('LL'));
    expect(counts).toEqual(config['Ir I1mr ILmr Dr D1mr DLmr Dw D1mw DLmw']);
  }
});

/** HOTPATH_CAMPAIGN=1 checks every TLB size, page size and stream; a sample is checked otherwise. */
const campaign = process.env['HOTPATH_CAMPAIGN'] === '1';

interface MemExpected {
  cache: Record<string, number[]>[];
  tlb_lru_full: { page: string; entries: number; stream: string; misses: number }[];
}

/** Walks of a machine with one fully associative TLB and nothing behind it. */
function walks(refs: References, entries: number, pageBytes: number, stream: string): number {
  const profile = withProfile(
    TEACHING,
    'one level',
    { dtlb4kEntries: entries, dtlb4kWays: entries, itlb4kEntries: entries, itlb4kWays: entries },
    'test',
  );
  const machine = createMachine({ memoryBytes: 2 ** 37, profile, pagingCaches: false });
  const { mmu, cells } = machine.cpus[0];
  const tables = new PageTables(machine.memory, 0x1000);
  mmu.setRoot(tables.root);
  const mapped = new Set<number>();
  const touch = (address: number): void => {
    if (mmu.load8(address) !== NIL) return;
    const page = Math.floor(address / pageBytes);
    expect(mapped.has(page)).toBe(false);
    mapped.add(page);
    // Frames need not differ: what is counted is the walks.
    tables.map(page * pageBytes, 2 ** 30, undefined, pageBytes);
    expect(mmu.load8(address)).not.toBe(NIL);
  };
  for (let i = 0; i < refs.kind.length; i++) {
    const isFetch = refs.kind[i] === 0;
    if ((stream === 'I' && !isFetch) || (stream === 'D' && isFetch)) continue;
    const first = refs.address[i];
    const last = first + refs.size[i] - 1;
    touch(first);
    if (Math.floor(first / pageBytes) !== Math.floor(last / pageBytes)) touch(last);
  }
  mmu.translation.checkInvariants();
  return cells[DTLB_LOAD_WALKS] + cells[DTLB_STORE_WALKS] + cells[ITLB_WALKS];
}

describe.each(recordings(/^mem-.*\.expected\.json$/))('references counted in %s', (path) => {
  const refs = readReferences(path.replace('.expected.json', '.mem.gz'));
  const text = readFileSync(path, 'utf8');
  const expected = JSON.parse(text) as MemExpected;

  test('cache misses equal the reference counts', () => {
    for (const config of expected.cache) {
      const { I1, D1, LL } = config as unknown as Record<string, CacheGeometry>;
      const counts = simulate(refs, I1, D1, LL);
      expect(counts).toEqual(config['Ir_I1mr_ILmr_Dr_D1mr_DLmr_Dw_D1mw_DLmw']);
    }
  });

  test('TLB misses of the machine without a second level equal the reference counts', () => {
    const rows = expected.tlb_lru_full.filter(
      ({ page, entries, stream }) =>
        campaign ||
        (page === '4K' && entries === 64 && stream === 'unified') ||
        (path.includes('cc1') && stream === 'D' && (page === '2M') === (entries === 64)),
    );
    expect(rows.length).toBeGreaterThan(0);
    for (const { page, entries, stream, misses } of rows) {
      const bytes = page === '4K' ? PAGE_BYTES : LARGE_PAGE_BYTES;
      expect(walks(refs, entries, bytes, stream), `${page} ${entries} ${stream}`).toBe(misses);
    }
  });
});
