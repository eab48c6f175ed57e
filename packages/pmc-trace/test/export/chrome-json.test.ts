import { CELL_COUNT, NIL, TSC } from '@hotpath/hw-x86';
import { describe, expect, test } from 'vitest';
import {
  ByteCollector,
  ChromeJsonWriter,
  PerfettoWriter,
  SWITCH_STATE,
  Tracer,
  writeChromeJson,
} from '../../src/index.js';

interface Event {
  name: string;
  cat?: string;
  ph: string;
  pid: number;
  tid: number;
  ts?: number;
  id?: number;
  args?: Record<string, unknown>;
}

interface File {
  traceEvents: Event[];
  otherData: Record<string, number>;
}

function exported(tracer: Tracer): { file: File; text: string } {
  const sink = new ByteCollector();
  writeChromeJson(tracer.snapshot(), sink);
  const text = sink.text();
  return { file: JSON.parse(text) as File, text };
}

const shown = (file: File): string[] =>
  file.traceEvents
    .filter((event) => event.ph !== 'M')
    .map((event) => `${event.ph} ${event.name} ${event.pid}/${event.tid} @${event.ts}`);

/** A tracer with one emitter and a clock that the test sets, in nanoseconds. */
function setup(options: ConstructorParameters<typeof Tracer>[0] = {}) {
  const tracer = new Tracer(options);
  const clock = { time: 0, now: () => clock.time };
  return { tracer, clock, emitter: tracer.emitter(clock) };
}

describe('ChromeJsonWriter', () => {
  test('every phase has its letter, microseconds with three decimals and typed arguments', () => {
    const { tracer, clock, emitter } = setup();
    const { registry } = tracer;
    const span = registry.register({
      name: 'read',
      category: 'fs',
      a: { name: 'address', type: 'address' },
      b: { name: 'path', type: 'string' },
    });
    const level = registry.register({ name: 'queue', phase: 'counter' });
    const wake = registry.register({ name: 'wake' });
    clock.time = 1_234_567;
    emitter.begin(span, 0xdead_beef_00, registry.intern('/etc/"passwd"'));
    emitter.emit(level, 2.5, 0);
    emitter.counter(level, Number.NaN);
    emitter.flowBegin(wake, 9);
    clock.time += 1000;
    emitter.flowEnd(wake, 9);
    emitter.asyncBegin(span, 77, registry.intern('x'));
    emitter.asyncInstant(span, 77);
    emitter.asyncEnd(span, 77);
    emitter.instant(wake);
    emitter.end(span, -1, 99);
    const { file } = exported(tracer);
    const events = file.traceEvents.filter((event) => event.ph !== 'M');
    expect(events.map((event) => event.ph).join('')).toBe('BCCsfbneiE');
    expect(events[0]).toEqual({
      name: 'read',
      cat: 'fs',
      ph: 'B',
      pid: 1,
      tid: 0,
      ts: 1234.567,
      args: { address: '0xdeadbeef00', path: '/etc/"passwd"' },
    });
    expect(events[1].args).toEqual({ value: 2.5 });
    expect(events[2].args).toEqual({ value: 'NaN' });
    expect(events[4]).toMatchObject({ id: `${wake}:9`, bp: 'e', ts: 1235.567 });
    expect(events[5]).toMatchObject({ id: `${span}:77`, args: { path: 'x' } });
    expect(events[9].args).toEqual({ address: -1, path: 99 });
    expect(file.otherData).toMatchObject({ events: 10, lost_events: 0, orphan_ends: 0 });
  });

  test('odd names survive: quotes, U+2028, a closing script tag, 4 KiB, lone surrogates', () => {
    const { tracer, emitter } = setup();
    const names = [
      '"\\',
      '\u2028\u2029',
      '</script><!--',
      'é😀'.repeat(1024),
      '\ud800',
      '\0\n',
      '',
    ];
    for (const name of names) {
      emitter.instant(tracer.registry.register({ name, category: name }));
      tracer.registry.nameCpu(0, name);
    }
    const { file, text } = exported(tracer);
    const instants = file.traceEvents.filter((event) => event.ph === 'i');
    expect(instants.map((event) => event.name)).toEqual(names);
    expect(text).not.toMatch(/<|\u2028|\u2029/);
  });

  test('ends whose begin was overwritten are dropped, open begins closed, both counted and flagged', () => {
    const { tracer, clock, emitter } = setup({ capacity: 16 });
    const [outer, inner] = ['outer', 'inner'].map((name) => tracer.registry.register({ name }));
    for (let round = 0; round < 9; round += 1) {
      clock.time += 1000;
      emitter.begin(round === 0 ? outer : inner);
      clock.time += 1000;
      if (round < 8) emitter.end(inner);
    }
    emitter.end(outer);
    const { file } = exported(tracer);
    // Events 0 and 1 were overwritten: begin outer, a misplaced end of inner.
    expect(file.otherData).toEqual({
      events: 16,
      lost_events: 2,
      orphan_ends: 1,
      closed_begins: 1,
    });
    const events = file.traceEvents.filter((event) => event.ph !== 'M');
    expect(events[0]).toMatchObject({ name: 'events lost', args: { count: 2 } });
    expect(events.filter((event) => event.ph === 'B')).toHaveLength(8);
    expect(events.filter((event) => event.ph === 'E')).toHaveLength(8);
    expect(events[events.length - 1]).toMatchObject({ ph: 'E', args: { closed: true } });
  });

  test('an end that skips inner spans closes those first', () => {
    const { tracer, clock, emitter } = setup();
    const kinds = ['a', 'b', 'c'].map((name) => tracer.registry.register({ name }));
    for (const kind of kinds) emitter.begin(kind);
    clock.time = 5000;
    emitter.end(kinds[0]);
    expect(shown(exported(tracer).file)).toEqual([
      'B a 1/0 @0',
      'B b 1/0 @0',
      'B c 1/0 @0',
      'E c 1/0 @5',
      'E b 1/0 @5',
      'E a 1/0 @5',
    ]);
  });

  test('task events follow the task from CPU to CPU, and switches show who ran', () => {
    const tracer = new Tracer({ cpuCount: 2, ticksPerSecond: 1e9 });
    const { registry } = tracer;
    registry.define(320, {
      name: 'syscall',
      phase: 'begin',
      scope: 'task',
      a: { name: 'call', values: ['read', 'write'] },
      title: 'a',
    });
    registry.define(321, {
      name: 'syscall exit',
      phase: 'end',
      of: 320,
      scope: 'task',
      b: 'result',
    });
    registry.define(192, { name: 'switch', phase: 'switch' });
    registry.nameTask(7, 'shell');
    const cells = [new Float64Array(CELL_COUNT), new Float64Array(CELL_COUNT)];
    const hook = tracer.hook(cells);
    const at = (cpu: number, microseconds: number, kind: number, a: number, b: number) => {
      hook.run(cpu);
      cells[cpu][TSC] = microseconds * 1000;
      hook.emit(kind, a, b);
    };
    at(0, 1, 320, 1, 0);
    at(0, 2, 192, 7 + 2 * SWITCH_STATE, 8);
    at(0, 3, 320, 0, 0);
    at(1, 4, 192, NIL, 7);
    at(1, 5, 321, 0, 4096);
    at(0, 6, 321, 0, 0);
    at(1, 7, 192, 7, NIL);
    expect(shown(exported(tracer).file)).toEqual([
      'B write 2/7 @1',
      'B task 8 3/0 @2',
      'B read 2/8 @3',
      'B shell 3/1 @4',
      'E write 2/7 @5',
      'E read 2/8 @6',
      'E shell 3/1 @7',
    ]);
  });

  test('several snapshots in a row make one file, as one snapshot would', () => {
    const whole = new ByteCollector();
    const parts = new ByteCollector();
    const writer = new ChromeJsonWriter(parts);
    const stream = setup({ mode: 'stream', capacity: 16, consumer: writer });
    const once = setup({ capacity: 4096 });
    for (const { tracer, clock, emitter } of [stream, once]) {
      const kind = tracer.registry.register({ name: 'step', a: 'n' });
      for (let step = 0; step < 1000; step += 1) {
        clock.time = step * 10;
        if (step % 2 === 0) emitter.begin(kind, step);
        else emitter.end(kind, step);
      }
    }
    stream.tracer.flush();
    writer.end();
    writeChromeJson(once.tracer.snapshot(), whole);
    expect(parts.text()).toBe(whole.text());
    expect(writer.byteCount).toBe(parts.bytes().length);
  });

  test('a run of any length goes through in chunks: what is kept back is less than one', () => {
    for (const Writer of [ChromeJsonWriter, PerfettoWriter]) {
      let largest = 0;
      let out = 0;
      const writer = new Writer({
        write: (chunk) => {
          largest = Math.max(largest, chunk.byteLength);
          out += chunk.length;
        },
      });
      const { tracer, clock, emitter } = setup({
        mode: 'stream',
        capacity: 1024,
        consumer: writer,
      });
      const kind = tracer.registry.register({ name: 'step', a: 'n' });
      const handedOut: number[] = [];
      for (let step = 0; step < 100_000; step += 1) {
        clock.time += 10;
        if (step % 2 === 0) emitter.begin(kind, step);
        else emitter.end(kind, step);
        if (step % 10_000 === 9_999) handedOut.push(out);
      }
      tracer.flush();
      writer.end();
      expect(largest).toBeLessThanOrEqual(65_536 + 1024);
      // Bytes leave as steadily as events come; nothing waits for the end.
      const share = out / 10;
      handedOut.forEach((bytes, index) => {
        expect(Math.abs(bytes - share * (index + 1))).toBeLessThan(65_536 * 2 + 1024 * 120);
      });
      expect(writer.counts).toMatchObject({ events: 100_000, lost: 0 });
    }
  });

  test('an empty trace is a valid file', () => {
    expect(exported(new Tracer()).file.otherData['events']).toBe(0);
    const sink = new ByteCollector();
    new ChromeJsonWriter(sink).end();
    expect(JSON.parse(sink.text()).traceEvents).toEqual([]);
  });
});
