/**
 * The parts of the suite, each of which runs alone: on a kernel or machine of its own, from nothing
 * but the seed, so that they may run on any thread in any order.
 */
import { benchBlockCache } from './block-cache.js';
import { benchContextSwitch } from './context-switch.js';
import { measureHugeRange } from './huge-range.js';
import { measureLazyPages } from './lazy-pages.js';
import { measureAmdahl } from './mindset/amdahl.js';
import { measureDesktop } from './mindset/desktop.js';
import { measureEviction } from './mindset/eviction.js';
import { measureLatency } from './mindset/latency.js';
import { measureLayout } from './mindset/layout.js';
import { measureLocks } from './mindset/locks.js';
import { measureProfiler } from './mindset/profiler.js';
import { measureReadAhead } from './mindset/read-ahead.js';
import { measureRequests } from './mindset/requests.js';
import { measureShares } from './mindset/shares.js';
import { measureWritePolicy } from './mindset/write-policy.js';
import { measureZeroCopy } from './mindset/zero-copy.js';
import { benchPageSize } from './page-size.js';
import { plotFootprint } from './plots/footprint.js';
import { plotMissRatio } from './plots/miss-ratio.js';
import { plotSchedulers } from './plots/schedulers.js';
import { plotTlbReach } from './plots/tlb-reach.js';
import { runAllocations, runBursts, runIo } from './real-input.js';
import { benchSlab } from './slab.js';
import { tourOutput } from './tour.js';

/** Every part by its name. */
export const JOBS = {
  io: runIo,
  allocations: runAllocations,
  desktop: measureDesktop,
  blockCache: benchBlockCache,
  slab: benchSlab,
  contextSwitch: benchContextSwitch,
  pageSize: benchPageSize,
  lazyPages: measureLazyPages,
  hugeRange: measureHugeRange,
  bursts: () => runBursts(),
  tour: tourOutput,
  amdahl: measureAmdahl,
  layout: measureLayout,
  zeroCopy: measureZeroCopy,
  requests: measureRequests,
  shares: measureShares,
  latency: () => measureLatency(),
  readAhead: measureReadAhead,
  writePolicy: measureWritePolicy,
  eviction: measureEviction,
  locks: measureLocks,
  profiler: measureProfiler,
  missRatio: () => plotMissRatio(),
  tlbReach: plotTlbReach,
  footprint: () => plotFootprint(),
  schedulers: () => plotSchedulers(),
} as const;

/** Name of a part. */
export type JobName = keyof typeof JOBS;

/** Results of all parts. */
export type JobResults = { readonly [Name in JobName]: ReturnType<(typeof JOBS)[Name]> };

/** What a thread is told. */
export interface JobOrder {
  readonly name: JobName;
  readonly seed: number;
}

/** A part's result and the host time that it took; wall clock, milliseconds. */
export interface JobAnswer {
  readonly result: unknown;
  readonly hostMs: number;
}

/** Runs one part in this thread. */
export function runJob({ name, seed }: JobOrder): JobAnswer {
  const start = performance.now();
  const result = JOBS[name](seed);
  return { result, hostMs: performance.now() - start };
}
