import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { Tracer } from '@hotpath/pmc-trace';
import { writeTraceFile } from '@hotpath/pmc-trace/node';
import { afterAll, describe, expect, test } from 'vitest';
import { testWithTools } from '../../../../scripts/testing/tools.js';
import { runCommand } from './run-command.js';

const folder = mkdtempSync(join(tmpdir(), 'hotpath-trace-convert-'));
afterAll(() => rmSync(folder, { recursive: true }));
const path = (name: string): string => join(folder, name);

/** Of every kind of event one or more, with loss. */
const everything = [
  { name: 'thread_name', ph: 'M', pid: 1, tid: 1, args: { name: 'main' } },
  { name: 'outer', ph: 'B', pid: 1, tid: 1, ts: 1, args: { bytes: 3, text: 'a"<b>', odd: 0.5 } },
  { name: 'inner', ph: 'X', pid: 1, tid: 1, ts: 2, dur: 3 },
  { name: 'point', ph: 'i', pid: 1, tid: 1, ts: 6 },
  { ph: 'E', pid: 1, tid: 1, ts: 9 },
  { name: 'dirty', ph: 'C', pid: 1, tid: 1, ts: 9.5, args: { value: 7.5 } },
  { name: 'request', cat: 'io', ph: 'b', id: 1, pid: 1, tid: 1, ts: 3 },
  { name: 'request', cat: 'io', ph: 'b', id: 2, pid: 1, tid: 1, ts: 4 },
  { name: 'request', cat: 'io', ph: 'e', id: 1, pid: 1, tid: 1, ts: 8 },
  { name: 'request', cat: 'io', ph: 'e', id: 2, pid: 1, tid: 1, ts: 10 },
  { name: 'wake', cat: 'f', ph: 's', id: 5, pid: 1, tid: 1, ts: 11 },
  { name: 'wake', cat: 'f', ph: 'f', id: 5, pid: 1, tid: 2, ts: 12 },
  { name: 'events lost', cat: 'hotpath', ph: 'i', pid: 1, tid: 1, ts: 13, args: { count: 4 } },
];
writeFileSync(path('all.json'), JSON.stringify({ traceEvents: everything }));

async function report(file: string) {
  const { printed } = await runCommand('trace', 'check', file, '--json');
  return JSON.parse(printed[0]!) as Record<string, unknown>;
}

describe('hotpath trace convert', () => {
  test('keeps tracks, time and loss in both formats, there and back', async () => {
    const before = await report(path('all.json'));
    expect(before).toMatchObject({ valid: true, lost: 4 });
    expect(
      (await runCommand('trace', 'convert', path('all.json'), path('all.pftrace'))).status,
    ).toBe(0);
    const perfetto = await report(path('all.pftrace'));
    expect(perfetto).toMatchObject({ format: 'perfetto', valid: true, lost: 4 });
    await runCommand('trace', 'convert', path('all.pftrace'), path('back.json'));
    const back = await report(path('back.json'));
    expect(back).toMatchObject({ format: 'chrome-json', valid: true, lost: 4 });
    expect(back['duration']).toBe(perfetto['duration']);
    const { traceEvents } = JSON.parse(readFileSync(path('back.json'), 'utf8')) as {
      traceEvents: { name?: string; ph: string; ts: number; args?: object }[];
    };
    expect(traceEvents).toContainEqual(
      expect.objectContaining({
        name: 'outer',
        ph: 'B',
        ts: 1,
        args: { bytes: 3, text: 'a"<b>', odd: 0.5 },
      }),
    );
    // The complete span became begin and end, inside of its parent.
    const ends = traceEvents.filter(({ ph }) => ph === 'E').map(({ ts }) => ts);
    expect(ends).toEqual([5, 9, 8, 10]);
    expect(traceEvents).toContainEqual(
      expect.objectContaining({ name: 'dirty', ph: 'C', args: { value: 7.5 } }),
    );
  });

  test('reads gzip, and our own tracer’s files', async () => {
    const tracer = new Tracer({ capacity: 16 });
    let now = 0;
    const emitter = tracer.emitter({ now: () => (now += 5) });
    for (let count = 0; count < 20; count += 1) emitter.instant(1);
    writeTraceFile(path('own.pftrace'), tracer.snapshot());
    writeFileSync(path('own.gz'), gzipSync(readFileSync(path('own.pftrace'))));
    const { status, printed } = await runCommand(
      'trace',
      'convert',
      path('own.gz'),
      path('own.json'),
      '--json',
    );
    expect(status).toBe(0);
    expect(JSON.parse(printed[0]!)).toMatchObject({
      schema: 'hotpath-convert/1',
      events: 16,
      lost: 4,
    });
    expect(await report(path('own.json'))).toMatchObject({ valid: true, lost: 4 });
  });

  test('bad input is exit code 2, and leaves no half file', async () => {
    writeFileSync(path('text'), 'neither this nor that');
    for (const [from, to, message] of [
      [path('none'), path('x.json'), /'.*none' cannot be read/],
      [path('text'), path('x.json'), /neither trace-event JSON nor a Perfetto trace/],
      [path('all.json'), path('x.txt'), /allowed endings: \.json, \.pftrace/],
      [path('all.json'), path('all.json'), /written over itself/],
    ] as const) {
      const { status, errors } = await runCommand('trace', 'convert', from, to);
      expect([status, errors[0]]).toEqual([2, expect.stringMatching(message)]);
    }
    expect(() => readFileSync(path('x.json'))).toThrow(/ENOENT/);
  });
});

testWithTools(
  'protoc, too, reads the packets that a converted file is made of',
  ['protoc'],
  async (protoc) => {
    await runCommand('trace', 'convert', path('all.json'), path('judged.pftrace'));
    const text = execFileSync(protoc!, ['--decode_raw'], {
      input: readFileSync(path('judged.pftrace')),
      encoding: 'utf8',
    });
    expect(text.match(/^1 \{/gm)!.length).toBeGreaterThan(everything.length);
    expect(text).toContain('23: "outer"');
  },
);
