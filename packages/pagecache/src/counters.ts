/** What a cache has done since it was made. Plain numbers that only grow. */
export interface PageCacheCounters {
  /** Look-ups that found an up-to-date page. */
  hits: number;
  /** Look-ups that did not. */
  misses: number;
  /** Pages read from the store, read-ahead included. */
  pagesRead: number;
  /** Reads submitted to the store. */
  readCalls: number;
  /** Reads that failed. */
  readErrors: number;
  /** Pages written to the store. */
  pagesWritten: number;
  /** Writes submitted to the store. */
  writeCalls: number;
  /** Pages whose write failed. */
  writeErrors: number;
  /** Pages evicted. */
  evictions: number;
  /** Misses on pages evicted not long ago (a shadow was found). */
  refaults: number;
  /** Moves to the active list. */
  activations: number;
  /** Pages that read-ahead asked for. */
  readAheadIssued: number;
  /** Of them, used. */
  readAheadUsed: number;
  /** Of them, evicted unused. */
  readAheadWasted: number;
  /** Times a writer had to wait because too much was dirty. */
  throttled: number;
  /** Times an asker had to wait for a frame. */
  frameWaits: number;
}

/** All zero. */
export function createCounters(): PageCacheCounters {
  return {
    hits: 0,
    misses: 0,
    pagesRead: 0,
    readCalls: 0,
    readErrors: 0,
    pagesWritten: 0,
    writeCalls: 0,
    writeErrors: 0,
    evictions: 0,
    refaults: 0,
    activations: 0,
    readAheadIssued: 0,
    readAheadUsed: 0,
    readAheadWasted: 0,
    throttled: 0,
    frameWaits: 0,
  };
}
