/** Miss ratio by cache size and policy, on a recording. */
import { replayKeys } from '@hotpath/blockcache';
import { loadKeys } from '../../traces/recordings.js';

const TRACE = 'io-cc-open';
const POLICIES = ['lru', 'clock', '2q', 'arc', 's3-fifo', 'belady'] as const;
/** Parts of the unique pages. */
const SIZES = [0.01, 0.03, 0.1, 0.2, 0.4, 0.8];

/** Curves over the same sizes. */
export interface MissRatioPlot {
  readonly trace: string;
  readonly uniquePages: number;
  readonly capacities: readonly number[];
  readonly curves: readonly { readonly policy: string; readonly missRatio: readonly number[] }[];
}

/** Exact: each point is a replay. */
export function plotMissRatio(): MissRatioPlot {
  const { keys, uniqueCount } = loadKeys(TRACE);
  const capacities = SIZES.map((part) => Math.max(1, Math.floor(uniqueCount * part)));
  return {
    trace: TRACE,
    uniquePages: uniqueCount,
    capacities,
    curves: POLICIES.map((policy) => ({
      policy,
      missRatio: capacities.map((capacity) => 1 - replayKeys(policy, capacity, keys).hitRatio),
    })),
  };
}
