/** Of repeated measurements of one thing, in one unit. */
export interface Summary {
  readonly min: number;
  readonly p25: number;
  readonly median: number;
  readonly p75: number;
}

/** The value at `fraction` (0..1) of the sorted values: nearest rank, so it was really measured. */
export function quantile(values: ArrayLike<number>, fraction: number): number {
  if (values.length === 0) throw new RangeError('a quantile needs one value or more');
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.max(0, Math.ceil(fraction * sorted.length) - 1)];
}

/** The minimum and the quartiles: noise only ever adds, so the low ones repeat best. */
export function summarize(values: readonly number[]): Summary {
  return {
    min: quantile(values, 0),
    p25: quantile(values, 0.25),
    median: quantile(values, 0.5),
    p75: quantile(values, 0.75),
  };
}
