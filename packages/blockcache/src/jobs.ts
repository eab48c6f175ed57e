/** Calls that consist of several block transfers and finish when the last of them does. */
import { assert, type Completion, NIL, OK, PENDING } from '@hotpath/hw-x86';
import type { ReadyQueue } from './waits.js';

/** Pooled records of multi-block calls. */
export class Jobs {
  readonly #ready: ReadyQueue;
  readonly #sinks: (Completion | null)[] = [];
  readonly #tags: number[] = [];
  readonly #remaining: number[] = [];
  readonly #errors: number[] = [];
  readonly #starting: boolean[] = [];
  readonly #free: number[] = [];
  /** Jobs under way. */
  count = 0;

  constructor(ready: ReadyQueue) {
    this.#ready = ready;
  }

  /** A job of `parts` parts. Until {@link Jobs.started} its end is not delivered. */
  begin(sink: Completion, tag: number, parts: number): number {
    const job = this.#free.pop() ?? this.#sinks.length;
    this.#sinks[job] = sink;
    this.#tags[job] = tag;
    this.#remaining[job] = parts;
    this.#errors[job] = OK;
    this.#starting[job] = true;
    this.count += 1;
    return job;
  }

  /** The call that began the job returns this: its result if all parts are done, else PENDING. */
  started(job: number): number {
    this.#starting[job] = false;
    if (this.#remaining[job] > 0) return PENDING;
    return this.#end(job);
  }

  /** One part is done, with OK or an errno; the first errno is the job's result. */
  finishOne(job: number, result: number): void {
    assert(this.#remaining[job] > 0, 'jobs: more parts finished than there were');
    this.#remaining[job] -= 1;
    if (result !== OK && this.#errors[job] === OK) this.#errors[job] = result;
    if (this.#remaining[job] > 0 || this.#starting[job]) return;
    const sink = this.#sinks[job] as Completion;
    const tag = this.#tags[job];
    this.#ready.push(sink, tag, this.#end(job));
  }

  #end(job: number): number {
    assert(this.#remaining[job] === 0, 'jobs: a job ended with parts left');
    this.#sinks[job] = null;
    this.#free.push(job);
    this.count -= 1;
    return this.#errors[job];
  }

  /** Parts that are not finished; NIL for a job that does not exist. */
  remaining(job: number): number {
    return this.#remaining[job] ?? NIL;
  }
}
