import { assert } from '../../errors.js';

/**
 * Seeded generator (SplitMix with 32 bits of state): the only source of chance in the disks. Its
 * whole state is one word, so a snapshot holds it.
 */
export class Dice {
  /** The state, `0 <= state < 2**32`. */
  state: number;

  /** @param seed - any number; its low 32 bits are used */
  constructor(seed: number) {
    this.state = seed >>> 0;
  }

  /** The next word, `0 <= word < 2**32`. */
  next(): number {
    this.state = (this.state + 0x9e3779b9) >>> 0;
    let z = this.state;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return (z ^ (z >>> 15)) >>> 0;
  }

  /** A whole number `0 <= value < limit`; `limit` at most 2**32. */
  below(limit: number): number {
    assert(limit >= 1 && limit <= 0x1_0000_0000, 'a die has 1 to 2**32 sides');
    return Math.floor((this.next() / 0x1_0000_0000) * limit);
  }

  /** True with the given probability, 0 to 1. */
  chance(probability: number): boolean {
    return this.next() < probability * 0x1_0000_0000;
  }
}
