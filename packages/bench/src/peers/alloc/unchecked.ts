import type { Contestant } from '../../harness/contestant.js';
import { type PatternWorkload, patternWork } from './patterns.js';

/** A stack of free offsets and no check of anything: what the checks cost is the difference. */
class UncheckedStack {
  private readonly stack: Int32Array;
  private top: number;

  constructor(objectBytes: number, count: number) {
    this.stack = new Int32Array(count);
    for (let i = 0; i < count; i++) this.stack[i] = (count - i) * objectBytes;
    this.top = count;
  }

  allocate(): number {
    const top = this.top - 1;
    if (top < 0) return 0;
    this.top = top;
    return this.stack[top];
  }

  free(offset: number): void {
    const { top } = this;
    this.stack[top] = offset;
    this.top = top + 1;
  }
}

export const contestant: Contestant<PatternWorkload> = {
  name: 'stack without checks',
  prepare(workload) {
    const { objectBytes, live } = workload;
    const heap = new UncheckedStack(objectBytes, live + 1);
    const words = new Uint32Array(((live + 2) * objectBytes) / 4);
    return patternWork(heap, words, workload);
  },
};
