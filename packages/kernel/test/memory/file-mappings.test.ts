import { EACCES, EBADF, EEXIST, EINVAL, ENOMEM, OK, PAGE_BYTES } from '@hotpath/hw-x86';
import { describe, expect, it } from 'vitest';
import {
  boot,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_FIXED_NOREPLACE,
  MAP_POPULATE,
  MAP_PRIVATE,
  MAP_SHARED,
  MS_ASYNC,
  MS_SYNC,
  O_CREAT,
  O_RDONLY,
  O_RDWR,
  O_TRUNC,
  PROT_NONE,
  PROT_READ,
  PROT_WRITE,
  STATUS_BUS,
  STATUS_SEGV,
  type SystemCalls,
} from '../../src/index.js';

const RW = PROT_READ | PROT_WRITE;
const PAGE = PAGE_BYTES;

/** Bytes that tell their place. */
function pattern(length: number, seed: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 7 + (i >> 8) * 13 + seed) & 255);
}

/** Makes a file of these bytes; its descriptor is open for reading and writing, at offset 0. */
function* makeFile(
  sys: SystemCalls,
  name: string,
  bytes: Uint8Array,
): Generator<void, number, void> {
  const fd = yield* sys.open(name, O_CREAT | O_RDWR | O_TRUNC);
  const buffer = yield* sys.mmap(0, bytes.length, RW, MAP_PRIVATE | MAP_ANONYMOUS);
  yield* sys.storeBytes(buffer, bytes);
  expect(yield* sys.write(fd, buffer, bytes.length)).toBe(bytes.length);
  expect(yield* sys.munmap(buffer, bytes.length)).toBe(OK);
  yield* sys.lseek(fd, 0);
  return fd;
}

describe('a shared mapping of a file', () => {
  it.each([1, 2, 4])(
    'shows what read shows, both ways, between two processes on %i CPUs',
    (cpus) => {
      const kernel = boot({ cpus, strict: true });
      const before = pattern(3 * PAGE, 1);
      const seen: Uint8Array[] = [];
      const report = kernel.spawn('parent', function* (sys) {
        const fd = yield* makeFile(sys, 'shared', before);
        const at = yield* sys.mmap(0, 3 * PAGE, RW, MAP_SHARED, fd);
        expect(at).toBeGreaterThan(0);
        const mapped = new Uint8Array(3 * PAGE);
        yield* sys.loadBytes(at, mapped);
        seen.push(mapped);
        yield* sys.fork(function* (child) {
          yield* child.storeBytes(at + PAGE - 2, Uint8Array.of(9, 8, 7, 6));
        });
        yield* sys.wait();
        const after = new Uint8Array(4);
        yield* sys.loadBytes(at + PAGE - 2, after);
        const heap = yield* sys.brk(0);
        yield* sys.brk(heap + PAGE);
        yield* sys.lseek(fd, PAGE - 2);
        expect(yield* sys.read(fd, heap, 4)).toBe(4);
        const read = new Uint8Array(4);
        yield* sys.loadBytes(heap, read);
        seen.push(after, read);
        yield* sys.store32(heap, 0x04030201);
        yield* sys.lseek(fd, 2 * PAGE);
        expect(yield* sys.write(fd, heap, 4)).toBe(4);
        const written = new Uint8Array(4);
        yield* sys.loadBytes(at + 2 * PAGE, written);
        seen.push(written);
      });
      kernel.run();
      expect(report.error).toBe(null);
      expect(report.status).toBe(0);
      expect(seen[0]).toEqual(before);
      expect(seen.slice(1).map((bytes) => [...bytes])).toEqual([
        [9, 8, 7, 6],
        [9, 8, 7, 6],
        [1, 2, 3, 4],
      ]);
      kernel.checkInvariants();
      expect(kernel.parts.userFrames.liveCount).toBe(0);
    },
  );

  it('keeps what msync said is safe through a power cut, and nothing needs it after munmap and sync', () => {
    const first = boot();
    const stored = pattern(5 * PAGE, 3);
    first.spawn('writer', function* (sys) {
      const fd = yield* makeFile(sys, 'kept', new Uint8Array(5 * PAGE));
      expect(yield* sys.fsync(fd)).toBe(OK);
      const at = yield* sys.mmap(0, 5 * PAGE, RW, MAP_SHARED, fd);
      yield* sys.storeBytes(at, stored);
      expect(yield* sys.msync(at, 5 * PAGE, MS_ASYNC)).toBe(OK);
      expect(yield* sys.msync(at, 5 * PAGE, MS_SYNC)).toBe(OK);
      // Stored, and never synced: this is what a power cut here takes away.
      yield* sys.store32(at, 0x12345678);
    });
    first.run();
    const second = boot({ image: first.parts.disk.contents.medium });
    const read = new Uint8Array(5 * PAGE);
    second.spawn('reader', function* (sys) {
      const fd = yield* sys.open('kept', O_RDONLY);
      const at = yield* sys.mmap(0, 5 * PAGE, PROT_READ, MAP_SHARED, fd);
      yield* sys.loadBytes(at, read);
    });
    second.run();
    expect(read).toEqual(stored);
  });

  it('a store after write-back has cleaned the page makes it dirty again', () => {
    const kernel = boot({ strict: true });
    const dirty: number[] = [];
    kernel.spawn('writer', function* (sys) {
      const fd = yield* makeFile(sys, 'again', new Uint8Array(PAGE));
      const at = yield* sys.mmap(0, PAGE, RW, MAP_SHARED, fd);
      for (const value of [1, 2, 3]) {
        yield* sys.store32(at, value);
        dirty.push(kernel.parts.pageCache.dirtyCount);
        yield* sys.fsync(fd);
        dirty.push(kernel.parts.pageCache.dirtyCount);
      }
    });
    kernel.run();
    expect(dirty).toEqual([1, 0, 1, 0, 1, 0]);
  });

  it('ends with SIGBUS behind the end of the file, and where a truncate has cut it off', () => {
    const kernel = boot({ strict: true });
    const beyond = kernel.spawn('beyond', function* (sys) {
      const fd = yield* makeFile(sys, 'short', pattern(PAGE + 1, 1));
      const at = yield* sys.mmap(0, 4 * PAGE, PROT_READ, MAP_SHARED, fd);
      expect(yield* sys.load8(at + PAGE)).toBe(pattern(PAGE + 1, 1)[PAGE]);
      // The tail of the last page reads as zeros.
      expect(yield* sys.load8(at + 2 * PAGE - 1)).toBe(0);
      yield* sys.load8(at + 2 * PAGE);
    });
    kernel.run();
    const cut = kernel.spawn('cut', function* (sys) {
      const fd = yield* makeFile(sys, 'cut', pattern(2 * PAGE, 2));
      const at = yield* sys.mmap(0, 2 * PAGE, RW, MAP_SHARED, fd);
      const copy = yield* sys.mmap(0, 2 * PAGE, RW, MAP_PRIVATE, fd);
      yield* sys.store32(at + PAGE, 5);
      yield* sys.store32(copy + PAGE, 6);
      yield* sys.open('cut', O_RDWR | O_TRUNC);
      expect(yield* sys.read(fd, copy, 4)).toBe(0);
      yield* sys.load8(copy + PAGE);
    });
    kernel.run();
    expect([beyond.error, cut.error]).toEqual([null, null]);
    expect([beyond.status, cut.status]).toEqual([STATUS_BUS, STATUS_BUS]);
    kernel.checkInvariants();
  });

  it('is read through read and written through write with the mapping itself as buffer', () => {
    const kernel = boot({ strict: true, pageCachePages: 2 });
    const one = pattern(3 * PAGE, 1);
    const two = pattern(3 * PAGE, 2);
    const seen = new Uint8Array(3 * PAGE);
    const report = kernel.spawn('copier', function* (sys) {
      const from = yield* makeFile(sys, 'one', one);
      const to = yield* makeFile(sys, 'two', two);
      // Neither page is here: the read must let go of the one while it brings in the other.
      const at = yield* sys.mmap(0, 3 * PAGE, RW, MAP_SHARED, to);
      expect(yield* sys.read(from, at, 3 * PAGE)).toBe(3 * PAGE);
      yield* sys.loadBytes(at, seen);
    });
    kernel.run();
    expect(report.error).toBe(null);
    expect(report.status).toBe(0);
    expect(seen).toEqual(one);
    kernel.checkInvariants();
  });
});

describe('a private mapping of a file', () => {
  it('never reaches the file, nor another process', () => {
    const kernel = boot({ cpus: 2, strict: true });
    const bytes = pattern(2 * PAGE, 4);
    const seen: number[] = [];
    const report = kernel.spawn('owner', function* (sys) {
      const fd = yield* makeFile(sys, 'private', bytes);
      const at = yield* sys.mmap(0, 2 * PAGE, RW, MAP_PRIVATE, fd);
      const shown = yield* sys.mmap(0, 2 * PAGE, PROT_READ, MAP_SHARED, fd);
      yield* sys.load32(at);
      yield* sys.store32(at, 1);
      yield* sys.store32(at + PAGE, 2);
      yield* sys.fork(function* (child) {
        seen.push(yield* child.load32(at));
        yield* child.store32(at, 3);
        seen.push(yield* child.load32(at));
      });
      yield* sys.wait();
      seen.push(yield* sys.load32(at), yield* sys.load32(at + PAGE));
      const file = new Uint8Array(2 * PAGE);
      yield* sys.loadBytes(shown, file);
      expect(file).toEqual(bytes);
      expect(yield* sys.fsync(fd)).toBe(OK);
      expect(kernel.parts.pageCache.dirtyCount).toBe(0);
    });
    kernel.run();
    expect(report.error).toBe(null);
    expect(seen).toEqual([1, 3, 1, 2]);
    kernel.checkInvariants();
  });
});

describe('shared memory without a file', () => {
  it.each([1, 2, 4])(
    'is seen by parent and child, touched before the fork or after; %i CPUs',
    (cpus) => {
      const kernel = boot({ cpus, strict: true });
      const seen: number[] = [];
      kernel.spawn('parent', function* (sys) {
        const at = yield* sys.mmap(0, 2 * PAGE, RW, MAP_SHARED | MAP_ANONYMOUS);
        yield* sys.store32(at, 1);
        yield* sys.fork(function* (child) {
          seen.push(yield* child.load32(at));
          yield* child.store32(at, 2);
          yield* child.store32(at + PAGE, 3);
        });
        yield* sys.wait();
        seen.push(yield* sys.load32(at), yield* sys.load32(at + PAGE));
      });
      kernel.run();
      expect(seen).toEqual([1, 2, 3]);
      expect(kernel.parts.shared.liveCount).toBe(0);
      expect(kernel.parts.userFrames.liveCount).toBe(0);
      kernel.checkInvariants();
    },
  );
});

describe('mmap', () => {
  it('answers an errno for what cannot be, and nothing is mapped', () => {
    const kernel = boot();
    const answers = new Map<string, number>();
    const report = kernel.spawn('asker', function* (sys) {
      const anonymous = MAP_PRIVATE | MAP_ANONYMOUS;
      const readable = yield* sys.open('read only', O_CREAT | O_RDONLY);
      answers.set('empty', yield* sys.mmap(0, 0, RW, anonymous));
      answers.set('kindless', yield* sys.mmap(0, PAGE, RW, MAP_ANONYMOUS));
      answers.set('bothKinds', yield* sys.mmap(0, PAGE, RW, anonymous | MAP_SHARED));
      answers.set('protection', yield* sys.mmap(0, PAGE, 8, anonymous));
      answers.set('badFd', yield* sys.mmap(0, PAGE, RW, MAP_SHARED, 17));
      answers.set('offset', yield* sys.mmap(0, PAGE, PROT_READ, MAP_SHARED, readable, 100));
      answers.set('readOnly', yield* sys.mmap(0, PAGE, RW, MAP_SHARED, readable));
      answers.set('unaligned', yield* sys.mmap(2 ** 30 + 1, PAGE, RW, anonymous | MAP_FIXED));
      answers.set('kernel', yield* sys.mmap(2 ** 47 - PAGE, 2 * PAGE, RW, anonymous | MAP_FIXED));
      answers.set('tooMuch', yield* sys.mmap(0, 2 ** 40, RW, anonymous));
      answers.set('text', yield* sys.raw(9, Number.NaN, PAGE, RW));
      const fixed = yield* sys.mmap(2 ** 30, PAGE, RW, anonymous | MAP_FIXED);
      answers.set('fixed', fixed);
      answers.set('taken', yield* sys.mmap(2 ** 30, PAGE, RW, anonymous | MAP_FIXED_NOREPLACE));
      const shown = yield* sys.mmap(0, PAGE, PROT_READ, MAP_SHARED, readable);
      answers.set('mayNotWrite', yield* sys.mprotect(shown, PAGE, RW));
      answers.set('hole', yield* sys.mprotect(2 ** 30, 2 * PAGE, PROT_READ));
      answers.set('syncHole', yield* sys.msync(2 ** 30, 2 * PAGE, MS_SYNC));
      answers.set('advice', yield* sys.madvise(2 ** 30, PAGE, 99));
      answers.set('unmapNothing', yield* sys.munmap(2 ** 31, PAGE));
      answers.set('unmapOdd', yield* sys.munmap(2 ** 30 + 1, PAGE));
    });
    kernel.run();
    expect(report.error).toBe(null);
    expect(Object.fromEntries(answers)).toEqual({
      empty: EINVAL,
      kindless: EINVAL,
      bothKinds: EINVAL,
      protection: EINVAL,
      badFd: EBADF,
      offset: EINVAL,
      readOnly: EACCES,
      unaligned: EINVAL,
      kernel: ENOMEM,
      tooMuch: ENOMEM,
      text: EINVAL,
      fixed: 2 ** 30,
      taken: EEXIST,
      mayNotWrite: EACCES,
      hole: ENOMEM,
      syncHole: ENOMEM,
      advice: EINVAL,
      unmapNothing: OK,
      unmapOdd: EINVAL,
    });
    kernel.checkInvariants();
  });

  it('MAP_POPULATE brings every page in at once, and mincore tells', () => {
    const kernel = boot();
    const core = new Uint8Array(4);
    let faults = 0;
    kernel.spawn('populate', function* (sys) {
      const fd = yield* makeFile(sys, 'populate', pattern(4 * PAGE, 1));
      const heap = yield* sys.brk(0);
      yield* sys.brk(heap + PAGE);
      const flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE;
      const at = yield* sys.mmap(0, 4 * PAGE, RW, flags);
      const before = kernel.parts.faults.anonymousCount;
      for (let page = 0; page < 4; page++) yield* sys.store32(at + page * PAGE, page);
      faults = kernel.parts.faults.anonymousCount - before;
      yield* sys.munmap(at + PAGE, PAGE);
      yield* sys.mmap(at + PAGE, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED);
      expect(yield* sys.mincore(at, 4 * PAGE, heap)).toBe(OK);
      yield* sys.loadBytes(heap, core);
      const mapped = yield* sys.mmap(0, 4 * PAGE, PROT_READ, MAP_SHARED | MAP_POPULATE, fd);
      expect(mapped).toBeGreaterThan(0);
    });
    kernel.run();
    expect(faults).toBe(0);
    expect([...core]).toEqual([1, 0, 1, 1]);
  });

  it('PROT_NONE keeps the contents and refuses every access, system calls included', () => {
    const kernel = boot({ strict: true });
    const seen: number[] = [];
    const report = kernel.spawn('guard', function* (sys) {
      const at = yield* sys.mmap(0, 2 * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS);
      yield* sys.store32(at, 77);
      expect(yield* sys.mprotect(at, PAGE, PROT_NONE)).toBe(OK);
      const fd = yield* sys.open('guarded', O_CREAT | O_RDWR);
      seen.push(yield* sys.write(fd, at, 4));
      expect(yield* sys.mprotect(at, PAGE, PROT_READ)).toBe(OK);
      seen.push(yield* sys.load32(at));
      expect(yield* sys.mprotect(at, PAGE, RW)).toBe(OK);
      yield* sys.store32(at, 78);
      seen.push(yield* sys.load32(at));
      yield* sys.mprotect(at, PAGE, PROT_NONE);
      yield* sys.load32(at);
    });
    kernel.run();
    expect(seen).toEqual([-14, 77, 78]);
    expect(report.status).toBe(STATUS_SEGV);
    kernel.checkInvariants();
  });
});
