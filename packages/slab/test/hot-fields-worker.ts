/** Which fields of used allocators V8 holds as doubles; in an isolate of its own, for a class's fields
 * are as its most general object needs them. */

import { setFlagsFromString } from 'node:v8';
import { parentPort, workerData } from 'node:worker_threads';
import { MIB } from '@hotpath/hw-x86';
import { Arena, Kmalloc, PageAllocator, SlabAllocator } from '../src/index.js';

setFlagsFromString('--allow-natives-syntax');
const isSmall = new Function('value', 'return %IsSmi(value)') as (value: unknown) => boolean;

/** Names of the number fields that are no small integers. */
function doublesOf(object: object): string[] {
  return Object.entries(object)
    .filter(([, value]) => typeof value === 'number' && !isSmall(value))
    .map(([name]) => name);
}

function over(start: number): SlabAllocator {
  return new SlabAllocator({
    pages: new PageAllocator({ ranges: [{ start, byteCount: 8 * MIB }] }),
  });
}

const arenas =
  workerData.where === 'near'
    ? [
        new Arena(new ArrayBuffer(3 * MIB)),
        new Arena(new WebAssembly.Memory({ initial: 1, maximum: 64 })),
      ]
    : [];
const slabs = over(workerData.where === 'near' ? 64 * MIB : 2 ** 33);
slabs.destroyCache(slabs.createCache({ name: 'short', objectBytes: 64 }));
const heaps = [...arenas.map((arena) => arena.heap), new Kmalloc(slabs)];
const caches = [...arenas, slabs].map((from) =>
  from.createCache({ name: 'task', objectBytes: 64, magazineObjects: 8 }),
);
for (let i = 0; i < 2000; i += 1) {
  for (const cache of caches) cache.allocate();
  for (const heap of heaps) heap.malloc(700);
}
const tables = [...arenas.map((arena) => arena.slabs.table), slabs.table];
parentPort?.postMessage([...caches, ...heaps, ...tables].map(doublesOf));
