import { execFileSync } from 'node:child_process';
import { CELL_COUNT, NIL, TSC } from '@hotpath/hw-x86';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { testWithTools } from '../../../../scripts/testing/tools.js';
import {
  ByteCollector,
  checkTrace,
  PerfettoWriter,
  SWITCH_STATE,
  type TraceEmitter,
  Tracer,
  type TracerOptions,
  writeChromeJson,
  writePerfetto,
} from '../../src/index.js';
import { decodeTrace, replay, SCHEMA_PATH } from './decode.js';

function setup(options: TracerOptions = {}) {
  const tracer = new Tracer(options);
  const clock = { time: 0, now: () => clock.time };
  return { tracer, clock, emitter: tracer.emitter(clock) };
}

function exported(tracer: Tracer): Uint8Array {
  const sink = new ByteCollector();
  writePerfetto(tracer.snapshot(), sink);
  return sink.bytes();
}

const ODD_NAMES = ['"\\', '\u2028\u2029', '</script>', 'é😀'.repeat(1024), '\0\n', ''];

/** A trace with everything in it: every phase, odd names, loss. */
function everything(): Tracer {
  const { tracer, clock, emitter } = setup({
    capacity: 64,
    epochNanoseconds: 1_700_000_000n * 10n ** 9n,
  });
  const { registry } = tracer;
  registry.nameCpu(0, ODD_NAMES.join(''));
  const kinds = ODD_NAMES.map((name) => registry.register({ name, category: name, a: name }));
  for (let round = 0; round < 40; round += 1) {
    clock.time += 1000;
    emitter.begin(kinds[0], round);
    emitter.end(kinds[0]);
  }
  for (const kind of kinds) {
    clock.time += 2 ** 33;
    emitter.begin(kind, -5);
    emitter.counter(kind, clock.time);
    emitter.flowBegin(kind, 2 ** 40 + 3);
    emitter.flowEnd(kind, 2 ** 40 + 3);
    emitter.asyncBegin(kind, 9);
    emitter.asyncEnd(kind, 9);
    emitter.end(kind, 0.5);
  }
  return tracer;
}

describe('PerfettoWriter', () => {
  test('spans, instants and counters come back with names, nested tracks and exact times', () => {
    const { tracer, clock, emitter } = setup();
    const { registry } = tracer;
    const text = registry.intern('GET /');
    const request = registry.register({
      name: 'request',
      category: 'http',
      a: { name: 'path', type: 'string' },
      b: { name: 'address', type: 'address' },
    });
    const depth = registry.register({ name: 'depth' });
    clock.time = 1000.75;
    emitter.begin(request, text, 2 ** 40);
    clock.time = 3500;
    emitter.counter(depth, -3);
    emitter.counter(depth, 0.25);
    emitter.instant(depth);
    clock.time = 2 ** 45;
    emitter.end(request, text, 7);
    const packets = decodeTrace(exported(tracer));
    const events = replay(packets);
    expect(events.map(({ type, name, time }) => [type, name, time])).toEqual([
      ['BEGIN', 'request', 1000],
      ['COUNTER', undefined, 3500],
      ['COUNTER', undefined, 3500],
      ['INSTANT', 'depth', 3500],
      ['END', undefined, 2 ** 45],
    ]);
    expect(events[0].arguments).toEqual({ path: 'GET /', address: 2 ** 40 });
    const values = packets.flatMap(({ trackEvent }) => [
      trackEvent?.counterValue ?? trackEvent?.doubleCounterValue,
    ]);
    expect(values.filter((value) => value !== undefined)).toEqual([-3, 0.25]);
    const described = new Set(packets.map(({ trackDescriptor }) => trackDescriptor?.uuid));
    for (const event of events) expect(described.has(event.track)).toBe(true);
    expect(events[1].track).not.toBe(events[0].track);
    expect(events[4].track).toBe(events[0].track);
  });

  test('the first packet of a sequence clears its state and names are repeated after loss', () => {
    const { tracer, clock, emitter } = setup({ capacity: 16 });
    const span = tracer.registry.register({ name: 'span' });
    const sink = new ByteCollector();
    const writer = new PerfettoWriter(sink);
    for (let batch = 0; batch < 2; batch += 1) {
      for (let count = 0; count < (batch === 0 ? 4 : 25); count += 1) {
        clock.time += 10;
        if (count % 2 === 0) emitter.begin(span);
        else emitter.end(span);
      }
      writer.write(tracer.consume());
    }
    writer.end();
    const packets = decodeTrace(sink.bytes());
    const own = packets.filter(({ trustedPacketSequenceId }) => trustedPacketSequenceId === 1);
    expect(own[0]).toMatchObject({ sequenceFlags: 1, firstPacketOnSequence: true });
    const dropped = own.filter(({ previousPacketDropped }) => previousPacketDropped === 1);
    expect(dropped).toHaveLength(1);
    expect(dropped[0].sequenceFlags).toBe(1);
    const told = own.filter(({ internedData }) => internedData !== undefined);
    expect(told).toHaveLength(2);
    const events = replay(packets);
    const lost = events.filter(({ name }) => name === 'events lost');
    expect(lost.map((event) => event.arguments)).toEqual([{ count: 9 }]);
    expect(writer.counts).toEqual({ events: 20, lost: 9, orphanEnds: 1, closedBegins: 1 });
    expect(events.filter(({ type }) => type === 'BEGIN')).toHaveLength(10);
    expect(events.filter(({ type }) => type === 'END')).toHaveLength(10);
  });

  test('switches are sched_switch events of ftrace, with the idle loop as thread 0', () => {
    const tracer = new Tracer({ cpuCount: 2, ticksPerSecond: 2e9 });
    tracer.registry.define(192, { name: 'switch', phase: 'switch' });
    tracer.registry.nameTask(7, 'shell');
    const cells = [new Float64Array(CELL_COUNT), new Float64Array(CELL_COUNT)];
    const hook = tracer.hook(cells);
    hook.run(1);
    cells[1][TSC] = 3000;
    hook.emit(192, NIL, 7);
    cells[1][TSC] = 5000;
    hook.emit(192, 7 + 2 * SWITCH_STATE, NIL);
    const bundles = decodeTrace(exported(tracer)).flatMap(({ ftraceEvents }) => ftraceEvents ?? []);
    expect(bundles.map(({ cpu }) => cpu)).toEqual([1, 1]);
    expect(bundles.map(({ event }) => event[0])).toEqual([
      {
        timestamp: 1500,
        pid: 0,
        schedSwitch: { prevComm: 'idle', prevPid: 0, prevState: 0, nextComm: 'shell', nextPid: 7 },
      },
      {
        timestamp: 2500,
        pid: 7,
        schedSwitch: { prevComm: 'shell', prevPid: 7, prevState: 2, nextComm: 'idle', nextPid: 0 },
      },
    ]);
  });

  test('the first switch after loss says so in the terms of ftrace, too', () => {
    const tracer = new Tracer({ capacity: 16 });
    tracer.registry.define(192, { name: 'switch', phase: 'switch' });
    const cells = new Float64Array(CELL_COUNT);
    const hook = tracer.hook([cells]);
    for (let step = 0; step < 20; step += 1) {
      cells[TSC] += 1000;
      hook.emit(192, step % 2 === 0 ? NIL : 7, step % 2 === 0 ? 7 : NIL);
    }
    const file = exported(tracer);
    const bundles = decodeTrace(file).flatMap(({ ftraceEvents }) => ftraceEvents ?? []);
    expect(bundles.map(({ lostEvents }) => lostEvents === true)).toEqual([
      true,
      ...new Array<boolean>(15).fill(false),
    ]);
    expect(checkTrace(file)).toMatchObject({ valid: true, lost: 4 });
  });

  test('epoch nanoseconds stay exact where a double would round them to 256', () => {
    const epoch = 1_700_000_000_123_456_789n;
    const tracer = new Tracer({ epochNanoseconds: epoch });
    let time = 0;
    const emitter = tracer.emitter({ now: () => time });
    emitter.instant(5);
    time = 3 * 10 ** 15;
    emitter.instant(5);
    const sink = new ByteCollector();
    writePerfetto(tracer.snapshot(), sink);
    // protobufjs reads numbers of 64 bits as doubles: look for the field's own bytes (timestamp, 2).
    const varint: number[] = [0x10];
    for (let rest = epoch; rest > 0n; rest >>= 7n) {
      varint.push(Number(rest & 0x7fn) | (rest > 0x7fn ? 0x80 : 0));
    }
    expect(Buffer.from(sink.bytes()).includes(Buffer.from(varint))).toBe(true);
    expect(replay(decodeTrace(sink.bytes()))[1].time).toBe(3 * 10 ** 15);
  });

  test('overlapping asynchronous spans lie on tracks of their own, which are used again', () => {
    const { tracer, emitter } = setup();
    const span = tracer.registry.register({ name: 'request' });
    for (let round = 0; round < 10; round += 1) {
      emitter.asyncBegin(span, round * 2);
      emitter.asyncBegin(span, round * 2 + 1);
      emitter.asyncEnd(span, round * 2);
      emitter.asyncEnd(span, round * 2 + 1);
    }
    const events = replay(decodeTrace(exported(tracer)));
    expect(new Set(events.map(({ track }) => track)).size).toBe(2);
    const depth = new Map<number, number>();
    for (const { track, type } of events) {
      const now = (depth.get(track) ?? 0) + (type === 'BEGIN' ? 1 : -1);
      expect(now).toBeGreaterThanOrEqual(0);
      expect(now).toBeLessThanOrEqual(1);
      depth.set(track, now);
    }
  });

  test('a flow has the same identity at both ends and another for another kind', () => {
    const { tracer, emitter } = setup();
    const [one, two] = ['one', 'two'].map((name) => tracer.registry.register({ name }));
    emitter.flowBegin(one, 5);
    emitter.flowEnd(one, 5);
    emitter.flowBegin(two, 5);
    const flows = decodeTrace(exported(tracer)).flatMap(({ trackEvent }) =>
      trackEvent === undefined
        ? []
        : [trackEvent.flowIds?.[0] ?? trackEvent.terminatingFlowIds?.[0]],
    );
    expect(flows[0]).toBe(flows[1]);
    expect(flows[2]).not.toBe(flows[0]);
  });

  test('any sequence of emitted events gives a file with balanced tracks and resolved names', () => {
    const step = fc.tuple(fc.integer({ min: 0, max: 10 }), fc.integer({ min: 0, max: 3 }));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const { tracer, clock, emitter } = setup({ capacity: 32 });
        const kinds = ODD_NAMES.slice(0, 4).map((name) =>
          tracer.registry.register({ name, b: name }),
        );
        const calls: (keyof TraceEmitter)[] = ['begin', 'end', 'instant', 'counter', 'flowBegin'];
        calls.push('flowStep', 'flowEnd', 'asyncBegin', 'asyncEnd', 'asyncInstant', 'emit');
        for (const [call, kind] of steps) {
          clock.time += 5;
          (emitter[calls[call]] as (kind: number, a: number, b: number) => void)(kinds[kind], 3, 4);
        }
        const depth = new Map<number, number>();
        for (const { type, track } of replay(decodeTrace(exported(tracer)))) {
          if (type === 'BEGIN') depth.set(track, (depth.get(track) ?? 0) + 1);
          if (type !== 'END') continue;
          expect(depth.get(track)).toBeGreaterThan(0);
          depth.set(track, depth.get(track)! - 1);
        }
        for (const open of depth.values()) expect(open).toBe(0);
      }),
    );
  });

  test('a span pair takes at most a quarter of what it takes in JSON', () => {
    const { tracer, clock, emitter } = setup();
    const span = tracer.registry.register({
      name: 'handle request',
      category: 'server',
      a: 'bytes',
    });
    for (let count = 0; count < 10_000; count += 1) {
      clock.time += 1500;
      if (count % 2 === 0) emitter.begin(span, count);
      else emitter.end(span);
    }
    const json = new ByteCollector();
    writeChromeJson(tracer.snapshot(), json);
    expect(exported(tracer).length / json.bytes().length).toBeLessThan(0.25);
  });

  testWithTools('protoc reads everything, raw and by the schema', ['protoc'], (protoc) => {
    const input = exported(everything());
    const raw = execFileSync(protoc, ['--decode_raw'], { input, encoding: 'utf8' });
    expect(raw.length).toBeGreaterThan(1000);
    const folder = SCHEMA_PATH.slice(0, SCHEMA_PATH.lastIndexOf('/'));
    const schema = [`-I${folder}`, '--decode=perfetto.protos.Trace', SCHEMA_PATH];
    const decoded = execFileSync(protoc, schema, { input, encoding: 'utf8' });
    expect(decoded).toContain('previous_packet_dropped: 1');
    // A field that the schema does not know would be shown by its number.
    expect(decoded).not.toMatch(/^\s*\d+: /m);
    expect(replay(decodeTrace(input)).some(({ name }) => name === ODD_NAMES[3])).toBe(true);
  });
});
