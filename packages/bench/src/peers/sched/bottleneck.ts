import Bottleneck from 'bottleneck';
import type { Contestant } from '../../harness/contestant.js';
import { jobWork, type SchedWorkload } from './work.js';

export const contestant: Contestant<SchedWorkload> = {
  name: 'bottleneck',
  package: 'bottleneck',
  prepare(workload) {
    const limiter = new Bottleneck({ maxConcurrent: 10 });
    return jobWork(
      {
        // It has priorities, 0 the highest, and no tenants.
        add: (tenant, job) => limiter.schedule({ priority: tenant === 'interactive' ? 0 : 5 }, job),
      },
      workload,
    );
  },
};
