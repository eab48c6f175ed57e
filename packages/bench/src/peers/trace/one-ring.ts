/** One ring for all workers, as the first design of everybody has it. */

import type { Contestant } from '../../harness/contestant.js';
import type { TraceWorkload } from './work.js';
import { emitting, HEAD, type RingKind } from './workers.js';

/** A contestant whose workers share the head of one ring. */
export function oneRing(
  name: string,
  ring: RingKind,
  semantics?: string,
): Contestant<TraceWorkload> {
  return {
    name,
    ...(semantics === undefined ? {} : { semantics }),
    prepare: ({ count }) => {
      const control = new SharedArrayBuffer(64);
      const records = new SharedArrayBuffer(2 ** Math.ceil(Math.log2(count)) * 32);
      const data = new Float64Array(records);
      const head = new Int32Array(control);
      return emitting(
        count,
        () => ({ ring, handle: null, records }),
        control,
        () => {
          let received = 0;
          for (let at = 3; at < data.length; at += 4) if (data[at] !== 0) received += 1;
          data.fill(0);
          head[HEAD] = 0;
          return received;
        },
      );
    },
  };
}
