import { assert, type ByteCount, type Meter, NIL, type VirtAddr } from '@hotpath/hw-x86';
import { CACHED, MAX_SLAB_ORDER } from './page-state.js';

const LIST_ORDERS = MAX_SLAB_ORDER + 1;

/**
 * Stacks of free blocks of order 0 to 3 for each CPU (Linux: per-CPU pagesets, orders 0 to 3 as
 * well), so that the common allocation neither takes the zone's lock nor splits, and the common free
 * does not merge. A list of order k holds at most `(2 * batch) >> k` blocks, but 4.
 *
 * For every list: 0 <= fill <= limit(order)
 */
export class CpuPages {
  /** Pages that come from the buddy at once, where there are several CPUs. */
  readonly batch: number;
  readonly cpuCount: number;
  /** The running CPU. */
  current = 0;
  private readonly stack: Int32Array;
  private readonly fill: Int32Array;
  private readonly meter: Meter | null;
  private readonly stackBase: VirtAddr;
  private readonly fillBase: VirtAddr;

  constructor(cpuCount: number, batch: number, meter: Meter | null, name: string) {
    this.batch = batch;
    this.cpuCount = cpuCount;
    const length = Math.max(4, 2 * batch);
    this.stack = new Int32Array(cpuCount * LIST_ORDERS * length);
    // One cache line a CPU, so that CPUs do not share lines.
    this.fill = new Int32Array(cpuCount * 16);
    this.meter = meter;
    this.stackBase = meter === null ? 0 : meter.region(`${name}.blocks`, this.stack.byteLength);
    this.fillBase = meter === null ? 0 : meter.region(`${name}.fill`, this.fill.byteLength);
  }

  get metadataBytes(): ByteCount {
    return this.stack.byteLength + this.fill.byteLength;
  }

  /** Pages in all lists. */
  get pageCount(): number {
    let sum = 0;
    for (let i = 0; i < this.fill.length; i += 1) sum += this.fill[i] * 2 ** (i % 16);
    return sum;
  }

  /** Blocks that a list of this order holds. */
  limit(order: number): number {
    return Math.max(4, (2 * this.batch) >> order);
  }

  /** The running CPU's last block of this order, or NIL. */
  pop(order: number): number {
    const count = this.current * 16 + order;
    const fill = this.fill[count];
    if (this.meter !== null) this.meter.load(this.fillBase + count * 4);
    if (fill === 0) return NIL;
    const at = this.listOf(order) + fill - 1;
    if (this.meter !== null) {
      this.meter.load(this.stackBase + at * 4);
      this.meter.store(this.fillBase + count * 4);
    }
    this.fill[count] = fill - 1;
    return this.stack[at];
  }

  /** Puts a block on the running CPU's list; false when it is full. */
  push(page: number, order: number): boolean {
    const count = this.current * 16 + order;
    const fill = this.fill[count];
    if (this.meter !== null) this.meter.load(this.fillBase + count * 4);
    if (fill === this.limit(order)) return false;
    const at = this.listOf(order) + fill;
    if (this.meter !== null) {
      this.meter.store(this.stackBase + at * 4);
      this.meter.store(this.fillBase + count * 4);
    }
    this.stack[at] = page;
    this.fill[count] = fill + 1;
    return true;
  }

  /** A block of any CPU's list of this order, or NIL when all are empty. */
  popAny(order: number): number {
    const running = this.current;
    let page = NIL;
    for (let cpu = 0; cpu < this.cpuCount && page === NIL; cpu += 1) {
      this.current = cpu;
      page = this.pop(order);
    }
    this.current = running;
    return page;
  }

  private listOf(order: number): number {
    const length = this.stack.length / (this.cpuCount * LIST_ORDERS);
    return (this.current * LIST_ORDERS + order) * length;
  }

  /** Every listed block is marked as such; throws InvariantError. */
  checkInvariants(state: Uint8Array): void {
    const running = this.current;
    for (let cpu = 0; cpu < this.cpuCount; cpu += 1) {
      this.current = cpu;
      for (let order = 0; order < LIST_ORDERS; order += 1) {
        const fill = this.fill[cpu * 16 + order];
        assert(fill >= 0 && fill <= this.limit(order), 'a CPU list is not longer than its limit');
        for (let i = 0; i < fill; i += 1) {
          const page = this.stack[this.listOf(order) + i];
          assert(state[page] === CACHED + order, 'a listed block is marked with its order');
        }
      }
    }
    this.current = running;
  }
}
