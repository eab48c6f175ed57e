import { expect, test } from 'vitest';
import { fairLoopMetrics } from '../../src/loop/metrics.js';

test('every figure of every tenant is a sample, times in seconds', () => {
  const stats = {
    queued: 1,
    running: 2,
    done: 3,
    failed: 4,
    cpuMs: 5000,
    waitAverageMs: 6000,
    waitMaxMs: 7000,
    misses: 8,
  };
  const samples = fairLoopMetrics({ a: stats, b: { ...stats, queued: 9 } });
  expect(samples.map(({ value }) => value)).toEqual([
    1, 2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5, 6, 7, 8,
  ]);
  expect(samples[12]).toMatchObject({
    name: 'fairloop_cpu_seconds',
    type: 'counter',
    unit: 'seconds',
    labels: { tenant: 'b' },
  });
});
