import type { Contestant } from '../../harness/contestant.js';
import { PAGE, type PageWorkload, pageOrder } from './work.js';

/** A Map from page to its frame, without use counts or order: what a hit costs at the least. */
export const contestant: Contestant<PageWorkload> = {
  name: 'Map look-up',
  prepare(workload, seed) {
    const order = pageOrder(workload, seed);
    const frames = new Map<number, number>();
    for (let page = 0; page < workload.fileBytes / PAGE; page++) frames.set(page, page);
    return {
      operationCount: order.length,
      run() {
        let sum = 0;
        for (let i = 0; i < order.length; i++) sum += frames.get(order[i])! + 1;
        return sum;
      },
    };
  },
};
