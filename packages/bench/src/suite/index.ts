/**
 * The benchmark suite on the composed kernel: mission rows 28 to 31, then recordings of real
 * programs. All cycles and rates are simulated, in full mode (recordings of I/O and bursts: flat), and
 * a function of the seed alone; host times stand apart.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { writeChromeJson } from '@hotpath/pmc-trace';
import { type BlockCacheResult, benchBlockCache } from './block-cache.js';
import { benchContextSwitch, type ContextSwitchResult } from './context-switch.js';
import { benchPageSize, type PageSizeResult } from './page-size.js';
import { type RealInputResult, runAllocations, runBursts, runIo } from './real-input.js';
import { benchmarkLines, realInputLines } from './report.js';
import { benchSlab, type SlabResult } from './slab.js';
import { runTour, type Tour, type TourResult } from './tour.js';

/** What `hotpath suite` is asked for. */
export interface SuiteOptions {
  readonly seed: number;
  /** File that all results are written to. */
  readonly json?: string;
  /** Folder of output files. */
  readonly out: string;
  print(line: string): void;
  progress(text: string): void;
}

/** All simulated figures of one run. The same seed gives the same bytes. */
export interface SuiteResults {
  /** Version of this schema. */
  readonly schema: 1;
  readonly seed: number;
  readonly mode: 'full';
  readonly profile: string;
  readonly blockCache: BlockCacheResult;
  readonly slab: SlabResult;
  readonly contextSwitch: ContextSwitchResult;
  readonly pageSize: PageSizeResult;
  readonly realInput: RealInputResult;
  readonly tour: TourResult;
}

/** Runs the suite, prints its lines, writes `trace.json` into `out` and results where asked. */
export async function runSuite(options: SuiteOptions): Promise<void> {
  const { out, json, print } = options;
  print('=== Hotpath Performance Benchmark Suite ===');
  const { results, tour } = measure(options);
  for (const line of realInputLines(results)) print(line);
  mkdirSync(out, { recursive: true });
  writeTrace(join(out, 'trace.json'), tour);
  if (json !== undefined) {
    mkdirSync(dirname(json), { recursive: true });
    writeFileSync(json, `${JSON.stringify(results, null, 2)}\n`);
  }
  options.progress('');
  print('');
  print('=== Benchmark Complete ===');
}

/** Every measurement in turn; a line is printed as soon as its figure is there. */
function measure(options: SuiteOptions): { results: SuiteResults; tour: Tour } {
  const { seed, print, progress } = options;
  const step = <Result>(title: string, run: () => Result): Result => {
    progress(`${title} ...`);
    return run();
  };
  const blockCache = step('block cache', () => benchBlockCache(seed));
  print(benchmarkLines.blockCache(blockCache));
  const slab = step('slab', () => benchSlab(seed));
  print(benchmarkLines.slab(slab));
  const contextSwitch = step('context switch', () => benchContextSwitch(seed));
  print(benchmarkLines.contextSwitch(contextSwitch));
  const pageSize = step('page sizes', () => benchPageSize(seed));
  for (const line of benchmarkLines.pageSize(pageSize)) print(line);
  const realInput = {
    io: step('recorded I/O', () => runIo(seed)),
    allocations: step('recorded allocations', () => runAllocations(seed)),
    bursts: step('recorded bursts', () => runBursts()),
  };
  const tour = step('tour of the kernel', () => runTour(seed));
  const { mode, profile } = tour.kernel.parts.settings;
  if (mode !== 'full') throw new Error('unreachable: the suite runs in full mode');
  const results: SuiteResults = {
    schema: 1,
    seed,
    mode,
    profile: profile.name,
    blockCache,
    slab,
    contextSwitch,
    pageSize,
    realInput,
    tour: tour.result,
  };
  return { results, tour };
}

function writeTrace(path: string, { kernel }: Tour): void {
  const { tracer } = kernel.parts;
  if (tracer === null) return;
  const chunks: Uint8Array[] = [];
  writeChromeJson(tracer.snapshot(), { write: (chunk) => chunks.push(chunk) });
  writeFileSync(path, Buffer.concat(chunks));
}
