/** The seed of every property test of a run: fixed in CI, from the clock elsewhere, printed always. */

import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  interface ProvidedContext {
    seed: number;
  }
}

const CI_SEED = 20_261_101;

function chooseSeed(): number {
  const given = process.env['HOTPATH_SEED'];
  if (given !== undefined) return Number.parseInt(given, 10) | 0;
  return process.env['CI'] ? CI_SEED : Date.now() | 0;
}

export function setup(project: TestProject): void {
  const seed = chooseSeed();
  project.provide('seed', seed);
  console.log(`property tests: seed ${seed} (repeat with HOTPATH_SEED=${seed})`);
}
