import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { reportHtml, scriptJson } from '../../src/report/html.js';
import { packTimeline } from '../../src/report/pack-timeline.js';
import { lastPeers, storePeers } from '../../src/report/peers-store.js';
import { tracksOfJson } from '../../src/report/write-report.js';
import { runCommand } from '../command/run-command.js';

const folder = mkdtempSync(join(tmpdir(), 'hotpath-report-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('hotpath report', () => {
  test('with nothing to show, or files of another kind, is exit code 2', async () => {
    writeFileSync(join(folder, 'other.json'), '{"schema":1}');
    for (const [args, message] of [
      [['--folder', join(folder, 'empty')], /nothing to show in '.*empty'/],
      [['--suite', join(folder, 'other.json')], /holds no results of the suite/],
      [['--folder', folder, '--trace', join(folder, 'none')], /trace file '.*none' cannot be read/],
    ] as const) {
      const { status, errors } = await runCommand('report', ...args);
      expect([status, errors[0]]).toEqual([2, expect.stringMatching(message)]);
    }
  });

  test('keeps the last run of each area, and prefers one’s own', () => {
    const run = (area: string, date: string) => {
      const host = { node: '20', cpu: 'x', cpuCount: 2 };
      return { schema: 'hotpath-peers/1', area, date, host, results: [] };
    };
    const [own, shipped] = [join(folder, 'own'), join(folder, 'shipped')];
    mkdirSync(shipped);
    storePeers(own, run('cache', '2026-11-27'));
    storePeers(own, run('cache', '2026-11-28'));
    storePeers(shipped, run('cache', '2026-11-30'));
    storePeers(shipped, run('alloc', '2026-11-01'));
    writeFileSync(join(own, 'notes.txt'), 'no run');
    const found = lastPeers([own, shipped, join(folder, 'nowhere')]);
    expect(found.map(({ area, date }) => [area, date])).toEqual([
      ['alloc', '2026-11-01'],
      ['cache', '2026-11-28'],
    ]);
  });
});

test('no text in the data can end its script element, and the data come back', () => {
  const value = { text: '</script><script>alert(1)</script><!-- \u2028' };
  const json = scriptJson(value);
  expect(json).not.toMatch(/[<\u2028]/);
  expect(JSON.parse(json)).toEqual(value);
  const data = { version: '</script>', suite: null, host: null, timeline: null, peers: [] };
  expect(reportHtml(data, '', 'run()').match(/<\/script>/g)).toHaveLength(3);
});

test('a trace becomes rows that do not overlap, counters and holes', () => {
  const events = [
    { name: 'process_name', ph: 'M', pid: 1, args: { name: 'CPUs' } },
    { name: 'thread_name', ph: 'M', pid: 1, tid: 0, args: { name: 'CPU 0' } },
    { name: 'outer', ph: 'B', pid: 1, tid: 0, ts: 10 },
    { name: 'inner', ph: 'X', pid: 1, tid: 0, ts: 11, dur: 2 },
    { name: 'inner', ph: 'X', pid: 1, tid: 0, ts: 14, dur: 1 },
    { ph: 'E', pid: 1, tid: 0, ts: 20 },
    { ph: 'E', pid: 1, tid: 0, ts: 21 },
    { name: 'dirty', ph: 'C', pid: 1, tid: 0, ts: 12, args: { pages: 7 } },
    { name: 'io', cat: 'd', ph: 'b', id: 1, pid: 1, tid: 0, ts: 12 },
    { name: 'io', cat: 'd', ph: 'b', id: 2, pid: 1, tid: 0, ts: 13 },
    { name: 'io', cat: 'd', ph: 'e', id: 1, pid: 1, tid: 0, ts: 18 },
    { name: 'io', cat: 'd', ph: 'e', id: 2, pid: 1, tid: 0, ts: 19 },
    { name: 'events lost', cat: 'hotpath', ph: 'i', pid: 1, tid: 0, ts: 30, args: { count: 5 } },
    { name: 'open to the end', ph: 'B', pid: 1, tid: 0, ts: 40 },
    { name: 'last', ph: 'i', pid: 1, tid: 0, ts: 50 },
  ];
  const tracks = tracksOfJson(new TextEncoder().encode(JSON.stringify(events)));
  expect(tracks.misplaced).toBe(1);
  const { timeline } = packTimeline('test', tracks);
  expect(timeline.durationNs).toBe(40_000);
  expect([timeline.eventCount, timeline.lost]).toEqual([12, 5]);
  const cpu = timeline.tracks.find(({ name }) => name === 'CPU 0')!;
  expect(cpu.group).toBe('CPUs');
  expect(cpu.depths.map(({ count }) => count)).toEqual([2, 2]);
  expect(cpu.holes).toEqual([{ from: 10_000, to: 20_000, count: 5 }]);
  const asynchronous = timeline.tracks.find(({ name }) => name === 'async io')!;
  expect(asynchronous.depths.map(({ count }) => count)).toEqual([1, 1]);
  expect(timeline.tracks.find(({ name }) => name === 'dirty')!.counter).toMatchObject({ count: 1 });
});

test('what the report needs of a page is one file under 200 KiB before data', async () => {
  writeFileSync(
    join(folder, 'trace.json'),
    '[{"name":"a","ph":"X","pid":1,"tid":1,"ts":1,"dur":2}]',
  );
  const out = join(folder, 'report.html');
  const { printed } = await runCommand('report', '--folder', folder, '--out', out, '--json');
  const result = JSON.parse(printed[0]!) as { bytes: number };
  expect(result).toMatchObject({ schema: 'hotpath-report/1', path: out, events: 1 });
  expect(readFileSync(out).length).toBe(result.bytes);
  // Shipped races are part of it.
  expect(result.bytes).toBeLessThan(400_000);
});
