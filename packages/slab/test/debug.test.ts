import { MIB, NIL } from '@hotpath/hw-x86';
import { describe, expect, test } from 'vitest';
import { Kmalloc, PageAllocator, SlabAllocator, type SlabDebugOptions } from '../src/index.js';
import { codeOf, plainMemory } from './plain-memory.js';

const BASE = 16 * MIB;

function setUp(debug: SlabDebugOptions, objectBytes = 64) {
  const bytes = new Uint8Array(1 * MIB);
  const memory = plainMemory(bytes, BASE);
  const pages = new PageAllocator({ ranges: [{ start: BASE, byteCount: bytes.length }] });
  const slabs = new SlabAllocator({ pages, memory });
  const cache = slabs.createCache({ name: 'TestSlub', objectBytes, debug });
  return { bytes, memory, pages, slabs, cache, validate: () => slabs.validate(cache).errors };
}

describe('the corruption table of slub_kunit', () => {
  test('a byte behind an object in use is one finding and one repair: 2 errors, then 0', () => {
    const { memory, cache, validate } = setUp({ redZones: true });
    const p = cache.allocate();
    expect(validate()).toBe(0);
    memory.store8(p + 64, 0x12);
    expect(validate()).toBe(2);
    expect(validate()).toBe(0);
  });

  test('a byte behind a freed object: 2 errors, then 0', () => {
    const { memory, cache, validate } = setUp({ redZones: true });
    const p = cache.allocate();
    cache.free(p);
    memory.store8(p + 64, 0xab);
    expect(validate()).toBe(2);
    expect(validate()).toBe(0);
  });

  test('a byte in front of an object: 2 errors', () => {
    const { memory, cache, validate } = setUp({ redZones: true });
    const p = cache.allocate();
    memory.store8(p - 1, 0);
    expect(validate()).toBe(2);
  });

  test('the free map losing a slot, where Linux has a next pointer: 3 errors, put back 2, then 0', () => {
    const { slabs, cache, validate } = setUp({ poison: true });
    const p = cache.allocate();
    cache.free(p);
    cache.flushMagazines();
    const map = slabs.table.out;
    const before = map[0];
    map[0] = before | 1;
    expect(validate()).toBe(3);
    map[0] = before;
    expect(validate()).toBe(2);
    expect(validate()).toBe(0);
    cache.checkInvariants();
  });

  test('byte 0 of a freed object: 2 errors, then 0', () => {
    const { memory, cache, validate } = setUp({ poison: true });
    const p = cache.allocate();
    cache.free(p);
    memory.store8(p, 0x78);
    expect(validate()).toBe(2);
    expect(validate()).toBe(0);
  });

  test('byte 50 of a freed object: 2 errors, then 0', () => {
    const { memory, cache, validate } = setUp({ poison: true });
    const p = cache.allocate();
    cache.free(p);
    memory.store8(p + 50, 0x9a);
    expect(validate()).toBe(2);
    expect(validate()).toBe(0);
  });

  test('byte 50 of an object in use is its own business: 0 errors', () => {
    const { memory, cache, validate } = setUp({ poison: true, redZones: true });
    const p = cache.allocate();
    memory.store8(p + 50, 0x9a);
    expect(validate()).toBe(0);
  });

  test('a leak is reported by destroy, with its address and site, and the cache stays', () => {
    const { slabs, cache } = setUp({ sites: () => 'test leak' });
    const p = cache.allocate();
    const report = slabs.destroyCache(cache);
    expect(report).toEqual({ objectCount: 1, addresses: [p], sites: new Map([['test leak', 1]]) });
    cache.free(p);
    expect(slabs.destroyCache(cache).objectCount).toBe(0);
    expect(slabs.list()).toEqual([]);
    expect(codeOf(() => cache.allocate())).toBe('ERR_DESTROYED');
    expect(codeOf(() => slabs.destroyCache(cache))).toBe('ERR_DESTROYED');
    expect(slabs.pages.usedPages).toBe(0);
  });
});

describe('debugging of a cache', () => {
  test('every single byte of the red zones is watched, and no byte of the object', () => {
    const { memory, cache, validate } = setUp({ redZones: true }, 50);
    const p = cache.allocate();
    const { stride, leftBytes } = cache.geometry;
    for (let at = p - leftBytes; at < p - leftBytes + stride; at += 1) {
      const old = memory.load8(at);
      memory.store8(at, old ^ 1);
      expect(validate()).toBe(at < p || at >= p + 50 ? 2 : 0);
    }
  });

  test('every byte of a poisoned object is watched', () => {
    const { memory, cache, validate } = setUp({ poison: true }, 50);
    const p = cache.allocate();
    cache.free(p);
    for (let at = p; at < p + 50; at += 1) {
      memory.store8(at, memory.load8(at) ^ 0x80);
      expect(validate()).toBe(2);
    }
  });

  test('damage found by allocate and free is reported once, with byte, address and site', () => {
    const { memory, cache, slabs } = setUp({ poison: true, redZones: true, sites: () => 'here' });
    const p = cache.allocate();
    memory.store8(p + 64 + 3, 0);
    cache.free(p);
    const first = slabs.validate(cache);
    expect(first.reports).toEqual([
      {
        cache: 'TestSlub',
        damage: 'red zone',
        address: p,
        at: p + 67,
        expected: 0xcc,
        found: 0,
        site: 'here',
        repaired: true,
      },
    ]);
    memory.store8(p + 7, 1);
    expect(cache.allocate()).toBe(p);
    expect(slabs.validate(cache).reports.map((report) => [report.damage, report.at])).toEqual([
      ['poison', p + 7],
    ]);
    expect(slabs.validate(cache).errors).toBe(0);
  });

  test('the site of an allocation is the line that called it', () => {
    const { cache, slabs } = setUp({ sites: true });
    cache.allocate();
    cache.allocate();
    const { sites } = slabs.destroyCache(cache);
    expect([...sites.values()]).toEqual([1, 1]);
    for (const site of sites.keys()) expect(site).toContain('debug.test');
  });

  test('every third allocation fails when told so, and the failures are counted', () => {
    const { cache } = setUp({ failEvery: 3 });
    const got = Array.from({ length: 9 }, () => cache.allocate() !== NIL);
    expect(got).toEqual([true, true, false, true, true, false, true, true, false]);
    expect(cache.failedAllocations).toBe(3);
    expect(cache.liveObjects).toBe(6);
  });

  test('a freed object waits in quarantine behind the others, and a second free is refused', () => {
    const { cache, slabs } = setUp({ quarantine: 4 });
    const p = cache.allocate();
    cache.free(p);
    expect(codeOf(() => cache.free(p))).toBe('ERR_DOUBLE_FREE');
    const others: number[] = [];
    for (let i = 0; i < 4; i += 1) {
      const q = cache.allocate();
      expect(q).not.toBe(p);
      others.push(q);
      cache.free(q);
      expect(slabs.validate(cache).errors).toBe(0);
    }
    expect(cache.allocate()).toBe(p);
    expect(cache.liveObjects).toBe(1);
    cache.free(p);
    cache.shrink();
    expect(slabs.pages.usedPages).toBe(0);
  });

  test('quarantine gives way when memory is out', () => {
    const bytes = new Uint8Array(4096);
    const pages = new PageAllocator({ ranges: [{ start: 0, byteCount: 4096 }] });
    const slabs = new SlabAllocator({ pages, memory: plainMemory(bytes) });
    const cache = slabs.createCache({
      name: 'tight',
      objectBytes: 1024,
      debug: { quarantine: 100 },
    });
    const all = [1, 2, 3, 4].map(() => cache.allocate());
    for (const p of all) cache.free(p);
    for (let i = 0; i < 4; i += 1) expect(cache.allocate()).not.toBe(NIL);
    expect(cache.allocate()).toBe(NIL);
  });

  test('a guarded object sees an overrun of any length, either way, and is freed like others', () => {
    const { bytes, cache, slabs, pages } = setUp({ guardEvery: 2 }, 100);
    const before = pages.usedPages;
    const objects = Array.from({ length: 8 }, () => cache.allocate());
    expect(cache.liveObjects).toBe(8);
    expect(slabs.validate(cache).errors).toBe(0);
    const guarded = objects.filter((address) => !cache.isLive(address));
    expect(guarded.length).toBe(4);
    for (const address of guarded) {
      const page = Math.floor(address / 4096) * 4096;
      for (const at of [page, page + 4095, address - 1, address + 100]) {
        if (at < page || at >= page + 4096 || (at >= address && at < address + 100)) continue;
        bytes[at - BASE] = 0;
        const { errors, reports } = slabs.validate(cache);
        expect([errors, reports[0].damage, reports[0].at]).toEqual([2, 'guard', at]);
      }
    }
    bytes[guarded[0] + 100 - BASE] ^= 1;
    for (const address of objects) cache.free(address);
    expect(slabs.validate(cache).reports.length).toBe(guarded[0] % 4096 === 0 ? 1 : 1);
    expect(codeOf(() => cache.free(guarded[0]))).toBe('ERR_FOREIGN_POINTER');
    cache.shrink();
    expect(pages.usedPages).toBe(before);
    expect(slabs.destroyCache(cache).objectCount).toBe(0);
  });

  test('what needs memory is refused without it, and poison with a constructor', () => {
    const pages = new PageAllocator({ ranges: [{ start: 0, byteCount: 1 * MIB }] });
    const slabs = new SlabAllocator({ pages });
    const make = (debug: SlabDebugOptions, construct: ((a: number) => void) | null = null) =>
      codeOf(() => slabs.createCache({ name: 'x', objectBytes: 64, debug, construct }));
    expect(make({ redZones: true })).toBe('ERR_MEMORY');
    expect(make({ poison: true })).toBe('ERR_MEMORY');
    expect(make({ guardEvery: 5 })).toBe('ERR_MEMORY');
    expect(make({ poison: true }, () => {})).toBe('ERR_DEBUG');
    expect(make({ failEvery: -1 })).toBe('ERR_DEBUG');
    expect(make({ failEvery: 2, sites: true, quarantine: 3 })).toBe('nothing');
    expect(codeOf(() => new Kmalloc(slabs).calloc(1, 10))).toBe('ERR_MEMORY');
    expect(slabs.list().length).toBe(1 + new Kmalloc(new SlabAllocator({ pages })).caches.length);
  });
});
