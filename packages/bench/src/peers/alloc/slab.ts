import { Arena } from '@hotpath/slab';
import type { Contestant } from '../../harness/contestant.js';
import { heapBytesFor } from '../../replay/heap.js';
import { type PatternWorkload, patternWork } from './patterns.js';
import { type AllocWorkload, readRecording, replayRound } from './recording.js';

export const contestant: Contestant<AllocWorkload | PatternWorkload> = {
  name: '@hotpath/slab',
  package: '@hotpath/slab',
  prepare(workload) {
    if ('pattern' in workload) {
      const arena = new Arena(new ArrayBuffer(64 * 1024 * 1024));
      const cache = arena.createCache({ name: 'peer', objectBytes: workload.objectBytes });
      const words = arena.views.u32 as Uint32Array;
      return patternWork(cache, words, workload);
    }
    const trace = readRecording(workload);
    const arena = new Arena(new ArrayBuffer(heapBytesFor(trace.peakLiveBytes)));
    const heap = {
      malloc: (byteCount: number) => arena.malloc(byteCount),
      calloc: (byteCount: number) => arena.calloc(1, byteCount),
      realloc: (offset: number, byteCount: number) => arena.realloc(offset, byteCount),
      memalign: (align: number, byteCount: number) => arena.memalign(align, byteCount),
      free: (offset: number) => arena.free(offset),
    };
    const handles = new Int32Array(trace.objectCount);
    return {
      operationCount: trace.eventCount,
      run: () => replayRound(heap, trace, handles),
    };
  },
};
