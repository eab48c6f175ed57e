import type { Contestant } from '../../harness/contestant.js';
import { genericHeap, heapBytesFor } from '../../replay/heap.js';
import { type AllocWorkload, readRecording, replayRound } from './recording.js';

export const contestant: Contestant<AllocWorkload> = {
  name: '@hotpath/slab GenericMalloc',
  package: '@hotpath/slab',
  prepare(workload) {
    const trace = readRecording(workload);
    const heap = genericHeap(heapBytesFor(trace.peakLiveBytes));
    const handles = new Float64Array(trace.objectCount);
    return {
      operationCount: trace.eventCount,
      run: () => replayRound(heap, trace, handles),
    };
  },
};
