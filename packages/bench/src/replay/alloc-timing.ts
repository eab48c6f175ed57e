import { race } from '../harness/race.js';
import type { AllocWorkload } from '../peers/alloc/recording.js';

/** Host time of both heaps on one recording, ns per event. */
export interface AllocTiming {
  readonly slab: number;
  readonly baseline: number;
}

/** How the timing is done. */
export interface AllocTimingOptions {
  readonly rounds: number;
  readonly warmupRounds: number;
  progress(text: string): void;
}

/**
 * Times the slab allocator and the generic baseline on a recording, by turns, each alone in a
 * process; the 25th percentile of the rounds.
 * @param path - a file in format KMT1
 */
export async function timeAlloc(path: string, options: AllocTimingOptions): Promise<AllocTiming> {
  const parameters: AllocWorkload = { trace: path };
  const workload = { name: 'replay', title: 'replay', parameters };
  const result = await race('peers/alloc', ['slab', 'generic'], workload, { seed: 1, ...options });
  const [slab, baseline] = result.standings;
  return { slab: slab!.nsPerOperation.p25, baseline: baseline!.nsPerOperation.p25 };
}
