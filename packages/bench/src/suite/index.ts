/**
 * The benchmark suite on the composed kernel: mission rows 28 to 33. All cycles and rates are
 * simulated, in full mode (where a part says so: flat), and a function of the seed alone; host times
 * stand apart. Parts run on all cores and are printed in their order.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { SKYLAKE_CLIENT } from '@hotpath/hw-x86/model';
import { describeHost, type HostDescription } from '../command/host.js';
import { JobPool } from '../harness/pool.js';
import { runFull } from './full.js';
import { headlinesOf } from './headlines.js';
import {
  JOBS,
  type JobAnswer,
  type JobName,
  type JobOrder,
  type JobResults,
  runJob,
} from './jobs.js';
import { benchmarkLines, detailLines, realInputLines } from './report.js';
import type { SuiteResults } from './results.js';

/** What `hotpath suite` is asked for. */
export interface SuiteOptions {
  readonly seed: number;
  /** File that all results are written to. */
  readonly json?: string;
  /** Folder of output files. */
  readonly out: string;
  /** Also replay every shipped recording; takes minutes. */
  readonly full?: boolean;
  /** Threads that parts run on; 1: in this thread. */
  readonly threads: number;
  print(line: string): void;
  progress(text: string, share?: number): void;
}

/** What one run of the suite leaves. */
export interface SuiteRun {
  readonly results: SuiteResults;
  readonly host: HostTimes;
  /** Chrome trace JSON of the tour. */
  readonly trace: Uint8Array;
}

/** Host time, which is noise and machine: never part of the results. */
export interface HostTimes {
  readonly schema: 'hotpath-host/1';
  readonly host: HostDescription;
  readonly wallMs: number;
  /** By part, of the thread that ran it. */
  readonly partMs: Readonly<Record<string, number>>;
}

/**
 * Runs the suite, prints its lines, and writes `trace.json`, `suite.json` and `suite-host.json` into
 * `out`, and the results where asked.
 */
export async function runSuite(options: SuiteOptions): Promise<SuiteRun> {
  const { out, json, print, seed } = options;
  const start = performance.now();
  print('=== Hotpath Performance Benchmark Suite ===');
  const { jobs, partMs } = await runJobs(options);
  const headlines = headlinesOf(jobs, SKYLAKE_CLIENT.table.frequencyHz[0]);
  for (const line of detailLines(jobs, headlines)) print(line);
  const full = options.full === true ? runFull(options) : undefined;
  const results: SuiteResults = {
    ...resultsOf(jobs, seed),
    headlines,
    ...(full === undefined ? {} : { full }),
  };
  const wallMs = performance.now() - start;
  const host: HostTimes = { schema: 'hotpath-host/1', host: describeHost(), wallMs, partMs };
  mkdirSync(out, { recursive: true });
  writeFileSync(join(out, 'trace.json'), jobs.tour.trace);
  writeFileSync(join(out, 'suite-host.json'), `${JSON.stringify(host, null, 2)}\n`);
  for (const path of new Set([join(out, 'suite.json'), ...(json === undefined ? [] : [json])])) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, `${JSON.stringify(results, null, 2)}\n`);
  }
  options.progress('');
  return { results, host, trace: jobs.tour.trace };
}

/** The last line: everything has been done and written. */
export const LAST_LINE = '=== Benchmark Complete ===';

function resultsOf(jobs: JobResults, seed: number): Omit<SuiteResults, 'headlines' | 'full'> {
  const { amdahl, desktop, eviction, latency, layout, locks } = jobs;
  const { profiler, readAhead, requests, shares, writePolicy, zeroCopy } = jobs;
  return {
    schema: 1,
    seed,
    mode: 'full',
    profile: SKYLAKE_CLIENT.name,
    blockCache: jobs.blockCache,
    slab: jobs.slab,
    contextSwitch: jobs.contextSwitch,
    pageSize: jobs.pageSize,
    lazyPages: jobs.lazyPages,
    hugeRange: jobs.hugeRange,
    realInput: { io: jobs.io, allocations: jobs.allocations, bursts: jobs.bursts },
    mindset: {
      ...{ amdahl, layout, zeroCopy, requests, desktop, shares, latency },
      ...{ readAhead, writePolicy, eviction, locks, profiler },
    },
    tour: jobs.tour.result,
    plots: {
      missRatio: jobs.missRatio,
      tlbReach: jobs.tlbReach,
      footprint: jobs.footprint,
      schedulers: jobs.schedulers,
    },
  };
}

/** Every part; the promised lines are printed as soon as their figures are there. */
async function runJobs(
  options: SuiteOptions,
): Promise<{ jobs: JobResults; partMs: Record<string, number> }> {
  const { print, progress, seed, threads } = options;
  const names = Object.keys(JOBS) as JobName[];
  const partMs: Record<string, number> = {};
  const pool =
    threads > 1 ? new JobPool<JobOrder, JobAnswer>('suite/worker', 'runJob', threads) : null;
  progress(`${names.length} parts`, 0);
  const run = async (name: JobName): Promise<unknown> => {
    const order = { name, seed };
    const { result, hostMs } = pool === null ? runJob(order) : await pool.run(order);
    partMs[name] = hostMs;
    const done = Object.keys(partMs).length;
    progress(`${done} of ${names.length} parts`, done / names.length);
    return result;
  };
  try {
    // All are queued at once, the long ones first; what is printed keeps its order.
    const running = new Map(names.map((name) => [name, run(name)]));
    const settled = Promise.all(running.values());
    // A failed part must not be unhandled while another's line is waited for.
    settled.catch(() => {});
    const of = async <Name extends JobName>(name: Name): Promise<JobResults[Name]> =>
      (await running.get(name)) as JobResults[Name];
    print(benchmarkLines.blockCache(await of('blockCache')));
    print(benchmarkLines.slab(await of('slab')));
    print(benchmarkLines.contextSwitch(await of('contextSwitch')));
    for (const line of benchmarkLines.pageSize(await of('pageSize'))) print(line);
    const results = await settled;
    const jobs = Object.fromEntries(names.map((name, index) => [name, results[index]]));
    for (const line of realInputLines(jobs as unknown as JobResults)) print(line);
    return { jobs: jobs as unknown as JobResults, partMs };
  } finally {
    await pool?.close();
  }
}
