import { readFileSync } from 'node:fs';
import type { Contestant } from '../../harness/contestant.js';
import { makeFile, PAGE, type PageWorkload, pageOrder, taste } from './work.js';

/** The floor of a read that copies: a look-up in a Map and a bare copy of 4 KiB. */
export const contestant: Contestant<PageWorkload> = {
  name: 'Map look-up and bare copy',
  prepare(workload, seed) {
    const bytes = new Uint8Array(readFileSync(makeFile(workload)));
    const order = pageOrder(workload, seed);
    const pages = new Map<number, Uint8Array>();
    for (let page = 0; page < workload.fileBytes / PAGE; page++) {
      pages.set(page, bytes.subarray(page * PAGE, (page + 1) * PAGE));
    }
    const buffer = new Uint8Array(PAGE);
    return {
      operationCount: order.length,
      run() {
        let sum = 0;
        for (let i = 0; i < order.length; i++) {
          buffer.set(pages.get(order[i])!);
          sum += taste(buffer, 0);
        }
        return sum;
      },
    };
  },
};
