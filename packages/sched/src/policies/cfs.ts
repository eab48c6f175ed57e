import { assert, checkInteger, NIL, type VirtAddr } from '@hotpath/hw-x86';
import { Bandwidth } from '../bandwidth.js';
import { FairEntities } from '../fair-entities.js';
import {
  DEQUEUE_SAVE,
  DEQUEUE_SLEEP,
  ENQUEUE_NEW,
  ENQUEUE_PREEMPTED,
  ENQUEUE_WAKE,
  type Policy,
  type PolicyContext,
  type PolicyFactory,
} from '../policy.js';
import { RedBlackTree } from '../red-black-tree.js';
import type { Tasks } from '../tasks.js';

/** Options of {@link cfs}; defaults are Linux's normalised ones, before its scaling by CPUs. */
export interface CfsOptions {
  /** Period in which every runnable task runs once, default 6 ms. Longer: throughput; shorter: latency. */
  latencyNs?: number;
  /** Shortest slice before a tick preempts, default 0.75 ms. */
  minGranularityNs?: number;
  /** How far behind a woken task must be to preempt, default 1 ms. */
  wakeupGranularityNs?: number;
  /** A newcomer waits a slice (START_DEBIT); false: it is placed like a sleeper. Default true. */
  startDebit?: boolean;
  /** Multiply the three by 1 + floor(log2(min(CPUs, 8))), as Linux does; default true. */
  scaleByCpus?: boolean;
  /** Virtual times are moved down by this much when they pass it; default 2**50. */
  renormaliseNs?: number;
}

/**
 * The Completely Fair Scheduler of Linux 6.5 (kernel/sched/fair.c of the last release with CFS), with
 * its integer arithmetic bit for bit: vruntime, min_vruntime, sleeper placement, start debit, slices
 * with a minimal granularity, wake-up preemption, skip and last buddies. Features as shipped:
 * GENTLE_FAIR_SLEEPERS, START_DEBIT, LAST_BUDDY, WAKEUP_PREEMPTION, BASE_SLICE.
 *
 * Groups nest one level: a group has an entity on each CPU whose weight is its share of the group's.
 *
 * For every queue q: minVruntime[q] never falls (but for renormalisation), and every entity in its
 * tree has vruntime >= minVruntime[q] - latency / 2.
 */
class Cfs implements Policy {
  readonly name = 'cfs';
  nextTimerNs = Infinity;
  private readonly tasks: Tasks;
  private readonly fair: FairEntities;
  private readonly bandwidth: Bandwidth;
  private readonly tree: RedBlackTree;
  private readonly latency: number;
  private readonly minGranularity: number;
  private readonly wakeupGranularity: number;
  private readonly latencyCount: number;
  private readonly limit: number;
  private readonly startDebit: boolean;
  private readonly vruntime: Float64Array;
  private readonly sumExec: Float64Array;
  private readonly previousSum: Float64Array;
  /** Renormalisations the entity's vruntime has seen, against those of its queue. */
  private readonly entityEpoch: Float64Array;
  private readonly epoch: Float64Array;
  private readonly minVruntime: Float64Array;
  /** vruntime is relative to min_vruntime: between leaving one queue and entering another. */
  private readonly relative: Uint8Array;
  private readonly skip: Int32Array;
  private readonly last: Int32Array;
  private readonly entityBase: VirtAddr;
  private readonly queueBase: VirtAddr;

  constructor(context: PolicyContext, options: Required<CfsOptions>) {
    this.tasks = context.tasks;
    const fair = new FairEntities(context);
    this.fair = fair;
    this.bandwidth = new Bandwidth(context.groups);
    this.tree = new RedBlackTree(fair.entityCount, fair.queueCount, false, context.meter);
    const cpus = context.tasks.cpuCount;
    const factor = options.scaleByCpus ? 32 - Math.clz32(Math.min(cpus, 8)) : 1;
    this.latency = options.latencyNs * factor;
    this.minGranularity = options.minGranularityNs * factor;
    this.wakeupGranularity = options.wakeupGranularityNs * factor;
    this.latencyCount = Math.ceil(options.latencyNs / options.minGranularityNs);
    this.limit = options.renormaliseNs;
    this.startDebit = options.startDebit;
    this.vruntime = new Float64Array(fair.entityCount);
    this.sumExec = new Float64Array(fair.entityCount);
    this.previousSum = new Float64Array(fair.entityCount);
    this.entityEpoch = new Float64Array(fair.entityCount);
    this.relative = new Uint8Array(fair.entityCount);
    this.epoch = new Float64Array(fair.queueCount);
    this.minVruntime = new Float64Array(fair.queueCount);
    this.skip = new Int32Array(fair.queueCount).fill(NIL);
    this.last = new Int32Array(fair.queueCount).fill(NIL);
    const meter = context.meter;
    this.entityBase =
      meter === null ? 0 : meter.region('sched.cfs.entities', 64 * fair.entityCount);
    this.queueBase = meter === null ? 0 : meter.region('sched.cfs.queues', 64 * fair.queueCount);
  }

  newTask(task: number): number {
    const fair = this.fair;
    fair.adoptTask(task);
    const queue = fair.queue[task];
    const current = fair.current[queue];
    // task_fork_fair: the child starts from its parent's vruntime, then place_entity.
    this.vruntime[task] = current === NIL ? 0 : this.vruntime[current];
    if (!this.startDebit) this.vruntime[task] = this.minVruntime[queue] - this.latency;
    this.relative[task] = 0;
    this.entityEpoch[task] = this.epoch[queue];
    this.sumExec[task] = 0;
    this.previousSum[task] = 0;
    return 0;
  }
  selectCpu(): number {
    return NIL;
  }

  enqueue(task: number, cpu: number, flags: number): void {
    const fair = this.fair;
    let how = flags;
    if (flags === ENQUEUE_PREEMPTED) {
      this.putBack(cpu);
      return;
    }
    for (let entity = task; entity !== NIL; entity = fair.parentOf(entity)) {
      if (fair.onQueue[entity] === 1) break;
      if (fair.isGroup(entity) && !this.mayRun(entity)) break;
      this.enqueueEntity(fair.queue[entity], entity, how);
      how = ENQUEUE_WAKE;
    }
    this.refreshShares(task);
  }

  private charge(entity: number, ranNs: number): void {
    this.bandwidth.charge(this.fair.groupOf(entity), ranNs, this.tasks.nowNs);
    this.nextTimerNs = this.bandwidth.nextTimerNs;
  }

  /** Starts the group's period; false while it is throttled: it waits outside the root queue. */
  private mayRun(entity: number): boolean {
    const group = this.fair.groupOf(entity);
    this.bandwidth.start(group, this.tasks.nowNs);
    this.nextTimerNs = this.bandwidth.nextTimerNs;
    return !this.bandwidth.throttled(group);
  }

  private enqueueEntity(queue: number, entity: number, flags: number): void {
    const fair = this.fair;
    if (flags === ENQUEUE_WAKE || flags === ENQUEUE_NEW) {
      this.catchUp(queue, entity);
      fair.add(queue, entity);
      this.place(queue, entity, flags === ENQUEUE_NEW);
    } else {
      // Moved or back at once: vruntime was made relative to the old queue's minimum.
      this.vruntime[entity] += this.minVruntime[queue];
      this.relative[entity] = 0;
      this.entityEpoch[entity] = this.epoch[queue];
      fair.add(queue, entity);
    }
    this.tree.insert(entity, this.vruntime[entity], queue);
    fair.touch(this.entityBase, entity);
  }

  /** place_entity: a sleeper gets at most half a period of credit, a newcomer starts with a debit. */
  private place(queue: number, entity: number, first: boolean): void {
    let at = this.minVruntime[queue];
    // sched_vslice of an entity that is not yet counted; ours was added just before.
    if (first && this.startDebit) at += this.fair.scaled(entity, this.slice(queue, entity));
    else at -= Math.floor(this.latency / 2);
    if (this.vruntime[entity] < at) this.vruntime[entity] = at;
    assert(this.vruntime[entity] <= Number.MAX_SAFE_INTEGER, 'vruntime below 2**53');
  }

  dequeue(task: number, _cpu: number, flags: number): void {
    this.remove(task, flags);
  }
  stopped(task: number, _cpu: number, flags: number): void {
    this.remove(task, flags);
  }

  private remove(task: number, flags: number): void {
    const fair = this.fair;
    let how = flags;
    for (let entity = task; entity !== NIL; entity = fair.parentOf(entity)) {
      if (fair.onQueue[entity] === 0) break;
      this.dequeueEntity(fair.queue[entity], entity, how);
      const owned = fair.ownedQueue(entity);
      const parent = fair.parentOf(entity);
      assert(owned === NIL || fair.count[owned] === 0, 'a group leaves when it is empty');
      if (parent !== NIL && fair.count[fair.queue[entity]] > 0) break;
      how = DEQUEUE_SLEEP;
    }
    this.refreshShares(task);
  }

  private dequeueEntity(queue: number, entity: number, flags: number): void {
    const fair = this.fair;
    if (this.skip[queue] === entity) this.skip[queue] = NIL;
    if (this.last[queue] === entity) this.last[queue] = NIL;
    if (fair.current[queue] === entity) fair.current[queue] = NIL;
    else this.tree.remove(entity, queue);
    fair.remove(queue, entity);
    if (flags !== DEQUEUE_SLEEP) {
      this.vruntime[entity] -= this.minVruntime[queue];
      this.relative[entity] = 1;
    }
    if (flags !== DEQUEUE_SAVE) this.raiseMinimum(queue);
    fair.touch(this.entityBase, entity);
  }

  update(task: number, _cpu: number, ranNs: number): void {
    const fair = this.fair;
    for (let entity = task; entity !== NIL; entity = fair.parentOf(entity)) {
      const queue = fair.queue[entity];
      if (fair.isGroup(entity)) this.charge(entity, ranNs);
      this.sumExec[entity] += ranNs;
      this.vruntime[entity] += fair.scaled(entity, ranNs);
      fair.touch(this.entityBase, entity);
      this.raiseMinimum(queue);
      if (this.minVruntime[queue] >= this.limit) this.renormalise(queue);
    }
  }

  /** update_min_vruntime: max(old, min(current, leftmost)), never the largest that ever ran. */
  private raiseMinimum(queue: number): void {
    const current = this.fair.current[queue];
    const leftmost = this.tree.first(queue);
    let least = this.minVruntime[queue];
    if (current !== NIL) least = this.vruntime[current];
    if (leftmost !== NIL) {
      const left = this.vruntime[leftmost];
      if (current === NIL || left < least) least = left;
    }
    if (least > this.minVruntime[queue]) this.minVruntime[queue] = least;
    this.fair.touch(this.queueBase, queue);
  }

  /** Moves the whole queue down by `limit`: only differences matter, and 2**53 stays far away. */
  private renormalise(queue: number): void {
    const { tree, fair, vruntime, limit } = this;
    for (let entity = tree.first(queue); entity !== NIL; entity = tree.next(entity)) {
      vruntime[entity] -= limit;
      this.entityEpoch[entity]++;
    }
    tree.shift(-limit, queue);
    const current = fair.current[queue];
    if (current !== NIL) {
      vruntime[current] -= limit;
      this.entityEpoch[current]++;
    }
    this.minVruntime[queue] -= limit;
    this.epoch[queue]++;
  }

  /** A sleeper's vruntime in the scale its queue has now. */
  private catchUp(queue: number, entity: number): void {
    const missed = this.epoch[queue] - this.entityEpoch[entity];
    if (missed !== 0) this.vruntime[entity] -= missed * this.limit;
    this.entityEpoch[entity] = this.epoch[queue];
  }

  pickNext(cpu: number, previous: number): number {
    const fair = this.fair;
    assert(previous === NIL || fair.onQueue[previous] === 1, 'who can go on counts in its queue');
    this.putBack(cpu);
    let queue = cpu;
    for (;;) {
      const entity = this.pickEntity(queue);
      if (entity === NIL) return NIL;
      if (fair.isGroup(entity) && this.bandwidth.throttled(fair.groupOf(entity))) {
        this.dequeueEntity(queue, entity, DEQUEUE_SLEEP);
        continue;
      }
      if (this.skip[queue] === entity) this.skip[queue] = NIL;
      if (this.last[queue] === entity) this.last[queue] = NIL;
      this.tree.remove(entity, queue);
      fair.current[queue] = entity;
      this.previousSum[entity] = this.sumExec[entity];
      fair.touch(this.queueBase, queue);
      const owned = fair.ownedQueue(entity);
      if (owned === NIL) return entity;
      queue = owned;
    }
  }

  /** put_prev_entity at each level: whoever is current goes back to its tree, unless it left. */
  private putBack(cpu: number): void {
    const fair = this.fair;
    for (let queue = cpu; queue !== NIL; ) {
      const entity = fair.current[queue];
      if (entity === NIL) return;
      fair.current[queue] = NIL;
      this.tree.insert(entity, this.vruntime[entity], queue);
      queue = fair.ownedQueue(entity);
    }
  }

  private pickEntity(queue: number): number {
    const tree = this.tree;
    const left = tree.first(queue);
    let entity = left;
    if (left !== NIL && left === this.skip[queue]) {
      const second = tree.next(left);
      if (second !== NIL && this.preemptOrder(second, left) < 1) entity = second;
    }
    const last = this.last[queue];
    if (last !== NIL && this.preemptOrder(last, left) < 1) entity = last;
    return entity;
  }

  /** wakeup_preempt_entity: -1 current is not ahead, 0 ahead within the granularity, 1 beyond it. */
  private preemptOrder(current: number, other: number): number {
    const ahead = this.vruntime[current] - this.vruntime[other];
    if (ahead <= 0) return -1;
    return ahead > this.fair.scaled(other, this.wakeupGranularity) ? 1 : 0;
  }

  /** sched_slice: the entity's share of the period, through both levels, at least the granularity. */
  private slice(queue: number, entity: number): number {
    const fair = this.fair;
    // ALT_PERIOD counts the tasks of the CPU, not the entities of this queue.
    const ready = fair.taskCount[fair.cpuOf(queue)];
    let slice = ready > this.latencyCount ? ready * this.minGranularity : this.latency;
    for (let at = entity; at !== NIL; at = fair.parentOf(at)) {
      slice = fair.shareOf(fair.queue[at], at, slice);
    }
    return Math.max(slice, this.minGranularity);
  }

  tick(task: number, _cpu: number): boolean {
    const fair = this.fair;
    let preempt = false;
    for (let entity = task; entity !== NIL; entity = fair.parentOf(entity)) {
      const queue = fair.queue[entity];
      if (fair.isGroup(entity) && this.bandwidth.throttled(fair.groupOf(entity))) return true;
      if (fair.count[queue] > 1 && this.overslept(queue, entity)) {
        if (this.last[queue] === entity) this.last[queue] = NIL;
        if (this.skip[queue] === entity) this.skip[queue] = NIL;
        preempt = true;
      }
    }
    return preempt;
  }

  /** check_preempt_tick. */
  private overslept(queue: number, entity: number): boolean {
    const ideal = Math.min(this.slice(queue, entity), this.latency);
    const ran = this.sumExec[entity] - this.previousSum[entity];
    if (ran > ideal) return true;
    if (ran < this.minGranularity) return false;
    const left = this.tree.first(queue);
    return left !== NIL && this.vruntime[entity] - this.vruntime[left] > ideal;
  }

  sliceLeftNs(task: number, _cpu: number): number {
    const fair = this.fair;
    let least = Infinity;
    for (let entity = task; entity !== NIL; entity = fair.parentOf(entity)) {
      const queue = fair.queue[entity];
      if (fair.isGroup(entity)) {
        least = Math.min(least, Math.max(1, this.bandwidth.leftNs(fair.groupOf(entity))));
      }
      if (fair.count[queue] < 2) continue;
      const ideal = Math.min(this.slice(queue, entity), this.latency);
      const ran = this.sumExec[entity] - this.previousSum[entity];
      // One more than the slice, because the check is "longer than".
      least = Math.min(least, Math.max(1, ideal + 1 - ran));
    }
    return least;
  }

  yield(task: number, _cpu: number): void {
    const fair = this.fair;
    for (let entity = task; entity !== NIL; entity = fair.parentOf(entity)) {
      const queue = fair.queue[entity];
      if (fair.count[queue] > 1) {
        if (this.last[queue] === entity) this.last[queue] = NIL;
        this.skip[queue] = entity;
      }
    }
  }

  checkPreempt(_cpu: number, current: number, woken: number): boolean {
    const fair = this.fair;
    let running = current;
    let entity = woken;
    // find_matching_se: compare where the two meet in one queue.
    if (fair.queue[running] !== fair.queue[entity]) {
      if (fair.parentOf(running) !== NIL) running = fair.parentOf(running);
      if (fair.parentOf(entity) !== NIL) entity = fair.parentOf(entity);
    }
    if (running === entity || fair.queue[running] !== fair.queue[entity]) return false;
    if (this.preemptOrder(running, entity) !== 1) return false;
    const queue = fair.queue[running];
    if (fair.count[queue] >= this.latencyCount) this.last[queue] = running;
    return true;
  }

  setNice(task: number): void {
    this.fair.reweigh(task, this.tasks.weight[task]);
  }
  migrate(task: number, from: number, to: number): void {
    const fair = this.fair;
    const old = fair.queue[task];
    fair.setCpu(task, to);
    assert(from !== to, 'a migration changes the CPU');
    // A sleeper still has the vruntime of the queue it slept on; a waiting one was made relative.
    if (this.relative[task] === 1) return;
    this.catchUp(old, task);
    this.vruntime[task] += this.minVruntime[fair.queue[task]] - this.minVruntime[old];
    this.entityEpoch[task] = this.epoch[fair.queue[task]];
  }
  exit(task: number): void {
    assert(this.fair.onQueue[task] === 0, 'an ended task is in no queue');
  }
  /** Periods of capped groups: their queues come back to the roots. */
  timer(now: number): void {
    const { bandwidth, fair } = this;
    for (let group = bandwidth.refill(now); group !== NIL; group = bandwidth.refill(now)) {
      for (let cpu = 0; cpu < this.tasks.cpuCount; cpu++) {
        const entity = fair.entityOf(group, cpu);
        if (bandwidth.throttled(group)) continue;
        if (fair.onQueue[entity] === 1 || fair.count[fair.ownedQueue(entity)] === 0) continue;
        bandwidth.start(group, now);
        this.enqueueEntity(cpu, entity, ENQUEUE_WAKE);
        fair.refreshShare(entity);
      }
    }
    this.nextTimerNs = bandwidth.nextTimerNs;
  }

  private refreshShares(task: number): void {
    const parent = this.fair.parentOf(task);
    if (parent !== NIL) this.fair.refreshShare(parent);
  }

  /** Virtual runtime of a task in ns, relative to its queue's renormalisation. */
  vruntimeOf(task: number): number {
    return this.vruntime[task];
  }
  /** min_vruntime of a CPU's root queue. */
  minVruntimeOf(cpu: number): number {
    return this.minVruntime[cpu];
  }

  dump(cpu: number): string[] {
    const lines = [`  min_vruntime ${this.minVruntime[cpu]}`];
    const tree = this.tree;
    for (let entity = tree.first(cpu); entity !== NIL; entity = tree.next(entity)) {
      lines.push(`  ${this.fair.nameOf(entity)} vruntime ${this.vruntime[entity]}`);
    }
    return lines;
  }

  checkInvariants(): void {
    this.tree.checkInvariants();
    this.fair.checkInvariants(this.tree);
    for (let entity = 0; entity < this.fair.entityCount; entity++) {
      if (!this.tree.contains(entity)) continue;
      assert(this.tree.keyOf(entity) === this.vruntime[entity], 'the key is the vruntime');
    }
  }
}

/** Read-outs of a CFS policy, `scheduler.policy as CfsPolicy`. */
export type CfsPolicy = Policy & Pick<Cfs, 'vruntimeOf' | 'minVruntimeOf'>;

/** CFS as in Linux 6.5. @throws ArgumentError ERR_LATENCY, ERR_GRANULARITY, ERR_RENORMALISE */
export function cfs(options: CfsOptions = {}): PolicyFactory {
  const latencyNs = options.latencyNs ?? 6_000_000;
  const minGranularityNs = options.minGranularityNs ?? 750_000;
  const wakeupGranularityNs = options.wakeupGranularityNs ?? 1_000_000;
  const renormaliseNs = options.renormaliseNs ?? 2 ** 50;
  checkInteger('ERR_LATENCY', 'latencyNs', latencyNs, 1000, 10_000_000_000);
  checkInteger('ERR_GRANULARITY', 'minGranularityNs', minGranularityNs, 1000, latencyNs);
  checkInteger('ERR_GRANULARITY', 'wakeupGranularityNs', wakeupGranularityNs, 0, 10_000_000_000);
  checkInteger('ERR_RENORMALISE', 'renormaliseNs', renormaliseNs, 2 ** 20, 2 ** 50);
  const scaleByCpus = options.scaleByCpus ?? true;
  const startDebit = options.startDebit ?? true;
  return (context) =>
    new Cfs(context, {
      startDebit,
      latencyNs,
      minGranularityNs,
      wakeupGranularityNs,
      renormaliseNs,
      scaleByCpus,
    });
}
