import type { Contestant } from '../../../src/harness/contestant.js';

export const contestant: Contestant<{ count: number }> = {
  name: 'loop',
  package: 'commander',
  prepare({ count }, seed) {
    return {
      operationCount: count,
      run() {
        let sum = seed;
        for (let index = 1; index <= count; index++) sum += index;
        return sum;
      },
    };
  },
};
