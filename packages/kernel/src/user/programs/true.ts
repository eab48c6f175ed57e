import type { UserProgram } from '../process.js';

/** `true` */
export const succeeding: UserProgram = {
  name: 'true',
  summary: 'do nothing, successfully',
  usage: '',
  // biome-ignore lint/correctness/useYield: it does nothing
  *main() {
    return 0;
  },
};

/** `false` */
export const failing: UserProgram = {
  name: 'false',
  summary: 'do nothing, unsuccessfully',
  usage: '',
  // biome-ignore lint/correctness/useYield: it does nothing
  *main() {
    return 1;
  },
};
