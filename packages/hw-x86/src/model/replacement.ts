import { STAMP, STAMP_STRIDE } from './tlb-store.js';

/** Replacement policies of a bank or cache: least recently used. */
export const REPLACE_LRU = 0;
/** Tree pseudo-LRU. */
export const REPLACE_PLRU = 1;
/** First in, first out. */
export const REPLACE_FIFO = 2;
/** Seeded random. */
export const REPLACE_RANDOM = 3;

/**
 * The way with the least stamp of a set, at most 32 ways. Way and stamp go into one number, and the
 * lesser of two is found by arithmetic: which way is oldest is as good as random, so a comparison
 * (Math.min is one) would be mispredicted every other time. Exact for stamps below 2**46, in halves.
 */
export function oldestWay(
  column: Float64Array,
  from: number,
  ways: number,
  stride: number,
): number {
  let least = column[from] * 64;
  let way = 1;
  for (; way + 2 < ways; way += 3) {
    const at = from + way * stride;
    const one = lesser(least, column[at] * 64 + way);
    const two = lesser(column[at + stride] * 64 + way + 1, column[at + 2 * stride] * 64 + way + 2);
    least = lesser(one, two);
  }
  for (; way < ways; way++) least = lesser(least, column[from + way * stride] * 64 + way);
  return least & 31;
}

/** The lesser of two exact numbers, without a branch. */
export function lesser(a: number, b: number): number {
  return (a + b - Math.abs(a - b)) * 0.5;
}

/**
 * Victim of tree pseudo-LRU among `count` slots from `first`. A tree bit points away from the half
 * that was touched last, so the tree need not be kept: the half whose newest stamp is older is
 * where the bit points. `column` holds STAMP_STRIDE doubles a slot.
 */
export function victimOfTree(column: Float64Array, first: number, count: number): number {
  let low = first;
  let rest = count;
  while (rest > 1) {
    const half = rest >>> 1;
    if (newest(column, low, half) < newest(column, low + half, rest - half)) rest = half;
    else {
      low += half;
      rest -= half;
    }
  }
  return low;
}

function newest(column: Float64Array, first: number, count: number): number {
  let newestStamp = -1;
  for (let slot = first; slot < first + count; slot++) {
    newestStamp = Math.max(newestStamp, column[slot * STAMP_STRIDE + STAMP]);
  }
  return newestStamp;
}

/** Next state of the xorshift32 generator behind random replacement (Marsaglia, 2003). */
export function nextRandom(state: number): number {
  let x = state;
  x ^= x << 13;
  x ^= x >>> 17;
  x ^= x << 5;
  return x;
}
