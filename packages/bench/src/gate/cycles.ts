/** Simulated cycles of each benchmark: exact, so any change is a change of the code. */
import { type JobName, type JobResults, runJob } from '../suite/jobs.js';

/** The benchmarks, and the figures of each. */
const FIGURES: {
  readonly [Name in JobName]?: (result: JobResults[Name]) => Record<string, number>;
} = {
  blockCache: ({ cold, warm }) => ({ cold: cold.cycles, warm: warm.cycles }),
  slab: ({ malloc, slab }) => ({ slab: slab.cycles, malloc: malloc.cycles }),
  contextSwitch: ({ average, max }) => ({ average, max }),
  pageSize: ({ large, small }) => ({
    small: small.total.cycles,
    smallWarm: small.warm.cycles,
    large: large.total.cycles,
    largeWarm: large.warm.cycles,
  }),
  lazyPages: ({ firstTouch, warm }) => ({ firstTouch: firstTouch.cycles, warm: warm.cycles }),
  hugeRange: ({ huge, large }) => ({ large: large.touching.cycles, huge: huge.touching.cycles }),
  tour: ({ result }) => ({ cycles: result.cycles }),
  zeroCopy: ({ copy, zeroCopy }) => ({ copy: copy.cycles, zeroCopy: zeroCopy.cycles }),
  locks: (points) =>
    Object.fromEntries(
      points.map(({ cpus, perCpuCyclesPerPair }) => [`cpus${cpus}`, perCpuCyclesPerPair]),
    ),
};

/** Names of the benchmarks with golden cycles. */
export const CYCLE_BENCHMARKS = Object.keys(FIGURES) as JobName[];

/** Figures of one benchmark, seed 1. */
export function cyclesOf(name: JobName): Record<string, number> {
  const { result } = runJob({ name, seed: 1 });
  const figures = FIGURES[name] as (result: unknown) => Record<string, number>;
  return figures(result);
}
