import type { Job } from './job.js';

const START = 8;
/** A ring of more places than this is given back when it is empty. */
const KEEP_MAX = 1024;

/**
 * A first-in first-out queue in a ring that keeps its places: a tenant that comes back allocates
 * nothing. O(1), growth amortised.
 *
 * items[(head + i) & (items.length - 1)] for i < size are the jobs in order, the others null;
 * items.length is a power of two.
 */
export class JobQueue {
  size = 0;
  private items: (Job | null)[] = new Array<Job | null>(START).fill(null);
  private head = 0;

  push(job: Job): void {
    if (this.size === this.items.length) this.grow();
    this.items[(this.head + this.size++) & (this.items.length - 1)] = job;
  }

  /** The oldest job, or null. */
  shift(): Job | null {
    if (this.size === 0) return null;
    const items = this.items;
    const job = items[this.head]!;
    items[this.head] = null;
    this.head = (this.head + 1) & (items.length - 1);
    if (--this.size === 0 && items.length > KEEP_MAX) {
      this.items = new Array<Job | null>(START).fill(null);
      this.head = 0;
    }
    return job;
  }

  /** Inserts before the first job with a later deadline. O(jobs behind it). */
  insertByDeadline(job: Job): void {
    this.push(job);
    const { items, head } = this;
    const mask = items.length - 1;
    let at = this.size - 1;
    for (; at > 0; at--) {
      const before = items[(head + at - 1) & mask]!;
      if (before.limits.deadlineMs <= job.limits.deadlineMs) break;
      items[(head + at) & mask] = before;
    }
    items[(head + at) & mask] = job;
  }

  private grow(): void {
    const { items, head } = this;
    const bigger = new Array<Job | null>(2 * items.length).fill(null);
    for (let i = 0; i < this.size; i++) bigger[i] = items[(head + i) & (items.length - 1)];
    this.items = bigger;
    this.head = 0;
  }
}
