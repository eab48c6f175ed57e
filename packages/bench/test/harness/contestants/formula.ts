import type { Contestant } from '../../../src/harness/contestant.js';

export const contestant: Contestant<{ count: number }> = {
  name: 'formula',
  prepare({ count }, seed) {
    return {
      operationCount: count,
      facts: () => ({ bytes: 8 }),
      run() {
        return seed + (count * (count + 1)) / 2;
      },
    };
  },
};
