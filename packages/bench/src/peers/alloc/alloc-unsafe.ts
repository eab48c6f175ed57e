import type { Contestant } from '../../harness/contestant.js';
import { arrayWork } from './array-recording.js';
import type { PatternWorkload } from './patterns.js';
import type { AllocWorkload } from './recording.js';

export const contestant: Contestant<AllocWorkload | PatternWorkload> = {
  name: 'Buffer.allocUnsafe(n)',
  prepare: (workload) =>
    arrayWork(
      (byteCount, zeroed) => (zeroed ? Buffer.alloc(byteCount) : Buffer.allocUnsafe(byteCount)),
      workload,
    ),
};
