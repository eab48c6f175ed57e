import type { Contestant } from '../../harness/contestant.js';
import { arrayWork } from './array-recording.js';
import type { PatternWorkload } from './patterns.js';
import type { AllocWorkload } from './recording.js';

export const contestant: Contestant<AllocWorkload | PatternWorkload> = {
  name: 'new Uint8Array(n)',
  prepare: (workload) => arrayWork((byteCount) => new Uint8Array(byteCount), workload),
};
