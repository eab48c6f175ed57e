/** Nanoseconds as milliseconds with three digits behind the point, as the tables of perf have them. */
export function milliseconds(nanoseconds: number): string {
  return (nanoseconds / 1e6).toFixed(3);
}

/** Nanoseconds as seconds with six digits behind the point. */
export function secondsText(nanoseconds: number): string {
  return (nanoseconds / 1e9).toFixed(6);
}
