import { UnsupportedError } from '@hotpath/hw-x86';
import { createHostClock, createHostCpu } from '@hotpath/hw-x86/host';
import { describe, expect, test } from 'vitest';
import {
  CounterSet,
  MultiplexedCounters,
  ProfileSpans,
  SamplingProfiler,
  Tracer,
} from '../../src/index.js';

describe('on the host', () => {
  test('counters answer "unsupported", and never a figure', () => {
    const cpu = createHostCpu();
    expect(() => new CounterSet(cpu, { model: 'skylake' })).toThrow(UnsupportedError);
    const groups = [['cycles' as const]];
    const clock = createHostClock();
    expect(() => new MultiplexedCounters(cpu, clock, { model: 'skylake', groups })).toThrow(
      UnsupportedError,
    );
  });

  test('software clocks still time spans and events', () => {
    const clock = createHostClock();
    const spans = new ProfileSpans(clock);
    const work = spans.register('work');
    const tracer = new Tracer();
    const emitter = tracer.emitter(clock);
    const kind = tracer.registry.register({ name: 'work' });
    for (let round = 0; round < 5; round += 1) {
      spans.start(work);
      emitter.begin(kind);
      const until = clock.now() + 100_000;
      while (clock.now() < until);
      emitter.end(kind);
      spans.end(work);
    }
    const { count, min, max, counters } = spans.report(work);
    expect([count, counters]).toEqual([5, {}]);
    expect(min).toBeGreaterThanOrEqual(100_000);
    expect(max).toBeGreaterThanOrEqual(min);
    const { records } = tracer.snapshot().cpus[0];
    expect(records[4] - records[0]).toBeGreaterThanOrEqual(100_000);
    // A profiler is driven by whatever clock there is.
    const profiler = new SamplingProfiler({ period: 1000, start: clock.now() });
    expect(profiler.sampleCount).toBe(0);
  });
});
