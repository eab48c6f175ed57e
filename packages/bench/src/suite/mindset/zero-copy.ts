/** One record of a cached block, looked at where it lies and through a copy of the block. */

import { assert, isErrno, NIL } from '@hotpath/hw-x86';
import { boot, directAddress } from '@hotpath/kernel';
import { Meter, type Reading } from '../reading.js';
import { SMALL_MEMORY } from './small-memory.js';

const BLOCKS = 512;
const ROUNDS = 4;
const BLOCK_BYTES = 4096;
const RECORD_BYTES = 256;
const FIRST_BLOCK = 4096;

/** Cycles of both ways. */
export interface ZeroCopyResult {
  readonly reads: number;
  readonly blockBytes: number;
  readonly recordBytes: number;
  readonly copy: Reading;
  readonly zeroCopy: Reading;
  readonly ratio: number;
}

/**
 * 512 cached blocks, four rounds, one record of 256 bytes read of each. (Where all of the block is
 * read the copy may win in this model: a bulk copy streams, single loads wait for each line.)
 */
export function measureZeroCopy(seed: number): ZeroCopyResult {
  const copy = run(seed, true);
  const zeroCopy = run(seed, false);
  return {
    reads: BLOCKS * ROUNDS,
    blockBytes: BLOCK_BYTES,
    recordBytes: RECORD_BYTES,
    copy,
    zeroCopy,
    ratio: copy.cycles / zeroCopy.cycles,
  };
}

function run(seed: number, copies: boolean): Reading {
  const kernel = boot({ memoryBytes: SMALL_MEMORY, seed, mode: 'full' });
  const { blocks, current, rootDevice, vmalloc } = kernel.parts;
  let reading: Reading | undefined;
  const report = kernel.spawn(
    'zero-copy',
    function* (sys) {
      const buffer = vmalloc.vmalloc(BLOCK_BYTES);
      assert(buffer !== NIL, 'no memory for a block');
      const meter = new Meter(current.cpu);
      for (let round = -1; round < ROUNDS; round++) {
        // The first round reads from the disk and is not measured.
        if (round === 0) meter.start();
        for (let block = 0; block < BLOCKS; block++) {
          const slot = yield* sys.getBlock(rootDevice, FIRST_BLOCK + block);
          assert(!isErrno(slot), 'a block cannot be read');
          const { mmu } = current.cpu;
          let from = directAddress(blocks.address(slot));
          if (copies) {
            const moved = mmu.copyTo(buffer, blocks.address(slot), BLOCK_BYTES);
            assert(moved === BLOCK_BYTES, 'the copy stopped');
            from = buffer;
          }
          const record = (block % (BLOCK_BYTES / RECORD_BYTES)) * RECORD_BYTES;
          for (let at = 0; at < RECORD_BYTES; at += 64) mmu.load64(from + record + at);
          blocks.release(slot);
        }
      }
      reading = meter.stop();
    },
    { kernelThread: true },
  );
  kernel.run();
  assert(report.status === 0 && reading !== undefined, 'zero-copy was not measured');
  return reading;
}
