import { Groups, mlfq, type PolicyFactory, Tasks } from '@hotpath/sched';
import type { Contestant } from '../../harness/contestant.js';
import type { SchedWorkload } from './work.js';

const factory: PolicyFactory = mlfq({ boostNs: 0 });

export const contestant: Contestant<SchedWorkload> = {
  name: '@hotpath/sched MLFQ pick and requeue',
  semantics: 'rings and a bitmap: order of yields, not of keys',
  prepare(workload) {
    if (workload.kind !== 'queue') throw new Error('a run queue needs the workload of a run queue');
    const tasks = new Tasks(workload.entities, 1);
    const policy = factory({ tasks, groups: new Groups(0), meter: null });
    for (let task = 0; task < workload.entities; task++) {
      policy.newTask(task);
      policy.enqueue(task, 0, 0);
    }
    let current = policy.pickNext(0, -1);
    return {
      operationCount: workload.switches,
      run() {
        let sum = 0;
        for (let step = 0; step < workload.switches; step++) {
          policy.yield(current, 0);
          current = policy.pickNext(0, current);
          sum = (sum * 31 + current) | 0;
        }
        return sum >>> 0;
      },
    };
  },
};
