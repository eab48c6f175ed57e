import type { Contestant } from '../../harness/contestant.js';
import { prepareLayers } from './layers.js';
import type { PageWorkload } from './work.js';

/** The page cache over the block cache: the block is indexed inside the page's frame. */
export const contestant: Contestant<PageWorkload> = {
  name: 'one frame, two indexes',
  package: '@hotpath/pagecache',
  prepare: (workload, seed) => prepareLayers(workload, seed, true),
};
