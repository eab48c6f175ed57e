import { FileCache } from '@hotpath/pagecache/node';
import type { Contestant } from '../../harness/contestant.js';
import { COLD_BYTES, makeFile, PAGE, type PageWorkload, taste, unalignedBuffer } from './work.js';

/** Reads that are not to be cached, 128 KiB a call. */
export const contestant: Contestant<PageWorkload> = {
  name: '@hotpath/pagecache, readUncachedSync',
  package: '@hotpath/pagecache',
  prepare(workload) {
    const cache = new FileCache({ cacheBytes: workload.fileBytes / 16, writeBackMs: 0 });
    const file = cache.open(makeFile(workload));
    const buffer = unalignedBuffer(COLD_BYTES);
    return {
      operationCount: workload.fileBytes / PAGE,
      run() {
        let sum = 0;
        for (let at = 0; at < workload.fileBytes; at += COLD_BYTES) {
          const count = file.readUncachedSync(buffer, at);
          for (let piece = 0; piece < count; piece += PAGE) sum += taste(buffer, piece);
        }
        return sum;
      },
      facts: () => ({ 'pages cached': cache.pages.pageCount }),
    };
  },
};
