import { describe, expect, test } from 'vitest';
import { ByteCollector, SpanProfile, Tracer, writeCollapsed } from '../../src/index.js';

describe('SpanProfile', () => {
  test('nested spans become stacks with their own time, over any number of snapshots', () => {
    const profile = new SpanProfile();
    const tracer = new Tracer({ mode: 'stream', capacity: 16, consumer: profile });
    const clock = { time: 0, now: () => clock.time };
    const emitter = tracer.emitter(clock);
    const [request, query] = ['request', 'query'].map((name) => tracer.registry.register({ name }));
    for (let round = 0; round < 50; round += 1) {
      emitter.begin(request);
      clock.time += 10;
      emitter.begin(query);
      clock.time += 30;
      emitter.end(query);
      clock.time += 5;
      emitter.end(request);
      clock.time += 100;
    }
    tracer.flush();
    profile.end();
    const sink = new ByteCollector();
    writeCollapsed(profile, sink);
    expect(sink.text()).toBe('request 750\nrequest;query 1500\n');
    expect(profile.lostEvents).toBe(0);
    profile.tree.checkInvariants();
  });
});
