/** Amdahl's limit: a tenth of the work cannot be divided, so ten processors are worth five. */

import { assert } from '@hotpath/hw-x86';
import { boot } from '@hotpath/kernel';
import { SMALL_MEMORY } from './small-memory.js';

const TOTAL_CYCLES = 40_000_000;
const SERIAL_SHARE = 0.1;
const CPUS = [1, 2, 4, 8];

/** One number of processors. */
export interface AmdahlPoint {
  readonly cpus: number;
  readonly cycles: number;
  /** Against one processor, as measured. */
  readonly speedup: number;
  /** 1 / (s + (1 - s) / cpus): what no overhead at all would give. */
  readonly limit: number;
}

/**
 * A program computes its serial part, forks a child for each processor with an equal part of the rest
 * and waits for all. Flat mode; what is lost against the limit are fork, exit, wake-ups, placement.
 */
export function measureAmdahl(seed: number): AmdahlPoint[] {
  const cycles = CPUS.map((cpus) => run(seed, cpus));
  return CPUS.map((cpus, index) => ({
    cpus,
    cycles: cycles[index]!,
    speedup: cycles[0]! / cycles[index]!,
    limit: 1 / (SERIAL_SHARE + (1 - SERIAL_SHARE) / cpus),
  }));
}

function run(seed: number, cpus: number): number {
  const kernel = boot({ memoryBytes: SMALL_MEMORY, seed, cpus });
  const start = kernel.cycles;
  let end = start;
  const report = kernel.spawn('amdahl', function* (sys) {
    yield* sys.compute(TOTAL_CYCLES * SERIAL_SHARE);
    const share = Math.round((TOTAL_CYCLES * (1 - SERIAL_SHARE)) / cpus);
    for (let child = 0; child < cpus; child++) {
      const pid = yield* sys.fork(function* (own) {
        yield* own.compute(share);
      });
      assert(pid > 0, 'no child for Amdahl');
    }
    for (let child = 0; child < cpus; child++) yield* sys.wait();
    end = kernel.cycles;
  });
  kernel.run();
  assert(report.status === 0, 'the program of Amdahl did not end well');
  return end - start;
}
