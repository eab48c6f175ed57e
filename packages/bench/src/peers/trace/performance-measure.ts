import { performance } from 'node:perf_hooks';
import type { Contestant } from '../../harness/contestant.js';
import type { TraceWorkload } from './work.js';

export const contestant: Contestant<TraceWorkload> = {
  name: 'performance.mark + measure',
  prepare: ({ count }) => ({
    operationCount: count,
    run: () => {
      for (let span = 0; span < count; span += 1) {
        performance.mark('begin');
        performance.measure('request', 'begin');
      }
      const measured = performance.getEntriesByName('request').length;
      performance.clearMarks();
      performance.clearMeasures();
      return measured;
    },
  }),
};
