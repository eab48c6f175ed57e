/** One of the workers of shared-work.ts: begins a round when told, and says when it is done. */

import { workerData } from 'node:worker_threads';
import { SharedArena, type SharedCache } from '@hotpath/slab';
import { BEGUN, DONE, type SharedJob, WRONG } from './shared-work.js';

const { buffer, control, live, pairs } = workerData as SharedJob;
const words = new Int32Array(control);
const arena = SharedArena.attach(buffer);
const objects = arena.views.i32 as Int32Array;
const slots = new Int32Array(live);

/** Allocates and frees; how many objects did not hold what was written into them. */
function round(cache: SharedCache): number {
  let wrong = 0;
  for (let i = 0; i < live; i++) {
    slots[i] = cache.allocate();
    objects[slots[i] >>> 2] = slots[i];
  }
  for (let i = 0, at = 0; i < pairs; i++) {
    const old = slots[at];
    if (objects[old >>> 2] !== old) wrong++;
    cache.free(old);
    const offset = cache.allocate();
    objects[offset >>> 2] = offset;
    slots[at] = offset;
    if (++at === live) at = 0;
  }
  for (let i = 0; i < live; i++) cache.free(slots[i]);
  return wrong;
}

for (let begun = 0; ; begun++) {
  while (Atomics.load(words, BEGUN) === begun) Atomics.wait(words, BEGUN, begun);
  Atomics.add(words, WRONG, round(arena.cache('peer')));
  Atomics.add(words, DONE, 1);
  Atomics.notify(words, DONE);
}
