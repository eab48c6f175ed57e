import { ArgumentError, assert, checkInteger, NIL } from '@hotpath/hw-x86';

/** What a group is created with. */
export interface GroupOptions {
  /** Share against other groups and ungrouped tasks, 2..262144, default 1024 (one nice-0 task). */
  weight?: number;
  /** CPU time per period in ns, over all CPUs together; default: no cap. */
  quotaNs?: number;
  /** Period of the cap in ns, 1 ms..1 s, default 100 ms (cpu.max of cgroup v2). */
  periodNs?: number;
  name?: string;
}

/** Columns of the groups (tenants), index = group id. Groups nest one level: they hold tasks. */
export class Groups {
  readonly capacity: number;
  readonly weight: Float64Array;
  /** Infinity: no cap. */
  readonly quotaNs: Float64Array;
  readonly periodNs: Float64Array;
  readonly taskCount: Int32Array;
  readonly names: string[] = [];
  count = 0;

  constructor(capacity: number) {
    this.capacity = capacity;
    this.weight = new Float64Array(capacity);
    this.quotaNs = new Float64Array(capacity).fill(Infinity);
    this.periodNs = new Float64Array(capacity);
    this.taskCount = new Int32Array(capacity);
  }

  /**
   * A new group; its id, or NIL when `capacity` are taken.
   * @throws ArgumentError ERR_WEIGHT, ERR_QUOTA, ERR_PERIOD
   */
  create(options: GroupOptions = {}): number {
    const weight = checkInteger('ERR_WEIGHT', 'group weight', options.weight ?? 1024, 2, 262_144);
    const period = options.periodNs ?? 100_000_000;
    checkInteger('ERR_PERIOD', 'periodNs', period, 1_000_000, 1_000_000_000);
    const quota = options.quotaNs ?? Infinity;
    if (quota !== Infinity) {
      checkInteger('ERR_QUOTA', 'quotaNs', quota, 1_000_000, Number.MAX_SAFE_INTEGER);
    }
    if (this.count === this.capacity) return NIL;
    const group = this.count++;
    this.weight[group] = weight;
    this.quotaNs[group] = quota;
    this.periodNs[group] = period;
    this.names[group] = options.name ?? `group ${group}`;
    assert(this.taskCount[group] === 0, 'a new group holds no tasks');
    return group;
  }

  /** Returns `group`. @throws ArgumentError ERR_GROUP for an id that was not created. */
  check(group: number): number {
    if (Number.isInteger(group) && group >= 0 && group < this.count) return group;
    throw new ArgumentError('ERR_GROUP', `group is ${group}; allowed: 0..${this.count - 1}`);
  }
}
