import { type CachedFile, FileCache } from '@hotpath/pagecache/node';
import type { Contestant } from '../../harness/contestant.js';
import { cacheBytesOf, makeFile, PAGE, type PageWorkload, pageOrder } from './work.js';

/** Leases of pages of a cached file; `look` says how the caller gets at a leased page's bytes. */
export function leases(
  name: string,
  look: (cache: FileCache, file: CachedFile, slot: number) => number,
): Contestant<PageWorkload> {
  return {
    name,
    package: '@hotpath/pagecache',
    prepare(workload, seed) {
      const path = makeFile(workload);
      const order = pageOrder(workload, seed);
      const cold = workload.kind === 'cold';
      const cache = new FileCache({ cacheBytes: cacheBytesOf(workload), writeBackMs: 0 });
      // Another open file, as programs have: else V8 drops this code with the last instance.
      cache.open(makeFile({ kind: 'cold', fileBytes: PAGE }));
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
            sum += look(cache, file, slot);
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
}
