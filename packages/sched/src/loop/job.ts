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

/** A job that waits, runs, or waits to go on. */
export interface Job {
  readonly fn: JobFunction<unknown>;
  readonly tenant: string;
  /** Null once the job is settled: it is skipped where it is still queued. */
  resolve: ((value: unknown) => void) | null;
  reject: (reason: unknown) => void;
  /** Absolute, in the host's ms; Infinity without. */
  deadlineMs: number;
  sliceMs: number;
  queuedMs: number;
  /** Continues after {@link JobContext.yield}; null while it has not yielded. */
  resume: (() => void) | null;
  cancel: (() => void) | null;
}

/**
 * A first-in first-out queue that does not shift an array: the head moves, and what is behind it is
 * cut off now and then. O(1) amortised.
 */
export class JobQueue {
  private items: (Job | null)[] = [];
  private head = 0;

  get size(): number {
    return this.items.length - this.head;
  }

  push(job: Job): void {
    this.items.push(job);
  }

  /** The oldest job, or null. */
  shift(): Job | null {
    if (this.head === this.items.length) return null;
    const job = this.items[this.head];
    this.items[this.head++] = null;
    if (this.head === this.items.length) {
      this.items.length = 0;
      this.head = 0;
    } else if (this.head >= 4096 && this.head * 2 >= this.items.length) {
      this.items = this.items.slice(this.head);
      this.head = 0;
    }
    return job;
  }

  /** Inserts before the first job with a later deadline. O(jobs behind it). */
  insertByDeadline(job: Job): void {
    let at = this.items.length;
    while (at > this.head && this.items[at - 1]!.deadlineMs > job.deadlineMs) at--;
    this.items.splice(at, 0, job);
  }
}
