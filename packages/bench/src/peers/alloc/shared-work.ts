/** Allocation patterns by several workers at once over one shared arena. */

import { Worker } from 'node:worker_threads';
import { SharedArena } from '@hotpath/slab';
import type { PreparedWork } from '../../harness/contestant.js';
import { modulePath } from '../../harness/runner.js';
import { runsFromSource } from '../../package-folder.js';

/** All pairs together, however many workers share them. */
export interface SharedWorkload {
  /** Objects that each worker keeps live, the oldest freed first. */
  readonly sharedLive: number;
  readonly objectBytes: number;
  /** A multiple of the number of workers. */
  readonly pairs: number;
}

/** What a worker is given. Control words: rounds begun, workers done, objects that were not own. */
export interface SharedJob {
  readonly buffer: SharedArrayBuffer;
  readonly control: SharedArrayBuffer;
  readonly live: number;
  readonly pairs: number;
}

export const BEGUN = 0;
export const DONE = 1;
export const WRONG = 2;

/** Loads the module that is named, with a loader for TypeScript where it needs one. */
const BOOTSTRAP = `
  const { workerData } = require('node:worker_threads');
  (async () => {
    if (workerData.fromSource) (await import('tsx/esm/api')).register();
    await import(workerData.module);
  })();
`;

function startWorker(job: SharedJob): void {
  const module = new URL(`file://${modulePath('peers/alloc/shared-worker')}`).href;
  const workerData = { ...job, module, fromSource: runsFromSource };
  new Worker(BOOTSTRAP, { eval: true, workerData }).unref();
}

/** `workerCount` workers that divide the pairs; a round ends when the last is done. */
export function sharedWork(workload: SharedWorkload, workerCount: number): PreparedWork {
  const { sharedLive: live, objectBytes, pairs } = workload;
  const buffer = new SharedArrayBuffer(32 * 1024 * 1024);
  const arena = SharedArena.format(buffer, { caches: [{ name: 'peer', objectBytes }] });
  const control = new SharedArrayBuffer(12);
  const words = new Int32Array(control);
  const job: SharedJob = { buffer, control, live, pairs: pairs / workerCount };
  for (let index = 0; index < workerCount; index++) startWorker(job);
  return {
    operationCount: pairs,
    run() {
      Atomics.store(words, DONE, 0);
      Atomics.add(words, BEGUN, 1);
      Atomics.notify(words, BEGUN);
      for (;;) {
        const done = Atomics.load(words, DONE);
        if (done === workerCount) break;
        Atomics.wait(words, DONE, done, 1000);
      }
      return arena.cache('peer').liveObjects + Atomics.load(words, WRONG);
    },
    facts() {
      const { acquired, contended } = arena.cache('peer').contention;
      return { 'lock taken': acquired, 'had to wait': contended };
    },
  };
}
