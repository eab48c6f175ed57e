/**
 * Linux's integer arithmetic of weights (kernel/sched/core.c `sched_prio_to_weight`,
 * `sched_prio_to_wmult`; kernel/sched/fair.c `__calc_delta`), exact in float64.
 */

import { ArgumentError, assert, checkInteger } from '@hotpath/hw-x86';

/** Lowest nice value: the largest share. */
export const NICE_MIN = -20;
/** Highest nice value: the smallest share. */
export const NICE_MAX = 19;
/** Weight of nice 0. */
export const NICE_0_WEIGHT = 1024;
/** Weight of a SCHED_IDLE task. */
export const IDLE_WEIGHT = 3;

/** Weight by `nice + 20`: each step is about 1.25, so one nice level is about 10 % of a CPU. */
export const WEIGHTS: readonly number[] = [
  88761, 71755, 56483, 46273, 36291, 29154, 23254, 18705, 14949, 11916, 9548, 7620, 6100, 4904,
  3906, 3121, 2501, 1991, 1586, 1277, 1024, 820, 655, 526, 423, 335, 272, 215, 172, 137, 110, 87,
  70, 56, 45, 36, 29, 23, 18, 15,
];

/**
 * 2**32 / weight by `nice + 20` as Linux's table has it: rounded, mostly to nearest (nice 13, 14, 16
 * and 17 are floored), so that no formula gives all 40.
 */
export const INVERSE_WEIGHTS: readonly number[] = [
  48388, 59856, 76040, 92818, 118348, 147320, 184698, 229616, 287308, 360437, 449829, 563644,
  704093, 875809, 1099582, 1376151, 1717300, 2157191, 2708050, 3363326, 4194304, 5237765, 6557202,
  8165337, 10153587, 12820798, 15790321, 19976592, 24970740, 31350126, 39045157, 49367440, 61356676,
  76695844, 95443717, 119304647, 148102320, 186737708, 238609294, 286331153,
];

const TWO_32 = 4294967296;
const WMULT_CONST = 4294967295;
/** Below it the two-limb product is exact: fact * (delta / 65536) < 2**32 * 2**20. */
const FAST_DELTA_LIMIT = 2 ** 36;

/** `__update_inv_weight`: the inverse of a weight that is not in the table, floored. */
export function inverseOf(weight: number): number {
  assert(weight > 0, 'weight above 0');
  return weight >= WMULT_CONST ? 1 : Math.floor(WMULT_CONST / weight);
}

/** Bits to drop so that `weight * inverse` fits 32 bits; `__calc_delta` calls it fs. */
function excessBits(product: number): number {
  return 32 - Math.clz32(Math.floor(product / TWO_32));
}

/** The 32-bit factor of `__calc_delta(delta, weight, {inverse})`. */
export function deltaFactor(weight: number, inverse: number): number {
  const product = weight * inverse;
  assert(product <= Number.MAX_SAFE_INTEGER, 'weight times inverse is exact');
  return Math.floor(product / 2 ** excessBits(product));
}

/** The shift that goes with {@link deltaFactor}; 16..32 for every weight Linux uses. */
export function deltaShift(weight: number, inverse: number): number {
  return 32 - excessBits(weight * inverse);
}

/**
 * `mul_u64_u32_shr`: floor(delta * factor / 2**shift). Exact. 4 ns below 2**36 ns (68 s); above it
 * BigInt, and the result must still be below 2**53.
 */
export function multiplyShift(delta: number, factor: number, shift: number): number {
  if (delta < FAST_DELTA_LIMIT && shift >= 16) {
    const high = Math.floor(delta / 65536);
    const low = delta - high * 65536;
    // The two limbs in units of 2**16; the dropped fraction of the low limb cannot reach a unit.
    return Math.floor((factor * high + Math.floor((factor * low) / 65536)) / 2 ** (shift - 16));
  }
  const exact = Number((BigInt(delta) * BigInt(factor)) >> BigInt(shift));
  assert(exact <= Number.MAX_SAFE_INTEGER, 'scaled time below 2**53');
  return exact;
}

/** `__calc_delta(delta, weight, load)` where `inverse` belongs to the load. Exact. */
export function calcDelta(delta: number, weight: number, inverse: number): number {
  return multiplyShift(delta, deltaFactor(weight, inverse), deltaShift(weight, inverse));
}

/** {@link calcDelta} of any size, for checks against Linux where the result passes 2**53. */
export function calcDeltaBig(delta: bigint, weight: number, inverse: number): bigint {
  return (delta * BigInt(deltaFactor(weight, inverse))) >> BigInt(deltaShift(weight, inverse));
}

/** `calc_delta_fair`: virtual nanoseconds that `delta` real ones are worth at `nice`. Exact. */
export function calcDeltaFair(delta: number, nice: number): number {
  if (nice === 0) return delta;
  return calcDelta(delta, NICE_0_WEIGHT, INVERSE_WEIGHTS[nice - NICE_MIN]);
}

/** Weight of a nice value. @throws ArgumentError ERR_NICE outside -20..19. */
export function weightOf(nice: number): number {
  return WEIGHTS[checkNice(nice) - NICE_MIN];
}

/** Returns `nice`. @throws ArgumentError ERR_NICE when it is not a whole number -20..19. */
export function checkNice(nice: number): number {
  if (Number.isInteger(nice) && nice >= NICE_MIN && nice <= NICE_MAX) return nice;
  throw new ArgumentError('ERR_NICE', `nice is ${nice}; allowed: a whole number -20..19`);
}

/** Returns `weight`. @throws ArgumentError ERR_WEIGHT when it is not a whole number 1..262144 */
export function checkWeight(weight: number): number {
  return checkInteger('ERR_WEIGHT', 'weight', weight, 1, 262_144);
}
