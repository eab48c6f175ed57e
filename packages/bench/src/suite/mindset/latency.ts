/** How long a task that wakes waits for the CPU, with more and more others that only compute. */
import { cfs, eevdf, hog, mlfq, type PolicyFactory, periodic, simulate } from '@hotpath/sched';
import { quantile } from '../../harness/statistics.js';

const MS = 1e6;
const LOADS = [1, 2, 4, 8, 16];
const POLICIES: Readonly<Record<string, () => PolicyFactory>> = {
  mlfq: () => mlfq(),
  cfs: () => cfs(),
  eevdf: () => eevdf(),
};

/** One policy under one load; milliseconds from wake-up to first instruction. */
export interface LatencyPoint {
  readonly policy: string;
  readonly hogs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** A task of 1 ms every 20 ms, 100 times, on one CPU; exact virtual time. */
export function measureLatency(): LatencyPoint[] {
  return Object.entries(POLICIES).flatMap(([policy, make]) =>
    LOADS.map((hogs) => {
      const tasks = [
        periodic(20 * MS, MS, 100),
        ...Array.from({ length: hogs }, () => hog(4000 * MS)),
      ];
      const { delays } = simulate({ tasks, policy: make(), untilNs: 4000 * MS, record: false })
        .tasks[0]!;
      const at = (fraction: number): number => quantile(delays, fraction) / MS;
      return { policy, hogs, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) };
    }),
  );
}
