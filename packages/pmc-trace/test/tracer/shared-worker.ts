import { parentPort } from 'node:worker_threads';
import { attachRing, type SharedRingHandle } from '../../src/index.js';

/** Emits `count` events whose time, a and b say which event it is; one job after the other. */
parentPort?.on('message', ({ handle, count }: { handle: SharedRingHandle; count: number }) => {
  let time = 0;
  const emitter = attachRing(handle, { now: () => time });
  for (; time < count; time += 1) emitter.instant(handle.kinds['tick'], time, -time);
  parentPort?.postMessage('done');
});
parentPort?.postMessage('ready');
