/** Event numbers of this package in a trace ring: `TRACE_BASE.blockcache + n`. */
import { TRACE_BASE } from '@hotpath/hw-x86';

/** A block was found: device, block. */
export const TRACE_BLOCK_HIT = TRACE_BASE.blockcache;
/** A block was not found: device, block. */
export const TRACE_BLOCK_MISS = TRACE_BASE.blockcache + 1;
/** A block was evicted: device, block. */
export const TRACE_BLOCK_EVICT = TRACE_BASE.blockcache + 2;
/** A flush began: device, number of dirty blocks. */
export const TRACE_BLOCK_FLUSH = TRACE_BASE.blockcache + 3;
/** A block could not be read: block, errno. */
export const TRACE_BLOCK_READ_ERROR = TRACE_BASE.blockcache + 4;
/** A block could not be written: block, errno. */
export const TRACE_BLOCK_WRITE_ERROR = TRACE_BASE.blockcache + 5;
/** Blocks were read ahead: first block, number of blocks. */
export const TRACE_BLOCK_READ_AHEAD = TRACE_BASE.blockcache + 6;
