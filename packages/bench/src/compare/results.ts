/** Two results of the same kind, figure by figure. */
import { type Direction, directionOf } from './direction.js';
import { numericLeaves } from './leaves.js';

/** What became of one figure. */
export interface Difference {
  readonly path: string;
  readonly verdict: 'worse' | 'better' | 'changed' | 'gone' | 'new';
  readonly before: number | null;
  readonly after: number | null;
  /** `after / before - 1`, or null where that is no number. */
  readonly change: number | null;
}

/** The whole comparison. */
export interface Comparison {
  readonly compared: number;
  /** Figures that are worse by more than the tolerance, or gone. */
  readonly regressions: number;
  /** All that differ; worst first. */
  readonly differences: readonly Difference[];
}

const RANK: Readonly<Record<Difference['verdict'], number>> = {
  ...{ worse: 0, gone: 1, better: 2, changed: 3, new: 4 },
};

/**
 * Compares every number of two JSON values. Worse means further in the wrong direction than
 * `tolerance` allows, as a share of the first value; a figure that only one has is `gone` (a
 * regression, since nobody can say how it is) or `new`.
 * @param tolerance - 0 or more; 0.02 allows two per cent
 * @param directionOfPath - what is better; by default from the words of the path
 */
export function compareResults(
  before: unknown,
  after: unknown,
  tolerance: number,
  directionOfPath: (path: string) => Direction = directionOf,
): Comparison {
  const first = numericLeaves(before);
  const second = numericLeaves(after);
  const differences: Difference[] = [];
  for (const [path, value] of first) {
    const difference = differenceOf(
      path,
      value,
      second.get(path),
      tolerance,
      directionOfPath(path),
    );
    if (difference !== null) differences.push(difference);
  }
  for (const [path, value] of second) {
    if (first.has(path)) continue;
    differences.push({ path, verdict: 'new', before: null, after: value, change: null });
  }
  differences.sort(
    (x, y) =>
      RANK[x.verdict] - RANK[y.verdict] || Math.abs(y.change ?? 0) - Math.abs(x.change ?? 0),
  );
  const regressions = differences.filter(
    ({ verdict }) => verdict === 'worse' || verdict === 'gone',
  ).length;
  return { compared: first.size, regressions, differences };
}

function differenceOf(
  path: string,
  before: number,
  after: number | undefined,
  tolerance: number,
  direction: Direction,
): Difference | null {
  if (after === undefined) return { path, verdict: 'gone', before, after: null, change: null };
  if (before === after) return null;
  const change = before === 0 ? null : after / before - 1;
  return {
    path,
    verdict: verdictOf(direction, before, after, tolerance),
    before,
    after,
    change,
  };
}

function verdictOf(
  direction: Direction,
  before: number,
  after: number,
  tolerance: number,
): Difference['verdict'] {
  if (direction === 'neither') return 'changed';
  const rise = direction === 'less' ? after - before : before - after;
  if (rise <= 0) return 'better';
  return rise > tolerance * Math.abs(before) ? 'worse' : 'changed';
}
