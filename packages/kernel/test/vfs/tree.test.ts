import { EAGAIN, EBADF, ENOENT, ENOSPC, ENOTTY, ERANGE } from '@hotpath/hw-x86';
import { slabInfo } from '@hotpath/slab';
import { describe, expect, it } from 'vitest';
import {
  boot,
  F_DUPFD,
  F_GETFL,
  F_SETFL,
  FALLOC_FL_KEEP_SIZE,
  FALLOC_FL_PUNCH_HOLE,
  LOCK_EX,
  LOCK_NB,
  LOCK_SH,
  LOCK_UN,
  O_APPEND,
  O_CREAT,
  O_RDONLY,
  O_RDWR,
  O_WRONLY,
  SEEK_DATA,
  SEEK_END,
  SEEK_HOLE,
  type SystemCalls,
  TCGETS,
} from '../../src/index.js';
import { heapOf, runOne } from './run-one.js';

const SMALL = { memoryBytes: 2 ** 26 };

function* textOf(sys: SystemCalls, path: string): Generator<void, string, void> {
  const heap = yield* heapOf(sys, 16_384);
  const fd = yield* sys.open(path);
  const bytes = new Uint8Array(yield* sys.read(fd, heap, 16_384));
  yield* sys.loadBytes(heap, bytes);
  yield* sys.close(fd);
  return new TextDecoder().decode(bytes);
}

describe('files on tmpfs', () => {
  it('live as long as a name or a descriptor leads to them, and give their pages back', () => {
    const kernel = boot(SMALL);
    runOne(kernel, function* (sys) {
      const heap = yield* heapOf(sys, 16_384);
      yield* sys.statfs('/tmp');
      const { freeBlocks } = sys.volume;
      const fd = yield* sys.open('/tmp/a', O_CREAT | O_RDWR);
      yield* sys.store32(heap, 4711);
      expect(yield* sys.write(fd, heap, 16_384)).toBe(16_384);
      expect(yield* sys.link('/tmp/a', '/tmp/b')).toBe(0);
      expect(yield* sys.unlink('/tmp/a')).toBe(0);
      expect(yield* sys.unlink('/tmp/b')).toBe(0);
      expect(yield* sys.open('/tmp/b')).toBe(ENOENT);
      expect(yield* sys.pread(fd, heap + 4096, 4, 0)).toBe(4);
      expect(yield* sys.load32(heap + 4096)).toBe(4711);
      yield* sys.statfs('/tmp');
      expect(sys.volume.freeBlocks).toBe(freeBlocks - 4);
      yield* sys.close(fd);
      yield* sys.statfs('/tmp');
      expect(sys.volume.freeBlocks).toBe(freeBlocks);
    });
  });

  it('stay in memory under pressure, and say ENOSPC when the file system is full', () => {
    const kernel = boot({ ...SMALL, pageCachePages: 32 });
    runOne(kernel, function* (sys) {
      const heap = yield* heapOf(sys, 262_144);
      const fd = yield* sys.open('/tmp/big', O_CREAT | O_RDWR);
      yield* sys.store32(heap, 99);
      expect(yield* sys.write(fd, heap, 262_144)).toBe(16 * 4096);
      expect(yield* sys.write(fd, heap, 1)).toBe(ENOSPC);
      // More of another file than the page cache holds: what is kept must not go.
      const other = yield* sys.open('/large', O_CREAT | O_RDWR);
      expect(yield* sys.write(other, heap, 262_144)).toBe(262_144);
      expect(yield* sys.fsync(other)).toBe(0);
      expect(yield* sys.pread(fd, heap + 8192, 4, 0)).toBe(4);
      expect(yield* sys.load32(heap + 8192)).toBe(99);
      const punch = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
      expect(yield* sys.fallocate(fd, punch, 0, 8192)).toBe(0);
      expect(yield* sys.pread(fd, heap, 4, 0)).toBe(4);
      expect(yield* sys.load32(heap)).toBe(0);
      expect(yield* sys.lseek(fd, 0, SEEK_DATA)).toBe(8192);
      expect(yield* sys.lseek(fd, 0, SEEK_HOLE)).toBe(0);
      expect(yield* sys.lseek(fd, 0, SEEK_END)).toBe(65_536);
      expect(yield* sys.pwrite(fd, heap, 8192, 65_536)).toBe(8192);
    });
  });

  it('get each append once, from several tasks at once', () => {
    const kernel = boot({ ...SMALL, cpus: 4 });
    const seen: number[] = [];
    runOne(kernel, function* (sys) {
      const heap = yield* heapOf(sys, 65_536);
      for (let writer = 0; writer < 4; writer++) {
        yield* sys.fork(function* (own) {
          const fd = yield* own.open('/tmp/log', O_CREAT | O_WRONLY | O_APPEND);
          for (let i = 0; i < 50; i++) {
            yield* own.store32(heap, writer * 1000 + i);
            yield* own.write(fd, heap, 4);
          }
        });
      }
      for (let i = 0; i < 4; i++) yield* sys.wait();
      const fd = yield* sys.open('/tmp/log');
      const count = yield* sys.read(fd, heap, 65_536);
      for (let at = 0; at < count; at += 4) seen.push(yield* sys.load32(heap + at));
    });
    const wanted = Array.from({ length: 200 }, (_, i) => Math.floor(i / 50) * 1000 + (i % 50));
    expect([...seen].sort((a, b) => a - b)).toEqual(wanted);
  });
});

describe('the caches of names and inodes', () => {
  it('answer a second look-up without the file system, and forget what was removed', () => {
    const kernel = boot(SMALL);
    runOne(kernel, function* (sys) {
      yield* sys.mkdir('/tmp/d');
      yield* sys.close(yield* sys.open('/tmp/d/f', O_CREAT | O_RDWR));
      const before = kernel.parts.vfs.dentries.missCount;
      for (let i = 0; i < 5; i++) expect(yield* sys.stat('/tmp/d/f')).toBe(0);
      for (let i = 0; i < 5; i++) expect(yield* sys.stat('/tmp/d/none')).toBe(ENOENT);
      // The first look-up of the absent name misses, alone and in the operation that then asks.
      expect(kernel.parts.vfs.dentries.missCount - before).toBe(2);
      yield* sys.rename('/tmp/d', '/tmp/e');
      expect(yield* sys.stat('/tmp/d/f')).toBe(ENOENT);
      expect(yield* sys.stat('/tmp/e/f')).toBe(0);
      yield* sys.unlink('/tmp/e/f');
      expect(yield* sys.stat('/tmp/e/f')).toBe(ENOENT);
    });
  });

  it('return to their start when everything is closed, removed and dropped', () => {
    const kernel = boot(SMALL);
    const count = (): (string | number)[][] =>
      slabInfo(kernel.parts.slabs)
        .filter(({ name }) => ['dentry', 'inode', 'file'].includes(name))
        .map(({ name, activeObjs }) => [name, activeObjs]);
    kernel.dropCaches();
    const start = [count(), kernel.parts.vfs.dentries.count, kernel.parts.vfs.inodes.count];
    runOne(kernel, function* (sys) {
      const heap = yield* heapOf(sys, 4096);
      for (let i = 0; i < 40; i++) {
        yield* sys.mkdir(`/tmp/d${i}`);
        const fd = yield* sys.open(`/tmp/d${i}/f`, O_CREAT | O_RDWR);
        yield* sys.write(fd, heap, 100);
        if (i % 2 === 0) yield* sys.close(fd);
        yield* sys.unlink(`/tmp/d${i}/f`);
        yield* sys.rmdir(`/tmp/d${i}`);
        yield* sys.stat(`/tmp/none${i}`);
      }
    });
    expect(kernel.parts.open.liveCount).toBe(0);
    kernel.dropCaches();
    kernel.checkInvariants();
    expect([count(), kernel.parts.vfs.dentries.count, kernel.parts.vfs.inodes.count]).toEqual(
      start,
    );
  });
});

describe('descriptors', () => {
  it('share an offset when they are duplicated, and flags when they are set', () => {
    runOne(boot(SMALL), function* (sys) {
      const heap = yield* heapOf(sys, 4096);
      const fd = yield* sys.open('/tmp/f', O_CREAT | O_RDWR);
      const copy = yield* sys.dup(fd);
      yield* sys.write(fd, heap, 100);
      expect(yield* sys.write(copy, heap, 10)).toBe(10);
      expect(yield* sys.lseek(fd, 0, SEEK_END)).toBe(110);
      expect(yield* sys.dup2(fd, 9)).toBe(9);
      expect(yield* sys.fcntl(fd, F_DUPFD, 9)).toBe(10);
      expect(yield* sys.fcntl(fd, F_SETFL, O_APPEND)).toBe(0);
      expect(yield* sys.fcntl(10, F_GETFL)).toBe(O_RDWR | O_APPEND);
      expect(yield* sys.close(9)).toBe(0);
      expect(yield* sys.read(9, heap, 1)).toBe(EBADF);
      expect(yield* sys.dup2(77, 3)).toBe(EBADF);
    });
  });

  it('lock whole files: shared together, exclusive alone, given up with the last descriptor', () => {
    const kernel = boot({ ...SMALL, cpus: 2 });
    const order: string[] = [];
    runOne(kernel, function* (sys) {
      const one = yield* sys.open('/tmp/f', O_CREAT | O_RDWR);
      const two = yield* sys.open('/tmp/f', O_RDONLY);
      expect(yield* sys.flock(one, LOCK_SH)).toBe(0);
      expect(yield* sys.flock(two, LOCK_SH | LOCK_NB)).toBe(0);
      expect(yield* sys.flock(two, LOCK_EX | LOCK_NB)).toBe(EAGAIN);
      yield* sys.flock(two, LOCK_UN);
      expect(yield* sys.flock(one, LOCK_EX | LOCK_NB)).toBe(0);
      yield* sys.fork(function* (own) {
        const third = yield* own.open('/tmp/f');
        expect(yield* own.flock(third, LOCK_SH)).toBe(0);
        order.push('child');
      });
      yield* sys.sleep(100_000);
      order.push('parent');
      yield* sys.flock(one, LOCK_UN);
      yield* sys.wait();
    });
    expect(order).toEqual(['parent', 'child']);
    expect(kernel.parts.vfs.locks.count).toBe(0);
  });
});

describe('working directory, devices and procfs', () => {
  it('are where Linux has them', () => {
    const kernel = boot(SMALL);
    runOne(kernel, function* (sys) {
      const heap = yield* heapOf(sys, 16_384);
      yield* sys.mkdir('/tmp/x');
      expect(yield* sys.chdir('/tmp/x')).toBe(0);
      expect(yield* sys.getcwd()).toBe('/tmp/x'.length + 1);
      expect(sys.text).toBe('/tmp/x');
      expect(yield* sys.getcwd(heap, 3)).toBe(ERANGE);
      expect(yield* sys.chdir('..')).toBe(0);
      yield* sys.getcwd();
      expect(sys.text).toBe('/tmp');
      const zero = yield* sys.open('/dev/zero', O_RDWR);
      yield* sys.store32(heap, 1);
      expect(yield* sys.read(zero, heap, 8192)).toBe(8192);
      expect(yield* sys.load32(heap)).toBe(0);
      const full = yield* sys.open('/dev/full', O_WRONLY);
      expect(yield* sys.write(full, heap, 1)).toBe(ENOSPC);
      const nothing = yield* sys.open('/dev/null', O_RDWR);
      expect(yield* sys.read(nothing, heap, 1)).toBe(0);
      expect(yield* sys.write(nothing, heap, 5000)).toBe(5000);
      expect(yield* sys.ioctl(nothing, TCGETS, heap)).toBe(ENOTTY);
      const random = yield* sys.open('/dev/random');
      expect(yield* sys.read(random, heap, 4096)).toBe(4096);
      expect(yield* sys.load32(heap)).not.toBe(yield* sys.load32(heap + 4));
      expect(yield* textOf(sys, '/proc/self/status')).toContain('Name:\ttest');
      expect(yield* textOf(sys, '/proc/mounts')).toContain('tmpfs /tmp tmpfs rw');
      expect(yield* textOf(sys, '/proc/meminfo')).toMatch(/MemFree: +\d+ kB/);
      expect(yield* textOf(sys, '/proc/slabinfo')).toContain('dentry');
      expect(yield* sys.open('/proc/999/status')).toBe(ENOENT);
    });
  });

  it('read lines from the console as the host types them, and write to it', () => {
    const told: string[] = [];
    const kernel = boot({
      ...SMALL,
      console: (bytes) => told.push(new TextDecoder().decode(bytes)),
    });
    const report = kernel.spawn('echo', function* (sys) {
      const heap = yield* heapOf(sys, 4096);
      const fd = yield* sys.open('/dev/console', O_RDWR);
      for (;;) {
        const count = yield* sys.read(fd, heap, 100);
        if (count <= 0) return count;
        yield* sys.write(fd, heap, count);
      }
    });
    kernel.run();
    expect(report.status).toBe(null);
    kernel.parts.console.feed('hello\nwor');
    kernel.run();
    expect(told).toEqual(['hello\n']);
    kernel.parts.console.feed('ld\n');
    kernel.run();
    kernel.parts.console.endInput();
    kernel.run();
    expect(report.status).toBe(0);
    expect(kernel.parts.console.output).toBe('hello\nworld\n');
  });
});
