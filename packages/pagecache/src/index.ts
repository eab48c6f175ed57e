/**
 * A page cache: the pages of files in frames, shared by read, write and memory mappings, with dirty
 * tracking, write-back, read-ahead, reclaim and error reporting. A synchronous state machine over
 * three ports: a frame source, a backing store and, where pages are mapped, the mappings.
 *
 * `@hotpath/pagecache/node` is a cached file over a host file.
 *
 * @module
 */

export type { PageCacheCounters } from './counters.js';
export { FILE_BYTES_MAX } from './file-columns.js';
export {
  ACTIVE,
  DIRTY,
  ERROR,
  LOCKED,
  MARKER,
  PREFETCHED,
  REFERENCED,
  UPTODATE,
  WRITEBACK,
} from './flags.js';
export { ADVICE_NORMAL, ADVICE_RANDOM, ADVICE_SEQUENTIAL } from './handle-columns.js';
export { pageCacheMetrics } from './metrics.js';
export { PageCache } from './page-cache.js';
export type { PageCacheOptions } from './page-cache-options.js';
export { COPY_FAULT, PageIo } from './page-io.js';
export type { BackingStore, CopyPort, Mappings } from './ports.js';
export { initialWindow, nextWindow } from './read-ahead.js';
export {
  FILE_SYNCED,
  FILE_TRUNCATE,
  PAGE_EVICT,
  PAGE_MISS,
  PAGE_READ,
  PAGE_WRITE,
  PAGE_WRITE_ERROR,
} from './trace-events.js';
