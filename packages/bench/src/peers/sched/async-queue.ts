import async from 'async';
import type { Contestant } from '../../harness/contestant.js';
import { jobWork, type SchedWorkload } from './work.js';

export const contestant: Contestant<SchedWorkload> = {
  name: 'async.queue',
  package: 'async',
  prepare(workload) {
    const queue = async.queue<() => Promise<number>>(async (job) => job(), 10);
    return jobWork({ add: (_tenant, job) => queue.pushAsync(job) }, workload);
  },
};
