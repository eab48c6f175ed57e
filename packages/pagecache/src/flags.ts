/** States of a cached page, as bits. `PageCache.flags(slot)` returns them. */

/** The frame holds the file's bytes. Never cleared while the page is in the index. */
export const UPTODATE = 1;
/** Newer than the store. Survives a failed write; only truncate and punch drop it. */
export const DIRTY = 2;
/** Being filled, by a read or by a writer that overwrites it whole: nobody else may look. */
export const LOCKED = 4;
/** A write of this page is under way. Together with DIRTY: stored to again since it started. */
export const WRITEBACK = 8;
/** Used once since it came to its list. */
export const REFERENCED = 16;
/** On the active list. */
export const ACTIVE = 32;
/** The last write of this page failed; it is dirty. */
export const ERROR = 64;
/** Marker: the first use of this page starts the next read-ahead window. */
export const MARKER = 128;
/** Brought in by read-ahead and not used so far. */
export const PREFETCHED = 256;
/** Of a file that is kept: on no list, so that only truncate and punch take it away. */
export const KEPT = 512;
