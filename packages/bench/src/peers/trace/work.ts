/** What the contestants of the area `trace` share: the work itself, so that it is equal. */

import { Tracer, type TraceSnapshot } from '@hotpath/pmc-trace';

/** Which work a contestant does. */
export type TraceTask =
  | 'disabled'
  | 'megamorphic'
  | 'virtual-clock'
  | 'real-clock'
  | 'span'
  | 'workers'
  | 'json'
  | 'perfetto';

/** Parameters of every workload. */
export interface TraceWorkload {
  readonly task: TraceTask;
  /** Operations of one round. */
  readonly count: number;
}

/** The work between two events: one step of a linear congruential generator (Knuth vol. 2, 3.3.4). */
export function step(state: number): number {
  return (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
}

/** Ends of one span and the begin of the next, as an export would find them in a service's ring. */
export function recorded(count: number, seed: number): TraceSnapshot {
  let time = 1_000_000;
  const tracer = new Tracer({ capacity: 2 ** Math.ceil(Math.log2(count)) });
  const emitter = tracer.emitter({ now: () => time });
  const names = ['handle request', 'read file', 'query', 'render'];
  const kinds = names.map((name) =>
    tracer.registry.register({ name, category: 'server', a: 'bytes' }),
  );
  let state = seed | 0;
  for (let event = 0; event < count; event += 2) {
    state = step(state);
    const kind = kinds[(state >>> 8) % kinds.length]!;
    emitter.begin(kind, state >>> 16);
    time += 100 + (state >>> 20);
    emitter.end(kind, 0);
    time += 1000;
  }
  return tracer.snapshot();
}

/** One event as a rival's objects hold it. */
export interface PlainEvent {
  name: string;
  cat: string;
  ph: string;
  pid: number;
  tid: number;
  ts: number;
  args: { bytes: number };
}

/** The same events as plain objects, for exporters that take those. */
export function plainEvents(snapshot: TraceSnapshot): PlainEvent[] {
  const { records, count } = snapshot.cpus[0]!;
  return Array.from({ length: count }, (_, event) => {
    const at = event * 4;
    const code = records[at + 1]! % 2 ** 20;
    const { name, category } = snapshot.registry.kind(code % 65_536);
    const ph = code >= 2 * 65_536 ? 'E' : 'B';
    const ts = records[at]! / 1000;
    return { name, cat: category, ph, pid: 1, tid: 0, ts, args: { bytes: records[at + 2]! } };
  });
}

/** Checksum of events in order: what every exporter's file must come to when it is read again. */
export function checksumOf(
  events: Iterable<{ name: string; ph: string; nanoseconds: number; bytes: number }>,
): number {
  let sum = 0;
  for (const { name, ph, nanoseconds, bytes } of events) {
    sum = (Math.imul(sum, 31) + nanoseconds) | 0;
    sum = (Math.imul(sum, 31) + bytes + name.length + ph.charCodeAt(0)) | 0;
  }
  return sum;
}
