import { Heap } from '@hotpath/sched';
import type { Contestant } from '../../harness/contestant.js';
import { queueWork, type SchedWorkload } from './work.js';

export const contestant: Contestant<SchedWorkload> = {
  name: '@hotpath/sched Heap (4-ary)',
  prepare(workload, seed) {
    const heap = new Heap(workload.kind === 'queue' ? workload.entities : 1);
    const queue = {
      insert: (slot: number, key: number) => heap.insert(slot, key),
      takeFirst() {
        const slot = heap.first();
        heap.remove(slot);
        return slot;
      },
    };
    return queueWork(queue, workload, seed);
  },
};
