import { assert, type ByteCount, type Meter, NIL, type VirtAddr } from '@hotpath/hw-x86';

/**
 * A stack of order-0 pages for each CPU (Linux: per-CPU pagesets), so that the common allocation
 * neither takes the zone's lock nor splits a block. A list holds at most `2 * batch` pages.
 *
 * For every CPU: 0 <= fill <= 2 * batch
 */
export class CpuPages {
  /** Pages moved between a list and the buddy at once. */
  readonly batch: number;
  /** The running CPU. */
  current = 0;
  private readonly stack: Int32Array;
  private readonly fill: Int32Array;
  private readonly meter: Meter | null;
  private readonly stackBase: VirtAddr = 0;
  private readonly fillBase: VirtAddr = 0;

  constructor(cpuCount: number, batch: number, meter: Meter | null) {
    this.batch = batch;
    this.stack = new Int32Array(cpuCount * 2 * batch);
    // One cache line a CPU, so that CPUs do not share lines.
    this.fill = new Int32Array(cpuCount * 16);
    this.meter = meter;
    if (meter === null) return;
    this.stackBase = meter.region('pages.cpu', this.stack.byteLength);
    this.fillBase = meter.region('pages.cpu.fill', this.fill.byteLength);
  }

  get cpuCount(): number {
    return this.fill.length / 16;
  }

  get metadataBytes(): ByteCount {
    return this.stack.byteLength + this.fill.byteLength;
  }

  /** Pages in all lists. */
  get pageCount(): number {
    let sum = 0;
    for (let cpu = 0; cpu < this.cpuCount; cpu += 1) sum += this.fill[cpu * 16];
    return sum;
  }

  /** The running CPU's last page, or NIL. */
  pop(): number {
    const cpu = this.current;
    const fill = this.fill[cpu * 16];
    if (this.meter !== null) this.meter.load(this.fillBase + cpu * 64);
    if (fill === 0) return NIL;
    const at = cpu * 2 * this.batch + fill - 1;
    if (this.meter !== null) {
      this.meter.load(this.stackBase + at * 4);
      this.meter.store(this.fillBase + cpu * 64);
    }
    this.fill[cpu * 16] = fill - 1;
    return this.stack[at];
  }

  /** Puts a page on the running CPU's list; false when it is full. */
  push(page: number): boolean {
    const cpu = this.current;
    const fill = this.fill[cpu * 16];
    if (this.meter !== null) this.meter.load(this.fillBase + cpu * 64);
    if (fill === 2 * this.batch) return false;
    const at = cpu * 2 * this.batch + fill;
    if (this.meter !== null) {
      this.meter.store(this.stackBase + at * 4);
      this.meter.store(this.fillBase + cpu * 64);
    }
    this.stack[at] = page;
    this.fill[cpu * 16] = fill + 1;
    assert(fill < 2 * this.batch, 'a CPU list holds at most two batches');
    return true;
  }

  /** A page of any CPU's list, or NIL when all are empty. */
  popAny(): number {
    const running = this.current;
    let page = NIL;
    for (let cpu = 0; cpu < this.cpuCount && page === NIL; cpu += 1) {
      this.current = cpu;
      page = this.pop();
    }
    this.current = running;
    return page;
  }
}
