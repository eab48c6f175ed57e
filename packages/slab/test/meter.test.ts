import { type Meter, MIB } from '@hotpath/hw-x86';
import { describe, expect, test } from 'vitest';
import {
  GenericMalloc,
  PageAllocator,
  SlabAllocator,
  TRACE_FREE_REFUSED,
  TRACE_OBJECT_ALLOCATE,
  TRACE_OBJECT_FREE,
  TRACE_SLAB_CREATE,
} from '../src/index.js';

/** Counts what is reported and refuses addresses outside the regions. */
class CountingMeter implements Meter {
  loads = 0;
  stores = 0;
  retired = 0;
  branches = 0;
  readonly regions: { name: string; start: number; byteCount: number }[] = [];
  private next = 4096;

  region(name: string, byteCount: number): number {
    const start = this.next;
    this.regions.push({ name, start, byteCount });
    this.next = Math.ceil((start + byteCount) / 64) * 64 + 64;
    return start;
  }

  load(address: number): void {
    this.check(address);
    this.loads += 1;
  }

  store(address: number): void {
    this.check(address);
    this.stores += 1;
  }

  retire(count: number): void {
    this.retired += count;
  }

  branch(): void {
    this.branches += 1;
  }

  private check(address: number): void {
    const inside = this.regions.some((r) => address >= r.start && address < r.start + r.byteCount);
    if (!inside) throw new Error(`access at ${address} lies in no region`);
  }

  reset(): void {
    this.loads = this.stores = this.retired = this.branches = 0;
  }
}

describe('meter and trace', () => {
  test('an allocation from the magazine is 3 loads and 2 stores, a free 3 loads and 3 stores', () => {
    const meter = new CountingMeter();
    const pages = new PageAllocator({ ranges: [{ start: 0, byteCount: 1 * MIB }], meter });
    const cache = new SlabAllocator({ pages, meter }).createCache({ name: 'x', objectBytes: 64 });
    cache.free(cache.allocate());
    meter.reset();
    const p = cache.allocate();
    expect([meter.loads, meter.stores, meter.branches]).toEqual([3, 2, 1]);
    meter.reset();
    cache.free(p);
    expect([meter.loads, meter.stores, meter.branches]).toEqual([3, 3, 2]);
  });

  test('over a window of 1,000 live objects the slab touches memory less than half as often', () => {
    const accesses = (
      make: (meter: CountingMeter) => { allocate(): number; free(address: number): void },
    ): number => {
      const meter = new CountingMeter();
      const heap = make(meter);
      const window = Array.from({ length: 1000 }, () => heap.allocate());
      meter.reset();
      for (let i = 0; i < 5000; i += 1) {
        heap.free(window[i % 1000]);
        window[i % 1000] = heap.allocate();
      }
      return (meter.loads + meter.stores) / 5000;
    };
    const slab = accesses((meter) => {
      const pages = new PageAllocator({ ranges: [{ start: 0, byteCount: 1 * MIB }], meter });
      return new SlabAllocator({ pages, meter }).createCache({ name: 'x', objectBytes: 64 });
    });
    const generic = accesses((meter) => {
      const heap = new GenericMalloc({ byteCount: 1 * MIB, meter });
      return { allocate: () => heap.malloc(64), free: (address) => heap.free(address) };
    });
    expect(slab).toBe(11);
    expect(generic).toBeGreaterThan(2 * slab);
  });

  test('a meter or a trace changes no result', () => {
    const sequence = (meter: Meter | null, kinds: number[] | null): number[] => {
      const trace = kinds === null ? null : { emit: (kind: number) => void kinds.push(kind) };
      const pages = new PageAllocator({ ranges: [{ start: 0, byteCount: 1 * MIB }], meter, trace });
      const cache = new SlabAllocator({ pages, meter, trace }).createCache({
        name: 'x',
        objectBytes: 100,
      });
      const live: number[] = [];
      const seen: number[] = [];
      for (let i = 0; i < 3000; i += 1) {
        if (i % 7 < 4) live.push(cache.allocate());
        else cache.free(live.splice((i * 31) % live.length, 1)[0]);
        seen.push(live.at(-1) ?? 0);
      }
      return seen;
    };
    const kinds: number[] = [];
    const plain = sequence(null, null);
    expect(sequence(new CountingMeter(), null)).toEqual(plain);
    expect(sequence(null, kinds)).toEqual(plain);
    const count = (kind: number) => kinds.filter((one) => one === kind).length;
    expect(count(TRACE_OBJECT_ALLOCATE) + count(TRACE_OBJECT_FREE)).toBe(3000);
    expect(count(TRACE_SLAB_CREATE)).toBeGreaterThan(5);
    expect(count(TRACE_FREE_REFUSED)).toBe(0);
  });
});
