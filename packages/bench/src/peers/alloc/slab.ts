import type { Contestant } from '../../harness/contestant.js';
import { heapBytesFor, slabHeap } from '../../replay/heap.js';
import { loadAllocations } from '../../traces/recordings.js';
import { type AllocWorkload, replayRound } from './recording.js';

export const contestant: Contestant<AllocWorkload> = {
  name: '@hotpath/slab Kmalloc',
  package: '@hotpath/slab',
  prepare(workload) {
    const trace = loadAllocations(workload.trace);
    const heap = slabHeap(heapBytesFor(trace.peakLiveBytes));
    const handles = new Float64Array(trace.objectCount);
    return {
      operationCount: trace.eventCount,
      run: () => replayRound(heap, trace, handles),
    };
  },
};
