import { type CachedFile, FileCache } from '@hotpath/pagecache/node';
import type { Contestant } from '../../harness/contestant.js';
import {
  COLD_BYTES,
  cacheBytesOf,
  makeFile,
  PAGE,
  type PageWorkload,
  pageOrder,
  taste,
  unalignedBuffer,
} from './work.js';

/** `readSync` into the caller's buffer: 4 KiB a call; 128 KiB a call in the cold races. */
export const contestant: Contestant<PageWorkload> = {
  name: '@hotpath/pagecache, readSync',
  package: '@hotpath/pagecache',
  prepare(workload, seed) {
    const path = makeFile(workload);
    const order = pageOrder(workload, seed);
    const cache = new FileCache({ cacheBytes: cacheBytesOf(workload), writeBackMs: 0 });
    // Another open file, as programs have: else V8 drops this code with the last instance.
    cache.open(makeFile({ kind: 'cold', fileBytes: PAGE }));
    let file: CachedFile = cache.open(path);
    const buffer = unalignedBuffer(COLD_BYTES);
    const piece = buffer.subarray(0, PAGE);
    const readCold = (): number => {
      file.closeSync();
      file = cache.open(path);
      let sum = 0;
      for (let at = 0; at < workload.fileBytes; at += COLD_BYTES) {
        const count = file.readSync(buffer, at);
        for (let page = 0; page < count; page += PAGE) sum += taste(buffer, page);
      }
      return sum;
    };
    const readPieces = (): number => {
      let sum = 0;
      for (let i = 0; i < order.length; i++) {
        file.readSync(piece, order[i] * PAGE);
        sum += taste(piece, 0);
      }
      return sum;
    };
    return {
      operationCount: order.length,
      run: workload.kind === 'cold' ? readCold : readPieces,
      facts: () => ({ 'pages cached': cache.pages.pageCount }),
    };
  },
};
