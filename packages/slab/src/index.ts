/**
 * Allocators of an operating system inside one range of memory: page frames by the buddy system,
 * slab caches of fixed-size objects, kmalloc size classes, and a generic malloc to compare with.
 *
 * @module
 */

export { Arena, type ArenaOptions, ArenaScope } from './arena.js';
export { type ArenaSource, ArenaViews, type GrowingMemory } from './arena-memory.js';
export type { LeakReport } from './destroy.js';
export { Kmalloc, type KmallocOptions, SIZE_CLASSES } from './kmalloc.js';
export { sharedArenaMetrics, slabMetrics } from './metrics.js';
export { PageAllocator, type PageAllocatorOptions } from './page-allocator.js';
export {
  buddyInfo,
  type CompactionReport,
  compactionReport,
  fragmentationIndex,
} from './page-report.js';
export { MAX_ORDER } from './page-state.js';
export { SharedArena, type SharedArenaOptions, type SharedCacheOptions } from './shared-arena.js';
export type { SharedCache, SharedContention } from './shared-cache.js';
export { type ObjectMemory, SlabAllocator, type SlabAllocatorOptions } from './slab-allocator.js';
export type { SlabCache } from './slab-cache.js';
export type { SlabCacheOptions } from './slab-cache-options.js';
export type { SlabDamage, SlabDebugOptions, SlabReport } from './slab-debug.js';
export { MAX_OBJECT_BYTES, type SlabGeometry, slabGeometry } from './slab-geometry.js';
export { SlabHandles } from './slab-handles.js';
export { type SlabInfo, slabInfo, slabInfoText, slabTopText } from './slabinfo.js';
export { type FieldType, type StructFields, type StructType, struct } from './struct.js';
export {
  type FieldGetters,
  type FieldSetters,
  type ScopedStruct,
  type StructCursor,
  StructPool,
  type StructSource,
} from './struct-pool.js';
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
export type { Validation } from './validate.js';
export type { PageRange, Zone } from './zones.js';
