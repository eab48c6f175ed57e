/** The suite's results as one object; `docs/json.md` documents it. */
import type { PolicyName } from '@hotpath/blockcache';
import type { Headline } from './headlines.js';
import type { JobResults } from './jobs.js';

/** All simulated figures of one run. The same seed gives the same bytes. */
export interface SuiteResults {
  /** Version of this schema. */
  readonly schema: 1;
  readonly seed: number;
  readonly mode: 'full';
  readonly profile: string;
  readonly blockCache: JobResults['blockCache'];
  readonly slab: JobResults['slab'];
  readonly contextSwitch: JobResults['contextSwitch'];
  readonly pageSize: JobResults['pageSize'];
  readonly lazyPages: JobResults['lazyPages'];
  readonly hugeRange: JobResults['hugeRange'];
  readonly realInput: Pick<JobResults, 'io' | 'allocations' | 'bursts'>;
  readonly mindset: Pick<JobResults, MindsetName>;
  readonly tour: JobResults['tour']['result'];
  readonly headlines: readonly Headline[];
  readonly plots: Pick<JobResults, 'missRatio' | 'tlbReach' | 'footprint' | 'schedulers'>;
  /** Every shipped recording; only with `--full`. */
  readonly full?: FullResults;
}

/** What `--full` adds: each recording by name. */
export interface FullResults {
  readonly io: readonly {
    readonly trace: string;
    readonly policy: PolicyName;
    readonly misses: number;
    readonly hitRate: number;
  }[];
  readonly memory: readonly {
    readonly trace: string;
    readonly pages: string;
    readonly cycles: number;
    readonly walks: number;
  }[];
  readonly bursts: readonly {
    readonly trace: string;
    readonly policy: string;
    readonly switches: number;
    readonly wakeP99Ms: number;
  }[];
}

type MindsetName =
  | 'amdahl'
  | 'layout'
  | 'zeroCopy'
  | 'requests'
  | 'desktop'
  | 'shares'
  | 'latency'
  | 'readAhead'
  | 'writePolicy'
  | 'eviction'
  | 'locks'
  | 'profiler';
