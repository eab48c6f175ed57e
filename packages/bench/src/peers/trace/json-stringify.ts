import type { Contestant } from '../../harness/contestant.js';
import { checksumOf, type PlainEvent, plainEvents, recorded, type TraceWorkload } from './work.js';

export const contestant: Contestant<TraceWorkload> = {
  name: 'JSON.stringify of objects',
  prepare: ({ count }, seed) => {
    const snapshot = recorded(count, seed);
    const encoder = new TextEncoder();
    // The objects are there already, as in a tracer that keeps objects: only the text is timed.
    const events = plainEvents(snapshot);
    const write = (): Uint8Array => encoder.encode(JSON.stringify({ traceEvents: events }));
    const file = write();
    const { traceEvents } = JSON.parse(new TextDecoder().decode(file)) as {
      traceEvents: PlainEvent[];
    };
    const expected = checksumOf(
      traceEvents.map(({ name, ph, ts, args }) => ({
        name,
        ph,
        nanoseconds: Math.round(ts * 1000),
        bytes: args.bytes,
      })),
    );
    return {
      operationCount: count,
      run: () => {
        if (write().length !== file.length) throw new Error('another file');
        return expected;
      },
      facts: () => ({ bytesPerEvent: file.length / count }),
    };
  },
};
