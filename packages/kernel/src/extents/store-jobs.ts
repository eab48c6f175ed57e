import { assert, type Completion, isErrno, NIL, OK, PENDING } from '@hotpath/hw-x86';

/** What follows when all parts of a job have ended: a final status, or PENDING after a new part. */
type NextStep = (status: number) => number;

/**
 * Requests that fall into several parts: one answer to the asker when the last part has ended, the
 * first error if there was one. A job may go on with a further step. Pooled columns; a job's number
 * is the tag of its parts.
 *
 *   open[j] === parts begun - parts ended       (1 more while the asker is still inside its call)
 */
export class StoreJobs implements Completion {
  readonly #open: number[] = [];
  readonly #status: number[] = [];
  readonly #sink: (Completion | null)[] = [];
  readonly #tag: number[] = [];
  readonly #next: (NextStep | null)[] = [];
  readonly #free: number[] = [];

  /** A new job, held open until {@link StoreJobs.started}. */
  begin(sink: Completion, tag: number): number {
    const job = this.#free.pop() ?? this.#open.length;
    this.#open[job] = 1;
    this.#status[job] = OK;
    this.#sink[job] = sink;
    this.#tag[job] = tag;
    this.#next[job] = null;
    return job;
  }

  /** One more part is about to begin. */
  add(job: number): void {
    this.#open[job] += 1;
  }

  /** What to do after the parts so far. */
  continueWith(job: number, next: NextStep): void {
    this.#next[job] = next;
  }

  /** Keeps an error for the answer. */
  fail(job: number, errno: number): void {
    assert(isErrno(errno), 'a job fails without an errno');
    if (this.#status[job] === OK) this.#status[job] = errno;
  }

  /** The asker's call returns: the final status, or PENDING if the sink will be told. */
  started(job: number): number {
    const status = this.#close(job);
    if (status !== PENDING) this.#retire(job);
    return status;
  }

  /** A part ended at once, inside the asker's call. */
  end(job: number, status: number): void {
    if (isErrno(status)) this.fail(job, status);
    this.#open[job] -= 1;
    assert(this.#open[job] > 0, 'a job ended inside the call that began it');
  }

  /** A part ended later. */
  completed(job: number, result: number): void {
    if (isErrno(result)) this.fail(job, result);
    const status = this.#close(job);
    if (status === PENDING) return;
    const sink = this.#sink[job];
    const tag = this.#tag[job];
    assert(sink !== null, 'a part of no job ended');
    this.#retire(job);
    sink.completed(tag, status);
  }

  /** Ends one part; runs the further steps when it was the last. */
  #close(job: number): number {
    this.#open[job] -= 1;
    while (this.#open[job] === 0) {
      const next = this.#next[job];
      if (next === null) return this.#status[job];
      this.#next[job] = null;
      this.#open[job] = 1;
      const status = next(this.#status[job]);
      // PENDING: the part counted just now ends through `completed`.
      if (status === PENDING) return PENDING;
      this.#status[job] = status;
      this.#open[job] = 0;
    }
    return PENDING;
  }

  #retire(job: number): void {
    assert(this.#open[job] === 0, 'a job retires with open parts');
    this.#sink[job] = null;
    this.#tag[job] = NIL;
    this.#free.push(job);
  }
}
