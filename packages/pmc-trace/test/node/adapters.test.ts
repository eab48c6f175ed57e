import { execFile } from 'node:child_process';
import { channel, tracingChannel } from 'node:diagnostics_channel';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ByteCollector, Tracer, writeChromeJson } from '../../src/index.js';
import {
  AsyncSpans,
  checkTraceFile,
  hostClock,
  openTraceFile,
  traceChannel,
  traceMessages,
  tracePerformanceEntries,
  writeTraceFile,
} from '../../src/node/index.js';

interface Event {
  name: string;
  ph: string;
  id?: string;
  ts: number;
  args?: Record<string, unknown>;
}

function events(tracer: Tracer): Event[] {
  const sink = new ByteCollector();
  writeChromeJson(tracer.snapshot(), sink);
  return parsed(sink.text());
}

function parsed(text: string): Event[] {
  const { traceEvents } = JSON.parse(text) as { traceEvents: Event[] };
  return traceEvents.filter(({ ph }) => ph !== 'M');
}

const shown = (tracer: Tracer): string[] => events(tracer).map(({ ph, name }) => `${ph} ${name}`);

function setup(cpuCount = 1) {
  const tracer = new Tracer({ cpuCount });
  return { tracer, emitter: tracer.emitter(hostClock()) };
}

describe('adapters for Node', () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'hotpath-trace-'));
  });
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  test('a tracing channel gives a span per call, synchronous, failed or awaited', async () => {
    const { tracer, emitter } = setup();
    const detach = traceChannel(tracer, emitter, 'hotpath:test');
    const tracing = tracingChannel('hotpath:test');
    tracing.traceSync(() => undefined, {});
    expect(() =>
      tracing.traceSync(() => {
        throw new Error('no');
      }, {}),
    ).toThrow('no');
    expect(shown(tracer)).toEqual(['b', 'e', 'b', 'e'].map((ph) => `${ph} hotpath:test`));
    const slow = tracing.tracePromise(() => delay(5), {});
    const quick = tracing.tracePromise(() => delay(1), {});
    expect(shown(tracer).slice(4, 6)).toEqual(['b hotpath:test', 'b hotpath:test']);
    await Promise.all([slow, quick]);
    detach();
    tracing.traceSync(() => 1, {});
    const all = events(tracer);
    expect(all).toHaveLength(8);
    const failed = all.filter(({ ph }) => ph === 'e').map(({ args }) => args?.['failed']);
    expect(failed).toEqual([0, 1, 0, 0]);
    const [first, second] = all.slice(4, 6).map(({ id }) => id);
    expect(all.slice(6).map(({ id }) => id)).toEqual([second, first]);
    expect(all[7].ts - all[4].ts).toBeGreaterThan(4000);
  });

  test('messages of a plain channel are instants', () => {
    const { tracer, emitter } = setup();
    const detach = traceMessages(tracer, emitter, 'hotpath:plain');
    channel('hotpath:plain').publish({});
    detach();
    channel('hotpath:plain').publish({});
    expect(shown(tracer)).toEqual(['i hotpath:plain']);
  });

  test('performance entries arrive late and are put where they happened', async () => {
    const { tracer, emitter } = setup(2);
    const detach = tracePerformanceEntries(tracer, 1, undefined, ['mark', 'measure']);
    const now = tracer.registry.register({ name: 'now' });
    const start = performance.now();
    performance.mark('here');
    performance.measure('long', { start, duration: 5 });
    performance.measure('inner', { start: start + 1, duration: 1 });
    await delay(20);
    emitter.instant(now);
    detach();
    const all = events(tracer);
    expect(all.map(({ ph, name }) => `${ph} ${name}`)).toEqual([
      'b long',
      'i here',
      'b inner',
      'e inner',
      'e long',
      'i now',
    ]);
    expect(all[4].ts - all[0].ts).toBeCloseTo(5000, 0);
  });

  test('asynchronous spans know their parent across await, and end with their promise', async () => {
    const { tracer, emitter } = setup();
    const spans = new AsyncSpans(tracer.registry, emitter);
    const [outer, inner] = [spans.register('outer'), spans.register('inner')];
    const handle = (name: string) =>
      spans.run(outer, async () => {
        const own = spans.current();
        await delay(2);
        return spans.run(inner, async () => {
          await delay(1);
          return `${name} ${own}`;
        });
      });
    expect(await Promise.all([handle('a'), handle('b')])).toEqual(['a 1', 'b 2']);
    await expect(spans.run(outer, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(() =>
      spans.run(outer, () => {
        throw new Error('sync');
      }),
    ).toThrow('sync');
    expect(spans.run(outer, () => 7)).toBe(7);
    expect(spans.current()).toBe(0);
    const all = events(tracer);
    const parents = all.filter(({ ph, name }) => ph === 'b' && name === 'inner');
    expect(parents.map(({ args }) => args?.['parent'])).toEqual([1, 2]);
    expect(all.filter(({ ph }) => ph === 'b')).toHaveLength(7);
    expect(all.filter(({ ph, args }) => ph === 'e' && args?.['closed'] !== true)).toHaveLength(7);
  });

  test('an OpenTelemetry provider reports its spans into the ring', async () => {
    const program = new URL('./open-telemetry-program.ts', import.meta.url).pathname;
    const { stdout } = await promisify(execFile)(process.execPath, [
      ...['--conditions=@hotpath/source', '--import', 'tsx', program],
    ]);
    const all = parsed(stdout);
    expect(all.map(({ ph, name }) => `${ph} ${name}`)).toEqual([
      'b GET /',
      'b SELECT',
      'e GET /',
      'e SELECT',
    ]);
    expect(all[2].args).toEqual({ status: 2 });
    expect(all[0].id).toBe(all[2].id);
  });

  test('trace files are written by ending, judged in pieces, and unpacked', async () => {
    const tracer = new Tracer({ capacity: 4096 });
    const emitter = tracer.emitter(hostClock());
    const kind = tracer.registry.register({ name: 'span' });
    for (let count = 0; count < 3000; count += 1) {
      emitter.begin(kind, count);
      emitter.end(kind);
    }
    for (const name of ['a.json', 'a.pftrace', 'a.perfetto-trace']) {
      const path = join(folder, name);
      writeTraceFile(path, tracer.snapshot());
      const report = await checkTraceFile(path);
      expect(report).toMatchObject({ valid: true, lost: 6000 - 4096 });
      writeFileSync(`${path}.gz`, gzipSync(readFileSync(path)));
      expect(await checkTraceFile(`${path}.gz`)).toEqual(report);
    }
    expect(() => openTraceFile(join(folder, 'a.txt'))).toThrow(
      expect.objectContaining({ code: 'ERR_TRACE_FILE' }),
    );
    await expect(checkTraceFile(join(folder, 'missing'))).rejects.toThrow('ENOENT');
    writeFileSync(join(folder, 'empty'), '');
    expect(await checkTraceFile(join(folder, 'empty'))).toMatchObject({ valid: false });
  });

  test('the example traces an HTTP server and writes two valid files', async () => {
    const example = new URL('../../examples/http-server.ts', import.meta.url).pathname;
    const { stdout } = await promisify(execFile)(process.execPath, [
      ...['--conditions=@hotpath/source', '--import', 'tsx', example, folder],
    ]);
    expect(stdout).toBe('http.pftrace valid\nhttp.json valid\n');
    const file = JSON.parse(readFileSync(join(folder, 'http.json'), 'utf8'));
    const named = (ph: string, name: string): Event[] =>
      file.traceEvents.filter((event: Event) => event.ph === ph && event.name === name);
    expect(named('b', 'GET /users')).toHaveLength(20);
    expect(named('e', 'GET /missing').map(({ args }) => args?.['status'])).toEqual(
      new Array(10).fill(404),
    );
    expect(named('b', 'query')).toHaveLength(40);
    expect(named('B', 'render')).toHaveLength(40);
    expect(file.otherData).toMatchObject({ lost_events: 0, orphan_ends: 0, closed_begins: 0 });
  }, 30_000);
});
