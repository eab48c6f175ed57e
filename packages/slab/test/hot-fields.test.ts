import { setFlagsFromString } from 'node:v8';
import { MIB } from '@hotpath/hw-x86';
import { expect, test } from 'vitest';
import { Arena, Kmalloc, PageAllocator, SlabAllocator } from '../src/index.js';

// Whether V8 holds a number as a small integer: a field that ever held another is read as a double.
setFlagsFromString('--allow-natives-syntax');
const isSmall = new Function('value', 'return %IsSmi(value)') as (value: unknown) => boolean;

/** Names of the number fields that are no small integers. */
function doublesOf(object: object): string[] {
  return Object.entries(object)
    .filter(([, value]) => typeof value === 'number' && !isSmall(value))
    .map(([name]) => name);
}

function exercised(allocators: readonly (Arena | SlabAllocator)[], heaps: readonly Kmalloc[]) {
  const caches = allocators.map((slabs) =>
    slabs.createCache({ name: 'task', objectBytes: 64, magazineObjects: 8 }),
  );
  for (let i = 0; i < 2000; i += 1) {
    for (const cache of caches) cache.allocate();
    for (const heap of heaps) heap.malloc(700);
  }
  const tables = heaps.map((heap) => (heap as unknown as { slabs: SlabAllocator }).slabs.table);
  return [...caches, ...heaps, ...tables].map(doublesOf);
}

test('fields that every call reads hold small integers, also when the memory grows', () => {
  const arena = new Arena(new ArrayBuffer(3 * MIB));
  const growing = new Arena(new WebAssembly.Memory({ initial: 1, maximum: 64 }));
  const pages = new PageAllocator({ ranges: [{ start: 64 * MIB, byteCount: 8 * MIB }] });
  const slabs = new SlabAllocator({ pages });
  slabs.destroyCache(slabs.createCache({ name: 'short', objectBytes: 64 }));
  const heaps = [arena.heap, growing.heap, new Kmalloc(slabs)];
  const doubles = exercised([arena, growing, slabs], heaps);
  expect(doubles).toEqual(doubles.map(() => []));
});

test('beyond 2 GiB only the base is a double', () => {
  const pages = new PageAllocator({ ranges: [{ start: 2 ** 33, byteCount: 8 * MIB }] });
  const slabs = new SlabAllocator({ pages });
  const heap = new Kmalloc(slabs);
  expect(exercised([slabs], [heap])).toEqual([['base'], ['base'], []]);
});
