import { CELL_COUNT, TRACE_BASE, TSC } from '@hotpath/hw-x86';
import { describe, expect, test } from 'vitest';
import { DEFAULT_RING_CAPACITY, eventCode, Tracer } from '../../src/index.js';

describe('Tracer', () => {
  test('the hook writes the ring of the running CPU with its TSC', () => {
    const tracer = new Tracer({ cpuCount: 2, ticksPerSecond: 3e9 });
    const cells = [new Float64Array(CELL_COUNT), new Float64Array(CELL_COUNT)];
    const hook = tracer.hook(cells);
    cells[0][TSC] = 100;
    cells[1][TSC] = 7;
    hook.emit(TRACE_BASE.sched, 1, 2);
    hook.run(1);
    hook.emit(TRACE_BASE.slab + 1, 3, 4);
    cells[1][TSC] = 9;
    hook.emit(TRACE_BASE.slab + 2, 5, 6);
    const { cpus } = tracer.snapshot();
    expect(Array.from(cpus[0].records).filter((_, index) => index !== 1)).toEqual([100, 1, 2]);
    expect([cpus[1].count, cpus[1].records[4], cpus[1].records[6]]).toEqual([2, 9, 5]);
    expect(eventCode(cpus[1].records, 1)).toBe(TRACE_BASE.slab + 2);
    tracer.checkInvariants();
  });

  test('nothing is recorded while it is off, and only wanted categories while filtered', () => {
    const tracer = new Tracer();
    const disk = tracer.registry.register({ name: 'disk', category: 'io' });
    const emitter = tracer.emitter({ now: () => 1 });
    tracer.disable();
    const late = tracer.registry.register({ name: 'late', category: 'cpu' });
    const calls = [
      () => emitter.emit(disk, 0, 0),
      () => emitter.begin(disk),
      () => emitter.end(disk),
      () => emitter.instant(disk),
      () => emitter.counter(disk, 1),
      () => emitter.flowBegin(disk, 1),
      () => emitter.flowStep(disk, 1),
      () => emitter.flowEnd(disk, 1),
      () => emitter.asyncBegin(disk, 1),
      () => emitter.asyncInstant(disk, 1),
      () => emitter.asyncEnd(disk, 1),
      () => emitter.emit(late, 0, 0),
    ];
    for (const call of calls) call();
    expect(tracer.snapshot().cpus[0].count).toBe(0);
    tracer.enable((kind) => kind.category === 'io');
    const later = tracer.registry.register({ name: 'later', category: 'cpu' });
    for (const call of calls) call();
    emitter.emit(later, 0, 0);
    expect(tracer.snapshot().cpus[0].count).toBe(calls.length - 1);
    tracer.enable();
    emitter.emit(later, 0, 0);
    expect(tracer.snapshot().cpus[0].count).toBe(calls.length);
  });

  test('a ring holds 65,536 events by default and loss is counted per CPU', () => {
    const tracer = new Tracer({ cpuCount: 3 });
    const emitter = tracer.emitter({ now: () => 0 }, 1);
    for (let count = 0; count < DEFAULT_RING_CAPACITY + 5; count += 1) emitter.instant(5);
    expect(tracer.snapshot().cpus.map((events) => events.count)).toEqual([0, 65_536, 0]);
    expect(tracer.lost()).toEqual([0, 5, 0]);
  });

  test('a noisy CPU takes no event from a quiet one', () => {
    const tracer = new Tracer({ cpuCount: 2, capacity: 16 });
    let time = 0;
    const clock = { now: () => time++ };
    const [noisy, quiet] = [tracer.emitter(clock, 0), tracer.emitter(clock, 1)];
    quiet.instant(1, 42);
    for (let count = 0; count < 10_000; count += 1) noisy.instant(1);
    quiet.instant(1, 43);
    const { cpus } = tracer.snapshot();
    expect(cpus.map(({ count, lost }) => [count, lost])).toEqual([
      [16, 9984],
      [2, 0],
    ]);
    expect([cpus[1].records[2], cpus[1].records[6]]).toEqual([42, 43]);
  });

  test('stream mode of two CPUs keeps nothing back and loses nothing, whichever ring fills', () => {
    const seen: number[][] = [[], []];
    const tracer = new Tracer({
      mode: 'stream',
      cpuCount: 2,
      capacity: 16,
      consumer: {
        write: ({ cpus }) => {
          for (const { cpu, count, records } of cpus) {
            for (let event = 0; event < count; event += 1) seen[cpu].push(records[event * 4 + 2]);
          }
        },
      },
    });
    let time = 0;
    const emitters = [0, 1].map((cpu) => tracer.emitter({ now: () => time++ }, cpu));
    const sent: number[][] = [[], []];
    for (let count = 0; count < 3000; count += 1) {
      const cpu = count % 7 === 0 ? 1 : 0;
      emitters[cpu].instant(1, count);
      sent[cpu].push(count);
    }
    tracer.flush();
    expect(seen).toEqual(sent);
    expect(tracer.lost()).toEqual([0, 0]);
  });

  test('stream mode hands everything to the consumer, in order, and flush the rest', () => {
    const times: number[] = [];
    const tracer = new Tracer({
      mode: 'stream',
      capacity: 16,
      consumer: {
        write: ({ cpus }) => {
          for (let index = 0; index < cpus[0].count; index += 1) {
            times.push(cpus[0].records[index * 4]);
          }
        },
      },
    });
    const clock = { time: 0, now: () => clock.time++ };
    const emitter = tracer.emitter(clock);
    for (let count = 0; count < 100; count += 1) emitter.instant(1);
    tracer.flush();
    expect(times).toEqual(Array.from({ length: 100 }, (_, time) => time));
    expect(tracer.lost()).toEqual([0]);
  });

  test('bad options and kinds are refused with a code', () => {
    const refused = (make: () => unknown, code: string) =>
      expect(make).toThrow(expect.objectContaining({ code }));
    refused(() => new Tracer({ cpuCount: 0 }), 'ERR_CPU_COUNT');
    refused(() => new Tracer({ mode: 'magic' as never }), 'ERR_RING_MODE');
    refused(() => new Tracer({ mode: 'stream' }), 'ERR_CONSUMER');
    refused(() => new Tracer({ ticksPerSecond: 0 }), 'ERR_TICKS');
    const tracer = new Tracer();
    refused(() => tracer.emitter({ now: () => 0 }, 1), 'ERR_CPU');
    refused(() => tracer.hook([]), 'ERR_CPU_COUNT');
    refused(() => tracer.registry.define(65_536, { name: 'x' }), 'ERR_EVENT_KIND');
    refused(() => tracer.registry.define(1, { name: 'x', phase: 'y' as never }), 'ERR_EVENT_PHASE');
    tracer.registry.define(1, { name: 'x' });
    refused(() => tracer.registry.define(1, { name: 'y' }), 'ERR_EVENT_DEFINED');
  });
});
