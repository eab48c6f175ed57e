import { expect } from 'vitest';
import type { Kernel, Program, SystemCalls } from '../../src/index.js';

/** Runs one program to its end, and the kernel's invariants after it. */
export function runOne(kernel: Kernel, program: (sys: SystemCalls) => Program): void {
  const report = kernel.spawn('test', program);
  kernel.run();
  if (report.error !== null) throw report.error;
  expect(report.status).toBe(0);
  kernel.checkInvariants();
}

/** Makes the heap so large: its address. */
export function* heapOf(sys: SystemCalls, bytes: number): Generator<void, number, void> {
  const heap = yield* sys.brk(0);
  yield* sys.brk(heap + bytes);
  return heap;
}
