import { readFileSync } from 'node:fs';
import { deflateSync, gunzipSync, inflateSync } from 'node:zlib';
import fc from 'fast-check';
import protobuf from 'protobufjs';
import { describe, expect, test } from 'vitest';
import {
  ByteCollector,
  checkTrace,
  formatReport,
  TraceChecker,
  type TraceEmitter,
  type TraceReport,
  Tracer,
  writeChromeJson,
  writePerfetto,
} from '../../src/index.js';
import { SCHEMA_PATH } from '../perfetto/decode.js';

const { root } = protobuf.parse(readFileSync(SCHEMA_PATH, 'utf8'));
const schema = root.lookupType('perfetto.protos.Trace');

const json = (events: object[], extra = {}): TraceReport =>
  checkTrace(new TextEncoder().encode(JSON.stringify({ traceEvents: events, ...extra })));
const packets = (packet: object[]): TraceReport =>
  checkTrace(schema.encode(schema.fromObject({ packet })).finish());
const codes = (report: TraceReport): string[] =>
  report.findings.map(({ code, count }) => `${code} x${count}`);

const on = { pid: 1, tid: 2, cat: 'c' };
const state = { trustedPacketSequenceId: 1, sequenceFlags: 1 };
const event = (timestamp: number, trackEvent: object) => ({
  timestamp,
  trustedPacketSequenceId: 1,
  trackEvent,
});

describe('the judge of Chrome JSON', () => {
  test('a well-formed file is valid, whether it is an object, an array or an array without its end', () => {
    const events = [
      { ...on, ph: 'M', name: 'thread_name', args: { name: 'main' } },
      { ...on, ph: 'B', name: 'a', ts: 1 },
      { ...on, ph: 'X', name: 'x', ts: 2, dur: 1 },
      { ...on, ph: 'E', ts: 5 },
    ];
    for (const text of [
      JSON.stringify({ displayTimeUnit: 'ns', traceEvents: events, metadata: { a: [1] } }),
      ` ${JSON.stringify(events)}`,
      JSON.stringify(events).slice(0, -1),
    ]) {
      const report = checkTrace(new TextEncoder().encode(text));
      expect(report).toMatchObject({ format: 'chrome-json', eventCount: 3, duration: 4000 });
      expect(report).toMatchObject({ findings: [], valid: true });
    }
  });

  test('misplaced ends are found: without a begin, of another span, inside a longer span', () => {
    expect(codes(json([{ ...on, ph: 'E', name: 'a', ts: 1 }]))).toEqual(['misplaced-end x1']);
    const crossed = [
      { ...on, ph: 'B', name: 'a', ts: 1 },
      { ...on, ph: 'B', name: 'b', ts: 2 },
      { ...on, ph: 'E', name: 'a', ts: 3 },
      { ...on, ph: 'E', name: 'b', ts: 4 },
    ];
    expect(codes(json(crossed))).toEqual(['misplaced-end x2']);
    const inside = [
      { ...on, ph: 'B', name: 'a', ts: 1 },
      { ...on, ph: 'X', name: 'x', ts: 2, dur: 10 },
      { ...on, ph: 'E', name: 'a', ts: 3 },
    ];
    expect(codes(json(inside))).toEqual(['misplaced-end x1', 'unclosed-begin x1']);
  });

  test('order is by time, not by place in the file, and tracks are apart', () => {
    const events = [
      { ...on, ph: 'E', name: 'a', ts: 9 },
      { ...on, ph: 'B', name: 'a', ts: 1 },
      { ...on, tid: 3, ph: 'B', name: 'b', ts: 2 },
      { ...on, tid: 3, ph: 'E', name: 'b', ts: 3 },
    ];
    expect(json(events).findings).toEqual([]);
  });

  test('negative durations, overlaps, unreadable times and events without a phase are found', () => {
    const found = codes(
      json([
        { ...on, ph: 'X', name: 'negative', ts: 1, dur: -1 },
        { ...on, ph: 'X', name: 'long', ts: 2, dur: 5 },
        { ...on, ph: 'X', name: 'crossing', ts: 4, dur: 9 },
        { ...on, ph: 'B', name: 'late', ts: 'soon' },
        { ...on, name: 'nothing', ts: 1 },
      ]),
    );
    expect(found).toEqual(['negative-duration x1', 'bad-time x1', 'no-phase x1', 'overlap x1']);
  });

  test('asynchronous spans are matched by identity and flows need a start', () => {
    const found = codes(
      json([
        { ...on, ph: 'b', id: 1, name: 'a', ts: 1 },
        { ...on, ph: 'b', id: 2, name: 'a', ts: 2 },
        { ...on, ph: 'e', id: 1, name: 'a', ts: 3 },
        { ...on, ph: 'e', id: '0x3', name: 'a', ts: 4 },
        { ...on, ph: 's', id: 5, name: 'f', ts: 4 },
        { ...on, ph: 'f', id: 5, name: 'f', ts: 5 },
        { ...on, ph: 'f', id: 6, name: 'f', ts: 5 },
      ]),
    );
    expect(found).toEqual(['orphan-flow x1', 'unclosed-begin x1', 'misplaced-end x1']);
  });

  test('what is no trace at all is said to be none', () => {
    for (const text of ['', 'hello', '{"a": 1}', '\x7fELF']) {
      const report = checkTrace(new TextEncoder().encode(text));
      expect([report.valid, report.findings[0]?.code]).toEqual([false, 'not-a-trace']);
    }
    expect(formatReport(json([])).at(-1)).toBe('valid');
    expect(codes(checkTrace(new TextEncoder().encode('[{"ph":"B"')))).toEqual(['truncated x1']);
    expect(codes(checkTrace(new TextEncoder().encode('[{"ph":"B",}]')))).toEqual(['bad-json x1']);
  });
});

describe('the judge of Perfetto', () => {
  test('names, categories and arguments that are nowhere interned are found', () => {
    const report = packets([
      { ...state, internedData: { eventNames: [{ iid: 1, name: 'known' }] } },
      event(1, { type: 1, nameIid: 1 }),
      event(2, { type: 1, nameIid: 2, categoryIids: [7], debugAnnotations: [{ nameIid: 9 }] }),
      event(3, { type: 2 }),
      event(3, { type: 2 }),
    ]);
    expect(codes(report)).toEqual(['missing-interned x3']);
  });

  test('state does not survive loss: events that need it are refused until it is cleared', () => {
    const names = { eventNames: [{ iid: 1, name: 'a' }] };
    const needs = { sequenceFlags: 2 };
    const report = packets([
      { ...state, internedData: names },
      { ...event(1, { type: 3, nameIid: 1 }), ...needs },
      { ...event(2, { type: 3, nameIid: 1 }), ...needs, previousPacketDropped: 1 },
      { ...state, internedData: names },
      { ...event(3, { type: 3, nameIid: 1 }), ...needs },
    ]);
    expect(codes(report)).toEqual(['lost-events x1', 'missing-state x1']);
    expect(report.eventCount).toBe(2);
  });

  test('misplaced ends and ends that lie before their begin are found', () => {
    expect(codes(packets([event(5, { type: 2 })]))).toEqual(['misplaced-end x1']);
    const backwards = packets([event(5, { type: 1, name: 'a' }), event(4, { type: 2 })]);
    expect(codes(backwards)).toEqual(['misplaced-end x1', 'unclosed-begin x1']);
    expect(backwards.valid).toBe(false);
  });

  test('a switch that leaves a thread which was not running is found', () => {
    const bundle = (cpu: number, timestamp: number, prevPid: number, nextPid: number) => ({
      ftraceEvents: { cpu, event: [{ timestamp, schedSwitch: { prevPid, nextPid } }] },
    });
    const good = [bundle(0, 1, 0, 5), bundle(1, 2, 0, 6), bundle(0, 3, 5, 0), bundle(1, 4, 6, 5)];
    expect(packets(good).findings).toEqual([]);
    const report = packets([...good, bundle(0, 5, 9, 0)]);
    expect(codes(report)).toEqual(['mismatched-switch x1']);
    expect(report.findings[0].first).toContain('leaves thread 9 while thread 0 runs');
  });

  test('times of a clock that no snapshot explains are found, and incremental clocks add up', () => {
    const clocks = [
      { clockId: 6, timestamp: 1000 },
      { clockId: 64, timestamp: 50, isIncremental: true, unitMultiplierNs: 10 },
    ];
    const on64 = { timestampClockId: 64 };
    const report = packets([
      { ...state, clockSnapshot: { clocks } },
      { ...event(5, { type: 1, name: 'a' }), ...on64 },
      { ...event(7, { type: 2 }), ...on64 },
    ]);
    expect([report.valid, report.duration]).toEqual([true, 70]);
    const unexplained = packets([
      { ...state, clockSnapshot: { clocks } },
      { ...event(5, { type: 3, name: 'a' }), timestampClockId: 65 },
    ]);
    expect(codes(unexplained)).toContain('unknown-clock x1');
  });

  test('a file that is cut off anywhere gives a report, never an exception', () => {
    const tracer = new Tracer({ capacity: 16 });
    const emitter = tracer.emitter({ now: () => 7 });
    const kind = tracer.registry.register({ name: 'x', a: 'argument' });
    for (let count = 0; count < 20; count += 1) emitter.begin(kind, count);
    const sink = new ByteCollector();
    writePerfetto(tracer.snapshot(), sink);
    const whole = sink.bytes();
    let cut = 0;
    for (let length = 1; length < whole.length; length += 1) {
      const report = checkTrace(whole.subarray(0, length));
      if (report.findings.some(({ code }) => code === 'truncated')) cut += 1;
    }
    expect(cut).toBeGreaterThan(whole.length / 2);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => {
        const report = checkTrace(new Uint8Array([0x0a, ...noise]));
        expect(report.format).not.toBe('unknown');
      }),
    );
  });

  test('compressed packets are read with an inflate function and reported without one', () => {
    const inner = schema.encode(schema.fromObject({ packet: [event(1, { type: 2 })] })).finish();
    const compressed = deflateSync(inner);
    // Field 50 of a packet of field 1, lengths below 128.
    const body = [0x92, 0x03, compressed.length, ...compressed];
    const file = new Uint8Array([0x0a, body.length, ...body]);
    expect(codes(checkTrace(file))).toEqual(['compressed x1']);
    expect(codes(checkTrace(file, { inflate: inflateSync }))).toEqual(['misplaced-end x1']);
  });
});

describe('our own files and those of Chromium', () => {
  const data = (name: string) =>
    gunzipSync(readFileSync(new URL(`../data/${name}`, import.meta.url)));

  test('a trace that Chromium itself recorded is read without error, in both formats', () => {
    const asJson = checkTrace(data('chromium-150.json.gz'));
    expect(asJson).toMatchObject({ format: 'chrome-json', valid: true, eventCount: 492, lost: 0 });
    const asPerfetto = checkTrace(data('chromium-150.pftrace.gz'));
    expect(asPerfetto).toMatchObject({ format: 'perfetto', valid: true, eventCount: 857, lost: 0 });
    expect(asPerfetto.findings.map(({ code }) => code)).toEqual(['begun-before']);
  });

  test('reading in pieces of any size gives the same report', () => {
    for (const name of ['chromium-150.json.gz', 'chromium-150.pftrace.gz']) {
      const bytes = data(name);
      const whole = checkTrace(bytes);
      for (const size of [1000, 4099, 65_536]) {
        const checker = new TraceChecker();
        for (let at = 0; at < bytes.length; at += size)
          checker.write(bytes.subarray(at, at + size));
        expect(checker.finish()).toEqual(whole);
      }
    }
  });

  test('whatever was emitted, both exporters write valid files that agree on spans and loss', () => {
    const step = fc.tuple(fc.integer({ min: 0, max: 10 }), fc.integer({ min: 0, max: 2 }));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
        const tracer = new Tracer({ capacity: 32 });
        let time = 0;
        const emitter = tracer.emitter({ now: () => (time += 7) });
        const kinds = ['a"', 'b', 'c'].map((name) => tracer.registry.register({ name }));
        const calls: (keyof TraceEmitter)[] = ['begin', 'end', 'instant', 'counter', 'flowBegin'];
        calls.push('flowStep', 'flowEnd', 'asyncBegin', 'asyncEnd', 'asyncInstant', 'emit');
        for (const [call, kind] of steps) {
          (emitter[calls[call]] as (kind: number, a: number) => void)(kinds[kind], 1);
        }
        const reports = [writeChromeJson, writePerfetto].map((write) => {
          const sink = new ByteCollector();
          const counts = write(tracer.snapshot(), sink);
          const report = checkTrace(sink.bytes());
          expect(report.lost).toBe(counts.lost);
          expect(report.findings.filter((f) => f.severity === 'error')).toEqual([]);
          return report;
        });
        expect(reports[0].lost).toBe(reports[1].lost);
      }),
    );
  });
});
