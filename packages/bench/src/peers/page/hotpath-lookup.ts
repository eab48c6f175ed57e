import type { Completion } from '@hotpath/hw-x86';
import { createArenaMemory } from '@hotpath/hw-x86/host';
import { type BackingStore, PageCache } from '@hotpath/pagecache';
import type { Contestant } from '../../harness/contestant.js';
import { PAGE, type PageWorkload, pageOrder } from './work.js';

const nobody: Completion = { completed: () => {} };

/** A store whose pages are whatever the frames hold: only the look-up is raced. */
const store: BackingStore = {
  canPunch: false,
  readPages: () => 0,
  writePages: () => 0,
  truncate: () => 0,
  punch: () => -38,
  sync: () => 0,
};

/** find and release on the core: a hit without a copy. */
export const contestant: Contestant<PageWorkload> = {
  name: '@hotpath/pagecache, find and release',
  package: '@hotpath/pagecache',
  prepare(workload, seed) {
    const order = pageOrder(workload, seed);
    const count = workload.fileBytes / PAGE;
    const memory = createArenaMemory(workload.fileBytes);
    let next = 0;
    const frames = { allocate: () => PAGE * next++, free: () => {} };
    const cache = new PageCache({ memory, frames, store, slotLimit: count });
    const file = cache.openFile(workload.fileBytes);
    for (let page = 0; page < count; page++) cache.release(cache.get(file, page, nobody, 0));
    return {
      operationCount: order.length,
      run() {
        let sum = 0;
        for (let i = 0; i < order.length; i++) {
          const slot = cache.find(file, order[i]);
          sum += cache.frame(slot) / PAGE + 1;
          cache.release(slot);
        }
        return sum;
      },
      facts: () => ({ 'metadata bytes/page': cache.metadataBytes / cache.pageCount }),
    };
  },
};
