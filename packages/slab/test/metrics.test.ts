import { MIB } from '@hotpath/hw-x86';
import { expect, test } from 'vitest';
import { Arena, SharedArena, sharedArenaMetrics, slabMetrics } from '../src/index.js';
import { codeOf } from './plain-memory.js';

function valuesOf(samples: ReturnType<typeof slabMetrics>, cache: string): Record<string, number> {
  const own = samples.filter(({ labels }) => labels?.['cache'] === cache);
  return Object.fromEntries(own.map(({ name, value }) => [name, value]));
}

test('every cache has its figures, and the allocator its bookkeeping', () => {
  const { slabs } = new Arena(new ArrayBuffer(1 * MIB));
  const cache = slabs.createCache({ name: 'task', objectBytes: 64, magazineObjects: 8 });
  const p = cache.allocate();
  cache.allocate();
  expect(codeOf(() => cache.free(p + 1))).toBe('ERR_INTERIOR_POINTER');
  const samples = slabMetrics(slabs, { arena: 'a' });
  expect(valuesOf(samples, 'task')).toEqual({
    slab_objects_active: 2,
    slab_objects: 64,
    slab_slabs: 1,
    slab_objects_waiting: 2,
    slab_footprint_bytes: 4096,
    slab_refused_frees: 1,
    slab_failed_allocations: 0,
  });
  expect(samples.at(-1)).toEqual({
    name: 'slab_metadata_bytes',
    type: 'gauge',
    unit: 'bytes',
    help: 'Memory of all bookkeeping.',
    value: slabs.metadataBytes,
    labels: { arena: 'a' },
  });
});

test('a shared arena tells what all workers did, and `using` detaches', () => {
  const buffer = new SharedArrayBuffer(1 * MIB);
  const one = SharedArena.format(buffer, { caches: [{ name: 'entity', objectBytes: 64 }] });
  const two = SharedArena.attach(buffer);
  two.cache('entity').allocate();
  one.cache('entity').allocate();
  expect(valuesOf(sharedArenaMetrics(one), 'entity')).toEqual({
    slab_shared_objects_active: 2,
    slab_shared_lock_acquired: 2,
    slab_shared_lock_contended: 0,
    slab_shared_refills: 2,
    slab_shared_flushes: 0,
  });
  two[Symbol.dispose]();
  expect(codeOf(() => two.cache('entity'))).toBe('ERR_CACHE_NAME');
  expect(SharedArena.attach(buffer).worker).toBe(two.worker);
});
