import { expect, test } from 'vitest';
import { Random, shuffled, zipfKeys } from '../../src/harness/random.js';

test('a seed gives the same numbers on every machine', () => {
  const random = new Random(42);
  expect([random.word(), random.word(), random.word()]).toMatchInlineSnapshot(`
    [
      660444221,
      3652823732,
      77672526,
    ]
  `);
});

test('different seeds give different numbers, and fractions lie in 0..1', () => {
  const one = new Random(1);
  const two = new Random(2);
  expect(one.word()).not.toBe(two.word());
  for (let draw = 0; draw < 1000; draw++) {
    const fraction = one.fraction();
    expect(fraction >= 0 && fraction < 1).toBe(true);
    expect(one.below(7)).toBeLessThan(7);
  }
});

test('a shuffle is a permutation', () => {
  const items = shuffled(new Random(3), 1000);
  expect(new Set(items).size).toBe(1000);
  expect(Math.max(...items)).toBe(999);
});

test('Zipf: the most popular of 1,000 items gets 1 / H(1000) of the draws', () => {
  const keys = zipfKeys(new Random(9), 200_000, 1000, 1);
  const counts = new Uint32Array(1000);
  for (const key of keys) counts[key]++;
  const [first, second] = [...counts].sort((a, b) => b - a);
  expect(first! / 200_000).toBeCloseTo(1 / 7.4855, 2);
  expect(first! / second!).toBeCloseTo(2, 1);
});
