import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LogLinearHistogram } from '../../src/index.js';

describe('LogLinearHistogram', () => {
  test('quantiles are at most 1/64 above the exact ones, and exact below 128', () => {
    const value = fc.oneof(
      fc.integer({ min: 0, max: 300 }),
      fc.integer({ min: 0, max: 2 ** 32 }),
      fc.maxSafeInteger().map(Math.abs),
    );
    const fraction = fc.integer({ min: 0, max: 1_000_000 });
    fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: 200 }), fraction, (values, part) => {
        const histogram = new LogLinearHistogram();
        for (const one of values) histogram.record(one);
        const sorted = [...values].sort((x, y) => x - y);
        const rank = Math.max(1, Math.ceil((values.length * part) / 1_000_000));
        const exact = sorted[rank - 1];
        const got = histogram.quantile(part);
        expect(got).toBeGreaterThanOrEqual(exact);
        expect(got).toBeLessThanOrEqual(exact < 128 ? exact : exact + exact / 64);
        expect(histogram.low).toBe(sorted[0]);
        expect(histogram.high).toBe(sorted[sorted.length - 1]);
        const total = histogram.buckets().reduce((sum, bucket) => sum + bucket.count, 0);
        expect(total).toBe(values.length);
      }),
    );
  });

  test('merging two histograms is recording all values into one', () => {
    const [left, right, both] = [0, 1, 2].map(() => new LogLinearHistogram());
    for (let value = 1; value < 1e6; value = value * 3 + 1) {
      (value % 2 === 0 ? left : right).record(value);
      both.record(value);
    }
    left.merge(right);
    expect(left.buckets()).toEqual(both.buckets());
    expect([left.count, left.sum, left.low, left.high]).toEqual([
      both.count,
      both.sum,
      both.low,
      both.high,
    ]);
    left.checkInvariants();
  });

  test('an empty histogram answers zeros and a bad fraction is refused', () => {
    const histogram = new LogLinearHistogram();
    expect([histogram.mean, histogram.quantile(990_000)]).toEqual([0, 0]);
    expect(() => histogram.quantile(99.9)).toThrow(/whole number 0..1000000/);
  });
});
