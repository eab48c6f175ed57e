/** What it costs to be looked at: in simulated cycles, which are exact. */

import { assert, TSC } from '@hotpath/hw-x86';
import { boot } from '@hotpath/kernel';
import { CounterSet } from '@hotpath/pmc-trace';
import { runTour } from '../tour.js';
import { SMALL_MEMORY } from './small-memory.js';

/** Simulated cycles; the tracer itself takes none, since it is no part of the modelled kernel. */
export interface ProfilerResult {
  /** Programming and starting the five counters: writes to MSRs. */
  readonly startCycles: number;
  /** Stopping and reading them. */
  readonly stopCycles: number;
  /** A tour of the kernel with and without the tracer: equal, or the tracer would change what it sees. */
  readonly tracedCycles: number;
  readonly untracedCycles: number;
  readonly events: number;
}

/** Full mode. */
export function measureProfiler(seed: number): ProfilerResult {
  const kernel = boot({ memoryBytes: SMALL_MEMORY, seed, mode: 'full' });
  const { cpu } = kernel.parts.current;
  const counters = new CounterSet(cpu, { model: 'skylake' });
  const start = cpu.cells[TSC];
  counters.start();
  const between = cpu.cells[TSC];
  counters.stop();
  counters.readAll();
  const end = cpu.cells[TSC];
  const traced = runTour(seed);
  const untraced = runTour(seed, false);
  const { tracer } = traced.kernel.parts;
  assert(tracer !== null, 'the tour has no tracer');
  return {
    startCycles: between - start,
    stopCycles: end - between,
    tracedCycles: traced.result.cycles,
    untracedCycles: untraced.result.cycles,
    events: tracer.snapshot().cpus.reduce((sum, ring) => sum + ring.count, 0),
  };
}
