import { type BlockDevice, type BlockRequest, EIO, READ } from '@hotpath/hw-x86';
import { createArenaMemory, LOG_DONE, LOG_MARK, replayLog } from '@hotpath/hw-x86/model';
import { openImage } from '@hotpath/kernel/ext2';
import { expect, test } from 'vitest';
import { perform } from '../../src/crash/operation.js';
import { makeStart, record } from '../../src/crash/recording.js';
import { volatileMemoryDisk } from '../../src/crash/volatile-disk.js';
import { START, torture } from '../../src/crash/workloads.js';

const memory = createArenaMemory(2 * 2 ** 20);
const start = makeStart({ memory }, START);

/** Answers nothing but EIO from its write (or flush) number `at` on. */
function cutAfter(inner: BlockDevice, at: number): BlockDevice {
  let seen = 0;
  return {
    blockBytes: inner.blockBytes,
    blockCount: inner.blockCount,
    volatileCache: true,
    readOnly: false,
    submit(request: BlockRequest): number {
      if (request.op !== READ) seen += 1;
      return seen > at ? EIO : inner.submit(request);
    },
    reap: () => inner.reap(),
  };
}

test('a run that is really cut leaves the disk that the log of a whole run foretells', () => {
  const { value: workload } = torture(start.tree, 11, 25).next();
  const { operations } = workload!;
  const { log } = record(start, operations);
  const submitted: number[] = [];
  log.entries.forEach(({ kind }, index) => {
    if (kind !== LOG_DONE && kind !== LOG_MARK) submitted.push(index);
  });
  expect(submitted.length).toBeGreaterThan(50);
  for (let at = 3; at < submitted.length; at += 7) {
    const bytes = start.bytes.slice();
    const device = cutAfter(volatileMemoryDisk(bytes, 1024), at);
    const held: number[] = [];
    try {
      const image = openImage({ device, memory });
      for (const operation of operations) perform(image, operation, held);
      for (const inode of held) image.run((wait) => image.fs.forget(wait, inode));
      image.close();
    } catch {
      // The power is off.
    }
    const entries = submitted[at]!;
    const foretold = replayLog(log, { blockCount: 2048, image: start.blocks, entries });
    expect(Buffer.compare(foretold.toBytes(), bytes)).toBe(0);
  }
});
