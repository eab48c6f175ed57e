/** Allocation patterns of objects of one size, and the loops that every contestant runs. */

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

/**
 * One round on a heap of offsets. Every object is written and read once; the sum of what was read is
 * the checksum, the same in every contestant.
 */
export function runPattern(heap: PatternHeap, words: Uint32Array, work: PatternWorkload): number {
  const { pattern, live, pairs } = work;
  if (pattern === 'lifo') return lifo(heap, words, pairs);
  const slots = new Int32Array(live);
  if (pattern === 'batch') return batch(heap, words, slots, pairs);
  for (let i = 0; i < live; i++) slots[i] = take(heap, words, i);
  let sum =
    pattern === 'fifo' ? fifo(heap, words, slots, pairs) : random(heap, words, slots, pairs);
  for (let i = 0; i < live; i++) sum = (sum + give(heap, words, slots[i])) >>> 0;
  return sum;
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
  for (let i = 0; i < pairs; i++) sum = (sum + give(heap, words, take(heap, words, i))) >>> 0;
  return sum;
}

function batch(heap: PatternHeap, words: Uint32Array, slots: Int32Array, pairs: number): number {
  const live = slots.length;
  let sum = 0;
  for (let round = pairs / live; round > 0; round--) {
    for (let i = 0; i < live; i++) slots[i] = take(heap, words, i);
    for (let i = 0; i < live; i++) sum = (sum + give(heap, words, slots[i])) >>> 0;
  }
  return sum;
}

function fifo(heap: PatternHeap, words: Uint32Array, slots: Int32Array, pairs: number): number {
  const live = slots.length;
  let sum = 0;
  for (let i = 0, at = 0; i < pairs; i++) {
    sum = (sum + give(heap, words, slots[at])) >>> 0;
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
    const at = Math.floor(((seed >>> 0) * live) / 2 ** 32);
    sum = (sum + give(heap, words, slots[at])) >>> 0;
    slots[at] = take(heap, words, i);
  }
  return sum;
}

/** One round where an object is a typed array of its own and the garbage collector frees it. */
export function runArrayPattern(
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
    sum = (sum + read(slots[at] as Uint8Array)) >>> 0;
    slots[at] = null;
  };
  if (pattern === 'lifo') {
    for (let i = 0; i < pairs; i++) sum = (sum + read(create(i))) >>> 0;
    return sum;
  }
  if (pattern === 'batch') {
    for (let round = pairs / live; round > 0; round--) {
      for (let i = 0; i < live; i++) slots[i] = create(i);
      for (let i = 0; i < live; i++) drop(i);
    }
    return sum;
  }
  for (let i = 0; i < live; i++) slots[i] = create(i);
  let seed = 12345;
  for (let i = 0; i < pairs; i++) {
    seed = next(seed);
    const at = pattern === 'fifo' ? i % live : Math.floor(((seed >>> 0) * live) / 2 ** 32);
    drop(at);
    slots[at] = create(i);
  }
  for (let i = 0; i < live; i++) drop(i);
  return sum;
}
