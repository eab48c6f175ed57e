import type { Contestant } from '../../../src/harness/contestant.js';

export const contestant: Contestant<{ count: number }> = {
  name: 'other',
  semantics: 'counts from two',
  prepare({ count }, seed) {
    return {
      operationCount: count,
      run() {
        return seed + (count * (count + 1)) / 2 - 1;
      },
    };
  },
};
