import { assert } from '../../errors.js';
import { type Choice, type Fate, KEPT, LOST } from './crash-choice.js';
import type { Dice } from './dice.js';
import type { PendingWrite } from './pending-writes.js';

/** How much of what is legal a list of choices covers. */
export const COVERS_UNITS = 2;
export const COVERS_WRITES = 1;
export const COVERS_SAMPLE = 0;

/** Choices to try at one cut. */
export interface ChoicePlan {
  readonly choices: Choice[];
  /** COVERS_UNITS: every legal state; COVERS_WRITES: every set of whole writes; or a sample. */
  readonly coverage: number;
}

/**
 * Choices for a cut at which the given writes are pending, at most about `limit`. With few writes
 * all of them; else first those that find most bugs (all kept, none kept, one lost, one kept,
 * prefixes, torn ends), then random ones.
 *
 * @param newest - index of a write that must survive in part, since the states without it were
 *   tried at the cut before; or -1
 */
export function planChoices(
  writes: readonly PendingWrite[],
  newest: number,
  unitsPerBlock: number,
  limit: number,
  dice: Dice,
): ChoicePlan {
  const count = writes.length;
  assert(newest < count, 'the newest write is pending');
  assert(limit >= 1 && unitsPerBlock >= 1, 'there is room for a choice');
  const unitCount = writes.reduce((sum, write) => sum + write.blockCount * unitsPerBlock, 0);
  if (unitCount <= 30 && 2 ** unitCount <= limit) {
    return { choices: everyUnitSet(writes, unitsPerBlock, newest), coverage: COVERS_UNITS };
  }
  const torn = tornChoices(writes, newest, unitsPerBlock, dice, Math.floor(limit / 4));
  const free = newest < 0 ? count : count - 1;
  if (free <= 30 && 2 ** free <= limit) {
    return { choices: [...everyWriteSet(count, newest), ...torn], coverage: COVERS_WRITES };
  }
  const choices = [...structured(count, newest, Math.floor(limit / 2)), ...torn];
  while (choices.length < limit) choices.push(randomSet(writes, newest, unitsPerBlock, dice));
  return { choices, coverage: COVERS_SAMPLE };
}

function everyWriteSet(count: number, newest: number): Choice[] {
  const choices: Choice[] = [];
  for (let bits = 2 ** count - 1; bits >= 0; bits--) {
    if (newest >= 0 && Math.floor(bits / 2 ** newest) % 2 === 0) continue;
    const fate = (_: unknown, w: number): Fate =>
      Math.floor(bits / 2 ** w) % 2 === 1 ? KEPT : LOST;
    choices.push(Array.from({ length: count }, fate));
  }
  return choices;
}

function everyUnitSet(
  writes: readonly PendingWrite[],
  unitsPerBlock: number,
  newest: number,
): Choice[] {
  const sizes = writes.map((write) => write.blockCount * unitsPerBlock);
  const total = sizes.reduce((sum, size) => sum + size, 0);
  const choices: Choice[] = [];
  for (let bits = 2 ** total - 1; bits >= 0; bits--) {
    let rest = bits;
    const choice = sizes.map((size) => {
      const mask = new Uint8Array(size);
      for (let u = 0; u < size; u++) {
        mask[u] = rest % 2;
        rest = Math.floor(rest / 2);
      }
      return simplest(mask);
    });
    if (newest < 0 || choice[newest] !== LOST) choices.push(choice);
  }
  return choices;
}

/** A mask of all ones or zeros as the plain fate. */
function simplest(mask: Uint8Array): Fate {
  if (!mask.includes(0)) return KEPT;
  return mask.includes(1) ? mask : LOST;
}

function structured(count: number, newest: number, limit: number): Choice[] {
  const choices: Choice[] = [];
  const add = (fate: (w: number) => Fate): void => {
    const choice = Array.from({ length: count }, (_, w) => (w === newest ? KEPT : fate(w)));
    if (choices.length < limit) choices.push(choice);
  };
  add(() => KEPT);
  add(() => LOST);
  // The latest writes first: they are where programs forget a barrier.
  for (let w = count - 1; w >= 0; w--) {
    add((other) => (other === w ? LOST : KEPT));
    add((other) => (other === w ? KEPT : LOST));
    add((other) => (other < w ? KEPT : LOST));
  }
  return choices;
}

function tornChoices(
  writes: readonly PendingWrite[],
  newest: number,
  unitsPerBlock: number,
  dice: Dice,
  limit: number,
): Choice[] {
  const choices: Choice[] = [];
  const first = newest < 0 ? writes.length - 1 : newest;
  const last = Math.max(newest, 0);
  for (let w = first; w >= last; w--) {
    for (const mask of tornMasks(writes[w].blockCount * unitsPerBlock, dice)) {
      for (const others of [KEPT, LOST] as const) {
        if (choices.length >= limit) return choices;
        choices.push(writes.map((_, i): Fate => (i === w ? mask : others)));
      }
    }
  }
  return choices;
}

function tornMasks(unitCount: number, dice: Dice): Uint8Array[] {
  if (unitCount < 2) return [];
  const half = Math.floor(unitCount / 2);
  const tests: ((unit: number) => boolean)[] = [
    (unit) => unit < half,
    (unit) => unit >= half,
    (unit) => unit > 0,
    (unit) => unit < unitCount - 1,
    (unit) => unit === 0,
    (unit) => unit === unitCount - 1,
    () => dice.chance(0.5),
  ];
  const masks = tests.map((test) =>
    Uint8Array.from({ length: unitCount }, (_, unit) => (test(unit) ? 1 : 0)),
  );
  return masks.filter((mask) => typeof simplest(mask) !== 'number');
}

function randomSet(
  writes: readonly PendingWrite[],
  newest: number,
  unitsPerBlock: number,
  dice: Dice,
): Choice {
  const odds = (1 + dice.below(7)) / 8;
  const tornOdds = dice.chance(0.25) ? 0.3 : 0;
  return writes.map(({ blockCount }, w): Fate => {
    if (dice.chance(tornOdds)) {
      const mask = new Uint8Array(blockCount * unitsPerBlock);
      for (let u = 0; u < mask.length; u++) mask[u] = dice.chance(odds) ? 1 : 0;
      if (w === newest) mask[dice.below(mask.length)] = 1;
      return simplest(mask);
    }
    return w === newest || dice.chance(odds) ? KEPT : LOST;
  });
}
