import type { Contestant } from '../../harness/contestant.js';
import { prepareLayers } from './layers.js';
import type { PageWorkload } from './work.js';

/** The page cache over the block cache, each with its own copy. */
export const contestant: Contestant<PageWorkload> = {
  name: 'naive layering, a copy in each cache',
  package: '@hotpath/pagecache',
  prepare: (workload, seed) => prepareLayers(workload, seed, false),
};
