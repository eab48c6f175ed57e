import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EIO, OK } from '@hotpath/hw-x86';
import { afterAll, describe, expect, it } from 'vitest';
import type { BackingStore } from '../../src/index.js';
import { FileCache } from '../../src/node/index.js';
import { Random } from '../random.js';
import { expectSame, pattern } from '../rig.js';

const folder = mkdtempSync(join(tmpdir(), 'pagecache-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let names = 0;

function temporary(bytes: Uint8Array): string {
  const path = join(folder, `f${names++}`);
  writeFileSync(path, bytes);
  return path;
}

function cacheOf(bytes: number): FileCache {
  return new FileCache({ cacheBytes: bytes, writeBackMs: 0 });
}

describe('a cached file', () => {
  it('reads a file larger than the cache, synchronously and with promises', async () => {
    const bytes = pattern(1_000_003);
    const path = temporary(bytes);
    const cache = cacheOf(64 * 1024);
    const file = cache.open(path);
    const target = new Uint8Array(bytes.length + 10);
    // The first read of a handle is the start of a scan, past the cache; the second is none.
    for (let round = 0; round < 2; round++) {
      target.fill(0);
      expect(file.readSync(target, 0)).toBe(bytes.length);
      expectSame(target.subarray(0, bytes.length), bytes);
    }
    expect(cache.counters.pagesRead).toBeGreaterThanOrEqual(Math.ceil(bytes.length / 4096));
    target.fill(0);
    expect(await file.read(target, 0)).toBe(bytes.length);
    expectSame(target.subarray(0, bytes.length), bytes);
    expect(file.size).toBe(bytes.length);
    await file.close();
    cache.pages.checkInvariants();
  });

  it('a scan of a file larger than the cache costs no page its place, and sees what is newer than the host', () => {
    const bytes = pattern(1_000_003);
    const cache = cacheOf(64 * 4096);
    const hot = cache.open(temporary(pattern(20 * 4096)));
    const target = new Uint8Array(64 * 1024);
    const readHot = (): void => {
      for (let page = 0; page < 20; page++) hot.readSync(target.subarray(0, 4096), page * 4096);
    };
    readHot();
    const file = cache.open(temporary(bytes), 'r+');
    file.writeSync(new Uint8Array([1, 2, 3]), 500_000);
    bytes.set([1, 2, 3], 500_000);
    const before = cache.pages.pageCount;
    for (let at = 0; at < bytes.length; at += target.length) {
      const count = file.readSync(target, at);
      expectSame(target.subarray(0, count), bytes.subarray(at, at + target.length));
    }
    expect(cache.pages.pageCount).toBe(before);
    const { misses } = cache.counters;
    readHot();
    expect(cache.counters.misses).toBe(misses);
    file.closeSync();
    hot.closeSync();
  });

  it('what is no scan is cached: small reads, jumps, and files that the cache can hold', () => {
    const cache = cacheOf(64 * 4096);
    const large = cache.open(temporary(pattern(100 * 4096)));
    const target = new Uint8Array(16 * 4096);
    const cachedBy = (read: () => void): number => {
      const before = cache.counters.pagesRead;
      read();
      return cache.counters.pagesRead - before;
    };
    expect(cachedBy(() => large.readSync(target, 0))).toBe(0);
    expect(cachedBy(() => large.readSync(target, 0))).toBeGreaterThanOrEqual(16);
    expect(cachedBy(() => large.readSync(target.subarray(0, 4096), 16 * 4096))).toBeGreaterThan(0);
    expect(cachedBy(() => large.readSync(target, 70 * 4096))).toBeGreaterThanOrEqual(16);
    expect(cachedBy(() => large.readSync(target, 86 * 4096))).toBe(0);
    const fits = cache.open(temporary(pattern(64 * 4096)));
    expect(cachedBy(() => fits.readSync(target, 0))).toBeGreaterThanOrEqual(16);
    large.closeSync();
    fits.closeSync();
  });

  it('a leased page is the same bytes by its array and by its place among all frames', () => {
    const bytes = pattern(9 * 4096 + 5);
    const cache = cacheOf(8 * 4096);
    const file = cache.open(temporary(bytes), 'r+');
    for (const page of [3, 9, 0, 3]) {
      const slot = file.leaseSync(page);
      const start = file.start(slot);
      const own = bytes.subarray(page * 4096, (page + 1) * 4096);
      expectSame(cache.frames.subarray(start, start + own.length), own);
      expectSame(file.bytes(slot).subarray(0, own.length), own);
      expect(cache.pages.pins(slot)).toBe(1);
      file.release(slot);
      expect(cache.pages.pins(slot)).toBe(0);
    }
    // A lease keeps its page however many others come.
    const held = file.leaseSync(2);
    for (let page = 0; page < 10; page++) file.release(file.leaseSync(page));
    expect(cache.pages.pageOfSlot(held)).toBe(2);
    expect(() => file.closeSync()).toThrow(expect.objectContaining({ code: 'EBUSY' }));
    file.release(held);
    file.closeSync();
    cache.pages.checkInvariants();
  });

  it('several readers at once over a small cache each get the right bytes', async () => {
    const bytes = pattern(600_000);
    const path = temporary(bytes);
    const cache = cacheOf(8 * 4096);
    const files = Array.from({ length: 6 }, () => cache.open(path));
    await Promise.all(
      files.map(async (file, i) => {
        for (let at = i * 10_000; at < bytes.length; at += 70_001) {
          const target = new Uint8Array(33_333);
          const count = await file.read(target, at);
          expectSame(target.subarray(0, count), bytes.subarray(at, at + 33_333));
        }
      }),
    );
    for (const file of files) await file.close();
    expect(cache.pages.pageCount).toBe(0);
  });

  it('random writes, reads, truncations and leases agree with a plain array, and the file at the end', async () => {
    for (const seed of [1, 2, 3]) {
      const random = new Random(seed);
      const path = temporary(new Uint8Array(0));
      const cache = cacheOf(5 * 4096);
      const file = cache.open(path, 'r+');
      let model = new Uint8Array(0);
      for (let step = 0; step < 500; step++) {
        const later = random.chance(50);
        // A synchronous call cannot wait for transfers that an asynchronous one has started.
        while (!later && cache.pages.transferCount > 0) await new Promise(setImmediate);
        const at = random.below(60_000);
        const count = random.below(9000) + 1;
        const kind = random.below(5);
        if (kind === 0) {
          const source = pattern(count, random.next());
          if (later) await file.write(source, at);
          else file.writeSync(source, at);
          const next = new Uint8Array(Math.max(model.length, at + count));
          next.set(model);
          next.set(source, at);
          model = next;
        } else if (kind === 1) {
          const target = new Uint8Array(count);
          const got = later ? await file.read(target, at) : file.readSync(target, at);
          expectSame(target.subarray(0, got), model.subarray(at, at + count));
        } else if (kind === 2 && random.chance(20)) {
          if (later) await file.truncate(at);
          else file.truncateSync(at);
          const next = new Uint8Array(at);
          next.set(model.subarray(0, at));
          model = next;
        } else if (kind === 3 && at < model.length) {
          const slot = later
            ? await file.lease(Math.floor(at / 4096))
            : file.leaseSync(Math.floor(at / 4096));
          const view = file.bytes(slot);
          expect(view[at % 4096]).toBe(model[at]);
          view[at % 4096] = 0x42;
          model[at] = 0x42;
          file.releaseDirty(slot);
        } else if (kind === 4 && random.chance(20)) {
          if (later) await file.fsync();
          else file.fsyncSync();
          expectSame(readFileSync(path), model);
        }
      }
      await file.close();
      expectSame(readFileSync(path), model);
      cache.pages.checkInvariants();
      expect(cache.pages.pendingCount).toBe(0);
    }
  });

  it('an uncached read leaves the cache as it was, and agrees with a plain array whatever is cached', () => {
    const bytes = pattern(50 * 4096 + 77);
    const cache = cacheOf(16 * 4096);
    const file = cache.open(temporary(bytes), 'r+');
    const target = new Uint8Array(bytes.length + 5);
    expect(file.readUncachedSync(target, 0)).toBe(bytes.length);
    expectSame(target.subarray(0, bytes.length), bytes);
    expect(cache.pages.pageCount).toBe(0);
    const random = new Random(11);
    let model = bytes.slice();
    for (let i = 0; i < 400; i++) {
      const at = random.below(60 * 4096);
      const part = pattern(1 + random.below(20_000), i);
      const kind = random.below(3);
      if (kind === 0) {
        const grown = new Uint8Array(Math.max(model.length, at + part.length));
        grown.set(model);
        grown.set(part, at);
        model = grown;
        file.writeSync(part, at);
      } else if (kind === 1 && i % 5 === 0) {
        const size = random.below(60 * 4096);
        const resized = new Uint8Array(size);
        resized.set(model.subarray(0, size));
        model = resized;
        file.truncateSync(size);
      }
      const before = cache.pages.pageCount;
      const into = new Uint8Array(part.length);
      const count = file.readUncachedSync(into, at);
      expectSame(into.subarray(0, count), model.subarray(at, at + part.length));
      expect(cache.pages.pageCount).toBe(before);
    }
    file.closeSync();
    cache.pages.checkInvariants();
  });

  it('an uncached read beside a truncation that is under way shows nothing that is cut off', async () => {
    const cache = cacheOf(64 * 1024);
    const file = cache.open(temporary(pattern(20_000)), 'r+');
    const cut = file.truncate(5000);
    for (let i = 0; i < 3; i++) {
      expect(() => file.readUncachedSync(new Uint8Array(20_000), 0)).toThrow(
        expect.objectContaining({ code: 'EAGAIN' }),
      );
      expect(() => file.readSync(new Uint8Array(20_000), 0)).toThrow(
        expect.objectContaining({ code: 'EAGAIN' }),
      );
    }
    await cut;
    expect(await file.read(new Uint8Array(20_000), 0)).toBe(5000);
    expect(file.readUncachedSync(new Uint8Array(20_000), 0)).toBe(5000);
    const shorter = file.truncate(4096);
    expect(file.readUncachedSync(new Uint8Array(20_000), 0)).toBe(4096);
    await shorter;
    await file.close();
  });

  it('two opens of a file share its pages', () => {
    const path = temporary(pattern(10_000));
    const cache = cacheOf(64 * 1024);
    const one = cache.open(path);
    const two = cache.open(join(folder, '.', path.slice(folder.length + 1)), 'r+');
    two.writeSync(new Uint8Array([1, 2, 3]), 5000);
    const target = new Uint8Array(3);
    one.readSync(target, 5000);
    expect([...target]).toEqual([1, 2, 3]);
    two.closeSync();
    one.readSync(target, 5000);
    expect([...target]).toEqual([1, 2, 3]);
    one.closeSync();
    expect([...readFileSync(path).subarray(5000, 5003)]).toEqual([1, 2, 3]);
  });

  it('a lease is the frame itself and costs no copy; the whole cache leased is ENOMEM', () => {
    const path = temporary(pattern(10 * 4096));
    const cache = cacheOf(3 * 4096);
    const file = cache.open(path);
    const slots = [0, 1, 2].map((page) => file.leaseSync(page));
    expect(file.bytes(slots[0])).toBe(file.bytes(slots[0]));
    expect(() => file.leaseSync(3)).toThrow(expect.objectContaining({ code: 'ENOMEM' }));
    expect(() => file.closeSync()).toThrow(expect.objectContaining({ code: 'EBUSY' }));
    for (const slot of slots) file.release(slot);
    file.release(file.leaseSync(3));
    expect(() => file.leaseSync(10)).toThrow(expect.objectContaining({ code: 'ENXIO' }));
    file.closeSync();
  });

  it('written bytes are read back at once, and are in the file after fsync', () => {
    const path = temporary(new Uint8Array(0));
    const cache = cacheOf(1024 * 1024);
    const file = cache.open(path, 'w+');
    file.writeSync(pattern(10_000), 0);
    expect(statSync(path).size).toBe(0);
    file.fsyncSync();
    expectSame(readFileSync(path), pattern(10_000));
    file.closeSync();
  });

  it('a failing disk: the error comes at fsync, close keeps the file open, then all is written', async () => {
    const path = temporary(new Uint8Array(0));
    let failing = false;
    const cache = new FileCache({
      cacheBytes: 64 * 1024,
      writeBackMs: 0,
      wrapStore: (store) =>
        new Proxy(store, {
          get(target, name): unknown {
            const value = target[name as keyof BackingStore];
            if (name === 'writePages' && failing) return () => EIO;
            return typeof value === 'function' ? value.bind(target) : value;
          },
        }),
    });
    const file = cache.open(path, 'r+');
    failing = true;
    file.writeSync(pattern(5000), 0);
    expect(() => file.fsyncSync()).toThrow(expect.objectContaining({ code: 'EIO' }));
    await expect(file.close()).rejects.toThrow('EIO');
    failing = false;
    await file.close();
    expectSame(readFileSync(path), pattern(5000));
    expect(OK).toBe(0);
  });

  it('wrong use is refused with a code', () => {
    const path = temporary(pattern(10));
    const cache = cacheOf(64 * 1024);
    expect(() => cache.open(join(folder, 'missing'))).toThrow(
      expect.objectContaining({ code: 'ENOENT' }),
    );
    const file = cache.open(path);
    expect(() => file.writeSync(pattern(1), 0)).toThrow(expect.objectContaining({ code: 'EBADF' }));
    expect(() => file.readSync(pattern(1), -1)).toThrow(
      expect.objectContaining({ code: 'ERR_POSITION' }),
    );
    file.closeSync();
    expect(() => file.readSync(pattern(1), 0)).toThrow(expect.objectContaining({ code: 'EBADF' }));
    expect(() => new FileCache({ cacheBytes: 5 })).toThrow(
      expect.objectContaining({ code: 'ERR_CACHE_BYTES' }),
    );
  });
});
