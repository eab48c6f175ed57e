/**
 * A block cache with pins, dirty tracking, write-back and pluggable eviction; its index and policies
 * for use alone; replay of key streams.
 *
 * @module
 */
export { AwaitFront, BlockCacheError } from './await-front.js';
export { BlockCache } from './block-cache.js';
export type { BlockCacheOptions } from './block-cache-options.js';
export type { BlockCacheStatistics } from './block-cache-statistics.js';
export { GhostKeys } from './ghost-keys.js';
export { KeyTable } from './key-table.js';
export { LatencyHistogram } from './latency-histogram.js';
export { MissRatioCurve, type MissRatioCurveOptions } from './miss-ratio-curve.js';
export { ArcPolicy } from './policies/arc.js';
export { ClockPolicy } from './policies/clock.js';
export { FifoPolicy } from './policies/fifo.js';
export { LirsPolicy } from './policies/lirs.js';
export { LruPolicy } from './policies/lru.js';
export { S3FifoPolicy } from './policies/s3-fifo.js';
export { SievePolicy } from './policies/sieve.js';
export { TwoQPolicy } from './policies/two-q.js';
export {
  HIT_MARKS,
  HIT_TO_HEAD,
  MARKED,
  type Policy,
  type PolicyClass,
  type PolicySlots,
} from './policy.js';
export {
  ArcMap,
  ClockMap,
  FifoMap,
  LirsMap,
  LruMap,
  POLICY_NAMES,
  type PolicyName,
  S3FifoMap,
  SieveMap,
  slotMapFor,
  TwoQMap,
} from './policy-names.js';
export { initialWindow, nextWindow, ReadAhead } from './read-ahead.js';
export { REPLAY_POLICIES, type ReplayResult, replayKeys } from './replay.js';
export {
  KEY_LIMIT,
  SLOT_LIMIT,
  type SlotMap,
  type SlotMapClass,
  slotMapClass,
} from './slot-map.js';
export {
  KEY_HIGH,
  KEY_LOW,
  NEXT,
  PREV,
  RECORD_BYTES,
  RECORD_WORDS,
  RING_LIMIT,
  SlotRecords,
} from './slot-records.js';
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
