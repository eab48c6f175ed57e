import { EEXIST } from '@hotpath/hw-x86';
import { describe, expect, it } from 'vitest';
import { testWithTools } from '../../../../scripts/testing/tools.js';
import { ext2Root } from '../../src/ext2/index.js';
import {
  type BootOptions,
  boot,
  type Kernel,
  O_CREAT,
  O_RDWR,
  O_TRUNC,
  type SystemCalls,
} from '../../src/index.js';
import { heapOf, runOne } from '../vfs/run-one.js';
import { changeWithTool, fsck, pattern } from './support/host-image.js';

function bootExt(type: 'ext2' | 'ext3', options: BootOptions = {}): Kernel {
  return boot({ memoryBytes: 2 ** 26, diskBytes: 2 ** 24, root: ext2Root({ type }), ...options });
}

function* work(sys: SystemCalls): Generator<void, void, void> {
  const heap = yield* heapOf(sys, 65_536);
  yield* sys.storeBytes(heap, pattern(50_000, 5));
  expect(yield* sys.mkdir('/etc', 0o755)).toBe(0);
  expect(yield* sys.mkdir('/etc', 0o755)).toBe(EEXIST);
  for (let i = 0; i < 20; i++) {
    const fd = yield* sys.open(`/etc/file-${i}`, O_CREAT | O_RDWR);
    expect(yield* sys.write(fd, heap, 1000 * i)).toBe(1000 * i);
    if (i % 5 === 0) expect(yield* sys.fsync(fd)).toBe(0);
    yield* sys.close(fd);
  }
  for (let i = 0; i < 20; i += 2) expect(yield* sys.unlink(`/etc/file-${i}`)).toBe(0);
  expect(yield* sys.rename('/etc/file-3', '/moved')).toBe(0);
  const fd = yield* sys.open('/moved', O_RDWR);
  expect(yield* sys.read(fd, heap, 65_536)).toBe(3000);
  const bytes = new Uint8Array(3000);
  yield* sys.loadBytes(heap, bytes);
  expect(Buffer.compare(bytes, pattern(3000, 5))).toBe(0);
  yield* sys.close(fd);
  const again = yield* sys.open('/etc/file-19', O_RDWR | O_TRUNC);
  yield* sys.close(again);
}

describe('ext2 and ext3 as the root of a kernel', () => {
  for (const type of ['ext2', 'ext3'] as const) {
    testWithTools(`${type}: what programs did passes e2fsck`, ['e2fsck'], (e2fsck) => {
      const kernel = bootExt(type);
      runOne(kernel, work);
      expect(kernel.sync()).toBe(0);
      const bytes = kernel.parts.disk.contents.medium.toBytes();
      const replayed = changeWithTool(e2fsck, ['-fy'], bytes);
      expect(replayed.status, replayed.output).toBeLessThan(2);
      expect(fsck(e2fsck, replayed.bytes)).toBe('');
    });
  }

  it('a second boot replays the journal and reads what was synced', () => {
    const first = bootExt('ext3');
    runOne(first, work);
    expect(first.sync()).toBe(0);
    const second = bootExt('ext3', { image: first.parts.disk.contents.medium });
    runOne(second, function* (sys) {
      const heap = yield* heapOf(sys, 65_536);
      const fd = yield* sys.open('/moved', O_RDWR);
      expect(yield* sys.read(fd, heap, 65_536)).toBe(3000);
      const bytes = new Uint8Array(3000);
      yield* sys.loadBytes(heap, bytes);
      expect(Buffer.compare(bytes, pattern(3000, 5))).toBe(0);
    });
  });

  it('a disk with something else on it is refused with the reason', () => {
    const other = boot({ memoryBytes: 2 ** 26, diskBytes: 2 ** 24 });
    expect(() => bootExt('ext3', { image: other.parts.disk.contents.medium })).toThrow('magic');
  });
});
