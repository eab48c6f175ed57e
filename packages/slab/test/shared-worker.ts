/** One of the workers of shared-arena.test.ts. */

import { parentPort, workerData } from 'node:worker_threads';
import { SharedArena } from '@hotpath/slab';

interface Job {
  readonly buffer: SharedArrayBuffer;
  /** A mailbox of offsets for each direction, workers that are ready, objects received by all. */
  readonly exchange: SharedArrayBuffer;
  readonly self: number;
  readonly rounds: number;
  /** Objects that must have changed hands in all before a worker ends (or 100 times `rounds`). */
  readonly exchanged?: number;
  /** Workers that must be ready before the first begins. */
  readonly together: number;
  readonly end: 'detach' | 'vanish';
}

const { buffer, exchange, self, rounds, exchanged = 0, together, end } = workerData as Job;
const arena = SharedArena.attach(buffer);
const caches = [arena.cache('small'), arena.cache('large')];
const boxes = new Int32Array(exchange);
const BOX = 256;
const mine: number[][] = [[], []];
let errors = 0;
let seed = 12345 + self * 999;

function random(limit: number): number {
  seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
  return (seed >>> 8) % limit;
}

/** Every word of an object holds its own offset, so that an overlap is seen by whoever frees it. */
function mark(offset: number, words: number): void {
  for (let i = 0; i < words; i += 1) arena.views.i32[offset / 4 + i] = offset + i;
}

function isMarked(offset: number, words: number): boolean {
  for (let i = 0; i < words; i += 1)
    if (arena.views.i32[offset / 4 + i] !== offset + i) return false;
  return true;
}

const wordsOf = [16, 250];
/** Objects that the other worker sends here: a ring with a written and a read count. */
const inbox = self * BOX;
const outbox = (1 - self) * BOX;
let received = 0;
let sent = 0;

// A barrier: without it one may be done before the other has started.
Atomics.add(boxes, 2 * BOX, 1);
Atomics.notify(boxes, 2 * BOX);
for (;;) {
  const ready = Atomics.load(boxes, 2 * BOX);
  if (ready >= together) break;
  Atomics.wait(boxes, 2 * BOX, ready, 100);
}

// On one processor a worker may be through with its rounds while the other has hardly had a turn.
const isEnough = (round: number): boolean =>
  round >= rounds && (Atomics.load(boxes, 2 * BOX + 1) >= exchanged || round >= 100 * rounds);

for (let round = 0; !isEnough(round); round += 1) {
  const c = random(10) === 0 ? 1 : 0;
  const cache = caches[c];
  if (random(2) === 0 && mine[c].length < 2000) {
    const offset = cache.allocate();
    if (offset !== 0) {
      mark(offset, wordsOf[c]);
      mine[c].push(offset);
    }
  } else if (mine[c].length > 0) {
    const at = random(mine[c].length);
    const offset = mine[c][at];
    mine[c][at] = mine[c][mine[c].length - 1];
    mine[c].pop();
    if (!isMarked(offset, wordsOf[c])) errors += 1;
    const written = Atomics.load(boxes, outbox);
    if (random(2) === 0 && written - Atomics.load(boxes, outbox + 1) < BOX - 2) {
      boxes[outbox + 2 + (written % (BOX - 2))] = c === 0 ? offset : -offset;
      Atomics.store(boxes, outbox, written + 1);
      sent += 1;
    } else {
      cache.free(offset);
    }
  }
  const read = Atomics.load(boxes, inbox + 1);
  if (read < Atomics.load(boxes, inbox)) {
    const letter = boxes[inbox + 2 + (read % (BOX - 2))];
    Atomics.store(boxes, inbox + 1, read + 1);
    const from = letter > 0 ? 0 : 1;
    if (!isMarked(Math.abs(letter), wordsOf[from])) errors += 1;
    mine[from].push(Math.abs(letter));
    received += 1;
    Atomics.add(boxes, 2 * BOX + 1, 1);
  }
}
const live = mine.map((list) => list.length);
if (end === 'detach') arena.detach();
parentPort?.postMessage({ errors, live, received, sent, mine, worker: arena.worker });
