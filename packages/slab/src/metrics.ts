import { type MetricSample, samplesOf } from '@hotpath/hw-x86';
import type { SharedArena } from './shared-arena.js';
import type { SlabAllocator } from './slab-allocator.js';
import { infoOf } from './slabinfo.js';

/**
 * The figures of every cache for a metrics exporter, as `slab_*` with the label `cache`:
 * `openMetricsText` of `@hotpath/pmc-trace` writes them for Prometheus. `labels` tell several
 * allocators apart. O(caches * CPUs).
 */
export function slabMetrics(
  slabs: SlabAllocator,
  labels?: Readonly<Record<string, string>>,
): MetricSample[] {
  const ofCaches = slabs.list().flatMap((cache) => {
    const { activeObjs, numObjs, numSlabs, sharedAvail } = infoOf(cache);
    const { footprintBytes, refusedFrees, failedAllocations } = cache;
    const figures = {
      ...{ activeObjs, numObjs, numSlabs, sharedAvail },
      ...{ footprintBytes, refusedFrees, failedAllocations },
    };
    return samplesOf('slab', figures, CACHE, { ...labels, cache: cache.name });
  });
  return [...ofCaches, ...samplesOf('slab', slabs, ALLOCATOR, labels)];
}

/** The same of the caches of a shared arena, by all workers together, with the lock's counters. */
export function sharedArenaMetrics(
  arena: SharedArena,
  labels?: Readonly<Record<string, string>>,
): MetricSample[] {
  const ofCaches = arena.list().flatMap((cache) => {
    const figures = { activeObjs: cache.liveObjects, ...cache.contention };
    return samplesOf('slab_shared', figures, SHARED, { ...labels, cache: cache.name });
  });
  return [...ofCaches, ...samplesOf('slab_shared', arena, ALLOCATOR, labels)];
}

const CACHE = {
  activeObjs: { type: 'gauge', name: 'objects_active', help: 'Objects handed out.' },
  numObjs: { type: 'gauge', name: 'objects', help: 'Slots of all slabs.' },
  numSlabs: { type: 'gauge', name: 'slabs', help: 'Slabs held.' },
  sharedAvail: { type: 'gauge', name: 'objects_waiting', help: 'Free objects in magazines.' },
  footprintBytes: { type: 'gauge', unit: 'bytes', help: 'Memory of the slabs held.' },
  refusedFrees: { type: 'counter', help: 'Frees of wrong pointers, refused.' },
  failedAllocations: { type: 'counter', help: 'Allocations that found no memory.' },
} as const;

const SHARED = {
  activeObjs: { type: 'gauge', name: 'objects_active', help: 'Objects handed out.' },
  acquired: { type: 'counter', name: 'lock_acquired', help: 'Times the lock was taken.' },
  contended: { type: 'counter', name: 'lock_contended', help: 'Times a worker waited for it.' },
  refills: { type: 'counter', help: 'Magazines filled.' },
  flushes: { type: 'counter', help: 'Magazines emptied.' },
} as const;

const ALLOCATOR = {
  metadataBytes: { type: 'gauge', unit: 'bytes', help: 'Memory of all bookkeeping.' },
} as const;
