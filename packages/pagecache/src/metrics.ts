import { type MetricSample, samplesOf } from '@hotpath/hw-x86';
import type { PageCacheCounters } from './counters.js';

/**
 * The counters of a page cache for a metrics exporter, as `pagecache_*`: `openMetricsText` of
 * `@hotpath/pmc-trace` writes them for Prometheus. `labels` tell several caches apart.
 */
export function pageCacheMetrics(
  counters: PageCacheCounters,
  labels?: Readonly<Record<string, string>>,
): MetricSample[] {
  return samplesOf('pagecache', counters, DESCRIPTIONS, labels);
}

const counter = (help: string) => ({ type: 'counter', help }) as const;

/** One for each counter: a test compares the names. */
const DESCRIPTIONS = {
  hits: counter('Look-ups that found an up-to-date page.'),
  misses: counter('Look-ups that did not.'),
  pagesRead: counter('Pages read from the store, read-ahead included.'),
  readCalls: counter('Reads submitted to the store.'),
  readErrors: counter('Reads that failed.'),
  pagesWritten: counter('Pages written to the store.'),
  writeCalls: counter('Writes submitted to the store.'),
  writeErrors: counter('Pages whose write failed.'),
  evictions: counter('Pages evicted.'),
  refaults: counter('Misses on pages evicted not long ago.'),
  activations: counter('Moves to the active list.'),
  readAheadIssued: counter('Pages that read-ahead asked for.'),
  readAheadUsed: counter('Pages read ahead and used.'),
  readAheadWasted: counter('Pages read ahead and evicted unused.'),
  throttled: counter('Times a writer waited because too much was dirty.'),
  frameWaits: counter('Times an asker waited for a frame.'),
};
