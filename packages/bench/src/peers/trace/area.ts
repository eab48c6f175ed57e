import type { Area, Workload } from '../../harness/contestant.js';
import type { TraceTask, TraceWorkload } from './work.js';

const CONTESTANTS = [
  'hotpath',
  'bare',
  'chrome-trace-event',
  'open-telemetry',
  'performance-measure',
  'json-stringify',
  'protobufjs',
  'shared-counter',
  'plain-head',
] as const;

/** A workload in which only these contestants take part. */
function workload(
  task: TraceTask,
  title: string,
  count: number,
  rivals: readonly (typeof CONTESTANTS)[number][],
): Workload<TraceWorkload> {
  const without = CONTESTANTS.filter((name) => name !== 'hotpath' && !rivals.includes(name));
  return { name: task, title, parameters: { task, count }, without };
}

/** Tracers: what an event costs, and what a file costs. */
export const area: Area<TraceWorkload> = {
  title: 'tracing',
  operation: 'event',
  contestants: CONTESTANTS,
  workloads: [
    workload('disabled', 'an event of a tracer that is switched off, beside a bare loop', 2e6, [
      'bare',
    ]),
    workload(
      'megamorphic',
      'the same through a call site that sees six classes, beside empty methods',
      2e6,
      ['bare'],
    ),
    workload('virtual-clock', 'an event with the time of a machine cell', 2e6, ['bare']),
    workload('real-clock', "an event with the host's clock, beside reading that clock", 5e5, [
      'bare',
    ]),
    workload('span', "begin and end with the host's clock", 1e5, [
      'chrome-trace-event',
      'open-telemetry',
      'performance-measure',
    ]),
    workload(
      'workers',
      'two workers emit at once; every event is counted by who reads them',
      2 ** 20,
      ['shared-counter', 'plain-head'],
    ),
    workload('json', 'Chrome JSON of 1,048,576 recorded events', 2 ** 20, ['json-stringify']),
    workload('perfetto', 'a Perfetto trace of 1,048,576 recorded events', 2 ** 20, ['protobufjs']),
  ],
};
