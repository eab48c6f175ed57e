/** One lock for all processors against what needs none: per-CPU lists of free objects. */

import { assert, LINE_BYTES, type Meter, TSC, type VirtAddr } from '@hotpath/hw-x86';
import { boot, type Kernel } from '@hotpath/kernel';
import { Random } from '../../harness/random.js';
import { SMALL_MEMORY } from './small-memory.js';

const CPUS = [1, 2, 4, 8];
const PAIRS = 500;
const OBJECT_BYTES = 64;
/** What a thread does between two pairs takes 0 to so many cycles, at random. */
const THINK_CYCLES_MAX = 400;
/** Cycles that one CPU may run ahead: less than a hold, or waiting would be for the future. */
const SKEW = 20;

/** One number of processors; cycles an allocate-and-free pair, thinking not counted. */
export interface LockPoint {
  readonly cpus: number;
  readonly lockedCyclesPerPair: number;
  readonly perCpuCyclesPerPair: number;
  /** Share of the acquisitions that had to wait. */
  readonly contended: number;
  readonly waitedCyclesPerPair: number;
}

/**
 * A spin lock in virtual time. A step of a processor is never cut in half, so waiting is arithmetic:
 * who comes before the lock is free spins until then. First come, first served, and the transfer of the
 * lock's cache line between processors costs nothing here: a lower bound.
 */
class SpinLock {
  acquired = 0;
  contended = 0;
  waitedCycles = 0;
  private freeAt = 0;
  private readonly meter: Meter;
  private readonly address: VirtAddr;

  constructor(meter: Meter) {
    this.meter = meter;
    this.address = meter.region('bench.lock', LINE_BYTES);
  }

  acquire(cells: Float64Array): void {
    this.meter.load(this.address);
    this.meter.store(this.address);
    this.acquired += 1;
    const wait = this.freeAt - cells[TSC];
    if (wait <= 0) return;
    this.contended += 1;
    this.waitedCycles += wait;
    cells[TSC] += wait;
  }

  release(cells: Float64Array): void {
    this.meter.store(this.address);
    this.freeAt = cells[TSC];
  }
}

/** 500 pairs by a thread on each CPU: slab magazines of its own, or a shared list behind a lock. */
export function measureLocks(seed: number): LockPoint[] {
  return CPUS.map((cpus) => {
    const locked = run(seed, cpus, true);
    const perCpu = run(seed, cpus, false);
    return {
      cpus,
      lockedCyclesPerPair: locked.cyclesPerPair,
      perCpuCyclesPerPair: perCpu.cyclesPerPair,
      contended: locked.contended,
      waitedCyclesPerPair: locked.waitedCyclesPerPair,
    };
  });
}

interface Run {
  readonly cyclesPerPair: number;
  readonly contended: number;
  readonly waitedCyclesPerPair: number;
}

function run(seed: number, cpus: number, locks: boolean): Run {
  const kernel = boot({ memoryBytes: SMALL_MEMORY, seed, cpus, mode: 'full', skew: SKEW });
  const { machine, slabs } = kernel.parts;
  const cache = slabs.createCache({ name: 'contended', objectBytes: OBJECT_BYTES });
  const lock = new SpinLock(machine.meter);
  let spent = 0;
  const tasks = Array.from({ length: cpus }, (_, cpu) =>
    kernel.spawn(
      `contender-${cpu}`,
      function* (sys) {
        const random = new Random(seed + cpu);
        for (let pair = 0; pair < PAIRS; pair++) {
          spent += onePair(kernel, cache, locks ? lock : null);
          yield* sys.compute(random.below(THINK_CYCLES_MAX));
        }
      },
      { kernelThread: true, affinity: 2 ** cpu },
    ),
  );
  kernel.run();
  for (const task of tasks) assert(task.status === 0, 'a contender did not end well');
  const pairs = cpus * PAIRS;
  return {
    cyclesPerPair: spent / pairs,
    contended: locks ? lock.contended / lock.acquired : 0,
    waitedCyclesPerPair: lock.waitedCycles / pairs,
  };
}

type Cache = ReturnType<Kernel['parts']['slabs']['createCache']>;

/** Allocates and frees; with a lock, all processors use the lists of the first. */
function onePair({ parts }: Kernel, cache: Cache, lock: SpinLock | null): number {
  const { slabs, current } = parts;
  const { cells, id } = current.cpu;
  const start = cells[TSC];
  if (lock !== null) {
    lock.acquire(cells);
    slabs.cpu = 0;
  }
  const object = cache.allocate();
  assert(object > 0, 'no memory for an object');
  cache.free(object);
  if (lock !== null) {
    slabs.cpu = id;
    lock.release(cells);
  }
  return cells[TSC] - start;
}
