import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { CACHE_POLICIES } from '../../src/replay/cache-policies.js';
import { replayIo } from '../../src/replay/io.js';
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

/** The reference's names of our policies. */
const REFERENCE: Readonly<Record<string, string>> = { '2q': '2q', s3fifo: 's3fifo' };

const cases = recordings('cache', /^io-cache-.*\.json$/).flatMap((path) =>
  Object.entries(readJson<{ traces: Record<string, { rows: Row[] }> }>(path).traces).map(
    ([name, { rows }]) => ({ name, rows, path: join(dirname(path), `${name}.fio.gz`) }),
  ),
);

describe.each(cases)('$name', ({ rows, path }) => {
  const stream = flattenToPages(decodeIoTrace(readTraceFile(path)));
  for (const policy of Object.keys(CACHE_POLICIES)) {
    const answers = rows.filter(([algorithm]) => algorithm === (REFERENCE[policy] ?? policy));
    test.runIf(answers.length > 0)(`${policy} hits and misses as the reference does`, () => {
      for (const [, , capacity, misses, , hash] of answers) {
        const replay = replayIo(stream, CACHE_POLICIES[policy]!, capacity);
        expect([capacity, replay.misses, replay.hitHash]).toEqual([capacity, misses, hash]);
      }
    });
  }
});
