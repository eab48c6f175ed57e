/** Two runs of `peers`. Host times differ from day to day, so what is compared are the ratios. */
import type { RaceResult, Standing } from '../harness/race.js';
import type { Comparison, Difference } from './results.js';

/** What of a `hotpath-peers/1` object is compared. */
export interface PeersResult {
  readonly area: string;
  readonly results: readonly RaceResult[];
}

/**
 * A rival's time by ours. It is worse for us when it fell by more than the tolerance, and the
 * quartiles of the two runs do not overlap. A contestant or workload that is no more there is gone.
 */
export function compareRaces(
  before: readonly PeersResult[],
  after: readonly PeersResult[],
  tolerance: number,
): Comparison {
  const first = ratiosOf(before);
  const second = ratiosOf(after);
  const differences: Difference[] = [];
  for (const [path, ratio] of first) {
    const now = second.get(path);
    if (now === undefined) {
      differences.push({ path, verdict: 'gone', before: ratio.p25, after: null, change: null });
      continue;
    }
    const change = now.p25 / ratio.p25 - 1;
    const apart = now.high < ratio.low || now.low > ratio.high;
    const verdict = !apart || Math.abs(change) <= tolerance ? 'changed' : sign(change);
    differences.push({ path, verdict, before: ratio.p25, after: now.p25, change });
  }
  for (const [path, ratio] of second) {
    if (first.has(path)) continue;
    differences.push({ path, verdict: 'new', before: null, after: ratio.p25, change: null });
  }
  const order = ['worse', 'gone', 'better', 'changed', 'new'];
  differences.sort((x, y) => order.indexOf(x.verdict) - order.indexOf(y.verdict));
  const bad = differences.filter(({ verdict }) => verdict === 'worse' || verdict === 'gone');
  return { compared: first.size, regressions: bad.length, differences };
}

const sign = (change: number): 'worse' | 'better' => (change < 0 ? 'worse' : 'better');

function ratiosOf(runs: readonly PeersResult[]): Map<string, Standing['ratio']> {
  const ratios = new Map<string, Standing['ratio']>();
  for (const { area, results } of runs) {
    for (const { workload, standings } of results) {
      // The first is the reference: its ratio is 1 always.
      for (const { id, ratio } of standings.slice(1)) {
        ratios.set(`${area}.${workload}[${id}].ratio`, ratio);
      }
    }
  }
  return ratios;
}
