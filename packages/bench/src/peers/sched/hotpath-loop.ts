import { FairLoop } from '@hotpath/sched';
import type { Contestant } from '../../harness/contestant.js';
import { jobWork, type SchedWorkload } from './work.js';

export const contestant: Contestant<SchedWorkload> = {
  name: '@hotpath/sched FairLoop',
  prepare(workload) {
    const loop = new FairLoop({ concurrency: 10 });
    return jobWork({ add: (tenant, job) => loop.add(tenant, job) }, workload);
  },
};
