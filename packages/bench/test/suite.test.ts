import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runSuite, type SuiteResults } from '../src/suite/index.js';

const folder = mkdtempSync(join(tmpdir(), 'hotpath-suite-'));
const lines: string[] = [];
let json = '';
let results: SuiteResults;

async function run(name: string, print: (line: string) => void): Promise<string> {
  const file = join(folder, name, 'results.json');
  await runSuite({ seed: 1, json: file, out: join(folder, name), print, progress: () => {} });
  return readFileSync(file, 'utf8');
}

beforeAll(async () => {
  json = await run('first', (line) => lines.push(line));
  results = JSON.parse(json) as SuiteResults;
}, 120_000);

afterAll(() => rmSync(folder, { recursive: true }));

describe('the suite', () => {
  it('prints exactly the lines that it promises, in their order', () => {
    const forms = [
      /^=== Hotpath Performance Benchmark Suite ===$/,
      /^\[BENCH\] Block Cache: 100000 ops, \d+ cycles, \d+ ops\/sec, hit_rate=99\.0%$/,
      /^\[BENCH\] Slab: \d+ cycles, Malloc: \d+ cycles \(\d+\.\d\dx faster\)$/,
      /^\[BENCH\] Context Switch: avg=\d+, min=\d+, max=\d+ cycles$/,
      /^\[BENCH\] 4KB pages: \d+ cycles, \d+ TLB misses$/,
      /^\[BENCH\] 2MB pages: \d+ cycles, \d+ TLB misses \(\d+\.\d\dx faster\)$/,
      /^\[REPLAY\] I\/O io-sqlite-open: 129778 page accesses, LRU of 2197 blocks, hit_rate=/,
      /^\[REPLAY\] Allocations sqlite3: 200000 events, .* 0 errors$/,
      /^\[REPLAY\] Bursts sched-make-open under CFS: 108 tasks on 2 CPUs/,
      /^\[REPLAY\] Bursts sched-make-open under MLFQ: 108 tasks on 2 CPUs/,
      /^$/,
      /^=== Benchmark Complete ===$/,
    ];
    expect(lines).toHaveLength(forms.length);
    lines.forEach((line, i) => {
      expect(line).toMatch(forms[i]!);
    });
  });

  it('prints what the first screen of the README shows, figure for figure', () => {
    const readme = readFileSync(new URL('../../../README.md', import.meta.url), 'utf8');
    expect(readme).toContain(lines.join('\n'));
  });

  it('gives the same bytes of simulated figures for the same seed', async () => {
    expect(await run('second', () => {})).toBe(json);
  }, 120_000);

  it('counts operations and cycles of the same pass, and hits of both passes', () => {
    const { cold, hitRate, operations, operationsPerSecond, warm } = results.blockCache;
    expect(hitRate).toBeCloseTo(100_000 / 101_000, 9);
    expect(operationsPerSecond * warm.cycles).toBeGreaterThan(operations * 1e9);
    // Cold reads wait for the disk, one after the other.
    expect(cold.cycles / 1000).toBeGreaterThan((1000 * warm.cycles) / operations);
  });

  it('switches exactly once a sample', () => {
    const { average, max, min, samples, switches } = results.contextSwitch;
    expect(switches).toBe(samples);
    expect(min).toBeLessThanOrEqual(average);
    expect(average).toBeLessThanOrEqual(max);
  });

  it('walks once a page with either page size, beside what vmalloc walks', () => {
    const { large, small } = results.pageSize;
    expect(small.warm.dtlbMisses).toBe(64 * 256);
    expect(small.total.dtlbMisses).toBeGreaterThanOrEqual(64 * 256);
    expect(small.total.dtlbMisses).toBeLessThan(64 * 256 * 1.02);
    expect(large.total.dtlbMisses).toBe(32);
    expect(large.total.cycles).toBeLessThan(small.total.cycles);
  });

  it('leaves a Chrome trace in which every begin has its end', () => {
    const text = readFileSync(join(folder, 'first', 'trace.json'), 'utf8');
    const { traceEvents } = JSON.parse(text) as {
      traceEvents: { ph: string; pid: number; tid: number; name: string }[];
    };
    const open = new Map<string, number>();
    for (const { ph, pid, tid } of traceEvents) {
      const track = `${pid}/${tid}`;
      const depth = open.get(track) ?? 0;
      if (ph === 'B') open.set(track, depth + 1);
      if (ph === 'E') open.set(track, depth - 1);
      expect(open.get(track) ?? 0).toBeGreaterThanOrEqual(0);
    }
    expect([...open.values()].every((depth) => depth === 0)).toBe(true);
    for (const name of ['fsync', 'write', 'read', 'open', 'nice', 'sched_yield', 'disk']) {
      expect(traceEvents.some((event) => event.name === name)).toBe(true);
    }
  });
});
