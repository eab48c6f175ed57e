import { assert, type Nanoseconds, NIL } from '@hotpath/hw-x86';
import type { CpuLists } from './cpu-lists.js';
import { CAPACITY, type LoadAverages } from './load-averages.js';
import { QUEUED, type Tasks } from './tasks.js';

// What a CPU has to give, and the rank of who should be relieved (Linux: enum group_type).
const HAS_SPARE = 0;
const FULLY_BUSY = 1;
const OVERLOADED = 2;

/** A CPU must be so much busier, in percent, before anything moves (Linux: imbalance_pct). */
const IMBALANCE_PERCENT = 117;
/** Rounds without success until cache-hot tasks move too (Linux: cache_nice_tries). */
const FAILURES_UNTIL_HOT = 1;
/** A busy CPU balances this many times less often than an idle one (Linux: busy_factor). */
const BUSY_FACTOR = 16;
/** Most tasks looked at in one round (Linux: sched_nr_migrate). */
const SCAN_MAX = 32;

/** Port: moves a queued task to another CPU's queue. */
export type MoveTask = (task: number, to: number, now: Nanoseconds) => void;

/** Why a CPU looks for work. */
export const BALANCE_BUSY = 0;
export const BALANCE_IDLE = 1;
export const BALANCE_NEWLY_IDLE = 2;

/**
 * Who should run where, over one domain of equal CPUs as Linux 6.18 balances it
 * (kernel/sched/fair.c: sched_balance_rq, calculate_imbalance, detach_tasks,
 * sched_balance_find_dst_group): by load averages, not by the tasks that happen to be ready now, so
 * that a CPU whose tasks sleep for a moment is not taken for an empty one.
 */
export class Balancer {
  private readonly tasks: Tasks;
  private readonly lists: CpuLists;
  private readonly loads: LoadAverages;
  private readonly moveTask: MoveTask;
  private readonly lastRan: Float64Array;
  private readonly hotNs: number;
  private readonly intervalNs: number;
  private readonly nextAt: Float64Array;
  /** Rounds in a row in which a busy CPU could give nothing. */
  private readonly failures: Int32Array;

  constructor(options: {
    tasks: Tasks;
    lists: CpuLists;
    loads: LoadAverages;
    /** When each task last stopped running. */
    lastRan: Float64Array;
    /** A task that ran within this time is cache-hot. */
    hotNs: number;
    /** Between two rounds of an idle CPU. */
    intervalNs: number;
    move: MoveTask;
  }) {
    this.tasks = options.tasks;
    this.lists = options.lists;
    this.loads = options.loads;
    this.moveTask = options.move;
    this.lastRan = options.lastRan;
    this.hotNs = options.hotNs;
    this.intervalNs = options.intervalNs;
    this.nextAt = new Float64Array(options.tasks.cpuCount);
    this.failures = new Int32Array(options.tasks.cpuCount);
  }

  /** The round of `cpu` and of the idle CPUs that cannot have one of their own, if due. Tasks moved. */
  periodic(cpu: number, now: Nanoseconds): number {
    let moved = 0;
    for (let other = 0; other < this.tasks.cpuCount; other++) {
      const idle = this.ready(other) === 0;
      if (!idle && other !== cpu) continue;
      if (now < this.nextAt[other]) continue;
      this.nextAt[other] = now + this.intervalNs * (idle ? 1 : BUSY_FACTOR);
      moved += this.round(other, now, idle ? BALANCE_IDLE : BALANCE_BUSY);
    }
    return moved;
  }

  /** One round for `cpu`: takes from the busiest what makes the two more equal. Tasks moved. */
  round(cpu: number, now: Nanoseconds, why: number): number {
    const busiest = this.busiest(cpu, now);
    if (busiest === NIL) return 0;
    const local = this.typeOf(cpu, now);
    const type = this.typeOf(busiest, now);
    if (local > type) return 0;
    if (type !== OVERLOADED && (why === BALANCE_BUSY || this.ready(busiest) === 1)) return 0;
    const moved = this.relieve(busiest, cpu, now, why, local, type);
    if (moved > 0) this.failures[cpu] = 0;
    else if (why !== BALANCE_NEWLY_IDLE) this.failures[cpu]++;
    return moved;
  }

  private relieve(
    from: number,
    to: number,
    now: Nanoseconds,
    why: number,
    local: number,
    type: number,
  ): number {
    if (local === HAS_SPARE) {
      if (type === OVERLOADED) {
        const spare = Math.max(0, CAPACITY - this.loads.utilization(to, now));
        if (spare > 0 || why === BALANCE_BUSY)
          return this.detach(from, to, now, why, spare, 'util');
        return this.detach(from, to, now, why, 1, 'count');
      }
      const difference = this.ready(from) - this.ready(to);
      return this.detach(from, to, now, why, difference >> 1, 'count');
    }
    const own = this.loads.load(to, now);
    const theirs = this.loads.load(from, now);
    if (own >= theirs) return 0;
    const average = this.average(now);
    if (own >= average) return 0;
    if (local === OVERLOADED && 100 * theirs <= IMBALANCE_PERCENT * own) return 0;
    return this.detach(from, to, now, why, Math.min(theirs - average, average - own), 'load');
  }

  /** detach_tasks: from the cold end, until so much of `unit` has moved. */
  private detach(
    from: number,
    to: number,
    now: Nanoseconds,
    why: number,
    amount: number,
    unit: 'load' | 'util' | 'count',
  ): number {
    let left = amount;
    let moved = 0;
    let looks = Math.min(SCAN_MAX, this.ready(from));
    const failures = this.failures[to];
    const margin = 2 ** failures;
    for (let task = this.lists.last(from); task !== NIL && looks > 0 && left > 0; looks--) {
      const before = this.lists.before(task);
      if (why !== BALANCE_BUSY && this.ready(from) <= 1) break;
      if (this.mayMove(task, to, now, failures)) {
        let cost = 1;
        if (unit === 'load') cost = Math.max(1, this.loads.taskLoad(task));
        else if (unit === 'util') cost = this.loads.taskUtilization(task);
        if (unit === 'count' || cost / margin <= (unit === 'load' ? left * 1 : left)) {
          this.moveTask(task, to, now);
          left -= cost;
          moved++;
          if (why === BALANCE_NEWLY_IDLE) break;
        }
      }
      task = before;
    }
    return moved;
  }

  private mayMove(task: number, to: number, now: Nanoseconds, failures: number): boolean {
    if (this.tasks.state[task] !== QUEUED) return false;
    if (((this.tasks.affinity[task] >>> to) & 1) === 0) return false;
    return failures > FAILURES_UNTIL_HOT || now - this.lastRan[task] >= this.hotNs;
  }

  private average(now: Nanoseconds): number {
    const cpus = this.tasks.cpuCount;
    let sum = 0;
    for (let cpu = 0; cpu < cpus; cpu++) sum += this.loads.load(cpu, now);
    return sum / cpus;
  }

  /** The CPU that most needs relief, or NIL. */
  private busiest(cpu: number, now: Nanoseconds): number {
    let best = NIL;
    let bestType = NIL;
    for (let other = 0; other < this.tasks.cpuCount; other++) {
      if (other === cpu || this.ready(other) === 0) continue;
      const type = this.typeOf(other, now);
      if (type < bestType) continue;
      if (type === bestType && !this.busier(other, best, type, now)) continue;
      best = other;
      bestType = type;
    }
    return best;
  }

  private busier(cpu: number, than: number, type: number, now: Nanoseconds): boolean {
    if (type === HAS_SPARE) return this.ready(cpu) > this.ready(than);
    return this.loads.load(cpu, now) > this.loads.load(than, now);
  }

  private ready(cpu: number): number {
    return this.tasks.queuedCount[cpu] + (this.tasks.current[cpu] === NIL ? 0 : 1);
  }

  /** group_classify of a group of one CPU. */
  private typeOf(cpu: number, now: Nanoseconds): number {
    const count = this.ready(cpu);
    if (count === 0) return HAS_SPARE;
    const crowded = CAPACITY * IMBALANCE_PERCENT < this.loads.readiness(cpu, now) * 100;
    const busy = CAPACITY * 100 < this.loads.utilization(cpu, now) * IMBALANCE_PERCENT;
    if (count > 1 && (busy || crowded)) return OVERLOADED;
    return crowded || busy ? FULLY_BUSY : HAS_SPARE;
  }

  /** CPU for a task that begins, its parent's unless another is clearly less loaded. */
  placeNew(task: number, now: Nanoseconds): number {
    const { affinity, cpu } = this.tasks;
    const parent = cpu[task];
    assert(affinity[task] !== 0, 'a task may run somewhere');
    const parentAllowed = ((affinity[task] >>> parent) & 1) === 1;
    let best = NIL;
    for (let other = 0; other < this.tasks.cpuCount; other++) {
      if (other === parent || ((affinity[task] >>> other) & 1) === 0) continue;
      if (best === NIL || this.idler(other, best, now, 0)) best = other;
    }
    if (!parentAllowed) return best;
    if (best === NIL) return parent;
    const margin = (CAPACITY * (IMBALANCE_PERCENT - 100)) / 100;
    return this.idler(best, parent, now, margin) ? best : parent;
  }

  private idler(cpu: number, than: number, now: Nanoseconds, margin: number): boolean {
    const type = this.typeOf(cpu, now);
    const other = this.typeOf(than, now);
    if (type !== other) return type < other;
    if (type === HAS_SPARE) return this.ready(cpu) === 0 && this.ready(than) > 0;
    const load = this.loads.load(cpu, now);
    const theirs = this.loads.load(than, now);
    if (margin === 0) return load < theirs;
    return theirs >= load + margin || 100 * theirs > IMBALANCE_PERCENT * load;
  }
}
