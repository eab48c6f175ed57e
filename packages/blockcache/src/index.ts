/**
 * A block cache with pins, dirty tracking, write-back and pluggable eviction.
 *
 * @module
 */
export { BlockCache, type BlockCacheCounts } from './block-cache.js';
export type { BlockCacheOptions } from './block-cache-options.js';
export { LruPolicy } from './policies/lru.js';
export type { Policy, PolicyClass, PolicySlots } from './policy.js';
export { type SlotMap, type SlotMapClass, slotMapClass } from './slot-map.js';
export { SlotRecords } from './slot-records.js';
export { SlotRing } from './slot-ring.js';
export {
  TRACE_BLOCK_EVICT,
  TRACE_BLOCK_FLUSH,
  TRACE_BLOCK_HIT,
  TRACE_BLOCK_MISS,
  TRACE_BLOCK_READ_AHEAD,
  TRACE_BLOCK_READ_ERROR,
  TRACE_BLOCK_WRITE_ERROR,
} from './trace-events.js';
