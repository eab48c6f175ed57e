import { assert, type ByteCount, type Meter, NIL, type VirtAddr } from '@hotpath/hw-x86';
import type { SlabLists } from './slab-lists.js';
import type { SlabTable } from './slab-table.js';

/** Words in front of a magazine's objects: two marks. Behind them is one more. */
const LEADING_WORDS = 2;

/** Words of a magazine of `size` objects in the table. */
export function magazineWords(size: number): number {
  return LEADING_WORDS + size + 1;
}

/**
 * The magazines of one cache, one for each CPU (Bonwick and Adams 2001): stacks of the offsets of
 * free objects, in words of the table. One that runs empty is filled to its half, a full one emptied
 * to its half, so a loop on the edge does not fill and flush for ever: one magazine does for the
 * paper's two.
 *
 * words: NIL NIL offset .. offset NIL
 *
 * The marks end every walk: a pop that meets NIL is empty, a push that meets NIL is full, and from
 * the first mark on both are, which is how a watched cache sends every call the slow way.
 */
export class Magazines {
  /** Objects that fit into one. */
  readonly size: number;
  /** The running CPU. */
  private cpu = 0;
  private readonly table: SlabTable;
  private readonly lists: SlabLists;
  /** By CPU: first word, counted from the table's magazines. */
  private readonly starts: readonly number[];
  /** By CPU: objects in it. The cache keeps the running CPU's fill in a field of its own. */
  private readonly fills: Int32Array;
  private readonly meter: Meter | null;
  private readonly meterBase: VirtAddr;

  /** @param meterBase - where the first magazine lies, for the meter; one is `Magazines.byteCount` */
  constructor(
    lists: SlabLists,
    table: SlabTable,
    size: number,
    cpuCount: number,
    meterBase: VirtAddr,
  ) {
    this.size = size;
    this.table = table;
    this.lists = lists;
    this.starts = Array.from({ length: cpuCount }, () => table.takeMagazine(magazineWords(size)));
    this.fills = new Int32Array(cpuCount);
    this.meter = table.meter;
    this.meterBase = meterBase;
  }

  /** Modelled bytes of one: a line of its own for the fill, then the objects. */
  static byteCount(size: number): ByteCount {
    return 64 + size * 4;
  }

  /** First word of the running CPU's objects. */
  get first(): number {
    return this.table.magazinesAt + this.starts[this.cpu] + LEADING_WORDS;
  }

  /** Where the running CPU's fill lies, for the meter. */
  get fillAddress(): VirtAddr {
    return this.meterBase + this.cpu * Magazines.byteCount(this.size);
  }

  /** Objects in the running CPU's magazine. */
  get fill(): number {
    return this.fills[this.cpu];
  }

  set fill(count: number) {
    assert(count >= 0 && count <= this.size, 'a magazine is not fuller than its size');
    this.fills[this.cpu] = count;
  }

  /** Objects in all of them. */
  get total(): number {
    let sum = 0;
    for (let cpu = 0; cpu < this.fills.length; cpu += 1) sum += this.fills[cpu];
    return sum;
  }

  enter(cpu: number): void {
    this.cpu = cpu;
  }

  /** Fills the running CPU's empty magazine from the slabs; how many came. */
  refill(count: number): number {
    const filled = this.lists.fill(this.first, count, this.fillAddress + 64);
    this.fill = filled;
    return filled;
  }

  /** The running CPU's magazine is full: the half that lies in it longest goes back to the slabs. */
  spill(): void {
    const { size, first } = this;
    assert(this.fill === size, 'only a full magazine is spilled');
    const half = (size + 1) >>> 1;
    this.lists.put(first, half, this.fillAddress + 64);
    this.table.words.copyWithin(first, first + half, first + size);
    this.fill = size - half;
    if (this.meter === null) return;
    // A copy moves 32 bytes at a time.
    for (let byte = 0; byte < (size - half) * 4; byte += 32) {
      this.meter.load(this.fillAddress + 64 + half * 4 + byte);
      this.meter.store(this.fillAddress + 64 + byte);
    }
  }

  /** The last object of the running CPU's magazine, which is not empty. */
  pop(): number {
    const top = this.fill - 1;
    this.fill = top;
    if (this.meter !== null) {
      this.meter.store(this.fillAddress);
      this.meter.load(this.fillAddress + 64 + top * 4);
    }
    return this.table.words[this.first + top];
  }

  /** Puts a free object into the running CPU's magazine. */
  push(offset: number): void {
    if (this.fill === this.size) this.spill();
    const { fill } = this;
    this.table.words[this.first + fill] = offset;
    this.fill = fill + 1;
    if (this.meter !== null) {
      this.meter.store(this.fillAddress + 64 + fill * 4);
      this.meter.store(this.fillAddress);
    }
  }

  /** Puts the objects of the running CPU's magazine back into their slabs. */
  flush(): void {
    this.lists.put(this.first, this.fill, this.fillAddress + 64);
    this.fill = 0;
  }

  /** The same for all CPUs. */
  flushAll(): void {
    const running = this.cpu;
    for (let cpu = 0; cpu < this.fills.length; cpu += 1) {
      this.cpu = cpu;
      this.flush();
    }
    this.cpu = running;
  }

  /** Puts one object back into its slab; the running CPU's magazine is empty. */
  putBack(offset: number): void {
    assert(this.fill === 0, 'an empty magazine lends its first word');
    this.table.words[this.first] = offset;
    this.lists.put(this.first, 1, this.fillAddress + 64);
  }

  /** Calls `visit` with the offset of every object in them. */
  forEach(visit: (offset: number) => void): void {
    for (let cpu = 0; cpu < this.fills.length; cpu += 1) {
      const first = this.table.magazinesAt + this.starts[cpu] + LEADING_WORDS;
      for (let i = 0; i < this.fills[cpu]; i += 1) visit(this.table.words[first + i]);
    }
  }

  /** The end: gives their words back. */
  release(): void {
    assert(this.total === 0, 'only empty magazines go');
    for (const start of this.starts) this.table.giveMagazine(start, magazineWords(this.size));
  }

  /** Marks stand where they belong; throws InvariantError. */
  checkInvariants(): void {
    for (let cpu = 0; cpu < this.starts.length; cpu += 1) {
      const at = this.table.magazinesAt + this.starts[cpu];
      const marks = [at, at + 1, at + LEADING_WORDS + this.size];
      assert(
        marks.every((word) => this.table.words[word] === NIL),
        'a magazine lies between marks',
      );
      for (let i = 0; i < this.size; i += 1) {
        assert(this.table.words[at + LEADING_WORDS + i] !== NIL, 'inside a magazine is no mark');
      }
    }
  }
}
