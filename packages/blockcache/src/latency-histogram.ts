/** Counts of durations in buckets that double: bucket b holds `2**b <= duration < 2**(b + 1)`. */
import { assert } from '@hotpath/hw-x86';

const BUCKETS = 54;

/** A histogram of durations, in the units of the clock that measured them. */
export class LatencyHistogram {
  /** Durations in each bucket; bucket 0 also holds those below 1. */
  readonly buckets = new Float64Array(BUCKETS);
  count = 0;
  sum = 0;
  maximum = 0;

  /** Adds a duration, 0 or more. */
  record(duration: number): void {
    assert(duration >= 0, 'latency histogram: a negative duration');
    const bucket = duration < 1 ? 0 : Math.min(BUCKETS - 1, exponentOf(duration));
    this.buckets[bucket] += 1;
    this.count += 1;
    this.sum += duration;
    if (duration > this.maximum) this.maximum = duration;
  }

  /** A duration that at least `share` (0 to 1) of all do not exceed: the upper end of its bucket. */
  quantile(share: number): number {
    let seen = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      seen += this.buckets[bucket];
      if (seen >= share * this.count && seen > 0) return Math.min(2 ** (bucket + 1), this.maximum);
    }
    return 0;
  }
}

/** Whole part of the binary logarithm, without logarithms: those differ between engines. */
function exponentOf(value: number): number {
  return value < 2 ** 31 ? 31 - Math.clz32(value) : 31 + exponentOf(value / 2 ** 31);
}
