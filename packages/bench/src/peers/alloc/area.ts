import type { Area } from '../../harness/contestant.js';
import { resolveTrace, shippedTraces } from '../../traces/trace-file.js';
import type { AllocWorkload } from './recording.js';

/** Allocators: replay what real programs asked of malloc. */
export const area: Area<AllocWorkload> = {
  title: 'allocators',
  operation: 'event',
  contestants: ['slab', 'generic'],
  workloads: shippedTraces('alloc').map((name) => ({
    name,
    title: `every malloc, calloc, realloc and free of ${name}`,
    parameters: { trace: resolveTrace('alloc', name) },
  })),
};
