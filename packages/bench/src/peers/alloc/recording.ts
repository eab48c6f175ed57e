/** Input and loop that every contestant of the area `alloc` shares. */

import {
  ALLOC_CALLOC,
  ALLOC_FREE,
  ALLOC_MALLOC,
  ALLOC_REALLOC,
  type AllocTrace,
} from '../../traces/alloc-trace.js';
import { loadAllocations } from '../../traces/recordings.js';

/** A recording of allocations, replayed once each round. */
export interface AllocWorkload {
  /** Path of a recording in format KMT1. */
  readonly trace: string;
}

/** What a contestant offers: handles are whatever it returns, 0 is none. */
export interface TimedHeap {
  malloc(byteCount: number): number;
  calloc(byteCount: number): number;
  realloc(handle: number, byteCount: number): number;
  memalign(align: number, byteCount: number): number;
  free(handle: number): void;
}

/** The recording of a workload. */
export function readRecording({ trace }: AllocWorkload): AllocTrace {
  return loadAllocations(trace);
}

/**
 * Replays the recording and frees what is left; the count of allocations that succeeded, which must
 * be all of them in every contestant. One column holds the live handles.
 */
export function replayRound(heap: TimedHeap, trace: AllocTrace, handles: Int32Array): number {
  const { eventCount, op, object, size, align } = trace;
  let allocated = 0;
  for (let event = 0; event < eventCount; event++) {
    const id = object[event];
    const kind = op[event];
    if (kind === ALLOC_FREE) {
      heap.free(handles[id]);
      handles[id] = 0;
      continue;
    }
    let handle: number;
    if (kind === ALLOC_MALLOC) handle = heap.malloc(size[event]);
    else if (kind === ALLOC_REALLOC) handle = heap.realloc(handles[id], size[event]);
    else if (kind === ALLOC_CALLOC) handle = heap.calloc(size[event]);
    else handle = heap.memalign(align[event], size[event]);
    handles[id] = handle;
    if (handle !== 0) allocated++;
  }
  for (let id = 0; id < handles.length; id++) {
    if (handles[id] === 0) continue;
    heap.free(handles[id]);
    handles[id] = 0;
  }
  return allocated;
}
