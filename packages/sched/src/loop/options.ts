import { ArgumentError, checkInteger } from '@hotpath/hw-x86';
import type { PolicyFactory } from '../policy.js';
import { checkNice, checkWeight } from '../weights.js';
import type { LoopHost } from './host.js';
import type { CancelSignal } from './job.js';

/** Options of a {@link FairLoop}. */
export interface FairLoopOptions {
  /** Longest stretch of jobs before timers and I/O get their turn, ms, default 5. */
  sliceMs?: number;
  /** Jobs that may be waiting for a promise at once, default: any number. */
  concurrency?: number;
  /** The same for each tenant. */
  tenantConcurrency?: number;
  /** Jobs that may be queued per tenant; {@link FairLoop.add} rejects above. Default: any number. */
  maxQueued?: number;
  /** Tenants with state at once, default 1,024; idle ones make room. */
  maxTenants?: number;
  /** A job that held the event loop longer than this is reported to `onStall`, ms, default 50. */
  stallMs?: number;
  /**
   * Which tenant is next: `cfs()`, `mlfq()`, or any other whose tasks need no reservation. Default:
   * start-time fair queueing, which takes less time for a job than any of them.
   */
  policy?: PolicyFactory;
  onStall?: (stall: { tenant: string; ms: number }) => void;
  host?: LoopHost;
}

/** Options of one job. */
export interface JobOptions {
  /** Share of the tenant from now on, 1..262144; default 1024. */
  weight?: number;
  /** The same as a nice value, -20..19. */
  nice?: number;
  /** Within its tenant, jobs with a deadline go first, earliest first. Ms from now, above 0. */
  deadlineMs?: number;
  /** After this much of its own time `shouldYield()` says yes, ms; default the loop's slice. */
  sliceMs?: number;
  /** Rejects after this long, ms, counted from `add`. */
  timeoutMs?: number;
  signal?: CancelSignal;
}

/** Checks the options of a job; throws before anything has changed. */
export function checkJob(options: JobOptions): void {
  if (options.weight !== undefined) checkWeight(options.weight);
  if (options.nice !== undefined) checkNice(options.nice);
  if (options.sliceMs !== undefined) checkMs('ERR_SLICE', 'sliceMs', options.sliceMs);
  if (options.timeoutMs !== undefined) checkMs('ERR_TIMEOUT', 'timeoutMs', options.timeoutMs);
  if (options.deadlineMs !== undefined) checkMs('ERR_DEADLINE', 'deadlineMs', options.deadlineMs);
}

/** Returns milliseconds above 0. */
export function checkMs(code: string, what: string, value: number): number {
  if (value > 0 && value <= 2_147_483_647) return value;
  throw new ArgumentError(code, `${what} is ${value}; allowed: above 0, at most 2147483647 ms`);
}

/** Returns a count of 1 or more, or Infinity for undefined. */
export function checkCount(code: string, what: string, value: number | undefined): number {
  if (value === undefined || value === Infinity) return Infinity;
  return checkInteger(code, what, value, 1, Number.MAX_SAFE_INTEGER);
}
