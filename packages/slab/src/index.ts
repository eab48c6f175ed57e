/**
 * Allocators of an operating system inside one range of memory: page frames by the buddy system,
 * slab caches of fixed-size objects, kmalloc size classes, and a generic malloc to compare with.
 *
 * @module
 */

export { Kmalloc, type KmallocOptions, SIZE_CLASSES } from './kmalloc.js';
export { PageAllocator, type PageAllocatorOptions } from './page-allocator.js';
export { MAX_ORDER } from './page-state.js';
export { type ObjectMemory, SlabAllocator, type SlabAllocatorOptions } from './slab-allocator.js';
export type { SlabCache, SlabCacheOptions } from './slab-cache.js';
export { MAX_OBJECT_BYTES, type SlabGeometry, slabGeometry } from './slab-geometry.js';
export { GenericMalloc, type GenericMallocOptions } from './tlsf.js';
export {
  TRACE_FREE_REFUSED,
  TRACE_OBJECT_ALLOCATE,
  TRACE_OBJECT_FREE,
  TRACE_PAGES_ALLOCATE,
  TRACE_PAGES_EXHAUSTED,
  TRACE_PAGES_FREE,
  TRACE_SLAB_CREATE,
  TRACE_SLAB_DESTROY,
} from './trace-events.js';
export type { PageRange, Zone } from './zones.js';
