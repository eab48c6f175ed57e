import type { Contestant } from '../../harness/contestant.js';
import { type SharedWorkload, sharedWork } from './shared-work.js';

export const contestant: Contestant<SharedWorkload> = {
  name: '@hotpath/slab SharedArena, two workers',
  package: '@hotpath/slab',
  prepare: (workload) => sharedWork(workload, 2),
};
