import { OrderedMap } from '@js-sdsl/ordered-map';
import type { Contestant } from '../../harness/contestant.js';
import { queueWork, type SchedWorkload } from './work.js';

interface Key {
  key: number;
  sequence: number;
}

export const contestant: Contestant<SchedWorkload> = {
  name: '@js-sdsl/ordered-map',
  package: '@js-sdsl/ordered-map',
  prepare(workload, seed) {
    const map = new OrderedMap<Key, number>([], (a, b) => a.key - b.key || a.sequence - b.sequence);
    const count = workload.kind === 'queue' ? workload.entities : 1;
    const keys = Array.from({ length: count }, () => ({ key: 0, sequence: 0 }));
    let sequence = 0;
    const queue = {
      insert(slot: number, key: number) {
        const own = keys[slot];
        own.key = key;
        own.sequence = sequence++;
        map.setElement(own, slot);
      },
      takeFirst() {
        const first = map.begin();
        const slot = first.pointer[1];
        map.eraseElementByIterator(first);
        return slot;
      },
    };
    return queueWork(queue, workload, seed);
  },
};
