import { promise } from 'fastq';
import type { Contestant } from '../../harness/contestant.js';
import { jobWork, type SchedWorkload } from './work.js';

export const contestant: Contestant<SchedWorkload> = {
  name: 'fastq.promise',
  package: 'fastq',
  prepare(workload) {
    const queue = promise<unknown, () => Promise<number>, number>((job) => job(), 10);
    return jobWork({ add: (_tenant, job) => queue.push(job) }, workload);
  },
};
