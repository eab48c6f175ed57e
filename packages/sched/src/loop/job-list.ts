import type { Job } from './job.js';

/**
 * A first-in first-out queue as a list through the jobs: it allocates nothing, and a job that waits is
 * reached from a job of its own age, which a collector of young objects can follow without a note.
 * O(1).
 *
 * head === null exactly when size === 0; otherwise `size` steps of `next` lead from head to tail.
 */
export class JobList {
  size = 0;
  private head: Job | null = null;
  private tail: Job | null = null;

  push(job: Job): void {
    if (this.tail === null) this.head = job;
    else this.tail.next = job;
    this.tail = job;
    this.size++;
  }

  /** The oldest job, which stays, or null. */
  first(): Job | null {
    return this.head;
  }

  /** Takes the oldest job out; null when empty. */
  shift(): Job | null {
    const job = this.head;
    if (job === null) return null;
    this.head = job.next;
    if (this.head === null) this.tail = null;
    job.next = null;
    this.size--;
    return job;
  }

  /** Inserts before the first job with a later deadline. O(jobs before it). */
  insertByDeadline(job: Job): void {
    let before: Job | null = null;
    let at = this.head;
    while (at !== null && at.limits.deadlineMs <= job.limits.deadlineMs) {
      before = at;
      at = at.next;
    }
    if (at === null) {
      this.push(job);
      return;
    }
    job.next = at;
    if (before === null) this.head = job;
    else before.next = job;
    this.size++;
  }
}
