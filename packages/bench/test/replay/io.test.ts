import { dirname, join } from 'node:path';
import { replayKeys } from '@hotpath/blockcache';
import { describe, expect, test } from 'vitest';
import { decodeIoTrace, flattenToPages } from '../../src/traces/io-trace.js';
import { readTraceFile } from '../../src/traces/trace-file.js';
import { readJson, recordings } from '../recordings.js';

type Row = [
  algorithm: string,
  name: string,
  capacity: number,
  misses: number,
  ratio: number,
  hash: string,
];

/** One policy shows that traces and keys are read rightly; blockcache's own tests check them all. */
const HIT_FOR_HIT = ['lru'] as const;

const reference = (policy: string): string => policy.replaceAll('-', '');

const cases = recordings('cache', /^io-cache-.*\.json$/).flatMap((path) =>
  Object.entries(readJson<{ traces: Record<string, { rows: Row[] }> }>(path).traces).map(
    ([name, { rows }]) => ({ name, rows, path: join(dirname(path), `${name}.fio.gz`) }),
  ),
);

describe.each(cases)('$name', ({ rows, path }) => {
  const stream = flattenToPages(decodeIoTrace(readTraceFile(path)));
  const answersOf = (policy: string) =>
    rows.filter(([algorithm]) => algorithm === reference(policy));

  test.each(HIT_FOR_HIT)('%s hits and misses as the reference does', (policy) => {
    expect(answersOf(policy).length).toBeGreaterThan(0);
    for (const [, , capacity, misses, , hash] of answersOf(policy)) {
      const replay = replayKeys(policy, capacity, stream.keys);
      expect([capacity, replay.misses, replay.hitHash]).toEqual([capacity, misses, hash]);
    }
  });

  test('belady misses as often as the reference does', () => {
    for (const [, , capacity, misses] of answersOf('belady')) {
      expect(replayKeys('belady', capacity, stream.keys).misses).toBe(misses);
    }
  });
});
