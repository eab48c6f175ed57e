import {
  assert,
  type Meter,
  NIL,
  PAGE_BYTES,
  type TraceHook,
  type VirtAddr,
} from '@hotpath/hw-x86';
import type { PageAllocator } from './page-allocator.js';
import type { SlabGeometry } from './slab-geometry.js';
import {
  AVAILABLE_MASK,
  BITS,
  CHAIN,
  CHAIN_SHIFT,
  FIRST,
  OWNER,
  PAGE_WORDS,
  type SlabTable,
  type TableReader,
} from './slab-table.js';
import { SITE_BASE, TRACE_SLAB_CREATE, TRACE_SLAB_DESTROY } from './trace-events.js';

const SITE_WORD = SITE_BASE + 16;
const SITE_BIT = SITE_BASE + 17;
const SITE_FULL = SITE_BASE + 18;
const SITE_EMPTY = SITE_BASE + 19;
const SITE_PARTIAL = SITE_BASE + 20;

/** Told when slabs come and go: constructors, poison, generations. */
export interface SlabObserver {
  /** All slots of a new slab, before any is handed out. `first` is the offset of slot 0. */
  slabCreated(first: number, bits: number): void;
  /** A slab in which nothing is handed out goes back to the page allocator. */
  slabDestroyed(first: number, bits: number): void;
}

/**
 * The slabs of one cache (Bonwick 1994): partial ones in a list, empty ones in another, full ones
 * in none, so that nothing ever walks over a full slab. Magazines are filled from here and emptied
 * into here, many objects at a time.
 *
 * objectTotal === availableObjects + handed out + in magazines
 * partial list: 0 < available < objectCount; empty list: available === objectCount
 */
export class SlabLists implements TableReader {
  /** Slabs held. */
  slabCount = 0;
  /** Empty ones among them. */
  emptyCount = 0;
  /** Free slots that lie in slabs. */
  availableObjects = 0;
  /** Objects that must stay available when empty slabs go back. */
  reserved = 0;
  /** First partial slab's head page + 1, or 0. */
  partial = 0;
  /** First empty slab's head page + 1, or 0. */
  empty = 0;
  observer: SlabObserver | null = null;
  private colour = 0;
  private pages: Int32Array = new Int32Array(0);
  private previous: Int32Array = this.pages;
  private available: Int32Array = this.pages;
  private readonly table: SlabTable;
  private readonly source: PageAllocator;
  private readonly base: number;
  private readonly geometry: SlabGeometry;
  private readonly cacheId: number;
  private readonly minEmpty: number;
  private readonly meter: Meter | null;
  private readonly trace: TraceHook | null;
  private readonly headBase: VirtAddr;

  constructor(
    table: SlabTable,
    source: PageAllocator,
    base: number,
    geometry: SlabGeometry,
    cacheId: number,
    minEmpty: number,
    headBase: VirtAddr,
    trace: TraceHook | null,
  ) {
    this.table = table;
    this.source = source;
    this.base = base;
    this.geometry = geometry;
    this.cacheId = cacheId;
    this.minEmpty = minEmpty;
    this.meter = table.meter;
    this.trace = trace;
    this.headBase = headBase;
    table.subscribe(this);
  }

  get objectTotal(): number {
    return this.slabCount * this.geometry.objectCount;
  }

  adopt(table: SlabTable): void {
    this.pages = table.pages;
    this.previous = table.previous;
    this.available = table.available;
  }

  /**
   * Moves up to `count` free slots into `magazine` as (offset, bit) pairs from entry `at` on,
   * highest address first, so that a stack gives them out upwards. Fewer only when memory is out.
   */
  fill(magazine: Int32Array, at: number, count: number): number {
    let filled = 0;
    while (filled < count) {
      let head = this.partial - 1;
      if (this.meter !== null) {
        this.meter.load(this.headBase);
        this.meter.branch(SITE_PARTIAL, head !== NIL);
      }
      if (head === NIL) {
        head = this.empty - 1;
        if (head === NIL) head = this.grow();
        if (head === NIL) break;
        this.unlink(head, true);
        this.link(head, false);
      }
      filled += this.extract(head, magazine, at + filled, count - filled);
    }
    this.availableObjects -= filled;
    assert(this.availableObjects >= 0, 'no more objects are taken than are available');
    return filled;
  }

  /** Takes up to `count` free slots out of a partial slab; unlinks it when it becomes full. */
  private extract(head: number, magazine: Int32Array, at: number, count: number): number {
    const { stride, wordCount } = this.geometry;
    const meter = this.meter;
    const entry = head * PAGE_WORDS;
    const first = this.pages[entry + FIRST];
    const bits = this.pages[entry + BITS];
    const inSlab = this.pages[entry + CHAIN] & AVAILABLE_MASK;
    const wanted = Math.min(inSlab, count);
    if (meter !== null) meter.load(this.table.pagesBase + head * 16);
    let filled = 0;
    for (let w = wordCount - 1; filled < wanted; w -= 1) {
      const at32 = (bits >>> 5) + w;
      let word = this.available[at32];
      if (meter !== null) {
        meter.load(this.table.availableBase + at32 * 4);
        meter.branch(SITE_WORD, word !== 0);
      }
      if (word === 0) continue;
      while (word !== 0 && filled < wanted) {
        const b = 31 - Math.clz32(word);
        word ^= 1 << b;
        const slot = (w << 5) + b;
        const to = (at + filled) << 1;
        magazine[to] = first + slot * stride;
        magazine[to + 1] = bits + slot;
        if (meter !== null) {
          meter.store(this.headBase + 64 + to * 4);
          meter.retire(7);
          meter.branch(SITE_BIT, word !== 0);
        }
        filled += 1;
      }
      this.available[at32] = word;
      if (meter !== null) meter.store(this.table.availableBase + at32 * 4);
    }
    assert(filled === wanted, 'the count of available objects is that of the bits');
    if (wanted === inSlab) this.unlink(head, false);
    this.pages[entry + CHAIN] -= filled;
    if (meter !== null) {
      meter.store(this.table.pagesBase + head * 16 + 12);
      meter.branch(SITE_FULL, wanted === inSlab);
    }
    return filled;
  }

  /** Puts the slots of `count` entries of a magazine back into their slabs. */
  put(magazine: Int32Array, at: number, count: number): void {
    const meter = this.meter;
    const objectCount = this.geometry.objectCount;
    const headMask = -(1 << this.geometry.order);
    const available = this.available;
    const pages = this.pages;
    this.availableObjects += count;
    for (let i = at; i < at + count; i += 1) {
      const head = (magazine[2 * i] >>> 12) & headMask;
      const bit = magazine[2 * i + 1];
      const mask = 1 << bit;
      const word = available[bit >>> 5];
      assert((word & mask) === 0, 'a slot that comes back was not there');
      available[bit >>> 5] = word | mask;
      const entry = head * PAGE_WORDS + CHAIN;
      const inSlab = (pages[entry] += 1) & AVAILABLE_MASK;
      if (meter !== null) this.meterPut(i, head, bit, inSlab);
      if (inSlab === 1) this.link(head, false);
      if (inSlab === objectCount) this.becomeEmpty(head);
    }
  }

  private meterPut(i: number, head: number, bit: number, inSlab: number): void {
    const meter = this.meter as Meter;
    meter.load(this.headBase + 64 + i * 8);
    meter.load(this.table.availableBase + (bit >>> 5) * 4);
    meter.store(this.table.availableBase + (bit >>> 5) * 4);
    meter.load(this.table.pagesBase + head * 16 + 12);
    meter.store(this.table.pagesBase + head * 16 + 12);
    meter.retire(9);
    meter.branch(SITE_PARTIAL, inSlab === 1);
    meter.branch(SITE_EMPTY, inSlab === this.geometry.objectCount);
  }

  private becomeEmpty(head: number): void {
    this.unlink(head, false);
    const spare = this.availableObjects - this.geometry.objectCount;
    if (this.emptyCount >= this.minEmpty && spare >= this.reserved) this.destroySlab(head);
    else this.link(head, true);
  }

  /** Another slab, put into the empty list; its head page, or NIL when no pages are left. */
  grow(): number {
    const { order, slabBytes, objectCount, wordCount, colourCount, colourBytes, leftBytes } =
      this.geometry;
    const address = this.source.allocateLow(order);
    if (address === NIL) return NIL;
    const offset = address - this.base;
    const head = offset / PAGE_BYTES;
    assert(head % (slabBytes / PAGE_BYTES) === 0, 'a slab is aligned to its length');
    const first = offset + this.colour * colourBytes + leftBytes;
    this.colour = this.colour + 1 === colourCount ? 0 : this.colour + 1;
    const word = this.table.takeWords(wordCount);
    this.table.claimPages(head, slabBytes / PAGE_BYTES, this.cacheId, first, word * 32);
    for (let w = 0; w < wordCount; w += 1) {
      const left = objectCount - w * 32;
      this.available[word + w] = left >= 32 ? -1 : left <= 0 ? 0 : 2 ** left - 1;
      if (this.meter !== null) this.meter.store(this.table.availableBase + (word + w) * 4);
    }
    this.pages[head * PAGE_WORDS + CHAIN] = objectCount;
    this.slabCount += 1;
    this.availableObjects += objectCount;
    this.link(head, true);
    if (this.trace !== null) this.trace.emit(TRACE_SLAB_CREATE, address, this.cacheId);
    if (this.observer !== null) this.observer.slabCreated(first, word * 32);
    return head;
  }

  /** A slab that is in no list, all slots available, goes back to the page allocator. */
  private destroySlab(head: number): void {
    const { slabBytes, objectCount, wordCount } = this.geometry;
    const entry = head * PAGE_WORDS;
    assert(this.pages[entry + OWNER] === this.cacheId, 'a cache gives back its own slabs');
    assert(
      (this.pages[entry + CHAIN] & AVAILABLE_MASK) === objectCount,
      'only an empty slab goes back',
    );
    const bits = this.pages[entry + BITS];
    if (this.observer !== null) this.observer.slabDestroyed(this.pages[entry + FIRST], bits);
    this.table.returnWords(bits / 32, wordCount);
    this.table.releasePages(head, slabBytes / PAGE_BYTES);
    this.slabCount -= 1;
    this.availableObjects -= objectCount;
    const address = this.base + head * PAGE_BYTES;
    if (this.trace !== null) this.trace.emit(TRACE_SLAB_DESTROY, address, this.cacheId);
    this.source.free(address);
  }

  /** Gives empty slabs back until `keep` are left; how many went. */
  releaseEmpty(keep: number): number {
    let released = 0;
    while (
      this.emptyCount > keep &&
      this.availableObjects - this.geometry.objectCount >= this.reserved
    ) {
      const head = this.empty - 1;
      this.unlink(head, true);
      this.destroySlab(head);
      released += 1;
    }
    return released;
  }

  private link(head: number, empty: boolean): void {
    const next = empty ? this.empty : this.partial;
    const entry = head * PAGE_WORDS + CHAIN;
    this.pages[entry] = (next << CHAIN_SHIFT) | (this.pages[entry] & AVAILABLE_MASK);
    this.previous[head] = 0;
    if (next !== 0) this.previous[next - 1] = head + 1;
    if (empty) {
      this.empty = head + 1;
      this.emptyCount += 1;
    } else this.partial = head + 1;
    if (this.meter !== null) this.meterLink(head, next);
  }

  private unlink(head: number, empty: boolean): void {
    const entry = head * PAGE_WORDS + CHAIN;
    const next = this.pages[entry] >>> CHAIN_SHIFT;
    const previous = this.previous[head];
    this.pages[entry] &= AVAILABLE_MASK;
    if (next !== 0) this.previous[next - 1] = previous;
    if (previous !== 0) {
      const before = (previous - 1) * PAGE_WORDS + CHAIN;
      this.pages[before] = (next << CHAIN_SHIFT) | (this.pages[before] & AVAILABLE_MASK);
    } else if (empty) {
      assert(this.empty === head + 1, 'a slab without a previous one is first of its list');
      this.empty = next;
    } else {
      assert(this.partial === head + 1, 'a slab without a previous one is first of its list');
      this.partial = next;
    }
    if (empty) this.emptyCount -= 1;
    if (this.meter !== null) this.meterLink(head, next);
  }

  private meterLink(head: number, next: number): void {
    const meter = this.meter as Meter;
    meter.store(this.table.pagesBase + head * 16 + 12);
    meter.store(this.table.previousBase + head * 4);
    if (next !== 0) meter.store(this.table.previousBase + (next - 1) * 4);
    meter.store(this.headBase);
    meter.retire(6);
  }
}
