import { expect, test } from 'vitest';
import { createCounters } from '../src/counters.js';
import { pageCacheMetrics } from '../src/metrics.js';

test('every counter is a sample of its own, with its value and the labels', () => {
  const counters = createCounters();
  const names = Object.keys(counters) as (keyof typeof counters)[];
  for (const [at, name] of names.entries()) counters[name] = at + 1;
  const samples = pageCacheMetrics(counters, { cache: 'a' });
  expect(samples.map(({ value }) => value)).toEqual(names.map((_, at) => at + 1));
  expect(samples[2]).toEqual({
    name: 'pagecache_pages_read',
    type: 'counter',
    unit: '',
    help: 'Pages read from the store, read-ahead included.',
    value: 3,
    labels: { cache: 'a' },
  });
});
