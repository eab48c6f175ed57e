import { FileCache } from '@hotpath/pagecache/node';
import type { Contestant } from '../../harness/contestant.js';
import { makeFile, PAGE, type PageWorkload, pageOrder, taste } from './work.js';

/** `readSync` of cached pages: a copy into the caller's buffer. */
export const contestant: Contestant<PageWorkload> = {
  name: '@hotpath/pagecache, readSync',
  package: '@hotpath/pagecache',
  prepare(workload, seed) {
    const path = makeFile(workload);
    const order = pageOrder(workload, seed);
    const cache = new FileCache({ cacheBytes: workload.fileBytes + 64 * PAGE, writeBackMs: 0 });
    const file = cache.open(path);
    const buffer = new Uint8Array(PAGE);
    return {
      operationCount: order.length,
      run() {
        let sum = 0;
        for (let i = 0; i < order.length; i++) {
          file.readSync(buffer, order[i] * PAGE);
          sum += taste(buffer, 0);
        }
        return sum;
      },
    };
  },
};
