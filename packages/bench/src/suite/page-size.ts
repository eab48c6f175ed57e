/**
 * Mission row 31: 64 MiB of kernel memory, one word of every 4 KiB touched, with 4 KiB and with
 * 2 MiB pages. Pages are mapped by vmalloc at once, and its cycles count; misses are the walks that
 * loads and stores caused, those of vmalloc's own accesses included.
 */
import { assert, MIB, OK, PAGE_BYTES, type VirtAddr } from '@hotpath/hw-x86';
import { boot, type Kernel } from '@hotpath/kernel';
import { Meter, type Reading } from './reading.js';

const BYTES = 64 * MIB;

/** What one page size cost. */
export interface PageSizeReading {
  readonly pageBytes: number;
  /** vmalloc and the first touch of every 4 KiB. */
  readonly total: Reading;
  /** A second pass of touches. */
  readonly warm: Reading;
}

/** Result of the page-size benchmark. */
export interface PageSizeResult {
  readonly bytes: number;
  readonly small: PageSizeReading;
  readonly large: PageSizeReading;
  /** Cycles with 4 KiB pages by cycles with 2 MiB pages. */
  readonly ratio: number;
}

/** Runs each page size on a kernel of its own, in full mode. */
export function benchPageSize(seed: number): PageSizeResult {
  const small = measure(seed, 4096, (kernel) => kernel.parts.vmalloc.vmalloc(BYTES));
  const large = measure(seed, 2 * MIB, (kernel) => kernel.parts.vmalloc.vmallocHuge(BYTES));
  return { bytes: BYTES, small, large, ratio: small.total.cycles / large.total.cycles };
}

function measure(
  seed: number,
  pageBytes: number,
  allocate: (kernel: Kernel) => VirtAddr,
): PageSizeReading {
  const kernel = boot({ seed, mode: 'full' });
  const { current, vmalloc } = kernel.parts;
  const meter = new Meter(current.cpu);
  const touchAll = (start: VirtAddr): void => {
    const { mmu } = current.cpu;
    for (let at = 0; at < BYTES; at += PAGE_BYTES) {
      assert(mmu.store32(start + at, at) === OK, 'a page of vmalloc is not mapped');
    }
  };
  let result: PageSizeReading | undefined;
  kernel.spawn(
    'bench-page-size',
    // biome-ignore lint/correctness/useYield: a program is a generator, also where it never waits
    function* () {
      meter.start();
      const start = allocate(kernel);
      assert(start !== -1, 'the benchmark ran out of memory');
      touchAll(start);
      const total = meter.stop();
      meter.start();
      touchAll(start);
      const warm = meter.stop();
      result = { pageBytes, total, warm };
      vmalloc.vfree(start);
    },
    { kernelThread: true },
  );
  kernel.run();
  assert(result !== undefined, 'the page-size benchmark did not end');
  return result;
}
