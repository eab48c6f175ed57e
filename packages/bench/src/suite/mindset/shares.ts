/** What nice is worth: shares of one CPU against the weights. */

import { boot } from '@hotpath/kernel';
import { weightOf } from '@hotpath/sched';
import { SMALL_MEMORY } from './small-memory.js';

const NICES = [0, 5, 10, 19];
const SECONDS = 1;

/** One task. */
export interface ShareResult {
  readonly nice: number;
  /** Part of the CPU it got. */
  readonly share: number;
  /** Part that its weight deserves. */
  readonly deserved: number;
}

/** Four tasks that only compute, under CFS on one CPU, for a second of virtual time. Flat mode. */
export function measureShares(seed: number): ShareResult[] {
  const kernel = boot({ memoryBytes: SMALL_MEMORY, seed, scheduler: 'cfs' });
  const { frequencyHz } = kernel.parts.machine;
  const reports = NICES.map((nice) =>
    kernel.spawn(
      `nice-${nice}`,
      function* (sys) {
        for (;;) yield* sys.compute(10_000_000);
      },
      { nice },
    ),
  );
  kernel.run({ cycles: SECONDS * frequencyHz });
  const total = reports.reduce((sum, { cycles }) => sum + cycles, 0);
  const weight = NICES.reduce((sum, nice) => sum + weightOf(nice), 0);
  return NICES.map((nice, index) => ({
    nice,
    share: reports[index]!.cycles / total,
    deserved: weightOf(nice) / weight,
  }));
}
