import { CacheSimulator } from '@hotpath/hw-x86/model';
import type { Contestant } from '../../harness/contestant.js';
import { REF_INSTRUCTION, REF_STORE } from '../../traces/memory-trace.js';
import { loadReferences } from '../../traces/recordings.js';
import { D1, type HwWorkload, I1, LL } from './work.js';

export const contestant: Contestant<HwWorkload> = {
  name: '@hotpath/hw-x86 CacheSimulator',
  package: '@hotpath/hw-x86',
  semantics: 'caches alone, by the rules of cachegrind',
  prepare(workload) {
    if (workload.kind !== 'program') throw new Error('caches alone have no loads to race');
    const trace = loadReferences(workload.trace);
    const { kind, size, address, referenceCount } = trace;
    const simulator = new CacheSimulator({ i1: I1, d1: D1, ll: LL });
    return {
      operationCount: referenceCount,
      run() {
        for (let i = 0; i < referenceCount; i++) {
          const of = kind[i]!;
          if (of === REF_INSTRUCTION) simulator.fetch(address[i]!, size[i]!);
          else if (of === REF_STORE) simulator.store(address[i]!, size[i]!);
          else simulator.load(address[i]!, size[i]!);
        }
        return simulator.counts().D1mr;
      },
    };
  },
};
