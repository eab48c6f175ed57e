import { assert, checkInteger, NIL, type VirtAddr } from '@hotpath/hw-x86';
import { Bandwidth } from '../bandwidth.js';
import { EevdfTimeline } from '../eevdf-timeline.js';
import { FairEntities } from '../fair-entities.js';
import {
  DEQUEUE_EXIT,
  DEQUEUE_SLEEP,
  ENQUEUE_NEW,
  ENQUEUE_PREEMPTED,
  ENQUEUE_WAKE,
  type Policy,
  type PolicyContext,
  type PolicyFactory,
} from '../policy.js';
import type { RedBlackTree } from '../red-black-tree.js';
import type { Tasks } from '../tasks.js';

/** Options of {@link eevdf}. */
export interface EevdfOptions {
  /** Slice of a task that asks for none, default 0.7 ms. Longer: throughput; shorter: latency. */
  sliceNs?: number;
  /** Multiply the slice by 1 + floor(log2(min(CPUs, 8))), as Linux does; default true. */
  scaleByCpus?: boolean;
  /** Timer tick of the kernel: it bounds the lag that is kept over a sleep. Default 4 ms (HZ=250). */
  tickNs?: number;
  /** A task that sleeps while it is owed nothing stays to work its debt off. Default true. */
  delayDequeue?: boolean;
  /** Virtual times are moved down by this much when they pass it; default 2**50. */
  renormaliseNs?: number;
}

/** No timer is set closer: a nanosecond at a large weight is no virtual time at all. */
const TIMER_MIN_NS = 1000;

/**
 * Earliest eligible virtual deadline first, as in Linux 6.6 and later, in the state of 6.18
 * (kernel/sched/fair.c; Stoica and Abdel-Wahab 1995): a task is eligible while its lag is not
 * negative; of the eligible the earliest deadline runs, until its slice is used up or it is not
 * eligible (RUN_TO_PARITY, with the slice protected). Features as shipped: PLACE_LAG,
 * PLACE_DEADLINE_INITIAL, PLACE_REL_DEADLINE, PREEMPT_SHORT, DELAY_DEQUEUE with DELAY_ZERO.
 *
 * One tree per queue by deadline, augmented with the least vruntime of each subtree, so that the pick
 * is O(log n).
 *
 * For every queue q, over its entities, the current one not included: sumWeight[q] = sum of w,
 * sumKey[q] = sum of w * (vruntime - zero[q]). The average vruntime V is zero[q] + sumKey / sumWeight
 * with the current one added; lag = w * (V - vruntime). zero follows V, so that the keys stay small
 * and every product is exact.
 */
class Eevdf implements Policy {
  readonly name = 'eevdf';
  nextTimerNs = Infinity;
  private readonly tasks: Tasks;
  private readonly fair: FairEntities;
  private readonly bandwidth: Bandwidth;
  private readonly tree: RedBlackTree;
  private readonly line: EevdfTimeline;
  private readonly baseSlice: number;
  private readonly tickNs: number;
  private readonly delay: boolean;
  private readonly vruntime: Float64Array;
  private readonly deadline: Float64Array;
  /** The current entity is protected from others until its vruntime passes this. */
  private readonly protectedTo: Float64Array;
  private readonly slice: Float64Array;
  /** Unweighted lag kept while in no queue: V - vruntime, clamped. */
  private readonly vlag: Float64Array;
  private readonly relativeDeadline: Uint8Array;
  /** Asleep, but in its queue until its lag is no longer negative. */
  private readonly delayed: Uint8Array;
  private readonly entityBase: VirtAddr;

  constructor(context: PolicyContext, options: Required<EevdfOptions>) {
    this.tasks = context.tasks;
    const fair = new FairEntities(context);
    this.fair = fair;
    this.bandwidth = new Bandwidth(context.groups);
    const cpus = context.tasks.cpuCount;
    const factor = options.scaleByCpus ? 32 - Math.clz32(Math.min(cpus, 8)) : 1;
    this.baseSlice = options.sliceNs * factor;
    this.tickNs = options.tickNs;
    this.delay = options.delayDequeue;
    const line = new EevdfTimeline(fair, context.meter, this.baseSlice, options.renormaliseNs);
    this.line = line;
    this.tree = line.tree;
    this.vruntime = line.vruntime;
    this.deadline = line.deadline;
    this.protectedTo = line.protectedTo;
    this.slice = line.slice;
    this.vlag = new Float64Array(fair.entityCount);
    this.relativeDeadline = new Uint8Array(fair.entityCount);
    this.delayed = new Uint8Array(fair.entityCount);
    const meter = context.meter;
    this.entityBase =
      meter === null ? 0 : meter.region('sched.eevdf.entities', 64 * fair.entityCount);
  }

  newTask(task: number): number {
    this.fair.adoptTask(task);
    this.slice[task] = this.tasks.sliceNs[task] === 0 ? this.baseSlice : this.tasks.sliceNs[task];
    this.vlag[task] = 0;
    this.relativeDeadline[task] = 0;
    return 0;
  }

  /** A task that is asleep but still in its queue wakes up there. */
  selectCpu(task: number, previousCpu: number): number {
    const allowed = ((this.tasks.affinity[task] >>> previousCpu) & 1) === 1;
    return this.delayed[task] === 1 && allowed ? previousCpu : NIL;
  }

  enqueue(task: number, cpu: number, flags: number): void {
    const fair = this.fair;
    if (flags === ENQUEUE_PREEMPTED) {
      this.putBackFrom(cpu);
      return;
    }
    if (this.delayed[task] === 1) {
      this.wakeDelayed(task);
      return;
    }
    let how = flags;
    for (let entity = task; entity !== NIL; entity = fair.parentOf(entity)) {
      if (fair.onQueue[entity] === 1) {
        if (this.delayed[entity] === 1) this.wakeDelayed(entity);
        break;
      }
      if (fair.isGroup(entity) && !this.mayRun(entity)) break;
      const queue = fair.queue[entity];
      this.place(queue, entity, how);
      this.link(queue, entity);
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

  private link(queue: number, entity: number): void {
    this.fair.add(queue, entity);
    this.line.insert(queue, entity);
    this.fair.touch(this.entityBase, entity);
  }

  /** place_entity: the lag an entity left with is the lag it comes back with. */
  private place(queue: number, entity: number, flags: number): void {
    const fair = this.fair;
    const average = this.line.average(queue);
    let lag = 0;
    if (fair.count[queue] > 0 && this.vlag[entity] !== 0) {
      // Its own arrival moves V: inflate, so that the lag afterwards is the one it had.
      const load = fair.load[queue];
      lag = Math.trunc((this.vlag[entity] * (load + fair.weight[entity])) / load);
    }
    this.vruntime[entity] = average - lag;
    assert(Math.abs(this.vruntime[entity]) <= Number.MAX_SAFE_INTEGER, 'vruntime below 2**53');
    if (this.relativeDeadline[entity] === 1) {
      this.deadline[entity] += this.vruntime[entity];
      this.relativeDeadline[entity] = 0;
      return;
    }
    let virtual = fair.scaled(entity, this.slice[entity]);
    if (flags === ENQUEUE_NEW) virtual = Math.floor(virtual / 2);
    this.deadline[entity] = this.vruntime[entity] + virtual;
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
      const queue = fair.queue[entity];
      if (fair.onQueue[entity] === 0) break;
      if (
        how === DEQUEUE_SLEEP &&
        this.delay &&
        !this.line.eligible(queue, this.vruntime[entity])
      ) {
        this.holdBack(queue, entity);
        break;
      }
      this.unlink(queue, entity, how);
      if (fair.count[queue] > 0) break;
      how = DEQUEUE_SLEEP;
    }
    this.refreshShares(task);
  }

  /** Asleep with a debt: stays in the tree and works it off while others run. */
  private holdBack(queue: number, entity: number): void {
    const fair = this.fair;
    this.delayed[entity] = 1;
    fair.touch(this.entityBase, entity);
    if (fair.current[queue] !== entity) return;
    // The CPU goes on to the next pick; the sleeper is one of the tree's from here on.
    fair.current[queue] = NIL;
    this.line.insert(queue, entity);
  }

  private unlink(queue: number, entity: number, flags: number): void {
    const fair = this.fair;
    this.keepLag(queue, entity);
    if (flags !== DEQUEUE_SLEEP) {
      this.deadline[entity] -= this.vruntime[entity];
      this.relativeDeadline[entity] = 1;
    }
    if (fair.current[queue] === entity) fair.current[queue] = NIL;
    else this.line.remove(queue, entity);
    fair.remove(queue, entity);
    fair.touch(this.entityBase, entity);
    this.line.follow(queue);
  }

  /** update_entity_lag, clamped to what one slice or tick can build up. */
  private keepLag(queue: number, entity: number): void {
    const fair = this.fair;
    const bound = fair.scaled(entity, Math.max(2 * this.slice[entity], this.tickNs));
    const lag = this.line.average(queue) - this.vruntime[entity];
    this.vlag[entity] = Math.min(bound, Math.max(-bound, lag));
  }

  /** A delayed entity is picked or must go: it leaves; credit it found while asleep is not kept. */
  private release(entity: number, flags: number): void {
    const fair = this.fair;
    const queue = fair.queue[entity];
    this.delayed[entity] = 0;
    this.unlink(queue, entity, flags);
    if (this.vlag[entity] > 0) this.vlag[entity] = 0;
    const parent = fair.parentOf(entity);
    if (parent !== NIL && fair.count[queue] === 0 && fair.onQueue[parent] === 1) {
      if (this.delayed[parent] === 1) this.release(parent, DEQUEUE_SLEEP);
      else this.remove(parent, DEQUEUE_SLEEP);
    }
  }

  /** requeue_delayed_entity: wakes up where it is; a positive lag is cut to none. */
  private wakeDelayed(entity: number): void {
    const fair = this.fair;
    const queue = fair.queue[entity];
    this.delayed[entity] = 0;
    this.keepLag(queue, entity);
    if (this.vlag[entity] <= 0) return;
    this.line.remove(queue, entity);
    fair.remove(queue, entity);
    this.vlag[entity] = 0;
    this.place(queue, entity, ENQUEUE_WAKE);
    this.link(queue, entity);
  }

  update(task: number, _cpu: number, ranNs: number): void {
    const fair = this.fair;
    for (let entity = task; entity !== NIL; entity = fair.parentOf(entity)) {
      const queue = fair.queue[entity];
      if (fair.isGroup(entity)) this.charge(entity, ranNs);
      this.vruntime[entity] += fair.scaled(entity, ranNs);
      fair.touch(this.entityBase, entity);
      this.line.follow(queue);
    }
  }

  tick(task: number, cpu: number): boolean {
    const fair = this.fair;
    let give = false;
    for (let entity = task; entity !== NIL; entity = fair.parentOf(entity)) {
      const queue = fair.queue[entity];
      const ended = this.renewDeadline(entity);
      if (fair.isGroup(entity) && this.bandwidth.throttled(fair.groupOf(entity))) return true;
      if (fair.count[queue] < 2) continue;
      if (ended || this.vruntime[entity] >= this.protectedTo[entity]) give = true;
    }
    return give && fair.taskCount[cpu] > 1;
  }

  /** update_deadline: a used-up slice is a new request. Whether it was used up. */
  private renewDeadline(entity: number): boolean {
    if (this.vruntime[entity] < this.deadline[entity]) return false;
    this.deadline[entity] = this.vruntime[entity] + this.fair.scaled(entity, this.slice[entity]);
    return true;
  }

  sliceLeftNs(task: number, _cpu: number): number {
    const fair = this.fair;
    let least = Infinity;
    for (let entity = task; entity !== NIL; entity = fair.parentOf(entity)) {
      if (fair.isGroup(entity)) {
        const left = this.bandwidth.leftNs(fair.groupOf(entity));
        least = Math.min(least, Math.max(TIMER_MIN_NS, left));
      }
      if (fair.count[fair.queue[entity]] < 2) continue;
      const end = Math.min(this.protectedTo[entity], this.deadline[entity]);
      const virtual = Math.max(0, end - this.vruntime[entity]);
      const left = Math.ceil((virtual * fair.weight[entity]) / 1024);
      least = Math.min(least, Math.max(TIMER_MIN_NS, left));
    }
    return least;
  }

  pickNext(cpu: number, previous: number): number {
    const fair = this.fair;
    assert(previous === NIL || fair.onQueue[previous] === 1, 'who can go on counts in its queue');
    for (let queue = cpu; queue !== NIL; ) {
      const current = fair.current[queue];
      if (current === NIL) break;
      this.renewDeadline(current);
      queue = fair.ownedQueue(current);
    }
    let queue = cpu;
    for (;;) {
      const entity = this.pickEntity(queue, true);
      if (entity === NIL) return NIL;
      const capped = fair.isGroup(entity) && this.bandwidth.throttled(fair.groupOf(entity));
      if (this.delayed[entity] === 1 || capped) {
        this.putBackFrom(cpu);
        if (this.delayed[entity] === 1) this.release(entity, DEQUEUE_SLEEP);
        else this.unlink(queue, entity, DEQUEUE_SLEEP);
        queue = cpu;
        continue;
      }
      if (fair.current[queue] !== entity) {
        this.putBackFrom(queue);
        this.line.remove(queue, entity);
        fair.current[queue] = entity;
        this.protect(queue, entity);
      } else if (this.protectedTo[entity] <= this.vruntime[entity]) {
        // Picked again: a fresh protection, or a timer set to its end would never rest.
        this.protect(queue, entity);
      }
      this.line.touch(queue);
      const owned = fair.ownedQueue(entity);
      if (owned === NIL) return entity;
      queue = owned;
    }
  }

  /** set_protect_slice: nobody with a later claim interrupts before the shortest slice is used. */
  private protect(queue: number, entity: number): void {
    const fair = this.fair;
    let shortest = this.slice[entity];
    shortest = Math.min(shortest, this.line.shortestSlice(queue));
    let end = this.deadline[entity];
    if (shortest !== this.slice[entity]) {
      end = Math.min(end, this.vruntime[entity] + fair.scaled(entity, shortest));
    }
    this.protectedTo[entity] = end;
  }

  /** pick_eevdf: the eligible entity with the earliest deadline. */
  private pickEntity(queue: number, protect: boolean): number {
    const { tree, fair } = this;
    let current = fair.current[queue];
    const first = tree.first(queue);
    if (fair.count[queue] === 1) return current === NIL ? first : current;
    if (current !== NIL && !this.line.eligible(queue, this.vruntime[current])) current = NIL;
    if (current !== NIL && protect && this.protectedTo[current] > this.vruntime[current]) {
      return current;
    }
    const best = this.line.earliestEligible(queue);
    if (best === NIL) return current;
    if (current !== NIL && this.deadline[current] < this.deadline[best]) return current;
    return best;
  }

  /** put_prev_entity from a queue down: whoever is current goes back to its tree. */
  private putBackFrom(start: number): void {
    const fair = this.fair;
    for (let queue = start; queue !== NIL; ) {
      const entity = fair.current[queue];
      if (entity === NIL) return;
      fair.current[queue] = NIL;
      this.line.insert(queue, entity);
      queue = fair.ownedQueue(entity);
    }
  }

  /** Forfeits the rest of the slice: vruntime moves to the deadline (Linux 6.18's yield). */
  yield(task: number, _cpu: number): void {
    const fair = this.fair;
    const queue = fair.queue[task];
    if (fair.count[queue] < 2) return;
    if (this.line.eligible(queue, this.vruntime[task])) {
      this.vruntime[task] = this.deadline[task];
      this.line.follow(queue);
      this.deadline[task] += fair.scaled(task, this.slice[task]);
    }
    this.protectedTo[task] = this.vruntime[task];
  }

  checkPreempt(_cpu: number, current: number, woken: number): boolean {
    const fair = this.fair;
    let running = current;
    let entity = woken;
    if (fair.queue[running] !== fair.queue[entity]) {
      if (fair.parentOf(running) !== NIL) running = fair.parentOf(running);
      if (fair.parentOf(entity) !== NIL) entity = fair.parentOf(entity);
    }
    const queue = fair.queue[running];
    if (running === entity || queue !== fair.queue[entity]) return false;
    if (fair.current[queue] !== running) return false;
    this.renewDeadline(running);
    // PREEMPT_SHORT: who asked for a shorter slice need not wait for the longer one to end.
    const short = this.slice[entity] < this.slice[running];
    if (this.pickEntity(queue, !short) !== entity) return false;
    if (short) this.protectedTo[running] = this.vruntime[running];
    return true;
  }

  setNice(task: number): void {
    this.reweigh(task, this.tasks.weight[task]);
  }

  /** reweight_entity: the lag in real time stays, so the virtual one is scaled by old / new weight. */
  private reweigh(entity: number, weight: number): void {
    const fair = this.fair;
    const queue = fair.queue[entity];
    const old = fair.weight[entity];
    if (old === weight) return;
    if (fair.onQueue[entity] === 0) {
      this.vlag[entity] = Math.trunc((this.vlag[entity] * old) / weight);
      if (this.relativeDeadline[entity] === 1) {
        this.deadline[entity] = Math.trunc((this.deadline[entity] * old) / weight);
      }
      fair.reweigh(entity, weight);
      return;
    }
    const running = fair.current[queue] === entity;
    const average = this.line.average(queue);
    const lag = Math.trunc(((average - this.vruntime[entity]) * old) / weight);
    const left = Math.trunc(((this.deadline[entity] - this.vruntime[entity]) * old) / weight);
    if (!running) this.line.remove(queue, entity);
    fair.reweigh(entity, weight);
    this.vruntime[entity] = average - lag;
    this.deadline[entity] = this.vruntime[entity] + left;
    if (running)
      this.protectedTo[entity] = Math.min(this.protectedTo[entity], this.deadline[entity]);
    else this.line.insert(queue, entity);
    this.line.follow(queue);
  }

  migrate(task: number, from: number, to: number): void {
    assert(from !== to, 'a migration changes the CPU');
    if (this.delayed[task] === 1) this.release(task, DEQUEUE_SLEEP);
    this.fair.setCpu(task, to);
  }
  exit(task: number): void {
    if (this.delayed[task] === 1) this.release(task, DEQUEUE_EXIT);
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
        this.place(cpu, entity, ENQUEUE_WAKE);
        this.link(cpu, entity);
      }
    }
    this.nextTimerNs = bandwidth.nextTimerNs;
  }

  private refreshShares(task: number): void {
    const fair = this.fair;
    const parent = fair.parentOf(task);
    if (parent === NIL) return;
    const first = fair.firstOfGroup(parent);
    for (let entity = first; entity < first + this.tasks.cpuCount; entity++) {
      if (fair.onQueue[entity] === 1) this.reweigh(entity, fair.wantedShare(entity));
    }
  }

  /** Lag of a ready task in ns of CPU time: positive when it is owed; 0 for others. */
  lagOf(task: number): number {
    const fair = this.fair;
    if (fair.onQueue[task] === 0) return 0;
    const lag = this.line.average(fair.queue[task]) - this.vruntime[task];
    return (lag * fair.weight[task]) / 1024;
  }
  /** Slice of a task in ns: what it asked for, or the default. */
  sliceOf(task: number): number {
    return this.slice[task];
  }
  /** Whether the task sleeps in its queue, working off a debt. */
  isDelayed(task: number): boolean {
    return this.delayed[task] === 1;
  }

  dump(cpu: number): string[] {
    const lines = [`  average vruntime ${this.line.average(cpu)}`];
    const tree = this.tree;
    for (let entity = tree.first(cpu); entity !== NIL; entity = tree.next(entity)) {
      const asleep = this.delayed[entity] === 1 ? ' delayed' : '';
      lines.push(
        `  ${this.fair.nameOf(entity)} vruntime ${this.vruntime[entity]} deadline ${this.deadline[entity]}${asleep}`,
      );
    }
    return lines;
  }

  checkInvariants(): void {
    const { tree, fair } = this;
    tree.checkInvariants();
    fair.checkInvariants(tree);
    this.line.checkInvariants();
  }
}

/** Read-outs of an EEVDF policy, `scheduler.policy as EevdfPolicy`. */
export type EevdfPolicy = Policy & Pick<Eevdf, 'lagOf' | 'sliceOf' | 'isDelayed'>;

/** EEVDF as in Linux 6.6 and later. @throws ArgumentError ERR_SLICE, ERR_TICK, ERR_RENORMALISE */
export function eevdf(options: EevdfOptions = {}): PolicyFactory {
  const sliceNs = options.sliceNs ?? 700_000;
  const tickNs = options.tickNs ?? 4_000_000;
  const renormaliseNs = options.renormaliseNs ?? 2 ** 50;
  checkInteger('ERR_SLICE', 'sliceNs', sliceNs, 1000, 10_000_000_000);
  checkInteger('ERR_TICK', 'tickNs', tickNs, 0, 1_000_000_000);
  checkInteger('ERR_RENORMALISE', 'renormaliseNs', renormaliseNs, 2 ** 20, 2 ** 50);
  const scaleByCpus = options.scaleByCpus ?? true;
  const delayDequeue = options.delayDequeue ?? true;
  return (context) =>
    new Eevdf(context, { sliceNs, tickNs, renormaliseNs, scaleByCpus, delayDequeue });
}
