/**
 * Host files behind a page cache: `FileCache` opens files that share one cache, `CachedFile` reads
 * and writes them, synchronously or with promises, and leases cached pages without a copy.
 *
 * @module
 */
export { BufferCopy } from './buffer-copy.js';
export { CachedFile } from './cached-file.js';
export { FileCache, type FileCacheOptions } from './file-cache.js';
export { FileError } from './file-error.js';
export { FrameArena } from './frame-arena.js';
