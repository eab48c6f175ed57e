import { MIB, NIL } from '@hotpath/hw-x86';
import { describe, expect, test } from 'vitest';
import { Arena, GenericMalloc } from '../src/index.js';

/** A fixed mix of every kind of call; frees everything at the end. How many calls got no memory. */
function exercise(arena: Arena): number {
  const cache = arena.createCache({ name: 'object', objectBytes: 200 });
  const blocks: number[] = [];
  const objects: number[] = [];
  let failures = 0;
  let seed = 1;
  const keep = (list: number[], offset: number): void => {
    if (offset === 0) failures += 1;
    else list.push(offset);
  };
  for (let i = 0; i < 400; i += 1) {
    seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
    const size = (seed >>> 4) % 3 === 0 ? (seed >>> 8) % 30_000 : (seed >>> 8) % 500;
    const kind = i % 6;
    if (kind === 0) keep(blocks, arena.malloc(size));
    else if (kind === 1) keep(objects, cache.allocate());
    else if (kind === 2) keep(blocks, arena.calloc(3, (size / 4) | 0));
    else if (kind === 3) keep(blocks, arena.memalign(64, size));
    else if (kind === 4 && blocks.length > 0) {
      const at = (seed >>> 8) % blocks.length;
      const old = blocks[at];
      arena.views.u8[old] = 77;
      const moved = arena.realloc(old, size);
      // The old block stays where it was, and its contents with it.
      if (moved === 0) failures += 1;
      else blocks[at] = moved;
      if (arena.views.u8[blocks[at]] !== 77 && size > 0) throw new Error('contents lost');
    } else if (blocks.length > 20) {
      arena.free(blocks.shift() as number);
    }
  }
  for (const offset of blocks) arena.free(offset);
  for (const offset of objects) cache.free(offset);
  return failures;
}

function expectClean(arena: Arena): void {
  for (const cache of arena.slabs.list()) {
    expect(cache.liveObjects).toBe(0);
    cache.checkInvariants();
  }
  expect(arena.slabs.validate().errors).toBe(0);
  arena.slabs.shrink();
  arena.pages.drain();
  arena.pages.checkInvariants();
  expect(arena.pages.usedPages).toBe(0);
}

describe('out of memory', () => {
  test('at every n-th request for pages: none is answered, nothing is lost, nothing is held', () => {
    let failing = 0;
    for (let n = 1; n <= 60; n += 1) {
      const arena = new Arena(new ArrayBuffer(4 * MIB));
      const { buddy } = arena.pages;
      const take = buddy.take.bind(buddy);
      let requests = 0;
      buddy.take = (order, zone) => {
        requests += 1;
        return requests % n === 0 ? NIL : take(order, zone);
      };
      if (exercise(arena) > 0) failing += 1;
      buddy.take = take;
      expectClean(arena);
    }
    expect(failing).toBeGreaterThan(0);
  });

  test('in an arena of any small size', () => {
    let failing = 0;
    for (let pageCount = 2; pageCount <= 80; pageCount += 1) {
      const arena = new Arena(new ArrayBuffer(pageCount * 4096));
      if (exercise(arena) > 0) failing += 1;
      expectClean(arena);
    }
    expect(failing).toBeGreaterThan(20);
  });

  test('what other caches hold back is used before memory counts as out', () => {
    const arena = new Arena(new ArrayBuffer(17 * 4096));
    const a = arena.createCache({ name: 'a', objectBytes: 1024, minEmpty: 1000 });
    const all = Array.from({ length: 64 }, () => a.allocate());
    expect(arena.malloc(2000)).toBe(0);
    for (const offset of all) a.free(offset);
    const b = arena.createCache({ name: 'b', objectBytes: 4096 });
    for (let i = 0; i < 16; i += 1) expect(b.allocate()).not.toBe(0);
    expect(b.allocate()).toBe(0);
  });

  test('the generic malloc answers 0 and goes on', () => {
    const heap = new GenericMalloc({ byteCount: 4096 });
    const all: number[] = [];
    for (let p = heap.malloc(100); p !== 0; p = heap.malloc(100)) all.push(p);
    expect(all.length).toBeGreaterThan(30);
    expect(heap.realloc(all[0], 5000)).toBe(0);
    heap.checkInvariants();
    for (const p of all) heap.free(p);
    heap.checkInvariants();
    expect(heap.malloc(3000)).not.toBe(0);
  });
});
