import { MemPool } from '@thi.ng/malloc';
import type { Contestant } from '../../harness/contestant.js';
import { type PatternWorkload, patternWork } from './patterns.js';

export const contestant: Contestant<PatternWorkload> = {
  name: '@thi.ng/malloc MemPool',
  package: '@thi.ng/malloc',
  prepare(workload) {
    const buffer = new ArrayBuffer(16 * 1024 * 1024);
    const pool = new MemPool({ buf: buffer });
    const { objectBytes } = workload;
    const heap = {
      allocate: () => pool.malloc(objectBytes),
      free: (offset: number) => void pool.free(offset),
    };
    const words = new Uint32Array(buffer);
    return patternWork(heap, words, workload);
  },
};
