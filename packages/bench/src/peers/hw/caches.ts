import { CacheSimulator } from '@hotpath/hw-x86/model';
import type { Contestant } from '../../harness/contestant.js';
import { loadReferences } from '../../traces/recordings.js';
import { D1, type HwWorkload, I1, LL } from './work.js';

/** A pass takes a millisecond: one alone would be timed with its start. */
const PASSES = 20;

export const contestant: Contestant<HwWorkload> = {
  name: '@hotpath/hw-x86 CacheSimulator',
  package: '@hotpath/hw-x86',
  semantics: 'caches alone, by the rules of cachegrind',
  prepare(workload) {
    if (workload.kind !== 'program') throw new Error('caches alone have no loads to race');
    const trace = loadReferences(workload.trace);
    const { referenceCount } = trace;
    const simulator = new CacheSimulator({ i1: I1, d1: D1, ll: LL });
    return {
      operationCount: referenceCount * PASSES,
      run() {
        for (let pass = 0; pass < PASSES; pass++) simulator.replay(trace);
        return simulator.counts().D1mr;
      },
    };
  },
};
