import type { Contestant } from '../../harness/contestant.js';
import { genericHeap, heapBytesFor } from '../../replay/heap.js';
import { loadAllocations } from '../../traces/recordings.js';
import { type AllocWorkload, replayRound } from './recording.js';

export const contestant: Contestant<AllocWorkload> = {
  name: '@hotpath/slab GenericMalloc',
  package: '@hotpath/slab',
  prepare(workload) {
    const trace = loadAllocations(workload.trace);
    const heap = genericHeap(heapBytesFor(trace.peakLiveBytes));
    const handles = new Float64Array(trace.objectCount);
    return {
      operationCount: trace.eventCount,
      run: () => replayRound(heap, trace, handles),
    };
  },
};
