import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import {
  calcDelta,
  calcDeltaBig,
  calcDeltaFair,
  INVERSE_WEIGHTS,
  inverseOf,
  WEIGHTS,
  weightOf,
} from '../src/index.js';

interface Oracle {
  weights: number[];
  wmult: number[];
  deltas: string[];
  vdelta_by_nice: Record<string, string[]>;
  sched_slice_cases: {
    nices: number[];
    rqWeight: number;
    rqInv: number;
    period: number;
    slices: number[];
  }[];
}

const oracle = JSON.parse(
  readFileSync(new URL('data/calc-delta-oracle.json', import.meta.url), 'utf8'),
) as Oracle;

test('weights and inverse weights are the tables of Linux', () => {
  expect(WEIGHTS).toEqual(oracle.weights);
  expect(INVERSE_WEIGHTS).toEqual(oracle.wmult);
});

test('__calc_delta equals the kernel for every nice value and delta of the oracle', () => {
  let checked = 0;
  for (const [nice, values] of Object.entries(oracle.vdelta_by_nice)) {
    const inverse = INVERSE_WEIGHTS[Number(nice) + 20];
    for (const [index, value] of values.entries()) {
      const delta = BigInt(oracle.deltas[index]);
      expect(calcDeltaBig(delta, 1024, inverse)).toBe(BigInt(value));
      if (BigInt(value) <= 2n ** 53n - 1n) {
        expect(calcDelta(Number(delta), 1024, inverse)).toBe(Number(value));
        if (nice !== '0') expect(calcDeltaFair(Number(delta), Number(nice))).toBe(Number(value));
        checked++;
      }
    }
  }
  expect(checked).toBeGreaterThan(900);
});

test('calc_delta_fair leaves nice 0 as it is', () => {
  expect(calcDeltaFair(123_457, 0)).toBe(123_457);
});

test('sched_slice of the oracle comes from floored inverses of the sum', () => {
  for (const slices of oracle.sched_slice_cases) {
    expect(inverseOf(slices.rqWeight)).toBe(slices.rqInv);
    const ours = slices.nices.map((nice) => calcDelta(slices.period, weightOf(nice), slices.rqInv));
    expect(ours).toEqual(slices.slices);
  }
});
