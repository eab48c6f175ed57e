import type { Contestant } from '../../../src/harness/contestant.js';

export const contestant: Contestant<{ count: number }> = {
  name: 'throws',
  prepare({ count }, seed) {
    return {
      operationCount: count,
      run() {
        throw new RangeError(`not today ${seed}`);
      },
    };
  },
};
