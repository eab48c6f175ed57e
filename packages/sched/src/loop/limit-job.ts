import type { LoopHost } from './host.js';
import { type Job, type JobLimits, LoopError } from './job.js';
import type { JobOptions } from './options.js';

/** Gives a job its deadline, slice, timeout and signal; false when it is settled already. */
export function limitJob(job: Job, options: JobOptions, host: LoopHost, nowMs: number): boolean {
  const { signal, timeoutMs, deadlineMs } = options;
  if (signal?.aborted === true) {
    job.settle(false, signal.reason);
    return false;
  }
  const limits: JobLimits = {
    deadlineMs: deadlineMs === undefined ? Infinity : nowMs + deadlineMs,
    sliceMs: options.sliceMs ?? null,
    cancel: null,
  };
  job.limits = limits;
  if (signal === undefined && timeoutMs === undefined) return true;
  const abort = () => job.settle(false, signal?.reason);
  signal?.addEventListener('abort', abort, { once: true });
  const stop =
    timeoutMs === undefined
      ? null
      : host.timeout(() => {
          const message = `job of ${job.tenant} was not done after ${timeoutMs} ms`;
          job.settle(false, new LoopError('ERR_TIMEOUT', message));
        }, timeoutMs);
  limits.cancel = () => {
    signal?.removeEventListener('abort', abort);
    if (stop !== null) stop();
  };
  return true;
}
