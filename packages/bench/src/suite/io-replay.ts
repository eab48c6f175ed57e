/**
 * A recording of file I/O on the composed kernel: each page access takes the block from the block
 * cache, missing blocks come from the modelled disk, writes make them dirty.
 */
import { assert, isErrno, OK } from '@hotpath/hw-x86';
import { boot } from '@hotpath/kernel';
import type { KeyStream } from '../traces/io-trace.js';

/** What the recording cost in virtual time. */
export interface IoOnKernel {
  readonly accesses: number;
  readonly capacity: number;
  readonly hits: number;
  readonly misses: number;
  readonly hitRate: number;
  /** Virtual seconds, one access after the other. */
  readonly seconds: number;
}

/** Behind the file layer's table. */
const FIRST_BLOCK = 4096;

/** Replays a stream with an LRU block cache of `capacity` blocks over the NVMe disk, flat mode. */
export function replayIoOnKernel(seed: number, stream: KeyStream, capacity: number): IoOnKernel {
  const diskBytes = (FIRST_BLOCK + stream.uniqueCount) * 4096;
  // The pinned blocks of the file layer's table take slots of their own.
  const blockCacheBlocks = capacity + PINNED_BLOCKS;
  const kernel = boot({ seed, diskBytes, blockCacheBlocks, eviction: 'lru' });
  const { blocks, machine, rootDevice } = kernel.parts;
  assert(blocks.invalidate(rootDevice, 0, 1) === OK, 'the superblock cannot leave the cache');
  assert(blocks.size === PINNED_BLOCKS, 'more than the inode table is in the cache');
  const { keys, writes } = stream;
  const before = { ...blocks.counts };
  const start = kernel.cycles;
  const report = kernel.spawn(
    'io-replay',
    function* (sys) {
      for (let i = 0; i < keys.length; i++) {
        const slot = yield* sys.getBlock(rootDevice, FIRST_BLOCK + keys[i]);
        assert(!isErrno(slot), 'a block of the recording cannot be read');
        if (writes[i] === 1) blocks.markDirty(slot);
        blocks.release(slot);
      }
    },
    { kernelThread: true },
  );
  kernel.run();
  assert(report.status === 0, 'the replay did not end well');
  const hits = blocks.counts.hits - before.hits;
  const misses = blocks.counts.misses - before.misses;
  return {
    accesses: keys.length,
    capacity,
    hits,
    misses,
    hitRate: hits / keys.length,
    seconds: (kernel.cycles - start) / machine.frequencyHz,
  };
}

/** Blocks that the mounted file layer keeps pinned. */
const PINNED_BLOCKS = 8;
