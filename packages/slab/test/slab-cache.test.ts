import { MIB, NIL } from '@hotpath/hw-x86';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PageAllocator, SlabAllocator, slabGeometry } from '../src/index.js';

function codeOf(action: () => void): string {
  try {
    action();
  } catch (error) {
    return (error as { code: string }).code;
  }
  return 'nothing';
}

/** Addresses are offsets from the start of memory, or lie beyond 4 GiB. */
const STARTS = { near: 5 * 4096, far: 2 ** 33 + 5 * 4096 };

function allocator(byteCount = 4 * MIB, cpuCount = 1, start = STARTS.near): SlabAllocator {
  return new SlabAllocator({
    pages: new PageAllocator({ ranges: [{ start, byteCount }] }),
    cpuCount,
  });
}

describe('slab cache', () => {
  test('the tail wastes at most 1/8 where an order allows it, and else as little as can be', () => {
    const wrong: number[] = [];
    for (let bytes = 1; bytes <= 32768; bytes += 1) {
      const g = slabGeometry(bytes, 8);
      const waste = (order: number): number => {
        const slab = 4096 * 2 ** order;
        return slab < g.stride ? 1 : (slab % g.stride) / slab;
      };
      const best = Math.min(waste(0), waste(1), waste(2), waste(3));
      if (waste(g.order) > 1 / 8 && waste(g.order) !== best) wrong.push(bytes);
    }
    expect(wrong).toEqual([]);
  });

  test('objects are aligned, disjoint, and inside their pages', () => {
    const slabs = allocator();
    for (const objectBytes of [1, 8, 24, 64, 100, 700, 2048, 5000, 12000, 32768]) {
      const cache = slabs.createCache({ name: `c${objectBytes}`, objectBytes });
      const all = Array.from({ length: 20 }, () => cache.allocate()).sort((a, b) => a - b);
      for (let i = 0; i < all.length; i += 1) {
        expect((all[i] - slabs.base) % cache.align).toBe(0);
        if (i > 0) expect(all[i] - all[i - 1]).toBeGreaterThanOrEqual(objectBytes);
        expect(slabs.cacheOf(all[i])).toBe(cache);
        expect(slabs.cacheOf(all[i] + objectBytes - 1)).toBe(cache);
      }
    }
  });

  test.each(['near', 'far'] as const)(
    'a double free, an interior and a foreign pointer are refused, and the count stays: %s',
    (where) => {
      const slabs = allocator(4 * MIB, 1, STARTS[where]);
      const cache = slabs.createCache({ name: 'task', objectBytes: 96 });
      const other = slabs.createCache({ name: 'inode', objectBytes: 96 });
      const a = cache.allocate();
      const b = cache.allocate();
      const c = other.allocate();
      cache.free(a);
      expect(codeOf(() => cache.free(a))).toBe('ERR_DOUBLE_FREE');
      expect(codeOf(() => cache.free(b + 8))).toBe('ERR_INTERIOR_POINTER');
      expect(codeOf(() => cache.free(b + 0.5))).toBe('ERR_INTERIOR_POINTER');
      expect(codeOf(() => cache.free(b - 1))).toBe('ERR_INTERIOR_POINTER');
      expect(codeOf(() => cache.free(c))).toBe('ERR_FOREIGN_POINTER');
      for (const wrong of [
        0,
        NIL,
        Number.NaN,
        Number.POSITIVE_INFINITY,
        b + 2 ** 32,
        b - 2 ** 32,
        2 ** 52,
      ]) {
        expect(codeOf(() => cache.free(wrong))).toBe('ERR_FOREIGN_POINTER');
      }
      expect(cache.refusedFrees).toBe(12);
      expect([cache.liveObjects, other.liveObjects]).toEqual([1, 1]);
    },
  );

  test('the bytes behind the last object of a slab are no object', () => {
    const slabs = allocator();
    const cache = slabs.createCache({ name: 'odd', objectBytes: 1008 });
    const g = cache.geometry;
    expect(g.objectCount * g.stride).toBeLessThan(g.slabBytes);
    const all = Array.from({ length: g.objectCount }, () => cache.allocate()).sort((x, y) => x - y);
    const behind = all[g.objectCount - 1] + g.stride;
    expect(codeOf(() => cache.free(behind))).toBe(
      behind % 4096 === 0 ? 'ERR_FOREIGN_POINTER' : 'ERR_INTERIOR_POINTER',
    );
  });

  test('slabs start at different colours as far as their tail allows', () => {
    const slabs = allocator();
    const cache = slabs.createCache({
      name: 'coloured',
      objectBytes: 480,
      magazineObjects: 1,
    });
    const { objectCount, colourCount } = cache.geometry;
    expect(colourCount).toBeGreaterThan(1);
    const starts = new Set<number>();
    for (let slab = 0; slab < 2 * colourCount; slab += 1) {
      let lowest = Number.POSITIVE_INFINITY;
      for (let i = 0; i < objectCount; i += 1) lowest = Math.min(lowest, cache.allocate());
      starts.add(lowest % 4096);
    }
    expect(starts.size).toBe(colourCount);
  });

  test('a constructor sees every slot once for each slab', () => {
    const slabs = allocator();
    const seen: number[] = [];
    const cache = slabs.createCache({
      name: 'made',
      objectBytes: 256,
      magazineObjects: 4,
      construct: (address) => seen.push(address),
    });
    const got = Array.from({ length: 16 }, () => cache.allocate());
    expect(seen.length).toBe(16);
    expect(new Set(seen)).toEqual(new Set(got));
    for (const address of got) cache.free(address);
    for (let i = 0; i < 16; i += 1) cache.allocate();
    expect(seen.length).toBe(16);
  });

  test('when memory is out, allocation answers none, and one free later works again', () => {
    const slabs = allocator(8 * 4096, 2);
    const cache = slabs.createCache({ name: 'big', objectBytes: 1024 });
    const all: number[] = [];
    for (let a = cache.allocate(); a !== NIL; a = cache.allocate()) all.push(a);
    expect(all.length).toBe(32);
    expect(cache.failedAllocations).toBe(1);
    slabs.useCpu(1);
    cache.free(all[3]);
    slabs.useCpu(0);
    expect(cache.allocate()).toBe(all[3]);
  });

  test.each([
    [1, 'near'],
    [2, 'near'],
    [1, 'far'],
  ] as const)(
    'any sequence on %i CPUs keeps objects apart, counts balanced, and shrinks to nothing: %s',
    (cpuCount, where) => {
      const step = fc.record({
        cache: fc.nat(3),
        cpu: fc.nat(1),
        free: fc.boolean(),
        pick: fc.nat(5000),
        times: fc.integer({ min: 1, max: 90 }),
      });
      fc.assert(
        fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
          const slabs = allocator(1 * MIB, cpuCount, STARTS[where]);
          const caches = [8, 40, 480, 3000].map((objectBytes) =>
            slabs.createCache({ name: `c${objectBytes}`, objectBytes, magazineObjects: 12 }),
          );
          const live = caches.map(() => [] as number[]);
          const owner = new Map<number, number>();
          for (const { cache, cpu, free, pick, times } of steps) {
            slabs.useCpu(cpu % cpuCount);
            for (let i = 0; i < times; i += 1) {
              const list = live[cache];
              if (free && list.length > 0) {
                const at = (pick + i) % list.length;
                const address = list[at];
                list[at] = list[list.length - 1];
                list.pop();
                owner.delete(address);
                caches[cache].free(address);
              } else if (!free) {
                const address = caches[cache].allocate();
                if (address === NIL) continue;
                expect(owner.has(address)).toBe(false);
                owner.set(address, cache);
                list.push(address);
              }
            }
            for (let c = 0; c < caches.length; c += 1)
              expect(caches[c].liveObjects).toBe(live[c].length);
          }
          const sorted = [...owner.keys()].sort((a, b) => a - b);
          for (let i = 1; i < sorted.length; i += 1) {
            expect(sorted[i] - sorted[i - 1]).toBeGreaterThanOrEqual(
              caches[owner.get(sorted[i - 1]) as number].objectBytes,
            );
          }
          for (let c = 0; c < caches.length; c += 1) {
            const walked: number[] = [];
            caches[c].forEachLive((address) => walked.push(address));
            expect(walked.sort((a, b) => a - b)).toEqual(live[c].sort((a, b) => a - b));
            for (const address of live[c]) caches[c].free(address);
          }
          slabs.shrink();
          expect(slabs.pages.usedPages).toBe(0);
        }),
        { numRuns: 40 },
      );
    },
  );
});
