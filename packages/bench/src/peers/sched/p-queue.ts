import PQueue from 'p-queue';
import type { Contestant } from '../../harness/contestant.js';
import { jobWork, type SchedWorkload } from './work.js';

export const contestant: Contestant<SchedWorkload> = {
  name: 'p-queue',
  package: 'p-queue',
  prepare(workload) {
    const queue = new PQueue({ concurrency: 10 });
    return jobWork({ add: (_tenant, job) => queue.add(job) }, workload);
  },
};
