import { assert, type Meter, NIL, type VirtAddr } from '@hotpath/hw-x86';
import type { Groups } from './groups.js';
import type { PolicyContext } from './policy.js';
import type { RedBlackTree } from './red-black-tree.js';
import type { Tasks } from './tasks.js';
import {
  calcDelta,
  deltaFactor,
  deltaShift,
  INVERSE_WEIGHTS,
  inverseOf,
  multiplyShift,
  NICE_0_WEIGHT,
  WEIGHTS,
} from './weights.js';

/**
 * What CFS and EEVDF share: entities (tasks, and each group once per CPU), the queues they are in, and
 * weights. Entity e < taskCapacity is a task; taskCapacity + group * cpus + cpu is a group's entity on
 * a CPU. Queue q < cpus is a CPU's root; cpus + group * cpus + cpu is a group's own queue there.
 *
 * For every queue q: count[q] = entities with onQueue and queue q, the current one included;
 * load[q] = sum of their weights; taskCount[cpu] = tasks ready on the CPU at both levels.
 */
export class FairEntities {
  readonly entityCount: number;
  readonly queueCount: number;
  readonly queue: Int32Array;
  readonly onQueue: Uint8Array;
  readonly weight: Float64Array;
  /** Running entity of each queue, or NIL; it is in no tree. */
  readonly current: Int32Array;
  readonly count: Int32Array;
  readonly load: Float64Array;
  readonly taskCount: Int32Array;
  private readonly tasks: Tasks;
  private readonly groups: Groups;
  private readonly meter: Meter | null;
  private readonly taskCapacity: number;
  private readonly cpus: number;
  private readonly factor: Float64Array;
  private readonly shift: Uint8Array;
  /** Inverse of load[q], 0 when it must be computed again. */
  private readonly loadInverse: Float64Array;

  constructor(context: PolicyContext) {
    const { tasks, groups } = context;
    this.tasks = tasks;
    this.groups = groups;
    this.meter = context.meter;
    this.taskCapacity = tasks.capacity;
    this.cpus = tasks.cpuCount;
    this.entityCount = tasks.capacity + groups.capacity * tasks.cpuCount;
    this.queueCount = tasks.cpuCount * (1 + groups.capacity);
    this.queue = new Int32Array(this.entityCount);
    this.onQueue = new Uint8Array(this.entityCount);
    this.weight = new Float64Array(this.entityCount);
    this.factor = new Float64Array(this.entityCount);
    this.shift = new Uint8Array(this.entityCount);
    this.current = new Int32Array(this.queueCount).fill(NIL);
    this.count = new Int32Array(this.queueCount);
    this.load = new Float64Array(this.queueCount);
    this.loadInverse = new Float64Array(this.queueCount);
    this.taskCount = new Int32Array(this.cpus);
    for (let entity = this.taskCapacity; entity < this.entityCount; entity++) {
      this.queue[entity] = (entity - this.taskCapacity) % this.cpus;
      this.reweigh(entity, NICE_0_WEIGHT);
    }
  }

  /** Sets up the entity of a new task from the task's columns. */
  adoptTask(task: number): void {
    this.setCpu(task, this.tasks.cpu[task]);
    this.reweigh(task, this.tasks.weight[task]);
    const group = this.tasks.group[task];
    if (group === NIL) return;
    for (let cpu = 0; cpu < this.cpus; cpu++) {
      const entity = this.taskCapacity + group * this.cpus + cpu;
      if (this.onQueue[entity] === 0) this.reweigh(entity, this.groups.weight[group]);
    }
  }

  /** The queue of a task on `cpu`: the root, or its group's. */
  setCpu(task: number, cpu: number): void {
    const group = this.tasks.group[task];
    assert(this.onQueue[task] === 0, 'a queued entity keeps its queue');
    this.queue[task] = group === NIL ? cpu : this.cpus + group * this.cpus + cpu;
  }

  /** The group entity above, or NIL for entities of a root queue. */
  parentOf(entity: number): number {
    const queue = this.queue[entity];
    return queue < this.cpus ? NIL : this.taskCapacity + queue - this.cpus;
  }
  /** Whether the entity is a group's and not a task. */
  isGroup(entity: number): boolean {
    return entity >= this.taskCapacity;
  }
  /** The entity of a group on a CPU. */
  entityOf(group: number, cpu: number): number {
    return this.taskCapacity + group * this.cpus + cpu;
  }
  /** The queue a group entity stands for; NIL for a task. */
  ownedQueue(entity: number): number {
    return entity < this.taskCapacity ? NIL : entity - this.taskCapacity + this.cpus;
  }
  cpuOf(queue: number): number {
    return queue % this.cpus;
  }
  /** Group of a group entity. */
  groupOf(entity: number): number {
    return Math.floor((entity - this.taskCapacity) / this.cpus);
  }
  /** The group's entity on CPU 0; those of the other CPUs follow it. */
  firstOfGroup(entity: number): number {
    return entity - ((entity - this.taskCapacity) % this.cpus);
  }
  nameOf(entity: number): string {
    if (entity < this.taskCapacity) return `task ${entity}`;
    return this.groups.names[this.groupOf(entity)];
  }

  /** account_entity_enqueue. */
  add(queue: number, entity: number): void {
    assert(this.onQueue[entity] === 0, 'an added entity is in no queue');
    this.onQueue[entity] = 1;
    this.count[queue]++;
    this.load[queue] += this.weight[entity];
    this.loadInverse[queue] = 0;
    if (entity < this.taskCapacity) this.taskCount[queue % this.cpus]++;
  }

  /** account_entity_dequeue. */
  remove(queue: number, entity: number): void {
    assert(this.onQueue[entity] === 1, 'a removed entity is in a queue');
    this.onQueue[entity] = 0;
    this.count[queue]--;
    this.load[queue] -= this.weight[entity];
    this.loadInverse[queue] = 0;
    if (entity < this.taskCapacity) this.taskCount[queue % this.cpus]--;
  }

  /** Changes a weight; the load of the queue follows if the entity is in one. */
  reweigh(entity: number, weight: number): void {
    if (this.onQueue[entity] === 1) {
      const queue = this.queue[entity];
      this.load[queue] += weight - this.weight[entity];
      this.loadInverse[queue] = 0;
    }
    this.weight[entity] = weight;
    const inverse = tableInverse(weight);
    this.factor[entity] = deltaFactor(NICE_0_WEIGHT, inverse);
    this.shift[entity] = deltaShift(NICE_0_WEIGHT, inverse);
  }

  /** calc_delta_fair: virtual time of `delta` ns for this entity. */
  scaled(entity: number, delta: number): number {
    if (this.weight[entity] === NICE_0_WEIGHT) return delta;
    return multiplyShift(delta, this.factor[entity], this.shift[entity]);
  }

  /** `__calc_delta(ns, weight[entity], load[queue])`: the entity's part of `ns`. */
  shareOf(queue: number, entity: number, ns: number): number {
    // A group that is about to enter the queue counts as if it were there.
    if (this.onQueue[entity] === 0) {
      return calcDelta(ns, this.weight[entity], inverseOf(this.load[queue] + this.weight[entity]));
    }
    let inverse = this.loadInverse[queue];
    if (inverse === 0) {
      assert(this.load[queue] > 0, 'a queue with an entity has load');
      inverse = inverseOf(this.load[queue]);
      this.loadInverse[queue] = inverse;
    }
    return calcDelta(ns, this.weight[entity], inverse);
  }

  /**
   * Weight a group's entity should have on its CPU (calc_group_shares, with exact loads instead of
   * decaying averages): the group's weight times this CPU's part of the group's load, at least 2.
   */
  wantedShare(entity: number): number {
    const group = this.groupOf(entity);
    const base = this.cpus + group * this.cpus;
    let total = 0;
    for (let cpu = 0; cpu < this.cpus; cpu++) total += this.load[base + cpu];
    if (total === 0) return this.weight[entity];
    const own = this.load[this.ownedQueue(entity)];
    return Math.max(2, Math.floor((this.groups.weight[group] * own) / total));
  }

  /** {@link wantedShare} written into the weight (CFS, whose order does not depend on it). */
  refreshShare(entity: number): void {
    const base = this.firstOfGroup(entity);
    for (let at = base; at < base + this.cpus; at++) {
      if (this.onQueue[at] === 0) continue;
      const weight = this.wantedShare(at);
      if (weight !== this.weight[at]) this.reweigh(at, weight);
    }
  }

  /** Reports a read-modify-write of one 64-byte record to the meter. */
  touch(base: VirtAddr, index: number): void {
    if (this.meter === null) return;
    this.meter.load(base + 64 * index);
    this.meter.store(base + 64 * index);
    this.meter.retire(6);
  }

  /** Verifies counts and loads against the entities, and who is in the tree. O(n). */
  checkInvariants(tree: RedBlackTree): void {
    const count = new Int32Array(this.queueCount);
    const load = new Float64Array(this.queueCount);
    for (let entity = 0; entity < this.entityCount; entity++) {
      const queue = this.queue[entity];
      if (this.onQueue[entity] === 0) {
        assert(!tree.contains(entity), 'an entity off the queue is in no tree');
        continue;
      }
      count[queue]++;
      load[queue] += this.weight[entity];
      const current = this.current[queue] === entity;
      assert(current !== tree.contains(entity), 'a queued entity is current or in the tree');
    }
    for (let queue = 0; queue < this.queueCount; queue++) {
      assert(count[queue] === this.count[queue], 'entities of a queue are counted');
      assert(load[queue] === this.load[queue], 'the load is the sum of weights');
    }
  }
}

/** The table's inverse where the weight is a nice value's, as Linux takes it; else floored. */
function tableInverse(weight: number): number {
  const index = WEIGHTS.indexOf(weight);
  return index === NIL ? inverseOf(weight) : INVERSE_WEIGHTS[index];
}
