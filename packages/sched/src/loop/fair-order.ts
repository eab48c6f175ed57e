import { assert, type Nanoseconds, NIL } from '@hotpath/hw-x86';
import { Heap } from '../heap.js';
import { NICE_0_WEIGHT } from '../weights.js';
import type { TenantOrder } from './tenant-order.js';

/** Tags are moved down by this much when they pass it: only differences matter. */
const LIMIT_NS = 2 ** 50;

/**
 * Start-time fair queueing (Goyal, Vin and Cheng 1996): the least tag is next, and a tag advances by
 * CPU time over weight. Who was away comes back at the tag of whoever ran last less a credit, or at
 * its own where that is later: it banks no more than that and escapes no debt.
 *
 * Tenants whose tags differ by less than a grain go in the order in which their jobs were queued. A
 * pause of the machine in one tenant's job then does not shuffle all that follows, which would read
 * the jobs' memory at random: twice the time for an empty job.
 *
 * For every ready tenant but the one picked: its key in the heap is floor(tag / grain). The one that
 * was picked keeps its place until {@link again}, so that a turn is one sift.
 */
export class FairOrder implements TenantOrder {
  private readonly heap: Heap;
  private readonly grainNs: number;
  private readonly creditNs: number;
  private readonly tag: Float64Array;
  private readonly weight: Float64Array;
  /** Tag of whoever was picked last, the largest so far. */
  private virtualNs = 0;
  private readonly free: number[] = [];

  constructor(tenants: number, grainNs: Nanoseconds, creditNs: Nanoseconds) {
    assert(grainNs > 0 && creditNs >= 0, 'grain above 0, credit not below');
    this.heap = new Heap(tenants);
    this.grainNs = grainNs;
    this.creditNs = creditNs;
    this.tag = new Float64Array(tenants);
    this.weight = new Float64Array(tenants);
    for (let slot = tenants - 1; slot >= 0; slot--) this.free.push(slot);
  }

  add(): number {
    const slot = this.free.pop();
    if (slot === undefined) return NIL;
    this.tag[slot] = -Infinity;
    this.weight[slot] = NICE_0_WEIGHT;
    return slot;
  }
  drop(slot: number): void {
    assert(!this.heap.contains(slot), 'a dropped tenant is not ready');
    this.free.push(slot);
  }
  weightOf(slot: number): number {
    return this.weight[slot];
  }
  setWeight(slot: number, weight: number): void {
    this.weight[slot] = weight;
  }

  wake(slot: number, ticket: number): void {
    const tag = Math.max(this.tag[slot], this.virtualNs - this.creditNs);
    this.tag[slot] = tag;
    this.heap.insert(slot, Math.floor(tag / this.grainNs), ticket);
  }

  pick(): number {
    const slot = this.heap.first();
    if (slot === NIL) return NIL;
    if (this.tag[slot] > this.virtualNs) {
      this.virtualNs = this.tag[slot];
      if (this.virtualNs >= LIMIT_NS) this.renormalise();
    }
    return slot;
  }
  charge(slot: number, ranNs: Nanoseconds): void {
    this.tag[slot] += (ranNs * NICE_0_WEIGHT) / this.weight[slot];
  }
  again(slot: number, ticket: number): void {
    this.heap.change(slot, Math.floor(this.tag[slot] / this.grainNs), ticket);
  }
  block(slot: number): void {
    this.heap.remove(slot);
  }

  private renormalise(): void {
    // Whole grains, so that no key moves against another.
    const grains = Math.floor(LIMIT_NS / this.grainNs);
    const down = grains * this.grainNs;
    this.heap.shift(-grains);
    for (let slot = 0; slot < this.tag.length; slot++) this.tag[slot] -= down;
    this.virtualNs -= down;
  }
}
