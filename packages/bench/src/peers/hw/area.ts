import type { Area } from '../../harness/contestant.js';
import { type HwWorkload, hasCachegrind } from './work.js';

const OTHERS = ['caches', 'cachegrind'];

function loads(name: string, pages: number, mode: 'flat' | 'full', title: string) {
  return {
    name,
    title: `random 32-bit loads over ${pages} pages of 4 KiB, ${mode} mode: ${title}`,
    parameters: { kind: 'loads', pages, mode } as const,
    without: OTHERS,
  };
}

/** The machine's own speed, and its cache models against cachegrind on the same program. */
export const area: Area<HwWorkload> = {
  title: 'hardware models',
  operation: 'reference',
  contestants: ['machine', 'crowded', ...OTHERS],
  workloads: [
    {
      name: 'program',
      title: 'every reference of data/native/cachegrind-work.c through I1, D1 and a last level',
      parameters: { kind: 'program', trace: 'mem-work', rounds: 400 },
      without: hasCachegrind() ? ['crowded'] : ['crowded', 'cachegrind'],
    },
    loads('tlb-hit', 48, 'flat', 'all hit the first-level TLB'),
    loads('stlb-hit', 1024, 'flat', 'most hit the second level'),
    loads('walk', 60_000, 'flat', 'most walk the page tables'),
    loads('tlb-hit-full', 48, 'full', 'as tlb-hit, with L1D, L2 and L3'),
  ],
};
