import { execFileSync } from 'node:child_process';
import { type MetricSample, samplesOf } from '@hotpath/hw-x86';
import { openMetricsText } from '@hotpath/pmc-trace';
import { describe, expect, test } from 'vitest';
import { requirePythonModule } from '../../../../scripts/testing/tools.js';

const hits = (value: number, labels?: Record<string, string>): MetricSample => ({
  name: 'cache_hits',
  type: 'counter',
  unit: '',
  help: 'Look-ups that found it.',
  value,
  ...(labels === undefined ? {} : { labels }),
});
const size: MetricSample = {
  name: 'cache_size_bytes',
  type: 'gauge',
  unit: 'bytes',
  help: 'Bytes held.',
  value: -0.5,
};

test('a family has type, unit, help and all its samples together', () => {
  expect(openMetricsText([hits(1, { cpu: '0' }), size, hits(2, { cpu: '1' })])).toBe(
    '# TYPE cache_hits counter\n' +
      '# HELP cache_hits Look-ups that found it.\n' +
      'cache_hits_total{cpu="0"} 1\n' +
      'cache_hits_total{cpu="1"} 2\n' +
      '# TYPE cache_size_bytes gauge\n' +
      '# UNIT cache_size_bytes bytes\n' +
      '# HELP cache_size_bytes Bytes held.\n' +
      'cache_size_bytes -0.5\n' +
      '# EOF\n',
  );
});

test('fields become samples by their description', () => {
  const figures = { readCalls: 3, waitMs: 1500, other: 1 };
  expect(
    samplesOf('x', figures, {
      waitMs: { type: 'gauge', help: 'W.', unit: 'seconds', name: 'wait_seconds', scale: 1e-3 },
      readCalls: { type: 'counter', help: 'R.' },
    }),
  ).toEqual([
    { name: 'x_wait_seconds', type: 'gauge', unit: 'seconds', help: 'W.', value: 1.5 },
    { name: 'x_read_calls', type: 'counter', unit: '', help: 'R.', value: 3 },
  ]);
});

describe('refused', () => {
  test.each([
    ['ERR_METRIC_NAME', [{ ...hits(1), name: '1st' }]],
    ['ERR_METRIC_NAME', [{ ...size, name: 'cache_size' }]],
    ['ERR_METRIC_NAME', [hits(1, { 'a-b': 'c' })]],
    ['ERR_METRIC_FAMILY', [hits(1), { ...hits(1, { a: 'b' }), type: 'gauge' }]],
    ['ERR_METRIC_FAMILY', [hits(1), { ...hits(1, { a: 'b' }), help: 'Other.' }]],
    ['ERR_METRIC_TWICE', [hits(1, { a: 'b', c: 'd' }), hits(2, { c: 'd', a: 'b' })]],
    ['ERR_METRIC_VALUE', [hits(-1)]],
    ['ERR_METRIC_VALUE', [hits(Number.NaN)]],
  ] satisfies [string, MetricSample[]][])('%s: %j', (code, samples) => {
    expect(() => openMetricsText(samples)).toThrow(expect.objectContaining({ code }));
  });
});

const PARSE = `
import json, sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families as families
print(json.dumps([[f.name, f.type, f.unit, f.documentation,
                   [[s.name, s.labels, repr(s.value)] for s in f.samples]]
                  for f in families(sys.stdin.read())]))
`;

test("Prometheus' own strict parser reads odd labels and odd values", (context) => {
  const python = requirePythonModule('prometheus_client', (reason) => context.skip(reason));
  const odd = { path: 'a "b" \\ c\nd\u2028 </script>' };
  const text = openMetricsText([
    hits(9007199254740991, odd),
    size,
    { ...size, name: 'x:inf', unit: '', value: Number.POSITIVE_INFINITY },
    { ...size, name: 'x:nan', unit: '', help: 'a\\b\n"c"', value: Number.NaN },
  ]);
  const read = JSON.parse(execFileSync(python, ['-c', PARSE], { input: text, encoding: 'utf8' }));
  expect(read).toEqual([
    ['cache_hits', 'counter', '', hits(0).help, [['cache_hits_total', odd, '9007199254740991']]],
    ['cache_size_bytes', 'gauge', 'bytes', size.help, [['cache_size_bytes', {}, '-0.5']]],
    ['x:inf', 'gauge', '', size.help, [['x:inf', {}, 'inf']]],
    ['x:nan', 'gauge', '', 'a\\b\n"c"', [['x:nan', {}, 'nan']]],
  ]);
});
