import { describe, expect, test } from 'vitest';
import {
  ByteCollector,
  type FlightDump,
  FlightRecorder,
  Tracer,
  writeChromeJson,
} from '../../src/index.js';

function setup(options: { cooldownTicks?: number; maxDumps?: number } = {}) {
  const tracer = new Tracer({ capacity: 64 });
  const clock = { time: 0, now: () => clock.time };
  const dumps: FlightDump[] = [];
  const onDump = (dump: FlightDump) => dumps.push(dump);
  const recorder = new FlightRecorder(tracer, tracer.emitter(clock), clock, { onDump, ...options });
  const [request, query] = ['request', 'query'].map((name) => tracer.registry.register({ name }));
  recorder.watch(request, 100);
  const serve = (ticks: number): void => {
    recorder.begin(request);
    recorder.begin(query);
    clock.time += ticks;
    recorder.end(query);
    recorder.end(request);
  };
  return { tracer, clock, dumps, recorder, serve, request };
}

describe('FlightRecorder', () => {
  test('a span that takes too long dumps the last events, its own end included', () => {
    const { dumps, serve, recorder, request } = setup();
    for (let round = 0; round < 50; round += 1) serve(100);
    expect(dumps).toEqual([]);
    serve(101);
    expect(dumps).toHaveLength(1);
    expect(dumps[0]).toMatchObject({ cause: 'span', kind: request, ticks: 101, reason: 'request' });
    const sink = new ByteCollector();
    expect(writeChromeJson(dumps[0].snapshot, sink)).toMatchObject({ events: 64, lost: 140 });
    const ends = sink.text().match(/"name":"request","cat":"default","ph":"E"/g);
    expect(ends).toHaveLength(16);
    serve(5);
    expect(recorder.dumpCount).toBe(1);
  });

  test('cool-down and a maximum keep a slow service from dumping all the time', () => {
    const { dumps, serve, recorder } = setup({ cooldownTicks: 1000, maxDumps: 2 });
    for (let round = 0; round < 40; round += 1) serve(200);
    recorder.trigger('shutdown');
    expect(dumps).toHaveLength(2);
    expect(recorder.suppressedCount).toBe(39);
  });

  test('it can be triggered by hand, and bad limits are refused', () => {
    const { dumps, recorder, tracer } = setup();
    recorder.trigger('SIGUSR2');
    expect(dumps[0]).toMatchObject({ cause: 'manual', reason: 'SIGUSR2', kind: -1 });
    const code = (expected: string) => expect.objectContaining({ code: expected });
    expect(() => recorder.watch(1, Number.NaN)).toThrow(code('ERR_SPAN_LIMIT'));
    const make = (options: object) => () =>
      new FlightRecorder(
        tracer,
        tracer.emitter({ now: () => 0 }),
        { now: () => 0 },
        {
          onDump: () => {},
          ...options,
        },
      );
    expect(make({ maxDumps: 0 })).toThrow(code('ERR_MAX_DUMPS'));
    expect(make({ cooldownTicks: -1 })).toThrow(code('ERR_COOLDOWN'));
  });
});
