/**
 * Mission row 28: 1,000 blocks read cold from the disk, then 100,000 accesses to them, each of which
 * pins the block, loads one word of it and lets go.
 */
import type { PolicyName } from '@hotpath/blockcache';
import { assert, isErrno, NIL, TSC } from '@hotpath/hw-x86';
import { boot, directAddress } from '@hotpath/kernel';
import { Random } from '../harness/random.js';
import { type Distribution, distributionOf } from './distribution.js';
import { Meter, type Reading } from './reading.js';

const BLOCKS = 1000;
const OPERATIONS = 100_000;
/** Behind the file layer's table; what lies there does not matter. */
const FIRST_BLOCK = 4096;

/** Result of the block-cache benchmark. */
export interface BlockCacheResult {
  readonly operations: number;
  /** Hits of both passes by accesses of both passes. */
  readonly hitRate: number;
  readonly operationsPerSecond: number;
  readonly cold: Reading;
  readonly warm: Reading;
  /** Cycles of single accesses; of the cold ones nearly all is the wait for the disk. */
  readonly coldCycles: Distribution;
  readonly warmCycles: Distribution;
}

/** Runs it on a kernel of its own, in full mode. */
export function benchBlockCache(seed: number): BlockCacheResult {
  return run(seed, OPERATIONS);
}

/** Cycles of one warm access under another eviction policy, from a shorter run. */
export function warmHitCycles(seed: number, eviction: PolicyName): number {
  const { operations, warm } = run(seed, OPERATIONS / 10, eviction);
  return warm.cycles / operations;
}

function run(seed: number, operations: number, eviction?: PolicyName): BlockCacheResult {
  const kernel = boot({ seed, mode: 'full', ...(eviction === undefined ? {} : { eviction }) });
  const { blocks, current, rootDevice } = kernel.parts;
  const meter = new Meter(current.cpu);
  const random = new Random(seed);
  const readings: Reading[] = [];
  const coldSamples = new Float64Array(BLOCKS);
  const warmSamples = new Float64Array(operations);
  const before = { ...blocks.counts };

  const touch = (slot: number): void => {
    assert(!isErrno(slot), 'a block of the benchmark cannot be read');
    const word = current.cpu.mmu.load32(directAddress(blocks.address(slot)));
    assert(word !== NIL, 'a cached block is not mapped');
    blocks.release(slot);
  };
  const report = kernel.spawn(
    'bench-block-cache',
    function* (sys) {
      const clock = current.cpu.cells;
      meter.start();
      for (let i = 0; i < BLOCKS; i++) {
        const start = clock[TSC];
        touch(yield* sys.getBlock(rootDevice, FIRST_BLOCK + i));
        coldSamples[i] = clock[TSC] - start;
      }
      readings.push(meter.stop());
      meter.start();
      for (let i = 0; i < operations; i++) {
        const start = clock[TSC];
        touch(yield* sys.getBlock(rootDevice, FIRST_BLOCK + random.below(BLOCKS)));
        warmSamples[i] = clock[TSC] - start;
      }
      readings.push(meter.stop());
    },
    { kernelThread: true },
  );
  kernel.run();
  assert(report.status === 0, 'the block-cache benchmark did not end well');
  const [cold, warm] = readings;
  const hits = blocks.counts.hits - before.hits;
  const misses = blocks.counts.misses - before.misses;
  assert(hits + misses === BLOCKS + operations, 'accesses were not all counted');
  return {
    operations,
    hitRate: hits / (hits + misses),
    operationsPerSecond: (operations * kernel.parts.machine.frequencyHz) / warm.cycles,
    cold,
    warm,
    coldCycles: distributionOf(coldSamples),
    warmCycles: distributionOf(warmSamples),
  };
}
