import * as TraceEngine from '@paulirish/trace_engine';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { ByteCollector, Tracer, writeChromeJson } from '../../src/index.js';

type Event = Record<string, unknown>;

/** The pairing of begins and ends that DevTools' performance panel does; reports each mismatch. */
function pair(events: Event[]): unknown[] {
  const { Renderer } = TraceEngine.Handlers.ModelHandlers;
  Renderer.reset();
  const complete: unknown[] = [];
  for (const event of events) {
    if (event['ph'] !== 'B' && event['ph'] !== 'E') continue;
    const made = Renderer.makeCompleteEvent(event as never);
    if (made !== null) complete.push(made);
  }
  return complete;
}

/** Nested spans of three names, with odd texts, in a ring too small for all of them. */
function recorded(): Event[] {
  const tracer = new Tracer({ capacity: 256 });
  let time = 0;
  const emitter = tracer.emitter({ now: () => (time += 1500) });
  const kinds = ['plain', '"\u2028</script>', 'x'.repeat(4096)].map((name) =>
    tracer.registry.register({ name, category: 'loop' }),
  );
  for (let round = 0; round < 100; round += 1) {
    for (const kind of kinds) emitter.begin(kind, round);
    emitter.end(kinds[2]);
    emitter.end(kinds[1]);
    if (round % 10 !== 9) emitter.end(kinds[0]);
  }
  const sink = new ByteCollector();
  writeChromeJson(tracer.snapshot(), sink);
  return (JSON.parse(sink.text()) as { traceEvents: Event[] }).traceEvents;
}

describe('the trace engine of DevTools', () => {
  const rectangle = globalThis as { DOMRect?: unknown };
  beforeAll(() => {
    // The engine wants this one class of the browser.
    rectangle.DOMRect ??= class {};
  });
  afterAll(() => {
    vi.restoreAllMocks();
  });

  test('pairs every begin with its end and reports no mismatch', () => {
    const errors = vi.spyOn(console, 'error').mockImplementation(() => {});
    const events = recorded();
    const spans = pair(events) as { dur: number; ts: number }[];
    expect(errors).not.toHaveBeenCalled();
    expect(spans).toHaveLength(events.filter(({ ph }) => ph === 'B').length);
    for (const { dur } of spans) expect(dur).toBeGreaterThan(0);
    // The same file with one end moved is reported: the check can fail.
    const broken = events.filter((event) => event['ph'] === 'B' || event['ph'] === 'E');
    const at = broken.findIndex(({ ph, name }) => ph === 'E' && name !== 'plain');
    broken.splice(at, 1);
    pair(broken);
    expect(errors).toHaveBeenCalled();
    errors.mockRestore();
  });

  test('its whole model parses the file', async () => {
    const model = TraceEngine.TraceModel.Model.createWithAllHandlers();
    await model.parse(recorded() as never);
    expect(model.size()).toBe(1);
  });
});
