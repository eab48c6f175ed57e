/** Event numbers of the disks in a trace ring: `TRACE_BASE.hardware + 32 + n`. */
import { TRACE_BASE } from '../../trace-hook.js';

/** A READ was submitted: number of the request on its disk, first block. */
export const TRACE_DISK_READ = TRACE_BASE.hardware + 32;
/** A WRITE was submitted: number of the request, first block. */
export const TRACE_DISK_WRITE = TRACE_BASE.hardware + 33;
/** A FLUSH was submitted: number of the request, 0. */
export const TRACE_DISK_FLUSH = TRACE_BASE.hardware + 34;
/** A DISCARD was submitted: number of the request, first block. */
export const TRACE_DISK_DISCARD = TRACE_BASE.hardware + 35;
/** A request finished: its number, OK or an errno. */
export const TRACE_DISK_DONE = TRACE_BASE.hardware + 36;
/** The power of a disk was cut: operations so far, 0. */
export const TRACE_DISK_POWER_CUT = TRACE_BASE.hardware + 37;
/** A request leaves its queue and is served: its number, its op. */
export const TRACE_DISK_START = TRACE_BASE.hardware + 38;
