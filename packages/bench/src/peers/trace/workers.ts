/** Two worker threads that emit at once: what every contestant of the workload `workers` has in common. */

import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { SharedRingHandle } from '@hotpath/pmc-trace';
import type { PreparedWork } from '../../harness/contestant.js';
import { modulePath } from '../../harness/runner.js';
import { runsFromSource } from '../../package-folder.js';

/** How a worker takes its place in a ring. */
export type RingKind = 'own-ring' | 'one-ring-atomic' | 'one-ring-plain';

/** Cells of `control`. */
export const BEGUN = 0;
export const DONE = 1;
/** Index of the next record in the rings that both workers write. */
export const HEAD = 2;

/** What a worker gets. */
export interface WorkerJob {
  readonly ring: RingKind;
  readonly worker: number;
  readonly count: number;
  readonly control: SharedArrayBuffer;
  /** Of a ring of its own. */
  readonly handle: SharedRingHandle | null;
  /** Of the one ring of both: four doubles an event. */
  readonly records: SharedArrayBuffer | null;
}

export const WORKERS = 2;

/** Loads the module that is named; Node 20 runs no TypeScript, so from the sources with a loader. */
const BOOTSTRAP = `
  const { workerData } = require('node:worker_threads');
  (async () => {
    if (workerData.fromSource) (await import('tsx/esm/api')).register();
    await import(workerData.module);
  })();
`;

/** Starts the workers; `received` counts, after each round, the events that are there for a reader. */
export async function emitting(
  count: number,
  job: (worker: number) => Pick<WorkerJob, 'ring' | 'handle' | 'records'>,
  control: SharedArrayBuffer,
  received: () => number,
): Promise<PreparedWork> {
  const words = new Int32Array(control);
  const module = new URL(`file://${modulePath('peers/trace/worker')}`).href;
  const ready: Promise<unknown>[] = [];
  for (let worker = 0; worker < WORKERS; worker += 1) {
    const own: WorkerJob = { ...job(worker), worker, count: count / WORKERS, control };
    const workerData = { ...own, module, fromSource: runsFromSource };
    const execArgv = runsFromSource ? ['--conditions=@hotpath/source'] : [];
    const thread = new Worker(BOOTSTRAP, { eval: true, workerData, execArgv });
    thread.unref();
    ready.push(once(thread, 'message'));
  }
  await Promise.all(ready);
  let seen = 0;
  let spent = { ns: 0, cpuNs: 0 };
  return {
    operationCount: count,
    run: () => {
      const cpuStart = process.cpuUsage();
      const start = process.hrtime.bigint();
      Atomics.store(words, DONE, 0);
      Atomics.add(words, BEGUN, 1);
      Atomics.notify(words, BEGUN);
      for (;;) {
        const done = Atomics.load(words, DONE);
        if (done === WORKERS) break;
        Atomics.wait(words, DONE, done, 1000);
      }
      // Emitting is what is timed, not the look at the rings afterwards.
      const ns = Number(process.hrtime.bigint() - start);
      const { user, system } = process.cpuUsage(cpuStart);
      spent = { ns, cpuNs: (user + system) * 1000 };
      seen = received();
      return seen;
    },
    spent: () => spent,
    facts: () => ({ lostPercent: ((count - seen) / count) * 100 }),
  };
}
