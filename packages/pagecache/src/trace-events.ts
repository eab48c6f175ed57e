import { TRACE_BASE } from '@hotpath/hw-x86';

/** A look-up missed: file, page. */
export const PAGE_MISS: number = TRACE_BASE.pagecache;
/** Pages are being read: first page, count. */
export const PAGE_READ: number = TRACE_BASE.pagecache + 1;
/** Pages are being written: first page, count. */
export const PAGE_WRITE: number = TRACE_BASE.pagecache + 2;
/** A page was evicted: file, page. */
export const PAGE_EVICT: number = TRACE_BASE.pagecache + 3;
/** A write failed: first page, errno. */
export const PAGE_WRITE_ERROR: number = TRACE_BASE.pagecache + 4;
/** A file was truncated: file, size. */
export const FILE_TRUNCATE: number = TRACE_BASE.pagecache + 5;
/** A file's dirty pages are on the store and its cache is flushed: file, result. */
export const FILE_SYNCED: number = TRACE_BASE.pagecache + 6;
