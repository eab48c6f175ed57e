import { type PerformanceEntry, PerformanceObserver, performance } from 'node:perf_hooks';
import {
  PHASE_ASYNC_BEGIN,
  PHASE_ASYNC_END,
  PHASE_INSTANT,
  PHASE_UNIT,
  type Tracer,
} from '../index.js';
import { BoundedTexts } from './bounded-texts.js';
import type { Detach } from './channels.js';

/** Entry types that Node measures by itself, and the user's marks and measures. */
export const ENTRY_TYPES: readonly string[] = ['gc', 'mark', 'measure', 'function', 'dns', 'net'];

/**
 * Records performance entries (garbage collections, marks, measures, DNS, ...) into a ring of their
 * own: they are delivered late, with times in the past. Entries with a duration become spans.
 *
 * @param cpu - a ring that nobody else writes
 * @param originMilliseconds - as for `hostClock`
 * @param types - entry types; default ENTRY_TYPES
 */
export function tracePerformanceEntries(
  tracer: Tracer,
  cpu: number,
  originMilliseconds: number = performance.timeOrigin,
  types: readonly string[] = ENTRY_TYPES,
): Detach {
  const { registry } = tracer;
  const ring = tracer.ring(cpu);
  registry.nameCpu(cpu, 'performance entries');
  const texts = new BoundedTexts(registry);
  const kinds = new Map(
    types.map((type) => [
      type,
      registry.register({
        name: type,
        category: 'performance',
        b: { name: 'name', type: 'string' },
        title: 'b',
      }),
    ]),
  );
  const offset = performance.timeOrigin - originMilliseconds;
  let last = 0;
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries() as PerformanceEntry[]) {
      const kind = kinds.get(entry.entryType);
      if (kind === undefined || registry.recorded[kind] !== 1) continue;
      const time = (entry.startTime + offset) * 1e6;
      const text = texts.number(entry.entryType === 'gc' ? 'garbage collection' : entry.name);
      if (entry.duration === 0) {
        ring.write(time, kind + PHASE_INSTANT * PHASE_UNIT, 0, text);
        continue;
      }
      last += 1;
      ring.write(time, kind + PHASE_ASYNC_BEGIN * PHASE_UNIT, last, text);
      ring.write(time + entry.duration * 1e6, kind + PHASE_ASYNC_END * PHASE_UNIT, last, text);
    }
  });
  observer.observe({ entryTypes: [...types] as never });
  return () => {
    observer.disconnect();
  };
}
