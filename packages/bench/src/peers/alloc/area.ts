import type { Area, Workload } from '../../harness/contestant.js';
import { resolveTrace, shippedTraces } from '../../traces/trace-file.js';
import { hasWasmCompiler } from './dlmalloc-wasm.js';
import { hasCompiler } from './glibc.js';
import type { PatternWorkload } from './patterns.js';
import type { AllocWorkload } from './recording.js';
import type { SharedWorkload } from './shared-work.js';

/** Only the workload of several workers. */
const SHARED = ['shared-one', 'shared-two'];

function pattern(
  name: PatternWorkload['pattern'],
  live: number,
  title: string,
  without: readonly string[],
): Workload<PatternWorkload> {
  const parameters = { pattern: name, objectBytes: 64, live, pairs: 1_000_000 };
  return {
    name: live === 1 ? name : `${name}-${live}`,
    title,
    parameters,
    without: [...without, ...SHARED],
  };
}

/** @thi.ng/malloc searches a list: microseconds a pair as soon as some objects live. */
const LIST_SEARCH = ['thi-malloc'];

const PATTERNS: readonly Workload<PatternWorkload>[] = [
  pattern('lifo', 1, '64 B allocated and freed at once', []),
  pattern('fifo', 10, '64 B, the oldest of 10 freed', LIST_SEARCH),
  pattern('fifo', 1000, '64 B, the oldest of 1,000 freed', LIST_SEARCH),
  pattern('fifo', 10_000, '64 B, the oldest of 10,000 freed', LIST_SEARCH),
  pattern('random', 10_000, '64 B, any of 10,000 freed', LIST_SEARCH),
  pattern('batch', 10_000, '10,000 times 64 B allocated, then freed', LIST_SEARCH),
];

/** Only patterns: these have no sizes or no realloc. */
const ONE_SIZE = ['unchecked', 'thi-malloc', ...SHARED];

const ALONE = [
  'slab',
  ...(hasCompiler() ? ['glibc'] : []),
  ...(hasWasmCompiler() ? ['dlmalloc-wasm'] : []),
  'unchecked',
  'generic',
  'alloc-unsafe',
  'uint8array',
  'thi-malloc',
];

/** Allocators: patterns of one size, and what real programs asked of malloc. */
export const area: Area<AllocWorkload | PatternWorkload | SharedWorkload> = {
  title: 'allocators',
  operation: 'pair or event',
  contestants: [...ALONE, ...SHARED],
  workloads: [
    ...PATTERNS,
    ...shippedTraces('alloc').map((name) => ({
      name,
      title: `every malloc, calloc, realloc and free of ${name}`,
      parameters: { trace: resolveTrace('alloc', name) },
      without: ONE_SIZE,
    })),
    {
      name: 'workers',
      title:
        '64 B, the oldest of 1,000 freed, the same pairs by one worker and by two (wall clock)',
      parameters: { sharedLive: 1000, objectBytes: 64, pairs: 2_000_000 },
      without: ALONE,
    },
  ],
};
