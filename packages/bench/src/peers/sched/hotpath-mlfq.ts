import { mlfq } from '@hotpath/sched';
import type { Contestant } from '../../harness/contestant.js';
import { switchWork } from './switch-work.js';
import type { SchedWorkload } from './work.js';

export const contestant: Contestant<SchedWorkload> = {
  name: '@hotpath/sched whole switch, mlfq',
  semantics: 'mlfq: a whole context switch: states, accounting, waits, and its own order',
  prepare: (workload, seed) => switchWork(mlfq(), workload, seed),
};
