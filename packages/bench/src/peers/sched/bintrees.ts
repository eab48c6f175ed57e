import { RBTree } from 'bintrees';
import type { Contestant } from '../../harness/contestant.js';
import { queueWork, type SchedWorkload } from './work.js';

interface Entry {
  key: number;
  sequence: number;
  readonly slot: number;
}

export const contestant: Contestant<SchedWorkload> = {
  name: 'bintrees RBTree',
  package: 'bintrees',
  prepare(workload, seed) {
    const tree = new RBTree<Entry>((a, b) => a.key - b.key || a.sequence - b.sequence);
    const count = workload.kind === 'queue' ? workload.entities : 1;
    // One entry per slot, used again: the tree's own nodes are all it allocates.
    const entries = Array.from({ length: count }, (_, slot) => ({ key: 0, sequence: 0, slot }));
    let sequence = 0;
    const queue = {
      insert(slot: number, key: number) {
        const entry = entries[slot];
        entry.key = key;
        entry.sequence = sequence++;
        tree.insert(entry);
      },
      takeFirst() {
        const entry = tree.min()!;
        tree.remove(entry);
        return entry.slot;
      },
    };
    return queueWork(queue, workload, seed);
  },
};
