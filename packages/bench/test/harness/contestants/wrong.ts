import type { Contestant } from '../../../src/harness/contestant.js';

export const contestant: Contestant<{ count: number }> = {
  name: 'wrong',
  prepare({ count }, seed) {
    return {
      operationCount: count,
      run() {
        return seed + count;
      },
    };
  },
};
