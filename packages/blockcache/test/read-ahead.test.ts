import { describe, expect, test } from 'vitest';
import {
  initialWindow,
  LatencyHistogram,
  MissRatioCurve,
  nextWindow,
  ReadAhead,
  replayKeys,
} from '../src/index.js';
import { goldenTraces, readPageKeys } from './support/io-trace.js';
import { Rig } from './support/rig.js';

describe('windows', () => {
  test('the first window is 4n, 2n or all, as n grows', () => {
    expect([1, 2, 3, 4, 5, 8, 9, 32, 33].map((n) => initialWindow(n, 128))).toEqual([
      4, 8, 16, 16, 16, 16, 32, 64, 128,
    ]);
  });

  test('a window grows fourfold below a sixteenth, then twofold, up to the maximum', () => {
    const sizes = [4];
    while (sizes[sizes.length - 1] < 128) sizes.push(nextWindow(sizes[sizes.length - 1], 128));
    expect(sizes).toEqual([4, 16, 32, 64, 128]);
    expect(nextWindow(128, 128)).toBe(128);
  });

  test('a random access leaves the state alone', () => {
    const state = new ReadAhead(32);
    expect(state.access(0, 1, true)).toBe(4);
    const { windowStart, windowSize, marker } = state;
    expect(state.access(5000, 1, true)).toBe(0);
    expect([state.windowStart, state.windowSize, state.marker]).toEqual([
      windowStart,
      windowSize,
      marker,
    ]);
    expect(state.access(marker, 1, false)).toBeGreaterThan(0);
  });

  test('a sequential reader finds every block but the first already asked for', () => {
    const rig = new Rig(256, { blockCount: 512 });
    const state = new ReadAhead(32);
    let waited = 0;
    for (let block = 0; block < 400; block++) {
      rig.cache.readAhead(state, rig.device, block, 1);
      let slot = rig.cache.tryGet(rig.device, block);
      if (slot < 0) {
        waited += 1;
        slot = rig.get(block);
      }
      rig.cache.release(slot);
      rig.disk.finishAll();
      rig.cache.reap();
    }
    expect(waited).toBe(1);
  });

  test('random accesses read nothing ahead', () => {
    const rig = new Rig(64, { blockCount: 512 });
    const state = new ReadAhead(32);
    let random = 7;
    for (let i = 0; i < 200; i++) {
      random = (random * 1_103_515_245 + 12_345) % 2_147_483_648;
      const block = 2 + (random % 500);
      if (block === 0) continue;
      rig.cache.readAhead(state, rig.device, block, 1);
      rig.take(block);
    }
    const { readAheadIssued, misses } = rig.cache.statistics();
    expect(readAheadIssued).toBeLessThan(misses / 10);
  });
});

describe('statistics', () => {
  test('the histogram puts each duration into its power of two', () => {
    const histogram = new LatencyHistogram();
    for (const d of [0, 1, 2, 3, 4, 1000, 2 ** 40]) histogram.record(d);
    expect(histogram.buckets[0]).toBe(2);
    expect(histogram.buckets[1]).toBe(2);
    expect(histogram.buckets[2]).toBe(1);
    expect(histogram.buckets[9]).toBe(1);
    expect(histogram.buckets[40]).toBe(1);
    expect(histogram.quantile(0.5)).toBe(4);
    expect(histogram.quantile(1)).toBe(2 ** 40);
  });

  test('requests are timed with the clock, and hits are none', () => {
    let now = 0;
    const rig = new Rig(4, {}, { clock: { now: () => now } });
    rig.cache.get(rig.device, 1, rig.sink, 0);
    now = 500;
    rig.disk.finishAll();
    rig.cache.reap();
    rig.take(1);
    const { readLatency, hits, misses, hitRatio } = rig.cache.statistics();
    expect([readLatency.count, readLatency.maximum]).toEqual([1, 500]);
    expect([hits, misses, hitRatio]).toEqual([1, 1, 0.5]);
  });

  test('the estimated miss ratios lie within 0.025 of exact ones on recordings, 0.01 on average', () => {
    let sum = 0;
    let count = 0;
    for (const trace of goldenTraces().slice(0, 3)) {
      const keys = readPageKeys(trace.path);
      const unique = Math.max(...trace.rows.map(({ capacity }) => capacity));
      const curve = new MissRatioCurve({ maximum: unique, sampleLimit: 4096 });
      for (const key of keys) curve.access(key);
      curve.checkInvariants();
      expect(curve.rate).toBeLessThan(1);
      for (const { policy, capacity, misses } of trace.rows) {
        if (policy !== 'lru') continue;
        const error = Math.abs(curve.missRatio(capacity) - misses / keys.length);
        expect(error).toBeLessThan(0.025);
        sum += error;
        count += 1;
      }
    }
    expect(sum / count).toBeLessThan(0.01);
  });

  test('followed in full the curve is exact', () => {
    const keys = Array.from({ length: 3000 }, (_, i) => (i * i) % 97);
    const curve = new MissRatioCurve({ maximum: 128, sampleLimit: 1024 });
    for (const key of keys) curve.access(key);
    for (const capacity of [1, 5, 20, 60]) {
      const { misses } = replayKeys('lru', capacity, keys);
      expect(curve.missRatio(capacity)).toBeCloseTo(misses / keys.length, 12);
    }
  });
});
