import { GenericMalloc } from '@hotpath/slab';
import type { Contestant } from '../../harness/contestant.js';
import { genericHeap, heapBytesFor } from '../../replay/heap.js';
import { type PatternWorkload, patternWork } from './patterns.js';
import { type AllocWorkload, readRecording, replayRound } from './recording.js';

export const contestant: Contestant<AllocWorkload | PatternWorkload> = {
  name: '@hotpath/slab GenericMalloc',
  package: '@hotpath/slab',
  prepare(workload) {
    if ('pattern' in workload) {
      const byteCount = 64 * 1024 * 1024;
      const buffer = new ArrayBuffer(byteCount);
      const malloc = new GenericMalloc({ byteCount, buffer });
      const { objectBytes } = workload;
      const heap = {
        allocate: () => malloc.malloc(objectBytes),
        free: (offset: number) => malloc.free(offset),
      };
      const words = new Uint32Array(buffer);
      return patternWork(heap, words, workload);
    }
    const trace = readRecording(workload);
    const heap = genericHeap(heapBytesFor(trace.peakLiveBytes));
    const handles = new Int32Array(trace.objectCount);
    return {
      operationCount: trace.eventCount,
      run: () => replayRound(heap, trace, handles),
    };
  },
};
