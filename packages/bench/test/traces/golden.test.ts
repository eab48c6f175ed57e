import { createHash } from 'node:crypto';
import { basename, dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { decodeAllocTrace } from '../../src/traces/alloc-trace.js';
import { decodeBurstTrace } from '../../src/traces/burst-trace.js';
import { decodeIoTrace, flattenToPages } from '../../src/traces/io-trace.js';
import { decodeMemoryTrace } from '../../src/traces/memory-trace.js';
import { readTraceFile } from '../../src/traces/trace-file.js';
import { readJson, recordings } from '../recordings.js';

interface IoAnswers {
  traces: Record<
    string,
    {
      events: number;
      files: number;
      ops: Record<string, number>;
      page_accesses: number;
      page_writes: number;
      unique_pages: number;
      md5_u32le_keys: string;
    }
  >;
}

interface AllocAnswers {
  name: string;
  events: number;
  objects: number;
  peakLiveBytes: number;
  liveAtEnd: number;
  malloc: number;
  free: number;
  realloc: number;
}

const ioCases = recordings('cache', /^io-cache-.*\.json$/).flatMap((path) =>
  Object.entries(readJson<IoAnswers>(path).traces).map(([name, answers]) => ({
    name,
    answers,
    path: join(dirname(path), `${name}.fio.gz`),
  })),
);

describe.each(ioCases)('$name', ({ answers, path }) => {
  const trace = decodeIoTrace(readTraceFile(path));

  test('has the recorded events of each kind', () => {
    const names = ['read', 'write', 'fsync', 'truncate', 'unlink', 'map'];
    const counts = new Array<number>(names.length).fill(0);
    for (const op of trace.op) counts[op]++;
    expect(trace.eventCount).toBe(answers.events);
    expect(trace.fileCount).toBe(answers.files);
    expect(Object.fromEntries(names.map((name, op) => [name, counts[op]]))).toEqual(answers.ops);
  });

  test('flattens to the reference stream of pages, byte for byte', () => {
    const { keys, writes, uniqueCount } = flattenToPages(trace);
    expect(keys.length).toBe(answers.page_accesses);
    expect(uniqueCount).toBe(answers.unique_pages);
    expect(writes.reduce((sum, write) => sum + write, 0)).toBe(answers.page_writes);
    const digest = createHash('md5').update(new Uint8Array(keys.buffer)).digest('hex');
    expect(digest).toBe(answers.md5_u32le_keys);
  });
});

test.each(recordings('slab', /\.stats\.json$/))('%s says what its recording holds', (path) => {
  const answers = readJson<AllocAnswers>(path);
  const recording = join(dirname(path), basename(path).replace('.stats.json', '.kmt.gz'));
  const trace = decodeAllocTrace(readTraceFile(recording));
  const counts = [0, 0, 0, 0, 0];
  for (const op of trace.op) counts[op]++;
  expect(trace.eventCount).toBe(answers.events);
  expect(trace.objectCount).toBe(answers.objects);
  expect(trace.peakLiveBytes).toBe(answers.peakLiveBytes);
  expect(trace.liveAtEnd).toBe(answers.liveAtEnd);
  expect(counts.slice(0, 3)).toEqual([answers.malloc, answers.free, answers.realloc]);
});

test.each(recordings('hw', /^mem-.*\.expected\.json$/))('%s counts its references', (path) => {
  const answers = readJson<{ refs: number; kinds: Record<string, number> }>(path);
  const trace = decodeMemoryTrace(readTraceFile(path.replace('.expected.json', '.mem.gz')));
  const counts = [0, 0, 0, 0];
  for (const kind of trace.kind) counts[kind]++;
  expect(trace.referenceCount).toBe(answers.refs);
  expect(counts).toEqual(['I', 'L', 'S', 'M'].map((kind) => answers.kinds[kind]));
});

test.each(recordings('sched', /^sched-.*\.linux\.json$/))('%s knows the same tasks', (path) => {
  const answers = readJson<{ tasks: number; total_run_us: number }>(path);
  const tasks = decodeBurstTrace(readTraceFile(path.replace('.linux.json', '.tsv.gz')));
  let runUs = 0;
  for (const { bursts } of tasks) {
    for (let index = 0; index < bursts.length; index += 2) runUs += bursts[index];
  }
  expect(tasks.length).toBe(answers.tasks);
  expect(runUs).toBe(answers.total_run_us);
});
