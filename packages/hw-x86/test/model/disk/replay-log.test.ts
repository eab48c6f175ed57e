import {
  ArgumentError,
  createRequest,
  DISCARD,
  EIO,
  FLUSH,
  OK,
  READ,
  WRITE,
} from '@hotpath/hw-x86';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PendingWrites } from '../../../src/model/disk/pending-writes.js';
import { DISK_PROFILES } from '../../../src/model/disk/profile.js';
import { replayLog } from '../../../src/model/disk/replay-log.js';
import { SparseBlocks } from '../../../src/model/disk/sparse-blocks.js';
import { WriteLog } from '../../../src/model/disk/write-log.js';
import { DiskBench } from './bench-disk.js';

const BLOCKS = 12;

/** Requests in flight together: op, first block, length, fua, and how many events to dispatch after. */
const action = fc.record({
  op: fc.constantFrom(WRITE, WRITE, WRITE, WRITE, FLUSH, DISCARD),
  block: fc.nat(BLOCKS - 1),
  count: fc.integer({ min: 1, max: 3 }),
  fua: fc.boolean(),
  events: fc.nat(2),
});

interface Action {
  readonly op: number;
  readonly block: number;
  readonly count: number;
  readonly fua: boolean;
  readonly events: number;
}

/** Runs the actions with a log, without waiting for their ends. */
function run(bench: DiskBench, actions: readonly Action[]): void {
  let value = 0;
  for (const { op, block, count, fua, events } of actions) {
    const blockCount = Math.min(count, BLOCKS - block);
    const request = createRequest(bench.memory, { completed(): void {} }, 3);
    Object.assign(request, { op, block, blockCount, fua, segmentBytes: 4096 });
    request.segmentCount = op === WRITE ? blockCount : 0;
    value = (value % 250) + 1;
    for (let i = 0; i < blockCount; i++) request.segmentAddress[i] = i * 4096;
    bench.memory.fill(0, blockCount * 4096, value);
    bench.disk.submit(request);
    for (let i = 0; i < events; i++) bench.step();
    bench.reap();
  }
}

const disks = fc.record({
  profile: fc.constantFrom(...Object.values(DISK_PROFILES)),
  seed: fc.integer(),
  cacheBytes: fc.constantFrom(4096, 5 * 4096, 2 ** 20),
  writeCache: fc.boolean(),
});

function benchWith(options: { writeCache: boolean; seed: number }, log: WriteLog): DiskBench {
  return new DiskBench({ ...options, log, blockCount: BLOCKS, memoryBytes: 2 ** 18 });
}

describe('a log', () => {
  test('replayed to its end holds what the disk reads', () => {
    const property = fc.property(fc.array(action, { maxLength: 30 }), disks, (actions, options) => {
      const log = new WriteLog(4096);
      const bench = benchWith(options, log);
      run(bench, actions);
      bench.drain();
      expect(replayLog(log, { blockCount: BLOCKS }).hash()).toBe(bench.disk.hash());
    });
    fc.assert(property, { numRuns: 80 });
  });

  test('knows every sector that a cut of the real disk leaves, whatever is in flight', () => {
    const property = fc.property(fc.array(action, { maxLength: 30 }), disks, (actions, options) => {
      const log = new WriteLog(4096);
      const bench = benchWith(options, log);
      run(bench, actions);
      const writes = new PendingWrites(log, new SparseBlocks(4096, BLOCKS));
      for (let index = 0; index < log.entries.length; index++) writes.take(index);
      writes.checkInvariants();
      bench.disk.cutPower();
      const left = bench.disk.contents.image().toBytes();
      const durable = writes.base.toBytes();
      for (let at = 0; at < left.length; at += 512) {
        const block = Math.floor(at / 4096);
        const legal = [durable[at]];
        for (const w of writes.pending) {
          const i = block - w.block;
          if (i >= 0 && i < w.blockCount && w.live[i] === 1)
            legal.push(w.data[i * 4096 + (at % 4096)]);
        }
        if (!legal.includes(left[at]))
          expect(`${left[at]} in block ${block}`).toBe(legal.join(' or '));
      }
    });
    fc.assert(property, { numRuns: 150 });
  });

  test('replayed to any entry holds what had completed, or only what was durable', () => {
    const log = new WriteLog(4096);
    const bytes = (byte: number): Uint8Array => new Uint8Array(4096).fill(byte);
    const first = log.submitted(WRITE, 3, 1, false, bytes(1));
    log.done(first, OK);
    const flush = log.submitted(FLUSH, 0, 0, false, bytes(0));
    const second = log.submitted(WRITE, 3, 1, false, bytes(2));
    log.done(second, OK);
    log.done(flush, OK);
    log.done(log.submitted(WRITE, 3, 1, false, bytes(3)), EIO);
    const at = (entries: number, keep: 'completed' | 'durable'): number =>
      replayLog(log, { blockCount: 8, entries, keep }).toBytes()[3 * 4096];
    expect([0, 1, 2, 3, 4, 5, 6, 8].map((n) => at(n, 'completed'))).toEqual([
      0, 0, 1, 1, 1, 2, 2, 2,
    ]);
    expect([0, 1, 2, 3, 4, 5, 6, 8].map((n) => at(n, 'durable'))).toEqual([0, 0, 0, 0, 0, 0, 1, 1]);
  });

  test('is replayed over an image, which stays as it was', () => {
    const image = SparseBlocks.fromBytes(new Uint8Array(4096).fill(9), 4096, 8);
    const log = new WriteLog(4096);
    log.done(log.submitted(WRITE, 0, 1, true, new Uint8Array(4096).fill(5)), OK);
    expect(replayLog(log, { blockCount: 8, image }).toBytes()[0]).toBe(5);
    expect(replayLog(log, { blockCount: 8, image, entries: 0 }).toBytes()[0]).toBe(9);
    expect(image.toBytes()[0]).toBe(9);
  });

  test('a range that the log does not have is refused', () => {
    const log = new WriteLog(4096);
    for (const options of [{ entries: 1 }, { entries: -1 }, { blockCount: 0 }]) {
      expect(() => replayLog(log, { blockCount: 8, ...options })).toThrow(ArgumentError);
    }
    expect(() => replayLog(log, { blockCount: 8, image: new SparseBlocks(512, 8) })).toThrow(
      'image',
    );
  });
});

test('reads are not in the log of a disk', () => {
  const log = new WriteLog(4096);
  const bench = new DiskBench({ log, blockCount: BLOCKS });
  bench.perform(READ, 1);
  expect(log.entries).toHaveLength(0);
});
