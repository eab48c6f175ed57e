/** Mission row 31, the lazy half: a program touches its heap, and each page comes by a fault. */
import { assert, MIB, PAGE_BYTES } from '@hotpath/hw-x86';
import { boot } from '@hotpath/kernel';
import { type Distribution, distributionOf } from './distribution.js';
import { Meter, type Reading } from './reading.js';

const BYTES = 64 * MIB;

/** What first touches and a second pass cost. */
export interface LazyPagesResult {
  readonly bytes: number;
  readonly pageFaults: number;
  readonly firstTouch: Reading;
  readonly warm: Reading;
  /** Cycles of a single first touch, its fault included. */
  readonly firstTouchCycles: Distribution;
}

/** One word of every 4 KiB of 64 MiB, twice. Full mode. */
export function measureLazyPages(seed: number): LazyPagesResult {
  const kernel = boot({ seed, mode: 'full', memoryBytes: 256 * MIB });
  const { current, faults } = kernel.parts;
  const samples: number[] = [];
  let result: LazyPagesResult | undefined;
  const report = kernel.spawn('lazy-pages', function* (sys) {
    const heap = yield* sys.brk(0);
    const end = yield* sys.brk(heap + BYTES);
    assert(end === heap + BYTES, 'the heap cannot grow');
    const meter = new Meter(current.cpu);
    const before = faults.anonymousCount;
    meter.start();
    for (let at = 0; at < BYTES; at += PAGE_BYTES) {
      const start = current.cpu.cells[0];
      yield* sys.store32(heap + at, at);
      samples.push(current.cpu.cells[0] - start);
    }
    const firstTouch = meter.stop();
    meter.start();
    for (let at = 0; at < BYTES; at += PAGE_BYTES) yield* sys.store32(heap + at, at);
    const warm = meter.stop();
    const pageFaults = faults.anonymousCount - before;
    const firstTouchCycles = distributionOf(samples);
    result = { bytes: BYTES, pageFaults, firstTouch, warm, firstTouchCycles };
  });
  kernel.run();
  assert(report.status === 0 && result !== undefined, 'lazy first touch was not measured');
  return result;
}
