/** One of the threads of workers.ts: emits its events when told, and says when it is done. */

import { parentPort, workerData } from 'node:worker_threads';
import { attachRing } from '@hotpath/pmc-trace';
import { step } from './work.js';
import { BEGUN, DONE, HEAD, type WorkerJob } from './workers.js';

const { ring, worker, count, control, handle, records } = workerData as WorkerJob;
const words = new Int32Array(control);

/** Events of a ring that no other thread writes. */
function ownRing(): () => void {
  const cells = new Float64Array(1);
  const emitter = attachRing(handle!, { now: () => cells[0]! });
  const kind = handle!.kinds['event']!;
  return () => {
    let state = worker;
    for (let event = 0; event < count; event += 1) {
      state = step(state);
      cells[0]! += 3;
      emitter.instant(kind, state, event);
    }
  };
}

/** Events of one ring of both threads, whose head is counted up with or without an atomic operation. */
function oneRing(atomic: boolean): () => void {
  const data = new Float64Array(records!);
  const mask = data.length / 4 - 1;
  let time = 0;
  return () => {
    let state = worker;
    for (let event = 0; event < count; event += 1) {
      state = step(state);
      time += 3;
      const head = atomic ? Atomics.add(words, HEAD, 1) : words[HEAD]!++;
      const at = (head & mask) << 2;
      data[at] = time;
      data[at + 1] = head;
      data[at + 2] = state;
      // Never 0: a reader sees by it that the slot has been written.
      data[at + 3] = event + 1;
    }
  };
}

const round = ring === 'own-ring' ? ownRing() : oneRing(ring === 'one-ring-atomic');
parentPort!.postMessage('ready');
for (let begun = 0; ; begun++) {
  while (Atomics.load(words, BEGUN) === begun) Atomics.wait(words, BEGUN, begun);
  round();
  Atomics.add(words, DONE, 1);
  Atomics.notify(words, DONE);
}
