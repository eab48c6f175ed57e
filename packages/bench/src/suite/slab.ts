/**
 * Mission row 29: 50,000 objects of 64 bytes through a window of 1,000 live ones. Each allocation
 * frees the object that was stored a full window earlier (first in, first out), not the one just
 * stored. The cycles are those of the allocators' own memory accesses, operations and branches; the
 * objects are not touched.
 */
import { assert, TSC } from '@hotpath/hw-x86';
import { boot } from '@hotpath/kernel';
import { GenericMalloc } from '@hotpath/slab';
import { type Distribution, distributionOf } from './distribution.js';
import { Meter, type Reading } from './reading.js';

const ALLOCATIONS = 50_000;
const WINDOW = 1000;
const OBJECT_BYTES = 64;
const HEAP_BYTES = 4 * 1024 * 1024;

/** Result of the allocator benchmark. */
export interface SlabResult {
  readonly allocations: number;
  readonly window: number;
  readonly objectBytes: number;
  readonly slab: Reading;
  /** The generic malloc: two-level segregated fit with boundary tags. */
  readonly malloc: Reading;
  /** Cycles of malloc by cycles of slab. */
  readonly ratio: number;
  /** Cycles of one allocation and, once the window is full, the free that goes with it. */
  readonly slabCycles: Distribution;
  readonly mallocCycles: Distribution;
}

interface Allocator {
  allocate(): number;
  free(address: number): void;
}

/** Runs both on kernels of their own, in full mode. */
export function benchSlab(seed: number): SlabResult {
  const slab = measure(seed, (kernel) =>
    kernel.parts.slabs.createCache({ name: 'bench', objectBytes: OBJECT_BYTES }),
  );
  const malloc = measure(seed, (kernel) => {
    const heap = new GenericMalloc({ byteCount: HEAP_BYTES, meter: kernel.parts.machine.meter });
    return { allocate: () => heap.malloc(OBJECT_BYTES), free: (address) => heap.free(address) };
  });
  return {
    allocations: ALLOCATIONS,
    window: WINDOW,
    objectBytes: OBJECT_BYTES,
    slab: slab.reading,
    malloc: malloc.reading,
    ratio: malloc.reading.cycles / slab.reading.cycles,
    slabCycles: slab.perPair,
    mallocCycles: malloc.perPair,
  };
}

interface Measured {
  readonly reading: Reading;
  readonly perPair: Distribution;
}

function measure(seed: number, make: (kernel: ReturnType<typeof boot>) => Allocator): Measured {
  const kernel = boot({ seed, mode: 'full' });
  const allocator = make(kernel);
  const meter = new Meter(kernel.parts.current.cpu);
  const { cells } = kernel.parts.current.cpu;
  const samples = new Float64Array(ALLOCATIONS);
  let reading: Reading | undefined;
  kernel.spawn(
    'bench-allocator',
    // biome-ignore lint/correctness/useYield: a program is a generator, also where it never waits
    function* () {
      const window = new Float64Array(WINDOW).fill(-1);
      meter.start();
      for (let i = 0; i < ALLOCATIONS; i++) {
        const start = cells[TSC];
        const address = allocator.allocate();
        assert(address > 0, 'the benchmark ran out of memory');
        const at = i % WINDOW;
        if (i >= WINDOW) allocator.free(window[at]);
        window[at] = address;
        samples[i] = cells[TSC] - start;
      }
      reading = meter.stop();
      for (const address of window) allocator.free(address);
    },
    { kernelThread: true },
  );
  kernel.run();
  assert(reading !== undefined, 'the allocator benchmark did not end');
  return { reading, perPair: distributionOf(samples) };
}
