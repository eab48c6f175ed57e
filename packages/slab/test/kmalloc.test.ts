import { MIB } from '@hotpath/hw-x86';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  GenericMalloc,
  Kmalloc,
  type ObjectMemory,
  PageAllocator,
  SlabAllocator,
} from '../src/index.js';

function codeOf(action: () => void): string {
  try {
    action();
  } catch (error) {
    return (error as { code: string }).code;
  }
  return 'nothing';
}

/** Plain bytes as the memory behind the addresses. */
function plainMemory(bytes: Uint8Array): ObjectMemory {
  const view = new DataView(bytes.buffer);
  return {
    load8: (at) => bytes[at],
    store8: (at, value) => void (bytes[at] = value),
    load32: (at) => view.getUint32(at, true),
    store32: (at, value) => view.setUint32(at, value, true),
    copy: (to, from, count) => void bytes.copyWithin(to, from, from + count),
    fill: (at, count, value) => void bytes.fill(value, at, at + count),
  };
}

interface Malloc {
  malloc(byteCount: number): number;
  free(address: number): void;
  realloc(address: number, byteCount: number): number;
  sizeOf(address: number): number;
}

/** Random operations on blocks whose whole contents are checked. */
function exercise(
  heap: Malloc,
  bytes: Uint8Array,
  none: number,
  steps: readonly { op: number; size: number; pick: number }[],
  check: () => void,
): void {
  const live: { address: number; size: number; mark: number }[] = [];
  let mark = 0;
  const verify = (block: { address: number; size: number; mark: number }, count: number): void => {
    for (let i = 0; i < count; i += 1)
      if (bytes[block.address + i] !== block.mark) throw new Error('contents lost');
  };
  for (const { op, size, pick } of steps) {
    if (op <= 1 || live.length === 0) {
      const address = heap.malloc(size);
      if (address === none) continue;
      expect(address % 8).toBe(0);
      expect(heap.sizeOf(address)).toBeGreaterThanOrEqual(size);
      mark = (mark % 250) + 1;
      bytes.fill(mark, address, address + size);
      live.push({ address, size, mark });
    } else {
      const at = pick % live.length;
      const block = live[at];
      verify(block, block.size);
      if (op === 2) {
        const moved = heap.realloc(block.address, size);
        if (moved === none) continue;
        block.address = moved;
        verify(block, Math.min(size, block.size));
        block.size = size;
        bytes.fill(block.mark, moved, moved + size);
      } else {
        heap.free(block.address);
        live.splice(at, 1);
      }
    }
    check();
  }
  for (const block of live) {
    verify(block, block.size);
    heap.free(block.address);
  }
}

const steps = fc.array(
  fc.record({
    op: fc.nat(3),
    size: fc.oneof(fc.nat(200), fc.nat(9000), fc.nat(60000)),
    pick: fc.nat(1000),
  }),
  { maxLength: 150 },
);

describe('kmalloc', () => {
  test('contents survive any sequence of malloc, realloc and free, and nothing is held at the end', () => {
    fc.assert(
      fc.property(steps, (list) => {
        const bytes = new Uint8Array(2 * MIB);
        const pages = new PageAllocator({ ranges: [{ start: 0, byteCount: 2 * MIB }] });
        const slabs = new SlabAllocator({ pages, memory: plainMemory(bytes) });
        const heap = new Kmalloc(slabs);
        exercise(heap, bytes, -1, list, () =>
          expect(heap.footprintBytes).toBe(pages.usedPages * 4096),
        );
        slabs.shrink();
        expect(pages.usedPages).toBe(0);
      }),
      { numRuns: 60 },
    );
  });

  test('memalign gives every power of two', () => {
    const pages = new PageAllocator({ ranges: [{ start: 0, byteCount: 16 * MIB }] });
    const heap = new Kmalloc(new SlabAllocator({ pages, none: -1 }));
    for (let align = 1; align <= 4 * MIB; align *= 2) {
      for (const size of [0, 1, 17, 100, 1000, 5000, 8192, 20000]) {
        const address = heap.memalign(align, size);
        expect(address).toBeGreaterThanOrEqual(0);
        expect(address % align).toBe(0);
        expect(heap.sizeOf(address)).toBeGreaterThanOrEqual(size);
        heap.free(address);
      }
    }
  });
});

describe('what kmalloc keeps in hand', () => {
  function heapOf(byteCount: number) {
    const pages = new PageAllocator({ ranges: [{ start: 0, byteCount }] });
    const slabs = new SlabAllocator({ pages });
    return { pages, slabs, heap: new Kmalloc(slabs) };
  }

  test('a freed run serves the next of its length, and is free to every check meanwhile', () => {
    const { pages, slabs, heap } = heapOf(4 * MIB);
    const run = heap.malloc(5 * 4096);
    heap.free(run);
    expect(codeOf(() => heap.free(run))).toBe('ERR_DOUBLE_FREE');
    expect(codeOf(() => heap.sizeOf(run))).toBe('ERR_FOREIGN_POINTER');
    expect(heap.footprintBytes).toBe(5 * 4096);
    expect(heap.malloc(5 * 4096)).toBe(run);
    expect(codeOf(() => heap.free(run + 4096))).toBe('ERR_INTERIOR_POINTER');
    expect(codeOf(() => heap.free(run + 8))).toBe('ERR_INTERIOR_POINTER');
    const foreign = pages.allocateRun(3);
    expect(codeOf(() => heap.free(foreign))).toBe('ERR_FOREIGN_POINTER');
    expect(pages.pagesAt(foreign)).toBe(3);
    heap.free(run);
    slabs.shrink();
    expect([heap.footprintBytes, pages.usedPages]).toEqual([0, 3]);
    expect(codeOf(() => heap.free(run))).toBe('ERR_DOUBLE_FREE');
    expect(codeOf(() => slabs.destroyCache(heap.caches[0]))).toBe('ERR_SIZE_CLASS');
  });

  test('what lies idle goes back before more is held than ever was', () => {
    const { heap } = heapOf(16 * MIB);
    const sizes = [20_000, 40_000, 60_000];
    let peak = 0;
    for (let turn = 0; turn < 30; turn += 1) {
      const size = sizes[turn % 3];
      const count = Math.floor(600_000 / size);
      const all = Array.from({ length: count }, () => heap.malloc(size));
      peak = Math.max(peak, count * Math.ceil(size / 4096) * 4096);
      expect(heap.footprintBytes).toBeLessThanOrEqual(peak);
      for (const address of all) heap.free(address);
    }
    expect(heap.footprintBytes).toBeGreaterThan(0);
    expect(heap.footprintBytes).toBeLessThanOrEqual(64 * 4096);
  });
});

describe('generic malloc', () => {
  test('contents survive any sequence, and the free blocks merge into one', () => {
    fc.assert(
      fc.property(steps, (list) => {
        const buffer = new ArrayBuffer(512 * 1024);
        const heap = new GenericMalloc({ byteCount: buffer.byteLength, buffer });
        exercise(heap, new Uint8Array(buffer), 0, list, () => heap.checkInvariants());
        heap.checkInvariants();
        expect(heap.usedBytes).toBe(0);
        expect(heap.malloc(400 * 1024)).toBeGreaterThan(0);
      }),
      { numRuns: 60 },
    );
  });
});
