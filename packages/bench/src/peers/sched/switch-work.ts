import { type PolicyFactory, Scheduler } from '@hotpath/sched';
import type { PreparedWork } from '../../harness/contestant.js';
import { runTimes, type SchedWorkload } from './work.js';

/** Charges the running task and switches, as a kernel does at the end of a slice. */
export function switchWork(
  policy: PolicyFactory,
  workload: SchedWorkload,
  seed: number,
): PreparedWork {
  if (workload.kind !== 'queue') throw new Error('a run queue needs the workload of a run queue');
  const times = runTimes(workload, seed);
  const scheduler = new Scheduler({ policy, tasks: workload.entities });
  for (let task = 0; task < workload.entities; task++) scheduler.wake(scheduler.create(), 0);
  let now = 0;
  scheduler.pickNext(0, now);
  return {
    operationCount: times.length,
    run() {
      let sum = 0;
      for (let step = 0; step < times.length; step++) {
        now += times[step];
        scheduler.account(0, times[step]);
        sum = (sum * 31 + scheduler.pickNext(0, now)) | 0;
      }
      return sum >>> 0;
    },
  };
}
