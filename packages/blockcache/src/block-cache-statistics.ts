/** What a block cache counts. */
import type { LatencyHistogram } from './latency-histogram.js';
import type { LoaderCounts } from './loader.js';
import type { TransferCounts } from './transfers.js';
import type { WriteBackCounts } from './write-back.js';

/** Counters of a cache since its construction, and its state now. */
export interface BlockCacheStatistics extends LoaderCounts, WriteBackCounts, TransferCounts {
  /** Blocks asked for and found, or found on their way in. */
  readonly hits: number;
  readonly misses: number;
  /** Hits divided by hits and misses; 0 before the first. */
  readonly hitRatio: number;
  readonly capacity: number;
  /** Resident blocks. */
  readonly size: number;
  readonly dirty: number;
  /** Blocks that rode along in another block's request. */
  readonly mergedReads: number;
  readonly mergedWrites: number;
  /** Durations of requests, in the clock's units; empty without a clock. */
  readonly readLatency: LatencyHistogram;
  readonly writeLatency: LatencyHistogram;
  /** Estimated LRU miss ratio with twice the capacity; NaN without a curve. */
  readonly missRatioAtTwice: number;
}
