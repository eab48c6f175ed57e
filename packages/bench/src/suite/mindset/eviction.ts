/** LRU against CLOCK: what a hit costs, and how often there is one. */
import { replayKeys } from '@hotpath/blockcache';
import { loadKeys } from '../../traces/recordings.js';
import { warmHitCycles } from '../block-cache.js';

const TRACES = ['io-cc-open', 'io-sqlite-open'];
const POLICIES = ['lru', 'clock'] as const;

/** One policy. */
export interface EvictionResult {
  readonly policy: string;
  /** Of a pinned hit with one load of the block, in full mode. */
  readonly cyclesPerHit: number;
  /** Of recordings, with a cache of a tenth of the unique pages. */
  readonly recordings: readonly {
    readonly trace: string;
    readonly misses: number;
    readonly hitRate: number;
  }[];
}

/** Hits on 1,000 cached blocks at random; recorded accesses exactly. */
export function measureEviction(seed: number): EvictionResult[] {
  const streams = TRACES.map((trace) => ({ trace, ...loadKeys(trace) }));
  return POLICIES.map((policy) => ({
    policy,
    cyclesPerHit: warmHitCycles(seed, policy),
    recordings: streams.map(({ trace, keys, uniqueCount }) => {
      const { misses, hitRatio } = replayKeys(policy, Math.floor(uniqueCount / 10), keys);
      return { trace, misses, hitRate: hitRatio };
    }),
  }));
}
