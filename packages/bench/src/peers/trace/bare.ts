import { performance } from 'node:perf_hooks';
import type { Contestant, PreparedWork } from '../../harness/contestant.js';
import { emptyHooks } from './hooks.js';
import { step, type TraceWorkload } from './work.js';

/** The same loop without a tracer: what the events are added to. */
function loop(count: number, seed: number): PreparedWork {
  const cells = new Float64Array(32);
  return {
    operationCount: count,
    run: () => {
      let state = seed | 0;
      for (let event = 0; event < count; event += 1) {
        state = step(state);
        cells[0]! += 3;
      }
      return state;
    },
  };
}

/** The same call site, whose methods are empty. */
function emptyCalls(count: number, seed: number): PreparedWork {
  const hooks = emptyHooks();
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

/** Only the clock's reads, summed up. */
function clockReads(count: number): PreparedWork {
  return {
    operationCount: count,
    run: () => {
      let last = 0;
      let reads = 0;
      for (let event = 0; event < count; event += 1) {
        const now = performance.now() * 1e6;
        if (now >= last) reads += 1;
        last = now;
      }
      return reads;
    },
  };
}

export const contestant: Contestant<TraceWorkload> = {
  name: 'without tracing',
  prepare: ({ task, count }, seed) => {
    if (task === 'real-clock') return clockReads(count);
    return task === 'megamorphic' ? emptyCalls(count, seed) : loop(count, seed);
  },
};
