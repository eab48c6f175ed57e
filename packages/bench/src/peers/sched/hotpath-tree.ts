import { RedBlackTree } from '@hotpath/sched';
import type { Contestant } from '../../harness/contestant.js';
import { queueWork, type SchedWorkload } from './work.js';

export const contestant: Contestant<SchedWorkload> = {
  name: '@hotpath/sched RedBlackTree',
  prepare(workload, seed) {
    const tree = new RedBlackTree(workload.kind === 'queue' ? workload.entities : 1);
    const queue = {
      insert: (slot: number, key: number) => tree.insert(slot, key),
      takeFirst() {
        const slot = tree.first();
        tree.remove(slot);
        return slot;
      },
    };
    return queueWork(queue, workload, seed);
  },
};
