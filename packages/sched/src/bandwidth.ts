import { assert, type Nanoseconds, NIL } from '@hotpath/hw-x86';
import type { Groups } from './groups.js';

/**
 * Caps of groups (cpu.max of cgroup v2; Turner, Rao and Rao 2010): a group may use quotaNs of CPU per
 * periodNs over all CPUs, then its queues stand still until the next period. What it ran over is
 * taken from that.
 *
 * For every capped group g with ready tasks: endsAt[g] is finite; throttled[g] <=> used[g] reached
 * quotaNs[g] in this period.
 */
export class Bandwidth {
  /** First end of a period, or Infinity. */
  nextTimerNs: Nanoseconds = Infinity;
  private readonly groups: Groups;
  private readonly used: Float64Array;
  private readonly endsAt: Float64Array;
  private readonly stopped: Uint8Array;
  /** Period ends since the group was last charged or started: idle groups need no timer. */
  private readonly idle: Uint8Array;

  constructor(groups: Groups) {
    this.groups = groups;
    this.used = new Float64Array(groups.capacity);
    this.endsAt = new Float64Array(groups.capacity).fill(Infinity);
    this.stopped = new Uint8Array(groups.capacity);
    this.idle = new Uint8Array(groups.capacity);
  }

  /** Whether the group has used its quota. */
  throttled(group: number): boolean {
    return this.stopped[group] === 1;
  }

  /** What the group may still use in this period; Infinity without a cap. */
  leftNs(group: number): Nanoseconds {
    return Math.max(0, this.groups.quotaNs[group] - this.used[group]);
  }

  /** A task of the group became ready: its period runs. */
  start(group: number, now: Nanoseconds): void {
    this.idle[group] = 0;
    if (this.groups.quotaNs[group] === Infinity || this.endsAt[group] !== Infinity) return;
    this.endsAt[group] = now + this.groups.periodNs[group];
    this.nextTimerNs = Math.min(this.nextTimerNs, this.endsAt[group]);
  }

  /** The group used `ranNs` on some CPU. */
  charge(group: number, ranNs: Nanoseconds, now: Nanoseconds): void {
    const quota = this.groups.quotaNs[group];
    if (quota === Infinity) return;
    this.start(group, now);
    this.used[group] += ranNs;
    if (this.used[group] >= quota) this.stopped[group] = 1;
  }

  /** Begins the next period of one group whose period has ended; that group, or NIL. O(groups). */
  refill(now: Nanoseconds): number {
    let found = NIL;
    let next = Infinity;
    for (let group = 0; group < this.groups.count; group++) {
      if (found === NIL && this.endsAt[group] <= now) {
        found = group;
        this.renew(group, now);
      }
      next = Math.min(next, this.endsAt[group]);
    }
    this.nextTimerNs = next;
    return found;
  }

  private renew(group: number, now: Nanoseconds): void {
    const period = this.groups.periodNs[group];
    const passed = Math.floor((now - this.endsAt[group]) / period) + 1;
    assert(passed >= 1, 'a period that is renewed has ended');
    this.used[group] = Math.max(0, this.used[group] - passed * this.groups.quotaNs[group]);
    this.stopped[group] = this.used[group] >= this.groups.quotaNs[group] ? 1 : 0;
    this.endsAt[group] = this.idle[group] === 1 ? Infinity : this.endsAt[group] + passed * period;
    this.idle[group] = this.stopped[group] === 1 ? 0 : 1;
  }
}
