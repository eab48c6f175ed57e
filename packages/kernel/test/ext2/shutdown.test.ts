import { EIO, WRITE } from '@hotpath/hw-x86';
import { describe, expect, it } from 'vitest';
import { testWithTools } from '../../../../scripts/testing/tools.js';
import { ext2Root } from '../../src/ext2/index.js';
import {
  type BootOptions,
  boot,
  type Kernel,
  MAP_SHARED,
  O_CREAT,
  O_RDWR,
  PROT_READ,
  PROT_WRITE,
  type Program,
  type SystemCalls,
} from '../../src/index.js';
import { heapOf, runOne } from '../vfs/run-one.js';
import { check, fsck, pattern } from './support/host-image.js';

type Type = 'ext2' | 'ext3';

function bootExt(type: Type, options: BootOptions = {}): Kernel {
  return boot({ memoryBytes: 2 ** 26, diskBytes: 2 ** 24, root: ext2Root({ type }), ...options });
}

function imageOf(kernel: Kernel): Uint8Array {
  return kernel.parts.disk.contents.medium.toBytes();
}

/** What says that a volume is in use: on ext2 the state, on ext3 the feature and the journal's tail. */
function isMarkedInUse(bytes: Uint8Array): boolean {
  const state = bytes[1024 + 58] & 1;
  const recover = bytes[1024 + 96] & 4;
  return state === 0 || recover !== 0;
}

/** Leaves everything open and dirty, and never ends by itself. */
function* busy(sys: SystemCalls): Program {
  const heap = yield* heapOf(sys, 65_536);
  yield* sys.storeBytes(heap, pattern(50_000, 5));
  yield* sys.mkdir('/d', 0o755);
  for (let i = 0; i < 5; i++) {
    const fd = yield* sys.open(`/d/${i}`, O_CREAT | O_RDWR);
    expect(yield* sys.write(fd, heap, 9000 * i + 1)).toBe(9000 * i + 1);
  }
  const gone = yield* sys.open('/gone', O_CREAT | O_RDWR);
  expect(yield* sys.write(gone, heap, 40_000)).toBe(40_000);
  expect(yield* sys.unlink('/gone')).toBe(0);
  const fd = yield* sys.open('/mapped', O_CREAT | O_RDWR);
  expect(yield* sys.write(fd, heap, 8192)).toBe(8192);
  const at = yield* sys.mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  expect(at).toBeGreaterThan(0);
  yield* sys.storeBytes(at + 4000, pattern(500, 77));
  yield* sys.sleep(1e15);
}

function* readBack(sys: SystemCalls): Program {
  const heap = yield* heapOf(sys, 65_536);
  const bytes = new Uint8Array(36_001);
  const fd = yield* sys.open('/d/4', O_RDWR);
  expect(yield* sys.read(fd, heap, 65_536)).toBe(36_001);
  yield* sys.loadBytes(heap, bytes);
  expect(Buffer.compare(bytes, pattern(36_001, 5))).toBe(0);
  const mapped = yield* sys.open('/mapped', O_RDWR);
  expect(yield* sys.read(mapped, heap, 65_536)).toBe(8192);
  const part = new Uint8Array(8192);
  yield* sys.loadBytes(heap, part);
  const expected = pattern(8192, 5);
  expected.set(pattern(500, 77), 4000);
  expect(Buffer.compare(part, expected)).toBe(0);
}

describe('shutdown', () => {
  for (const type of ['ext2', 'ext3'] as const) {
    testWithTools(
      `${type}: with files open, one without a name and a mapping dirty, the disk is left clean`,
      ['e2fsck'],
      (e2fsck) => {
        for (const cpus of [1, 2]) {
          const kernel = bootExt(type, { cpus });
          const reports = [kernel.spawn('busy', busy)];
          kernel.spawn('spins', function* (sys) {
            for (;;) yield* sys.sleep(100_000);
          });
          kernel.run({ cycles: 4e7 });
          expect(isMarkedInUse(imageOf(kernel))).toBe(true);
          expect(kernel.shutdown()).toBe(0);
          expect(reports[0].error).toBe(null);
          expect(reports[0].status).toBe(137);
          kernel.checkInvariants();
          const bytes = imageOf(kernel);
          expect(isMarkedInUse(bytes)).toBe(false);
          expect(check(bytes).problems).toEqual([]);
          expect(fsck(e2fsck, bytes)).toBe('');
          const again = bootExt(type, { image: kernel.parts.disk.contents.medium });
          runOne(again, readBack);
          expect(again.shutdown()).toBe(0);
          expect(fsck(e2fsck, imageOf(again))).toBe('');
        }
      },
    );

    it(`${type}: whichever write is the first to fail, an errno, the machine on and readable, and the next try cleans up`, () => {
      let refused = 0;
      for (let nth = 0; nth < 12; nth++) {
        const kernel = bootExt(type);
        runOne(kernel, function* (sys) {
          const heap = yield* heapOf(sys, 65_536);
          const fd = yield* sys.open('/f', O_CREAT | O_RDWR);
          expect(yield* sys.write(fd, heap, 20_000)).toBe(20_000);
        });
        const { disk } = kernel.parts;
        const submit = disk.submit.bind(disk);
        let [writes, broken] = [0, true];
        disk.submit = (request) => {
          // Every write from the nth on: the block cache tries again.
          if (request.op === WRITE && writes++ >= nth && broken) return EIO;
          return submit(request);
        };
        const status = kernel.shutdown();
        kernel.checkInvariants();
        if (status === 0) {
          expect(check(imageOf(kernel)).problems).toEqual([]);
          expect(nth).toBeGreaterThan(1);
          break;
        }
        refused += 1;
        expect(status).toBe(EIO);
        runOne(kernel, function* (sys) {
          yield* sys.open('/f', O_RDWR);
        });
        broken = false;
        // A failed commit has ended all writing for good; what failed at home is written again.
        const second = kernel.shutdown();
        const third = second === 0 ? 0 : kernel.shutdown();
        expect([0, EIO]).toContain(third);
        if (third !== 0) expect(type).toBe('ext3');
        if (third !== 0) continue;
        expect(isMarkedInUse(imageOf(kernel))).toBe(false);
        expect(check(imageOf(kernel)).problems).toEqual([]);
      }
      expect(refused).toBeGreaterThan(2);
    });
  }

  it('the default root is shut down likewise', () => {
    const kernel = boot({ memoryBytes: 2 ** 26, diskBytes: 2 ** 24 });
    runOne(kernel, function* (sys) {
      const fd = yield* sys.open('/f', O_CREAT | O_RDWR);
      const heap = yield* heapOf(sys, 4096);
      yield* sys.write(fd, heap, 4000);
    });
    expect(kernel.shutdown()).toBe(0);
    expect(kernel.shutdown()).toBe(EIO);
  });
});
