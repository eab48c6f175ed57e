/** Allocation patterns of objects of one size, and the loops that every contestant runs. */

import type { PreparedWork } from '../../harness/contestant.js';

/** Pairs of allocate and free in one order. */
export interface PatternWorkload {
  /**
   * `lifo` frees what was just allocated; `fifo` the oldest of `live` objects; `random` any of them;
   * `batch` allocates `live` objects, then frees them in the same order.
   */
  readonly pattern: 'lifo' | 'fifo' | 'random' | 'batch';
  readonly objectBytes: number;
  /** 1..65,536. */
  readonly live: number;
  /** A multiple of `live` for `batch`. */
  readonly pairs: number;
}

/** What allocates objects of one size by offset. */
export interface PatternHeap {
  allocate(): number;
  free(offset: number): void;
}

/** Draws of `random`: xorshift32 from 12,345, as in data/native/malloc.c. */
function next(seed: number): number {
  let x = seed ^ (seed << 13);
  x ^= x >>> 17;
  return x ^ (x << 5);
}

/** One of `count` slots: whole-number arithmetic, as in C, for doubles cost more than an allocation. */
function pick(seed: number, count: number): number {
  return Math.imul(seed >>> 16, count) >>> 16;
}

/** Rounds before the first timed one; they are short. */
const WARM_ROUNDS = 300;

/** Work of a contestant whose objects are offsets in `words`. */
export function patternWork(
  heap: PatternHeap,
  words: Uint32Array,
  workload: PatternWorkload,
): PreparedWork {
  return warmed(workload, (work) => runPattern(heap, words, work));
}

/** Work of a contestant whose objects are typed arrays of their own. */
export function arrayPatternWork(
  make: (byteCount: number) => Uint8Array,
  workload: PatternWorkload,
): PreparedWork {
  return warmed(workload, (work) => runArrayPattern(make, work));
}

/**
 * Calls each loop often before it is timed. A loop that V8 compiles while it runs for the first time
 * stays as it was compiled then, and whether that was well is a matter of luck (a third of the time).
 */
function warmed(workload: PatternWorkload, run: (work: PatternWorkload) => number): PreparedWork {
  const short = { ...workload, pairs: Math.max(workload.live, 1000) };
  for (let round = 0; round < WARM_ROUNDS; round++) run(short);
  return { operationCount: workload.pairs, run: () => run(workload) };
}

/**
 * One round on a heap of offsets. Every object is written and read once; the sum of what was read is
 * the checksum, the same in every contestant.
 */
function runPattern(heap: PatternHeap, words: Uint32Array, work: PatternWorkload): number {
  const { pattern, live, pairs } = work;
  if (pattern === 'lifo') return lifo(heap, words, pairs) >>> 0;
  const slots = new Int32Array(live);
  if (pattern === 'batch') return batch(heap, words, slots, pairs) >>> 0;
  for (let i = 0; i < live; i++) slots[i] = take(heap, words, i);
  let sum =
    pattern === 'fifo' ? fifo(heap, words, slots, pairs) : random(heap, words, slots, pairs);
  for (let i = 0; i < live; i++) sum = (sum + give(heap, words, slots[i])) | 0;
  return sum >>> 0;
}

function take(heap: PatternHeap, words: Uint32Array, mark: number): number {
  const offset = heap.allocate();
  words[offset >>> 2] = mark;
  return offset;
}

function give(heap: PatternHeap, words: Uint32Array, offset: number): number {
  const mark = words[offset >>> 2];
  heap.free(offset);
  return mark;
}

function lifo(heap: PatternHeap, words: Uint32Array, pairs: number): number {
  let sum = 0;
  for (let i = 0; i < pairs; i++) sum = (sum + give(heap, words, take(heap, words, i))) | 0;
  return sum;
}

function batch(heap: PatternHeap, words: Uint32Array, slots: Int32Array, pairs: number): number {
  const live = slots.length;
  let sum = 0;
  for (let round = pairs / live; round > 0; round--) {
    for (let i = 0; i < live; i++) slots[i] = take(heap, words, i);
    for (let i = 0; i < live; i++) sum = (sum + give(heap, words, slots[i])) | 0;
  }
  return sum;
}

function fifo(heap: PatternHeap, words: Uint32Array, slots: Int32Array, pairs: number): number {
  const live = slots.length;
  let sum = 0;
  for (let i = 0, at = 0; i < pairs; i++) {
    sum = (sum + give(heap, words, slots[at])) | 0;
    slots[at] = take(heap, words, i);
    if (++at === live) at = 0;
  }
  return sum;
}

function random(heap: PatternHeap, words: Uint32Array, slots: Int32Array, pairs: number): number {
  const live = slots.length;
  let sum = 0;
  let seed = 12345;
  for (let i = 0; i < pairs; i++) {
    seed = next(seed);
    const at = pick(seed, live);
    sum = (sum + give(heap, words, slots[at])) | 0;
    slots[at] = take(heap, words, i);
  }
  return sum;
}

/** One round where an object is a typed array of its own and the garbage collector frees it. */
function runArrayPattern(
  make: (byteCount: number) => Uint8Array,
  { pattern, objectBytes, live, pairs }: PatternWorkload,
): number {
  const slots: (Uint8Array | null)[] = new Array(live).fill(null);
  const create = (mark: number): Uint8Array => {
    const bytes = make(objectBytes);
    bytes[0] = mark;
    bytes[1] = mark >>> 8;
    bytes[2] = mark >>> 16;
    bytes[3] = mark >>> 24;
    return bytes;
  };
  const read = (bytes: Uint8Array): number =>
    bytes[0] + bytes[1] * 2 ** 8 + bytes[2] * 2 ** 16 + bytes[3] * 2 ** 24;
  let sum = 0;
  const drop = (at: number): void => {
    sum = (sum + read(slots[at] as Uint8Array)) | 0;
    slots[at] = null;
  };
  if (pattern === 'lifo') {
    for (let i = 0; i < pairs; i++) sum = (sum + read(create(i))) | 0;
    return sum >>> 0;
  }
  if (pattern === 'batch') {
    for (let round = pairs / live; round > 0; round--) {
      for (let i = 0; i < live; i++) slots[i] = create(i);
      for (let i = 0; i < live; i++) drop(i);
    }
    return sum >>> 0;
  }
  for (let i = 0; i < live; i++) slots[i] = create(i);
  let seed = 12345;
  for (let i = 0; i < pairs; i++) {
    seed = next(seed);
    const at = pattern === 'fifo' ? i % live : pick(seed, live);
    drop(at);
    slots[at] = create(i);
  }
  for (let i = 0; i < live; i++) drop(i);
  return sum >>> 0;
}
