import { assert } from '@hotpath/hw-x86';

/** Times at which tasks become ready, ordered by (time, task): a binary heap over typed arrays. */
export class BurstEvents {
  private readonly times: Float64Array;
  private readonly tasks: Int32Array;
  private count = 0;

  /** @param capacity - most events pending at once: one for each task */
  constructor(capacity: number) {
    this.times = new Float64Array(capacity);
    this.tasks = new Int32Array(capacity);
  }

  /** Time of the first event; Infinity when there is none. */
  get nextTime(): number {
    return this.count === 0 ? Number.POSITIVE_INFINITY : this.times[0];
  }

  /** Adds an event. O(log n). */
  add(time: number, task: number): void {
    assert(this.count < this.times.length, 'one pending event for each task at most');
    let at = this.count++;
    while (at > 0) {
      const parent = (at - 1) >>> 1;
      if (!this.before(time, task, parent)) break;
      this.times[at] = this.times[parent];
      this.tasks[at] = this.tasks[parent];
      at = parent;
    }
    this.times[at] = time;
    this.tasks[at] = task;
  }

  /** Removes the first event; its task. O(log n). */
  take(): number {
    assert(this.count > 0, 'an event is pending');
    const first = this.tasks[0];
    const time = this.times[--this.count];
    const task = this.tasks[this.count];
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= this.count) break;
      const right = child + 1;
      if (right < this.count && this.before(this.times[right], this.tasks[right], child)) {
        child = right;
      }
      if (this.before(time, task, child)) break;
      this.times[at] = this.times[child];
      this.tasks[at] = this.tasks[child];
      at = child;
    }
    this.times[at] = time;
    this.tasks[at] = task;
    return first;
  }

  private before(time: number, task: number, at: number): boolean {
    return time < this.times[at] || (time === this.times[at] && task < this.tasks[at]);
  }
}
