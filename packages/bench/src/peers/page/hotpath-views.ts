import { type CachedFile, FileCache } from '@hotpath/pagecache/node';
import type { Contestant } from '../../harness/contestant.js';
import { makeFile, PAGE, type PageWorkload, pageOrder, taste } from './work.js';

/** Leases of cached pages: the frame itself, no copy. */
export const contestant: Contestant<PageWorkload> = {
  name: '@hotpath/pagecache, leased views',
  package: '@hotpath/pagecache',
  prepare(workload, seed) {
    const path = makeFile(workload);
    const order = pageOrder(workload, seed);
    const cold = workload.kind === 'cold';
    // Cold: a sixteenth of the file fits, so that each round reads all of it from the host.
    const cacheBytes = cold ? workload.fileBytes / 16 : workload.fileBytes + 64 * PAGE;
    const cache = new FileCache({ cacheBytes, writeBackMs: 0 });
    let file: CachedFile = cache.open(path);
    return {
      operationCount: order.length,
      run() {
        if (cold) {
          file.closeSync();
          file = cache.open(path);
        }
        let sum = 0;
        for (let i = 0; i < order.length; i++) {
          const slot = file.leaseSync(order[i]);
          sum += taste(file.bytes(slot), 0);
          file.release(slot);
        }
        return sum;
      },
      facts: () => ({
        'metadata bytes/page': cache.pages.metadataBytes / Math.max(1, cache.pages.pageCount),
      }),
    };
  },
};
