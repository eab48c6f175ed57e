/** Seeded numbers: the same sequence on every machine. */

/** xoshiro128** of Blackman and Vigna (2018), seeded by splitmix32. */
export class Random {
  private readonly state = new Int32Array(4);

  /** @param seed - any integer; its low 32 bits count */
  constructor(seed: number) {
    let mix = seed | 0;
    for (let index = 0; index < 4; index++) {
      mix = (mix + 0x9e3779b9) | 0;
      let word = Math.imul(mix ^ (mix >>> 16), 0x21f0aaad);
      word = Math.imul(word ^ (word >>> 15), 0x735a2d97);
      this.state[index] = word ^ (word >>> 15);
    }
  }

  /** The next 32 bits, 0 <= value < 2^32. */
  word(): number {
    const { state } = this;
    const product = Math.imul(state[1], 5);
    const result = Math.imul((product << 7) | (product >>> 25), 9);
    const shifted = state[1] << 9;
    state[2] ^= state[0];
    state[3] ^= state[1];
    state[1] ^= state[2];
    state[0] ^= state[3];
    state[2] ^= shifted;
    state[3] = (state[3] << 11) | (state[3] >>> 21);
    return result >>> 0;
  }

  /** 0 <= value < 1, with 32 random bits. */
  fraction(): number {
    return this.word() / 2 ** 32;
  }

  /** A whole number, 0 <= value < bound <= 2^32. */
  below(bound: number): number {
    return Math.floor(this.fraction() * bound);
  }
}

/**
 * `count` draws of 0..itemCount-1 with P(item of rank r) proportional to 1 / (r + 1)^exponent. Ranks
 * are scattered over the items, so that popular ones do not lie side by side.
 */
export function zipfKeys(
  random: Random,
  count: number,
  itemCount: number,
  exponent: number,
): Uint32Array {
  const cumulative = new Float64Array(itemCount);
  let total = 0;
  for (let rank = 0; rank < itemCount; rank++) {
    total += (rank + 1) ** -exponent;
    cumulative[rank] = total;
  }
  const items = shuffled(random, itemCount);
  const keys = new Uint32Array(count);
  for (let index = 0; index < count; index++) {
    keys[index] = items[firstAbove(cumulative, random.fraction() * total)];
  }
  return keys;
}

/** 0..count-1 in random order (Fisher and Yates). */
export function shuffled(random: Random, count: number): Uint32Array {
  const items = Uint32Array.from({ length: count }, (_, index) => index);
  for (let left = count - 1; left > 0; left--) {
    const other = random.below(left + 1);
    const item = items[left];
    items[left] = items[other];
    items[other] = item;
  }
  return items;
}

/** Index of the first entry above `value`; entries ascend and the last is above every value. */
function firstAbove(entries: Float64Array, value: number): number {
  let low = 0;
  let high = entries.length - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (entries[middle] > value) high = middle;
    else low = middle + 1;
  }
  return low;
}
