import { createRequire } from 'node:module';
import type { Contestant } from '../../harness/contestant.js';
import type { TraceWorkload } from './work.js';

const { Tracer } = createRequire(import.meta.url)(
  'chrome-trace-event',
) as typeof import('chrome-trace-event');

export const contestant: Contestant<TraceWorkload> = {
  name: 'chrome-trace-event',
  package: 'chrome-trace-event',
  prepare: ({ count }) => ({
    operationCount: count,
    run: () => {
      // Its fastest mode: events stay objects in an array, nothing is turned into text.
      const tracer = new Tracer({ noStream: true });
      for (let span = 0; span < count; span += 1) {
        const fields = { name: 'request', cat: ['server'], args: { id: span } };
        tracer.begin(fields);
        tracer.end(fields);
      }
      const { events } = tracer as unknown as { events: unknown[] };
      return events.length / 2;
    },
  }),
};
