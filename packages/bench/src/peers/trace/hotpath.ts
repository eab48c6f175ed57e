import {
  type ByteSink,
  ChromeJsonReader,
  type CpuTraceHook,
  PerfettoReader,
  type ReadEvent,
  SharedTracer,
  type TraceReader,
  Tracer,
  type TraceVisitor,
  writeChromeJson,
  writePerfetto,
} from '@hotpath/pmc-trace';
import { hostClock } from '@hotpath/pmc-trace/node';
import type { Contestant, PreparedWork } from '../../harness/contestant.js';
import { disabledHooks } from './hooks.js';
import { checksumOf, recorded, step, type TraceTask, type TraceWorkload } from './work.js';
import { emitting as emittingWorkers, WORKERS } from './workers.js';

type Make = (count: number, seed: number) => PreparedWork | Promise<PreparedWork>;

function emitting(count: number, seed: number, on: boolean): PreparedWork {
  const tracer = new Tracer();
  const kind = tracer.registry.register({ name: 'event' });
  if (!on) tracer.disable();
  const cells = new Float64Array(32);
  const hook: CpuTraceHook = tracer.hook([cells]);
  return {
    operationCount: count,
    run: () => {
      const before = tracer.ring(0).head;
      let state = seed | 0;
      for (let event = 0; event < count; event += 1) {
        state = step(state);
        cells[0]! += 3;
        hook.emit(kind, state, event);
      }
      const written = tracer.ring(0).head - before;
      if (written !== (on ? count : 0)) throw new Error(`${written} events of ${count} written`);
      return state;
    },
    facts: () => ({ bytesPerEvent: 32 }),
  };
}

function megamorphic(count: number, seed: number): PreparedWork {
  const hooks = disabledHooks();
  return {
    operationCount: count,
    run: () => {
      let state = seed | 0;
      for (let event = 0; event < count; event += 1) {
        state = step(state);
        hooks[event & 7]!.emit(7, state, event);
      }
      return state;
    },
  };
}

function clocked(count: number): PreparedWork {
  const tracer = new Tracer();
  const emitter = tracer.emitter(hostClock());
  const kind = tracer.registry.register({ name: 'event' });
  return {
    operationCount: count,
    run: () => {
      const before = tracer.ring(0).head;
      for (let event = 0; event < count; event += 1) emitter.instant(kind, event);
      return tracer.ring(0).head - before;
    },
  };
}

function spans(count: number): PreparedWork {
  const tracer = new Tracer();
  const emitter = tracer.emitter(hostClock());
  const kind = tracer.registry.register({ name: 'request', category: 'server', a: 'id' });
  return {
    operationCount: count,
    run: () => {
      const before = tracer.ring(0).head;
      for (let span = 0; span < count; span += 1) {
        emitter.begin(kind, span);
        emitter.end(kind);
      }
      return (tracer.ring(0).head - before) / 2;
    },
    facts: () => ({ bytesPerEvent: 32 }),
  };
}

/** Two workers, each with its ring; whoever made the tracer takes everything after each round. */
function workers(count: number): Promise<PreparedWork> {
  const capacity = 2 ** Math.ceil(Math.log2(count / WORKERS));
  const tracer = new SharedTracer({ workerCount: WORKERS, capacity });
  tracer.registry.register({ name: 'event' });
  return emittingWorkers(
    count,
    (worker) => ({ ring: 'own-ring', handle: tracer.handle(worker), records: null }),
    new SharedArrayBuffer(64),
    () => {
      const { cpus } = tracer.consume();
      const lost = cpus.reduce((sum, events) => sum + events.lost, 0);
      if (lost !== 0) throw new Error(`${lost} events of ${count} lost`);
      return cpus.reduce((sum, events) => sum + events.count, 0);
    },
  );
}

/** Reads an exported file with our own reader; the rivals' files are read with theirs. */
function readBack(chunks: Uint8Array[], make: (visitor: TraceVisitor) => TraceReader): number {
  const events: { name: string; ph: string; nanoseconds: number; bytes: number }[] = [];
  const names: string[] = [];
  const visitor: TraceVisitor = {
    event: ({ phase, time, name, arguments: values }: ReadEvent) => {
      const ph = phase === 1 ? 'B' : 'E';
      if (ph === 'B') names.push(name);
      const shown = ph === 'B' ? name : names.pop()!;
      events.push({
        name: shown,
        ph,
        nanoseconds: Math.round(time),
        bytes: Number(values['bytes']),
      });
    },
    loss: () => {},
    problem: (code, message) => {
      throw new Error(`${code}: ${message}`);
    },
    live: () => {},
    name: () => {},
  };
  const reader = make(visitor);
  for (const chunk of chunks) reader.write(chunk);
  reader.end();
  return checksumOf(events);
}

function exporting(
  count: number,
  seed: number,
  write: typeof writeChromeJson,
  make: (visitor: TraceVisitor) => TraceReader,
): PreparedWork {
  const snapshot = recorded(count, seed);
  const chunks: Uint8Array[] = [];
  write(snapshot, { write: (chunk) => chunks.push(chunk) });
  const expected = readBack(chunks, make);
  const byteCount = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  return {
    operationCount: count,
    run: () => {
      let written = 0;
      const sink: ByteSink = {
        write: (chunk) => {
          written += chunk.length;
        },
      };
      write(snapshot, sink);
      if (written !== byteCount) throw new Error(`${written} bytes instead of ${byteCount}`);
      return expected;
    },
    facts: () => ({ bytesPerEvent: byteCount / count }),
  };
}

const TASKS: Readonly<Record<TraceTask, Make>> = {
  disabled: (count, seed) => emitting(count, seed, false),
  megamorphic,
  'virtual-clock': (count, seed) => emitting(count, seed, true),
  'real-clock': clocked,
  span: spans,
  workers: (count) => workers(count),
  json: (count, seed) =>
    exporting(count, seed, writeChromeJson, (visitor) => new ChromeJsonReader(visitor)),
  perfetto: (count, seed) =>
    exporting(count, seed, writePerfetto, (visitor) => new PerfettoReader(visitor)),
};

export const contestant: Contestant<TraceWorkload> = {
  name: '@hotpath/pmc-trace',
  package: '@hotpath/pmc-trace',
  prepare: ({ task, count }, seed) => TASKS[task](count, seed),
};
