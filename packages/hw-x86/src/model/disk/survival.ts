import { assert } from '../../errors.js';
import { Dice } from './dice.js';

/**
 * What a power cut leaves of the writes that nothing made durable. The rule: for every atomic unit
 * (a sector) the medium holds what was durable, or what any one of the pending writes to it would
 * have put there. So a legal state is "keep some set of (write, unit) pairs, apply them in order".
 *
 * One draw decides how such sets are made, because real losses are not independent coin tosses: all
 * lost, all kept, a prefix in order (a drive that works in order), whole writes at random, blocks at
 * random, sectors at random (torn writes).
 */
export const KEEP_NONE = 0;
export const KEEP_ALL = 1;
export const KEEP_PREFIX = 2;
export const KEEP_WRITES = 3;
export const KEEP_BLOCKS = 4;
export const KEEP_UNITS = 5;
/** Number of manners. */
export const MANNER_COUNT = 6;

/** A legal set of survivors, as a function of the seed alone. */
export class Survival {
  /** One of the KEEP_ constants. */
  readonly manner: number;
  readonly #seed: number;
  readonly #unitCut: number;
  readonly #odds: number;

  /**
   * @param unitCount - units of all pending writes together, in order
   * @param manner - one of the KEEP_ constants; absent: drawn from the seed
   */
  constructor(seed: number, unitCount: number, manner?: number) {
    assert(unitCount >= 0, 'units are counted');
    const dice = new Dice(seed);
    const drawn = dice.below(MANNER_COUNT);
    this.manner = manner ?? drawn;
    assert(this.manner >= 0 && this.manner < MANNER_COUNT, 'one of the KEEP_ manners');
    this.#seed = dice.next();
    this.#unitCut = dice.below(unitCount + 1);
    // Odds of an eighth to seven eighths: losing a single one of many must be likely, too.
    this.#odds = (1 + dice.below(7)) / 8;
  }

  /**
   * Whether a unit survives.
   * @param write - index of the pending write
   * @param block - index of the block inside all pending blocks, in order
   * @param unit - index of the unit inside all pending units, in order
   */
  keeps(write: number, block: number, unit: number): boolean {
    switch (this.manner) {
      case KEEP_NONE:
        return false;
      case KEEP_ALL:
        return true;
      case KEEP_PREFIX:
        return unit < this.#unitCut;
      case KEEP_WRITES:
        return this.#toss(write);
      case KEEP_BLOCKS:
        return this.#toss(block);
      default:
        return this.#toss(unit);
    }
  }

  #toss(index: number): boolean {
    return new Dice(this.#seed + Math.imul(index, 0x85ebca6b)).chance(this.#odds);
  }
}
