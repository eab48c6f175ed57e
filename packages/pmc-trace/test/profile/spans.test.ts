import { describe, expect, test } from 'vitest';
import { CounterSet, ProfileSpans } from '../../src/index.js';
import { FakePmu } from '../counters/fake-pmu.js';

describe('ProfileSpans', () => {
  test('a span reports its ticks and the deltas of its counters, those inside included', () => {
    const pmu = new FakePmu();
    const counters = new CounterSet(pmu, { model: 'skylake' });
    counters.start();
    const clock = { time: 0, now: () => clock.time };
    const spans = new ProfileSpans(clock, counters);
    const outer = spans.register('outer');
    const inner = spans.register('inner');
    for (let round = 1; round <= 100; round += 1) {
      spans.start(outer);
      clock.time += 10;
      pmu.happen(0x412e, 1);
      spans.start(inner);
      clock.time += round;
      pmu.happen(0x0e08, 2);
      expect(spans.end(inner)).toBe(round);
      expect(spans.end(outer)).toBe(round + 10);
    }
    const report = spans.report(inner);
    expect(report).toMatchObject({ name: 'inner', count: 100, min: 1, max: 100, p50: 50, p99: 99 });
    expect(report.mean).toBe(50.5);
    expect(report.counters).toMatchObject({ 'dtlb-misses': 200, 'llc-misses': 0 });
    expect(spans.report(outer).counters).toMatchObject({ 'dtlb-misses': 200, 'llc-misses': 100 });
    spans.checkInvariants();
  });

  test('a host without counters still measures time', () => {
    const clock = { time: 5, now: () => clock.time };
    const spans = new ProfileSpans(clock);
    const span = spans.register('work');
    spans.start(span);
    clock.time = 47;
    spans.end(span);
    expect(spans.reports()).toEqual([
      { name: 'work', count: 1, min: 42, mean: 42, p50: 42, p99: 42, max: 42, counters: {} },
    ]);
  });

  test('an end that is not the innermost span, an unknown name and a missing end are refused', () => {
    const spans = new ProfileSpans({ now: () => 0 });
    const [outer, inner] = [spans.register('outer'), spans.register('inner')];
    expect(spans.register('outer')).toBe(outer);
    expect(() => spans.end(outer)).toThrow('innermost span: none');
    expect(() => spans.start(2)).toThrow(expect.objectContaining({ code: 'ERR_SPAN_NAME' }));
    spans.start(outer);
    spans.start(inner);
    expect(() => spans.end(outer)).toThrow('end of outer; innermost span: inner');
    for (let depth = 2; depth < 256; depth += 1) spans.start(inner);
    expect(() => spans.start(inner)).toThrow(expect.objectContaining({ code: 'ERR_SPAN_DEPTH' }));
  });
});
