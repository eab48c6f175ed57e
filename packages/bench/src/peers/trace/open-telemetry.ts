import { createRequire } from 'node:module';
import type { Contestant } from '../../harness/contestant.js';
import type { TraceWorkload } from './work.js';

const { BasicTracerProvider } = createRequire(import.meta.url)(
  '@opentelemetry/sdk-trace-base',
) as typeof import('@opentelemetry/sdk-trace-base');

export const contestant: Contestant<TraceWorkload> = {
  name: 'OpenTelemetry SDK',
  package: '@opentelemetry/sdk-trace-base',
  prepare: ({ count }) => {
    let ended = 0;
    // The cheapest processor there can be: it counts, and exports nothing.
    const processor = {
      onStart: () => {},
      onEnd: () => {
        ended += 1;
      },
      forceFlush: () => Promise.resolve(),
      shutdown: () => Promise.resolve(),
    };
    const tracer = new BasicTracerProvider({ spanProcessors: [processor] }).getTracer('bench');
    return {
      operationCount: count,
      run: () => {
        ended = 0;
        for (let id = 0; id < count; id += 1) {
          tracer.startSpan('request', { attributes: { id } }).end();
        }
        return ended;
      },
    };
  },
};
