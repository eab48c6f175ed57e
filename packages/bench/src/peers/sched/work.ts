/** Work that the contestants of the area `sched` share. */

import type { PreparedWork } from '../../harness/contestant.js';
import { Random } from '../../harness/random.js';

/** Run queues: pick the least, run it, put it back. Loops: jobs of many tenants. */
export type SchedWorkload =
  | { readonly kind: 'queue'; readonly entities: number; readonly switches: number }
  | { readonly kind: 'jobs'; readonly jobs: number; readonly tenants: number }
  | {
      readonly kind: 'interactive';
      readonly jobs: number;
      readonly tenants: number;
      readonly jobUs: number;
    };

/** A run queue ordered by (key, order of insertion). */
export interface KeyedQueue {
  insert(slot: number, key: number): void;
  /** Takes the first out and answers its slot. */
  takeFirst(): number;
}

/** Key increments of one round, the same for every contestant. */
export function runTimes(workload: SchedWorkload, seed: number): Float64Array {
  if (workload.kind !== 'queue') throw new Error('a run queue needs the workload of a run queue');
  const random = new Random(seed);
  return Float64Array.from({ length: workload.switches }, () => 1000 + random.below(100_000));
}

/** Pick, charge, put back: the structure's part of a context switch. */
export function queueWork(queue: KeyedQueue, workload: SchedWorkload, seed: number): PreparedWork {
  const times = runTimes(workload, seed);
  if (workload.kind !== 'queue') throw new Error('a run queue needs the workload of a run queue');
  const keys = new Float64Array(workload.entities);
  for (let slot = 0; slot < workload.entities; slot++) {
    keys[slot] = (slot * 7919) % 100_003;
    queue.insert(slot, keys[slot]);
  }
  return {
    operationCount: times.length,
    run() {
      let sum = 0;
      for (let step = 0; step < times.length; step++) {
        const slot = queue.takeFirst();
        keys[slot] += times[step];
        queue.insert(slot, keys[slot]);
        sum = (sum * 31 + slot) | 0;
      }
      return sum >>> 0;
    },
  };
}

/** What the job queues have in common. */
export interface JobQueue {
  add(tenant: string, job: () => Promise<number>): Promise<unknown>;
}

/** Jobs of many tenants, all queued at once; the interactive variant adds one job of its own last. */
export function jobWork(queue: JobQueue, workload: SchedWorkload): PreparedWork {
  if (workload.kind === 'queue') throw new Error('a job queue needs a workload of jobs');
  const names = Array.from({ length: workload.tenants }, (_, tenant) => `tenant ${tenant}`);
  if (workload.kind === 'interactive') return interactiveWork(queue, workload, names);
  return {
    operationCount: workload.jobs,
    async run() {
      let sum = 0;
      const all: Promise<unknown>[] = [];
      for (let index = 0; index < workload.jobs; index++) {
        all.push(
          queue.add(names[index % names.length], async () => {
            sum += index;
            return index;
          }),
        );
      }
      await Promise.all(all);
      return sum;
    },
  };
}

function interactiveWork(
  queue: JobQueue,
  workload: SchedWorkload & { kind: 'interactive' },
  names: readonly string[],
): PreparedWork {
  let ahead = 0;
  let longestMs = 0;
  return {
    operationCount: workload.jobs,
    async run() {
      let done = 0;
      const all: Promise<unknown>[] = [];
      let last = performance.now();
      const timer = setInterval(() => {
        const now = performance.now();
        longestMs = Math.max(longestMs, now - last);
        last = now;
      }, 1);
      for (let index = 0; index < workload.jobs; index++) {
        all.push(
          queue.add(names[index % names.length], async () => {
            const end = performance.now() + workload.jobUs / 1000;
            while (performance.now() < end);
            return done++;
          }),
        );
      }
      const before = done;
      all.push(
        queue.add('interactive', async () => {
          ahead = Math.max(ahead, done - before);
          return 0;
        }),
      );
      await Promise.all(all);
      longestMs = Math.max(longestMs, performance.now() - last);
      clearInterval(timer);
      return done;
    },
    facts: () => ({ jobsAhead: ahead, longestBlockMs: Math.round(longestMs) }),
  };
}
