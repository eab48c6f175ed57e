import { assert, type Meter, NIL, type VirtAddr } from '@hotpath/hw-x86';
import type { FairEntities } from './fair-entities.js';
import { RedBlackTree } from './red-black-tree.js';

/**
 * The virtual time line of EEVDF's queues: entities by deadline, augmented with the least vruntime of
 * each subtree, and the average vruntime V of each queue.
 *
 * For every queue q, over the entities in its tree (the current one is not): sumWeight[q] = sum of w,
 * sumKey[q] = sum of w * (vruntime - zero[q]). V = zero[q] + sumKey / sumWeight with the current one
 * added. zero follows V, so that keys stay small and every product is exact.
 */
export class EevdfTimeline {
  readonly tree: RedBlackTree;
  readonly vruntime: Float64Array;
  readonly deadline: Float64Array;
  /** The current entity is protected from others until its vruntime passes this. */
  readonly protectedTo: Float64Array;
  readonly slice: Float64Array;
  private readonly fair: FairEntities;
  /** Those of the tree with a slice shorter than the default, by slice. */
  private readonly shortSlices: RedBlackTree;
  private readonly baseSlice: number;
  private readonly limit: number;
  private readonly zero: Float64Array;
  private readonly sumKey: Float64Array;
  private readonly sumWeight: Float64Array;
  private readonly queueBase: VirtAddr;

  constructor(fair: FairEntities, meter: Meter | null, baseSlice: number, limit: number) {
    const { entityCount, queueCount } = fair;
    this.fair = fair;
    this.tree = new RedBlackTree(entityCount, queueCount, true, meter);
    this.shortSlices = new RedBlackTree(entityCount, queueCount, false, meter);
    this.baseSlice = baseSlice;
    this.limit = limit;
    this.vruntime = new Float64Array(entityCount);
    this.deadline = new Float64Array(entityCount);
    this.protectedTo = new Float64Array(entityCount);
    this.slice = new Float64Array(entityCount).fill(baseSlice);
    this.zero = new Float64Array(queueCount);
    this.sumKey = new Float64Array(queueCount);
    this.sumWeight = new Float64Array(queueCount);
    this.queueBase = meter === null ? 0 : meter.region('sched.eevdf.queues', 64 * queueCount);
  }

  insert(queue: number, entity: number): void {
    const weight = this.fair.weight[entity];
    this.sumKey[queue] += weight * (this.vruntime[entity] - this.zero[queue]);
    this.sumWeight[queue] += weight;
    assert(Math.abs(this.sumKey[queue]) <= Number.MAX_SAFE_INTEGER, 'the key sum is exact');
    this.tree.insert(entity, this.deadline[entity], queue, this.vruntime[entity]);
    if (this.slice[entity] < this.baseSlice) {
      this.shortSlices.insert(entity, this.slice[entity], queue);
    }
  }

  remove(queue: number, entity: number): void {
    const weight = this.fair.weight[entity];
    this.tree.remove(entity, queue);
    if (this.slice[entity] < this.baseSlice) this.shortSlices.remove(entity, queue);
    this.sumKey[queue] -= weight * (this.vruntime[entity] - this.zero[queue]);
    this.sumWeight[queue] -= weight;
  }

  /** avg_vruntime: V, rounded down. */
  average(queue: number): number {
    let sum = this.sumKey[queue];
    let weight = this.sumWeight[queue];
    const current = this.fair.current[queue];
    if (current !== NIL) {
      const own = this.fair.weight[current];
      sum += own * (this.vruntime[current] - this.zero[queue]);
      weight += own;
    }
    if (weight === 0) return this.zero[queue];
    return this.zero[queue] + Math.floor(sum / weight);
  }

  /** vruntime_eligible: no negative lag, without the rounding of a division. */
  eligible(queue: number, vruntime: number): boolean {
    let sum = this.sumKey[queue];
    let weight = this.sumWeight[queue];
    const current = this.fair.current[queue];
    if (current !== NIL) {
      const own = this.fair.weight[current];
      sum += own * (this.vruntime[current] - this.zero[queue]);
      weight += own;
    }
    return sum >= (vruntime - this.zero[queue]) * weight;
  }

  /** Moves the zero of the keys to V: the sums stay small. */
  follow(queue: number): void {
    const average = this.average(queue);
    this.sumKey[queue] -= this.sumWeight[queue] * (average - this.zero[queue]);
    this.zero[queue] = average;
    this.fair.touch(this.queueBase, queue);
    if (average >= this.limit) this.renormalise(queue);
  }

  private renormalise(queue: number): void {
    const { tree, fair, vruntime, deadline, protectedTo, limit } = this;
    for (let entity = tree.first(queue); entity !== NIL; entity = tree.next(entity)) {
      vruntime[entity] -= limit;
      deadline[entity] -= limit;
    }
    tree.shift(-limit, queue);
    const current = fair.current[queue];
    if (current !== NIL) {
      vruntime[current] -= limit;
      deadline[current] -= limit;
      protectedTo[current] -= limit;
    }
    this.zero[queue] -= limit;
  }

  /** Shortest slice that anybody in the tree asked for; Infinity when all have the default. */
  shortestSlice(queue: number): number {
    const first = this.shortSlices.first(queue);
    return first === NIL ? Infinity : this.slice[first];
  }

  /** Of the eligible entities in the tree the one with the earliest deadline, or NIL. O(log n). */
  earliestEligible(queue: number): number {
    const tree = this.tree;
    const first = tree.first(queue);
    let best = NIL;
    if (first !== NIL && this.eligible(queue, tree.valueOf(first))) {
      best = first;
    } else {
      let node = tree.root(queue);
      while (node !== NIL) {
        const left = tree.left(node);
        if (left !== NIL && this.eligible(queue, tree.minimumOf(left))) {
          node = left;
          continue;
        }
        if (this.eligible(queue, tree.valueOf(node))) {
          best = node;
          break;
        }
        node = tree.right(node);
      }
    }
    return best;
  }

  /** Reports a queue's record to the meter. */
  touch(queue: number): void {
    this.fair.touch(this.queueBase, queue);
  }

  /** Verifies the sums against the trees. O(n). */
  checkInvariants(): void {
    const { fair, tree } = this;
    this.shortSlices.checkInvariants();
    const key = new Float64Array(fair.queueCount);
    const weight = new Float64Array(fair.queueCount);
    for (let entity = 0; entity < fair.entityCount; entity++) {
      if (!tree.contains(entity)) continue;
      assert(tree.keyOf(entity) === this.deadline[entity], 'the key is the deadline');
      assert(tree.valueOf(entity) === this.vruntime[entity], 'the value is the vruntime');
      const queue = fair.queue[entity];
      key[queue] += fair.weight[entity] * (this.vruntime[entity] - this.zero[queue]);
      weight[queue] += fair.weight[entity];
    }
    for (let queue = 0; queue < fair.queueCount; queue++) {
      assert(key[queue] === this.sumKey[queue], 'the key sum is exact');
      assert(weight[queue] === this.sumWeight[queue], 'the weight sum is exact');
    }
  }
}
