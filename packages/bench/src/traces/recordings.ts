/** Recordings by path, or by name where they ship with this package. */

import { type AllocTrace, decodeAllocTrace } from './alloc-trace.js';
import { type BurstTask, decodeBurstTrace } from './burst-trace.js';
import { decodeIoTrace, decodeKeyStream, flattenToPages, type KeyStream } from './io-trace.js';
import { decodeMemoryTrace, type MemoryTrace } from './memory-trace.js';
import { readTraceFile, resolveTrace } from './trace-file.js';

/**
 * The page accesses of an I/O recording, or the keys of a file named `.u32` or `.u32.gz`.
 * @throws TraceError
 */
export function loadKeys(trace: string): KeyStream {
  const bytes = readTraceFile(resolveTrace('io', trace));
  return /\.u32(\.gz)?$/.test(trace)
    ? decodeKeyStream(bytes)
    : flattenToPages(decodeIoTrace(bytes));
}

/** A recording of allocations. @throws TraceError */
export function loadAllocations(trace: string): AllocTrace {
  return decodeAllocTrace(readTraceFile(resolveTrace('alloc', trace)));
}

/** A recording of run and sleep bursts. @throws TraceError */
export function loadBursts(trace: string): BurstTask[] {
  return decodeBurstTrace(readTraceFile(resolveTrace('sched', trace)));
}

/** A recording of memory references. @throws TraceError */
export function loadReferences(trace: string): MemoryTrace {
  return decodeMemoryTrace(readTraceFile(resolveTrace('mem', trace)));
}
