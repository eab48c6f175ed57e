/** Mission row 31, the larger range: random touches of 4 GiB in 2 MiB and in 1 GiB pages. */
import { assert, GIB, MIB, NIL, type VirtAddr } from '@hotpath/hw-x86';
import { boot } from '@hotpath/kernel';
import { Random } from '../harness/random.js';
import { Meter, type Reading } from './reading.js';

const BYTES = 4 * GIB;
const TOUCHES = 50_000;

/** One page size. */
export interface HugeRangeReading {
  readonly pageBytes: number;
  /** vmalloc alone. */
  readonly mapping: Reading;
  /** Random loads, each of a word. */
  readonly touching: Reading;
}

/** Both page sizes over the same range. */
export interface HugeRangeResult {
  readonly bytes: number;
  readonly touches: number;
  readonly large: HugeRangeReading;
  readonly huge: HugeRangeReading;
  /** Cycles of touching with 2 MiB by cycles with 1 GiB pages. */
  readonly ratio: number;
}

/** Maps the range eagerly, then loads 50,000 words at random. Full mode. */
export function measureHugeRange(seed: number): HugeRangeResult {
  const large = run(seed, 2 * MIB);
  const huge = run(seed, GIB);
  const ratio = large.touching.cycles / huge.touching.cycles;
  return { bytes: BYTES, touches: TOUCHES, large, huge, ratio };
}

function run(seed: number, pageBytes: number): HugeRangeReading {
  // Aligned blocks of 1 GiB are only free above the kernel's own: two more than are asked for.
  const kernel = boot({ seed, mode: 'full', memoryBytes: BYTES + 2 * GIB });
  const { current, vmalloc } = kernel.parts;
  const random = new Random(seed);
  let result: HugeRangeReading | undefined;
  kernel.spawn(
    'huge-range',
    // biome-ignore lint/correctness/useYield: a program is a generator, also where it never waits
    function* () {
      const meter = new Meter(current.cpu);
      meter.start();
      const start: VirtAddr = vmalloc.vmallocHuge(BYTES, pageBytes);
      const mapping = meter.stop();
      assert(start !== NIL, 'the benchmark ran out of memory');
      const { mmu } = current.cpu;
      meter.start();
      for (let touch = 0; touch < TOUCHES; touch++) {
        const word = mmu.load32(start + random.below(BYTES / 4) * 4);
        assert(word !== NIL, 'a page of vmalloc is not mapped');
      }
      result = { pageBytes, mapping, touching: meter.stop() };
    },
    { kernelThread: true },
  );
  kernel.run();
  assert(result !== undefined, 'the larger range was not measured');
  return result;
}
