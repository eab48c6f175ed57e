import { TRACE_BASE } from '@hotpath/hw-x86';

/** A block of pages was taken: `a` its address, `b` its length in pages. */
export const TRACE_PAGES_ALLOCATE = TRACE_BASE.slab;
/** A block of pages came back: `a` its address, `b` its length in pages. */
export const TRACE_PAGES_FREE = TRACE_BASE.slab + 1;
/** No block was left: `a` the order asked for, `b` the pages still free. */
export const TRACE_PAGES_EXHAUSTED = TRACE_BASE.slab + 2;
/** A cache got a slab: `a` its address, `b` the id of the cache. */
export const TRACE_SLAB_CREATE = TRACE_BASE.slab + 3;
/** A cache gave a slab back: `a` its address, `b` the id of the cache. */
export const TRACE_SLAB_DESTROY = TRACE_BASE.slab + 4;
/** An object was handed out: `a` its address, `b` the id of the cache. */
export const TRACE_OBJECT_ALLOCATE = TRACE_BASE.slab + 5;
/** An object came back: `a` its address, `b` the id of the cache. */
export const TRACE_OBJECT_FREE = TRACE_BASE.slab + 6;
/** A free was refused: `a` the address, `b` the id of the cache. */
export const TRACE_FREE_REFUSED = TRACE_BASE.slab + 7;

/** First branch site of this package for `Meter.branch`; the sites below are offsets from it. */
export const SITE_BASE = TRACE_BASE.slab * 1024;
