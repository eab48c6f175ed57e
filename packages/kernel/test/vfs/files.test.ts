import {
  EBADF,
  EEXIST,
  EFAULT,
  EFBIG,
  EINVAL,
  EIO,
  EMFILE,
  ENAMETOOLONG,
  ENOENT,
  ENOSPC,
  MIB,
  POWER_OFF,
  WRITE,
} from '@hotpath/hw-x86';
import { describe, expect, it } from 'vitest';
import {
  type BootOptions,
  boot,
  type Kernel,
  O_APPEND,
  O_CREAT,
  O_EXCL,
  O_RDONLY,
  O_RDWR,
  O_TRUNC,
  O_WRONLY,
  type Program,
  SEEK_END,
  SEEK_SET,
  type SystemCalls,
} from '../../src/index.js';

/** Fills `bytes` bytes of the heap with words that depend on `salt`, and answers their address. */
function* filled(sys: SystemCalls, bytes: number, salt: number): Generator<void, number, void> {
  const heap = yield* sys.brk(0);
  yield* sys.brk(heap + bytes);
  for (let at = 0; at < bytes; at += 4) yield* sys.store32(heap + at, at * 7 + salt);
  return heap;
}

function runOne(kernel: Kernel, program: (sys: SystemCalls) => Program): void {
  const report = kernel.spawn('test', program);
  kernel.run();
  if (report.error !== null) throw report.error;
  expect(report.status).toBe(0);
  kernel.checkInvariants();
}

describe('files', () => {
  it('hold what was written, at every offset', () => {
    runOne(boot(), function* (sys) {
      const heap = yield* filled(sys, 40_000, 1);
      const fd = yield* sys.open('data', O_CREAT | O_RDWR);
      expect(yield* sys.write(fd, heap, 30_000)).toBe(30_000);
      expect(yield* sys.lseek(fd, 12_340, SEEK_SET)).toBe(12_340);
      expect(yield* sys.read(fd, heap + 36_000, 400)).toBe(400);
      expect(yield* sys.load32(heap + 36_000)).toBe(12_340 * 7 + 1);
      expect(yield* sys.load32(heap + 36_396)).toBe(12_736 * 7 + 1);
      expect(yield* sys.lseek(fd, 0, SEEK_END)).toBe(30_000);
      expect(yield* sys.read(fd, heap, 100)).toBe(0);
    });
  });

  it('read zeros in a hole', () => {
    runOne(boot(), function* (sys) {
      const heap = yield* filled(sys, 16_384, 1);
      const fd = yield* sys.open('sparse', O_CREAT | O_RDWR);
      yield* sys.lseek(fd, 1_000_000);
      expect(yield* sys.write(fd, heap, 8)).toBe(8);
      yield* sys.lseek(fd, 500_000);
      expect(yield* sys.read(fd, heap, 4096)).toBe(4096);
      expect(yield* sys.load32(heap)).toBe(0);
      expect(yield* sys.load32(heap + 4092)).toBe(0);
    });
  });

  it('are cut by O_TRUNC, extended by O_APPEND, and refused by O_EXCL', () => {
    runOne(boot(), function* (sys) {
      const heap = yield* filled(sys, 8192, 1);
      const fd = yield* sys.open('log', O_CREAT | O_WRONLY);
      yield* sys.write(fd, heap, 5000);
      yield* sys.close(fd);
      const end = yield* sys.open('log', O_WRONLY | O_APPEND);
      yield* sys.write(end, heap, 10);
      yield* sys.write(end, heap, 10);
      expect(yield* sys.lseek(end, 0, SEEK_END)).toBe(5020);
      expect(yield* sys.open('log', O_CREAT | O_EXCL | O_RDWR)).toBe(EEXIST);
      const cut = yield* sys.open('log', O_RDWR | O_TRUNC);
      expect(yield* sys.lseek(cut, 0, SEEK_END)).toBe(0);
      expect(yield* sys.read(cut, heap, 10)).toBe(0);
    });
  });

  it('answer every mistake with its errno, and nothing is done', () => {
    const kernel = boot();
    runOne(kernel, function* (sys) {
      const heap = yield* filled(sys, 4096, 1);
      expect(yield* sys.open('absent')).toBe(ENOENT);
      expect(yield* sys.open('')).toBe(ENOENT);
      expect(yield* sys.open('x'.repeat(53), O_CREAT)).toBe(ENAMETOOLONG);
      expect(yield* sys.open('x'.repeat(5000), O_CREAT)).toBe(ENAMETOOLONG);
      expect(yield* sys.open('x', O_CREAT | 3)).toBe(EINVAL);
      const fd = yield* sys.open('x', O_CREAT | O_WRONLY);
      expect(yield* sys.read(fd, heap, 10)).toBe(EBADF);
      expect(yield* sys.read(99, heap, 10)).toBe(EBADF);
      expect(yield* sys.read(-1, heap, 10)).toBe(EBADF);
      expect(yield* sys.read(0.5, heap, 10)).toBe(EBADF);
      expect(yield* sys.write(fd, heap, -1)).toBe(EINVAL);
      expect(yield* sys.write(fd, heap, Number.NaN)).toBe(EINVAL);
      expect(yield* sys.write(fd, -4096, 10)).toBe(EFAULT);
      expect(yield* sys.write(fd, 2 ** 46, 10)).toBe(EFAULT);
      expect(yield* sys.lseek(fd, -1)).toBe(EINVAL);
      expect(yield* sys.lseek(fd, 0, 9)).toBe(EINVAL);
      expect(yield* sys.lseek(fd, 0, SEEK_END)).toBe(0);
      expect(yield* sys.fsync(50)).toBe(EBADF);
      expect(yield* sys.close(fd)).toBe(0);
      expect(yield* sys.close(fd)).toBe(EBADF);
      const reader = yield* sys.open('x', O_RDONLY);
      expect(yield* sys.write(reader, heap, 1)).toBe(EBADF);
      for (let i = 1; i < 64; i++) yield* sys.open('x');
      expect(yield* sys.open('x')).toBe(EMFILE);
    });
    expect(kernel.parts.open.liveCount).toBe(0);
  });

  it('give what could be copied when the buffer ends in the middle, and EFAULT when nothing could', () => {
    runOne(boot(), function* (sys) {
      const heap = yield* filled(sys, 8192, 1);
      const fd = yield* sys.open('data', O_CREAT | O_RDWR);
      expect(yield* sys.write(fd, heap + 8192 - 100, 5000)).toBeLessThanOrEqual(100);
      yield* sys.lseek(fd, 0);
      yield* sys.write(fd, heap, 8192);
      yield* sys.lseek(fd, 0);
      expect(yield* sys.read(fd, heap + 4096, 8192)).toBe(4096);
      expect(yield* sys.read(fd, heap + 8192, 10)).toBe(EFAULT);
    });
  });

  it('say ENOSPC on a full disk as soon as write is called, and stay readable', () => {
    const kernel = boot({ diskBytes: 4096 * 40 });
    runOne(kernel, function* (sys) {
      const heap = yield* filled(sys, 65_536, 1);
      const fd = yield* sys.open('big', O_CREAT | O_RDWR);
      let total = 0;
      let answer = 0;
      while (answer >= 0) {
        answer = yield* sys.write(fd, heap, 10_000);
        if (answer > 0) total += answer;
      }
      expect(answer).toBe(ENOSPC);
      expect(total).toBe(31 * 4096);
      expect(yield* sys.fsync(fd)).toBe(0);
      yield* sys.lseek(fd, 120_000);
      expect(yield* sys.read(fd, heap, 4)).toBe(4);
      expect(yield* sys.load32(heap)).toBe(0 + 1 + 0 * 7);
    });
  });

  it('say EFBIG when a file is too scattered for its inode', () => {
    runOne(boot(), function* (sys) {
      const heap = yield* filled(sys, 4096, 1);
      const fd = yield* sys.open('holes', O_CREAT | O_RDWR);
      for (let i = 0; i < 5; i++) {
        yield* sys.lseek(fd, i * 1_000_000);
        expect(yield* sys.write(fd, heap, 4)).toBe(4);
      }
      yield* sys.lseek(fd, 9_000_000);
      expect(yield* sys.write(fd, heap, 4)).toBe(EFBIG);
    });
  });

  it.each([1, 2, 3])('work through a page cache of %i pages, several tasks at once', (pages) => {
    const kernel = boot({ pageCachePages: pages, cpus: 2 });
    const reports = [1, 2, 3].map((salt) =>
      kernel.spawn(`task-${salt}`, function* (sys) {
        const heap = yield* filled(sys, 50_000, salt);
        const fd = yield* sys.open(`file-${salt}`, O_CREAT | O_RDWR);
        expect(yield* sys.write(fd, heap, 40_000)).toBe(40_000);
        expect(yield* sys.fsync(fd)).toBe(0);
        yield* sys.lseek(fd, 0);
        expect(yield* sys.read(fd, heap, 40_000)).toBe(40_000);
        expect(yield* sys.load32(heap + 39_996)).toBe(39_996 * 7 + salt);
      }),
    );
    kernel.run();
    for (const report of reports) {
      if (report.error !== null) throw report.error;
      expect(report.status).toBe(0);
    }
    kernel.checkInvariants();
  });

  it('are not mixed up when a frame goes from one page to the next', () => {
    runOne(boot({ pageCachePages: 1 }), function* (sys) {
      const heap = yield* filled(sys, 8192, 0);
      const fd = yield* sys.open('two-pages', O_CREAT | O_RDWR);
      for (const bytes of [4100, 4, 4100]) {
        yield* sys.lseek(fd, 0);
        expect(yield* sys.write(fd, heap, bytes)).toBe(bytes);
      }
      yield* sys.lseek(fd, 0);
      yield* sys.read(fd, heap, 4);
      expect(yield* sys.load32(heap)).toBe(0);
    });
  });

  it('larger than the page cache are read with one disk read a page', () => {
    const kernel = boot({ pageCachePages: 8 });
    runOne(kernel, function* (sys) {
      const heap = yield* filled(sys, 200_000, 1);
      const fd = yield* sys.open('large', O_CREAT | O_RDWR);
      yield* sys.write(fd, heap, 200_000);
      yield* sys.fsync(fd);
      const before = kernel.parts.disk.totals().blocksRead;
      yield* sys.lseek(fd, 0);
      expect(yield* sys.read(fd, heap, 200_000)).toBe(200_000);
      expect(kernel.parts.disk.totals().blocksRead - before).toBeLessThanOrEqual(49);
    });
  });

  it('lie once in memory: the block cache points into the page cache frame', () => {
    const kernel = boot();
    runOne(kernel, function* (sys) {
      const heap = yield* filled(sys, 8192, 1);
      const fd = yield* sys.open('data', O_CREAT | O_RDWR);
      yield* sys.write(fd, heap, 8192);
      yield* sys.fsync(fd);
    });
    const { blocks, pageCache, pages, rootDevice, vfs } = kernel.parts;
    const inode = vfs.inodes.inodesOf(0).find((each) => vfs.inodes.file[each] >= 0) ?? 0;
    const file = vfs.inodes.file[inode];
    expect(pageCache.invalidate(file, 0, 1)).toBe(0);
    const used = pages.usedPages;
    runOne(kernel, function* (sys) {
      const heap = yield* sys.brk(0);
      yield* sys.brk(heap + 8192);
      const fd = yield* sys.open('data');
      yield* sys.read(fd, heap, 8192);
    });
    const page = pageCache.find(file, 1);
    const shared: number[] = [];
    for (let block = 0; block < blocks.blockCount(rootDevice); block++) {
      const slot = blocks.tryGet(rootDevice, block);
      if (slot < 0) continue;
      if (blocks.address(slot) === pageCache.frame(page)) shared.push(block);
      blocks.release(slot);
    }
    expect(shared).toHaveLength(1);
    pageCache.release(page);
    expect(pages.usedPages - used).toBe(2);
  });

  it('report a failed write once at fsync, keep the data, and succeed when the disk works again', () => {
    const kernel = boot({ faults: [{ kind: 'error', op: WRITE, block: 16, times: 3 }] });
    const answers: number[] = [];
    runOne(kernel, function* (sys) {
      const heap = yield* filled(sys, 8192, 3);
      const fd = yield* sys.open('data', O_CREAT | O_RDWR);
      const other = yield* sys.open('data');
      yield* sys.write(fd, heap, 8192);
      for (let i = 0; i < 6; i++) answers.push(yield* sys.fsync(fd));
      answers.push(yield* sys.fsync(other), yield* sys.fsync(other));
    });
    expect(answers).toContain(EIO);
    expect(answers.slice(-3)).toEqual([0, EIO, 0]);
    runOne(boot({ image: kernel.parts.disk.contents.medium }), function* (sys) {
      const heap = yield* sys.brk(0);
      yield* sys.brk(heap + 8192);
      const fd = yield* sys.open('data');
      expect(yield* sys.read(fd, heap, 8192)).toBe(8192);
      expect(yield* sys.load32(heap + 8188)).toBe(8188 * 7 + 3);
    });
  });
});

describe('sync', () => {
  it('makes every file durable, also those that nobody has fsynced', () => {
    const kernel = boot({ memoryBytes: 64 * MIB });
    kernel.spawn('writer', function* (sys) {
      const heap = yield* filled(sys, 8192, 5);
      for (const name of ['a', 'b', 'c']) {
        const fd = yield* sys.open(name, O_CREAT | O_RDWR);
        yield* sys.write(fd, heap, 8192);
      }
    });
    kernel.run();
    expect(kernel.sync()).toBe(0);
    kernel.parts.disk.cutPower();
    runOne(boot({ image: kernel.parts.disk.contents.medium }), function* (sys) {
      const heap = yield* sys.brk(0);
      yield* sys.brk(heap + 8192);
      for (const name of ['a', 'b', 'c']) {
        const fd = yield* sys.open(name);
        expect(yield* sys.read(fd, heap, 8192)).toBe(8192);
        expect(yield* sys.load32(heap + 8188)).toBe(8188 * 7 + 5);
      }
    });
  });
});

describe('fsync', () => {
  const program = function* (sys: SystemCalls, acknowledged: Map<string, number>): Program {
    const heap = yield* sys.brk(0);
    yield* sys.brk(heap + 12_288);
    for (let round = 1; round <= 4; round++) {
      const name = `file-${round % 2}`;
      const fd = yield* sys.open(name, O_CREAT | O_RDWR);
      for (let at = 0; at < 12_288; at += 64) yield* sys.store32(heap + at, round * 100_000 + at);
      acknowledged.delete(name);
      yield* sys.write(fd, heap, 10_000 + round * 500);
      if ((yield* sys.fsync(fd)) === 0) acknowledged.set(name, round);
      yield* sys.close(fd);
    }
  };

  it('keeps its promise through a power cut before every operation of the disk', () => {
    const whole = boot();
    const done = new Map<string, number>();
    whole.spawn('writer', (sys) => program(sys, done));
    whole.run();
    const formatted = boot().parts.disk.operations;
    const { operations } = whole.parts.disk;
    expect(done.size).toBe(2);
    expect(operations - formatted).toBeGreaterThan(20);
    for (let cut = formatted; cut < operations; cut++) checkCut(cut, cut, program);
  }, 180_000);
});

function checkCut(
  cut: number,
  seed: number,
  program: (sys: SystemCalls, acknowledged: Map<string, number>) => Program,
): void {
  const options: BootOptions = { seed, powerCutAt: cut, memoryBytes: 64 * MIB };
  const kernel = boot(options);
  const acknowledged = new Map<string, number>();
  kernel.spawn('writer', (sys) => program(sys, acknowledged));
  expect(kernel.run()).toBe(POWER_OFF);
  const { medium } = kernel.parts.disk.contents;
  const after = boot({ image: medium, memoryBytes: 64 * MIB });
  after.checkInvariants();
  runOne(after, function* (sys) {
    const heap = yield* sys.brk(0);
    yield* sys.brk(heap + 16_384);
    for (const name of ['file-0', 'file-1']) {
      const promised = acknowledged.get(name);
      const fd = yield* sys.open(name);
      if (fd < 0) {
        expect(promised, `cut ${cut}: ${name} is gone`).toBe(undefined);
        continue;
      }
      const size = yield* sys.read(fd, heap, 16_384);
      if (promised !== undefined) expect(size).toBeGreaterThanOrEqual(10_000 + promised * 500);
      for (let at = 0; at + 4 <= size; at += 64) {
        const word = yield* sys.load32(heap + at);
        const round = (word - at) / 100_000;
        // What fsync promised is there; a file without a promise may be older or newer in part, but
        // never shows a block that was not written for it.
        const legal = promised === undefined ? [1, 2, 3, 4] : [promised];
        if (!legal.includes(round)) throw new Error(`cut ${cut}: ${name} holds ${word} at ${at}`);
      }
    }
  });
}
