import type { PreparedWork } from '../../harness/contestant.js';
import {
  ALLOC_CALLOC,
  ALLOC_FREE,
  ALLOC_REALLOC,
  type AllocTrace,
} from '../../traces/alloc-trace.js';
import { arrayPatternWork, type PatternWorkload } from './patterns.js';
import { type AllocWorkload, readRecording } from './recording.js';

/** Makes an array; `zeroed` where its bytes must be 0. */
export type ArrayMaker = (byteCount: number, zeroed: boolean) => Uint8Array;

/** Work of a contestant whose objects are typed arrays that the garbage collector frees. */
export function arrayWork(
  make: ArrayMaker,
  workload: AllocWorkload | PatternWorkload,
): PreparedWork {
  if ('pattern' in workload) {
    return arrayPatternWork((byteCount) => make(byteCount, false), workload);
  }
  const trace = readRecording(workload);
  return { operationCount: trace.eventCount, run: () => replayArrays(make, trace) };
}

/** Replays a recording; the count of allocations, as `replayRound` gives it. */
function replayArrays(make: ArrayMaker, trace: AllocTrace): number {
  const { eventCount, op, object, size } = trace;
  const live: (Uint8Array | null)[] = new Array(trace.objectCount).fill(null);
  let allocated = 0;
  for (let event = 0; event < eventCount; event++) {
    const id = object[event];
    const kind = op[event];
    if (kind === ALLOC_FREE) {
      live[id] = null;
      continue;
    }
    const bytes = make(size[event], kind === ALLOC_CALLOC);
    const old = kind === ALLOC_REALLOC ? live[id] : null;
    if (old !== null) bytes.set(old.length > bytes.length ? old.subarray(0, bytes.length) : old);
    live[id] = bytes;
    allocated++;
  }
  return allocated;
}
