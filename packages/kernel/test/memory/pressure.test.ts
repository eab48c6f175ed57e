import { LARGE_PAGE_BYTES, MIB, PAGE_BYTES } from '@hotpath/hw-x86';
import { describe, expect, it } from 'vitest';
import {
  boot,
  MAP_ANONYMOUS,
  MAP_PRIVATE,
  O_CREAT,
  O_RDWR,
  PROT_READ,
  PROT_WRITE,
  STATUS_KILLED,
  type SystemCalls,
} from '../../src/index.js';

const RW = PROT_READ | PROT_WRITE;
const ANONYMOUS = MAP_PRIVATE | MAP_ANONYMOUS;

/** Touches page after page; pages touched. */
function* touch(sys: SystemCalls, start: number, bytes: number): Generator<void, number, void> {
  let pages = 0;
  for (let at = 0; at < bytes; at += PAGE_BYTES) {
    yield* sys.store32(start + at, at);
    pages += 1;
  }
  return pages;
}

describe('full memory', () => {
  it('takes clean pages of files back before anybody must end', () => {
    const kernel = boot({ memoryBytes: 64 * MIB, pageCachePages: 8192 });
    const { pageCache, frames, pages } = kernel.parts;
    let cached = 0;
    const report = kernel.spawn('reader', function* (sys) {
      const fd = yield* sys.open('large', O_CREAT | O_RDWR);
      const buffer = yield* sys.mmap(0, LARGE_PAGE_BYTES, RW, ANONYMOUS);
      yield* touch(sys, buffer, LARGE_PAGE_BYTES);
      for (let i = 0; i < 8; i++) yield* sys.write(fd, buffer, LARGE_PAGE_BYTES);
      yield* sys.fsync(fd);
      cached = pageCache.pageCount;
      const room = pages.freePages * PAGE_BYTES + 4 * MIB;
      const start = yield* sys.mmap(0, room, RW, ANONYMOUS);
      yield* touch(sys, start, room);
    });
    kernel.run();
    expect(report.error).toBe(null);
    expect(report.status).toBe(0);
    expect(cached).toBeGreaterThan(3000);
    expect(pageCache.pageCount).toBeLessThan(cached);
    expect(frames.reclaimedCount).toBeGreaterThan(100);
    expect(kernel.parts.log.lines).toEqual([]);
    kernel.checkInvariants();
  });

  it.each([1, 2])(
    'ends the largest process with a line in the log, and the others go on; %i CPUs',
    (cpus) => {
      const kernel = boot({ memoryBytes: 64 * MIB, cpus });
      const small = kernel.spawn('small', function* (sys) {
        const start = yield* sys.mmap(0, 8 * MIB, RW, ANONYMOUS);
        for (let at = 0; at < 8 * MIB; at += PAGE_BYTES) {
          yield* sys.store32(start + at, at);
          yield* sys.compute(20_000);
        }
        for (let at = 0; at < 8 * MIB; at += PAGE_BYTES) {
          expect(yield* sys.load32(start + at)).toBe(at);
        }
      });
      const greedy = kernel.spawn('greedy', function* (sys) {
        const start = yield* sys.mmap(0, 64 * MIB, RW, ANONYMOUS);
        yield* touch(sys, start, 44 * MIB);
        yield* sys.sleep(1e9);
      });
      kernel.run();
      expect(greedy.status).toBe(STATUS_KILLED);
      expect(small.error).toBe(null);
      expect(small.status).toBe(0);
      expect(kernel.parts.log.lines.join()).toMatch(/out of memory: killed process \d+ "greedy"/);
      expect(kernel.parts.userFrames.liveCount).toBe(0);
      kernel.checkInvariants();
    },
  );

  it('a fork bomb of processes that eat memory ends, and the system still runs programs', () => {
    const kernel = boot({ memoryBytes: 64 * MIB, cpus: 2 });
    let born = 0;
    const bomb = (depth: number) =>
      function* (sys: SystemCalls) {
        born += 1;
        const start = yield* sys.mmap(0, 2 * MIB, RW, ANONYMOUS);
        yield* touch(sys, start, 2 * MIB);
        if (depth < 6) for (let i = 0; i < 2; i++) yield* sys.fork(bomb(depth + 1));
        yield* touch(sys, start, 2 * MIB);
      };
    kernel.spawn('bomb', bomb(0));
    kernel.run();
    const after = kernel.spawn('after', function* (sys) {
      const start = yield* sys.mmap(0, 4 * MIB, RW, ANONYMOUS);
      expect(yield* touch(sys, start, 4 * MIB)).toBe(1024);
    });
    kernel.run();
    expect(born).toBeGreaterThan(20);
    expect(after.status).toBe(0);
    expect(kernel.parts.userFrames.liveCount).toBe(0);
    kernel.checkInvariants();
  });
});
