import { ArgumentError, EROFS, READ, WRITE } from '@hotpath/hw-x86';
import { describe, expect, test } from 'vitest';
import type { ModelDiskOptions } from '../../../src/model/disk/create.js';
import { SparseBlocks } from '../../../src/model/disk/sparse-blocks.js';
import { WriteLog } from '../../../src/model/disk/write-log.js';
import { DiskBench } from './bench-disk.js';

describe('options', () => {
  test.each<[Partial<ModelDiskOptions>, string, string]>([
    [
      { blockBytes: 1000 },
      'ERR_BLOCK_SIZE',
      'blockBytes is 1000; allowed: a power of two 512..65536',
    ],
    [{ blockBytes: 2 ** 17 }, 'ERR_BLOCK_SIZE', '512..65536'],
    [{ blockCount: 0 }, 'ERR_BLOCK_COUNT', 'blockCount is 0'],
    [{ blockCount: 2 ** 50 }, 'ERR_BLOCK_COUNT', 'allowed'],
    [{ atomicBytes: 8192 }, 'ERR_ATOMIC_SIZE', '512..4096'],
    [{ frequencyHz: 0 }, 'ERR_FREQUENCY', 'frequencyHz is 0'],
    [{ frequencyHz: Number.NaN }, 'ERR_FREQUENCY', 'NaN'],
    [{ cacheBytes: 512 }, 'ERR_CACHE_SIZE', 'cacheBytes is 512'],
    [{ lines: [] }, 'ERR_LINES', 'no interrupt line'],
    [{ image: new SparseBlocks(4096, 7) }, 'ERR_IMAGE_SIZE', 'image has 7 blocks'],
    [{ log: new WriteLog(512) }, 'ERR_LOG_BLOCK_SIZE', 'blocks of 512 bytes'],
    [{ timeoutNs: -1 }, 'ERR_TIMEOUT', 'timeoutNs is -1'],
    [{ powerCutAt: -2 }, 'ERR_POWER_CUT', 'powerCutAt is -2'],
  ])('%o is refused with a stable code and the allowed range', (options, code, what) => {
    let thrown: unknown;
    try {
      new DiskBench(options);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(ArgumentError);
    expect((thrown as ArgumentError).code).toBe(code);
    expect((thrown as ArgumentError).message).toContain(what);
  });

  test('a read-only disk serves its image', () => {
    const image = new SparseBlocks(4096, 64);
    image.write(3, new Uint8Array(4096).fill(8), 0);
    const bench = new DiskBench({ image, blockCount: 64, readOnly: true });
    expect(bench.get(3)).toBe(8);
    expect(bench.perform(WRITE, 3).status).toBe(EROFS);
  });
});

describe('size', () => {
  test('a disk of 2**40 blocks takes memory for what is written', () => {
    const bench = new DiskBench({ blockCount: 2 ** 40 });
    bench.put(2 ** 40 - 1, 7, true);
    bench.put(2 ** 33 + 5, 9, true);
    expect(bench.get(2 ** 40 - 1)).toBe(7);
    expect(bench.get(2 ** 33 + 5)).toBe(9);
    expect(bench.get(5)).toBe(0);
    expect(bench.disk.contents.medium.storedBytes).toBe(2 * 16_384);
  });

  test('discarding all of a huge disk takes no time to speak of and empties it', () => {
    const bench = new DiskBench({ blockCount: 2 ** 40 });
    bench.put(2 ** 39, 7, true);
    bench.put(77, 7);
    bench.perform(3, 0, 2 ** 40);
    expect(bench.get(2 ** 39)).toBe(0);
    expect(bench.get(77)).toBe(0);
    expect(bench.perform(READ, 0).status).toBe(0);
  });
});
