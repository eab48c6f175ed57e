import { type MetricSample, samplesOf } from '@hotpath/hw-x86';
import type { TenantStats } from './tenant.js';

/**
 * What `FairLoop.stats()` answers for a metrics exporter, as `fairloop_*` with the label `tenant`:
 * `openMetricsText` of `@hotpath/pmc-trace` writes them for Prometheus.
 */
export function fairLoopMetrics(stats: Readonly<Record<string, TenantStats>>): MetricSample[] {
  return Object.entries(stats).flatMap(([tenant, figures]) =>
    samplesOf('fairloop', figures, DESCRIPTIONS, { tenant }),
  );
}

const SECONDS = { unit: 'seconds', scale: 1e-3 } as const;

/** One for each figure: a test compares the names. */
const DESCRIPTIONS = {
  queued: { type: 'gauge', help: 'Jobs not started.' },
  running: { type: 'gauge', help: 'Jobs started and not ended.' },
  done: { type: 'counter', help: 'Jobs that ended well.', name: 'jobs_done' },
  failed: { type: 'counter', help: 'Jobs that threw or rejected.', name: 'jobs_failed' },
  cpuMs: { type: 'counter', help: 'CPU time of jobs.', name: 'cpu_seconds', ...SECONDS },
  waitAverageMs: {
    type: 'gauge',
    help: 'Average wait from add to start.',
    name: 'wait_average_seconds',
    ...SECONDS,
  },
  waitMaxMs: {
    type: 'gauge',
    help: 'Longest wait from add to start.',
    name: 'wait_max_seconds',
    ...SECONDS,
  },
  misses: {
    type: 'counter',
    help: 'Jobs that started after their deadline.',
    name: 'deadline_misses',
  },
} as const;
