/** Why a job was not done. `code`: ERR_FULL, ERR_TIMEOUT, ERR_CLOSED. */
export class LoopError extends Error {
  override readonly name = 'LoopError';
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** The part of an AbortSignal that is used: the platform's own fits. */
export interface CancelSignal {
  readonly aborted: boolean;
  readonly reason: unknown;
  addEventListener(type: 'abort', listener: () => void, options?: { once?: boolean }): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}

/** Given to a job's function. */
export interface JobContext {
  /** True when the job has used its slice and somebody waits: time for {@link yield}. */
  shouldYield(): boolean;
  /** Lets others run; resolves when it is this tenant's turn again. Rejects when cancelled. */
  yield(): Promise<void>;
  /** The job was cancelled or timed out: stop when convenient. */
  readonly cancelled: boolean;
  /** The tenant the job runs for. */
  readonly tenant: string;
}

/** A job's function; what it returns or resolves to is the result of `add`. */
export type JobFunction<T> = (context: JobContext) => T | PromiseLike<T>;

/** What a job needs of the loop it runs on. */
export interface JobHost {
  usedUp(job: Job): boolean;
  pause(job: Job): Promise<void>;
}

/** Whose job it is, and where it runs. */
export interface JobOwner {
  readonly name: string;
  readonly host: JobHost;
}

/** What few jobs have; the others share {@link NO_LIMITS}, so that a job stays small. */
export interface JobLimits {
  /** Absolute, in the host's ms; Infinity without. */
  deadlineMs: number;
  /** Null: the loop's slice. */
  sliceMs: number | null;
  /** Takes back timer and listener. */
  cancel: (() => void) | null;
}

/** Limits of a job without any. */
export const NO_LIMITS: JobLimits = { deadlineMs: Infinity, sliceMs: null, cancel: null };

/** A job that waits, runs, or waits to go on; to its function it is the context. */
export class Job implements JobContext {
  readonly fn: JobFunction<unknown>;
  readonly owner: JobOwner;
  /** Null once the job is settled: it is skipped where it is still queued. */
  resolve: ((value: unknown) => void) | null;
  reject: (reason: unknown) => void;
  readonly queuedMs: number;
  /** How many jobs the loop had got before. */
  readonly ticket: number;
  limits: JobLimits = NO_LIMITS;
  /** Behind it in its tenant's list. */
  next: Job | null = null;
  /** Continues after {@link yield}; null while it has not yielded. */
  resume: (() => void) | null = null;

  constructor(
    fn: JobFunction<unknown>,
    owner: JobOwner,
    queuedMs: number,
    ticket: number,
    resolve: (value: unknown) => void,
    reject: (reason: unknown) => void,
  ) {
    this.fn = fn;
    this.owner = owner;
    this.queuedMs = queuedMs;
    this.ticket = ticket;
    this.resolve = resolve;
    this.reject = reject;
  }

  get tenant(): string {
    return this.owner.name;
  }
  get cancelled(): boolean {
    return this.resolve === null;
  }
  shouldYield(): boolean {
    return this.owner.host.usedUp(this);
  }
  yield(): Promise<void> {
    return this.owner.host.pause(this);
  }

  /** Keeps or rejects the promise of `add`, once. */
  settle(good: boolean, value: unknown): void {
    const resolve = this.resolve;
    if (resolve === null) return;
    this.resolve = null;
    if (this.limits.cancel !== null) this.limits.cancel();
    if (good) resolve(value);
    else this.reject(value);
  }
}

/**
 * In places that have no job. It also keeps V8's hidden class of a job alive when no other job is: a
 * full garbage collection between two bursts would drop that, and all code compiled for it.
 */
export const NO_JOB: Job = new Job(
  () => {},
  { name: '', host: { usedUp: () => false, pause: () => Promise.resolve() } },
  0,
  0,
  () => {},
  () => {},
);
