/** Memory that two allocators hold while a recording runs. */
import { replayAlloc } from '../../replay/alloc.js';
import {
  genericHeap,
  type Heap,
  type HeapMaker,
  heapBytesFor,
  slabHeap,
} from '../../replay/heap.js';
import { ALLOC_FREE, type AllocTrace } from '../../traces/alloc-trace.js';
import { loadAllocations } from '../../traces/recordings.js';

const TRACE = 'gcc-cc1';
const POINTS = 200;

/** Bytes by event number. */
export interface FootprintPlot {
  readonly trace: string;
  readonly events: readonly number[];
  readonly liveBytes: readonly number[];
  readonly curves: readonly { readonly allocator: string; readonly bytes: readonly number[] }[];
}

/** Exact: footprints do not depend on the host. */
export function plotFootprint(): FootprintPlot {
  const trace = loadAllocations(TRACE);
  const step = Math.max(1, Math.floor(trace.eventCount / POINTS));
  const slab = sample(trace, slabHeap, step);
  const malloc = sample(trace, genericHeap, step);
  const liveBytes = liveBytesOf(trace, step);
  const count = Math.min(slab.length, malloc.length, liveBytes.length);
  return {
    trace: TRACE,
    events: Array.from({ length: count }, (_, point) => (point + 1) * step),
    liveBytes: liveBytes.slice(0, count),
    curves: [
      { allocator: 'slab caches', bytes: slab.slice(0, count) },
      { allocator: 'generic malloc', bytes: malloc.slice(0, count) },
    ],
  };
}

function sample(trace: AllocTrace, makeHeap: HeapMaker, step: number): number[] {
  const points: number[] = [];
  let calls = 0;
  const heap = makeHeap(heapBytesFor(trace.peakLiveBytes));
  const counted = <Result>(result: Result): Result => {
    calls += 1;
    if (calls % step === 0) points.push(heap.footprintBytes());
    return result;
  };
  const watched: Heap = {
    ...heap,
    malloc: (bytes) => counted(heap.malloc(bytes)),
    calloc: (bytes) => counted(heap.calloc(bytes)),
    realloc: (address, bytes) => counted(heap.realloc(address, bytes)),
    memalign: (align, bytes) => counted(heap.memalign(align, bytes)),
    free: (address) => counted(heap.free(address)),
  };
  replayAlloc(trace, watched);
  return points;
}

function liveBytesOf(trace: AllocTrace, step: number): number[] {
  const sizes = new Float64Array(trace.objectCount);
  const points: number[] = [];
  let live = 0;
  for (let event = 0; event < trace.eventCount; event++) {
    const object = trace.object[event];
    live -= sizes[object];
    sizes[object] = trace.op[event] === ALLOC_FREE ? 0 : trace.size[event];
    live += sizes[object];
    if ((event + 1) % step === 0) points.push(live);
  }
  return points;
}
