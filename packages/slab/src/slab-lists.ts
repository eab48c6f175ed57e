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
import { AVAILABLE_MASK, type SlabTable, type TableReader, WORDS_SHIFT } from './slab-table.js';
import { SITE_BASE, TRACE_SLAB_CREATE, TRACE_SLAB_DESTROY } from './trace-events.js';

const SITE_WORD = SITE_BASE + 16;
const SITE_BIT = SITE_BASE + 17;
const SITE_FULL = SITE_BASE + 18;
const SITE_EMPTY = SITE_BASE + 19;
const SITE_PARTIAL = SITE_BASE + 20;

/** Told when slabs come and go: constructors, poison, generations. */
export interface SlabObserver {
  /** A new slab, before any of its slots is handed out. `first` is the offset of slot 0's object. */
  slabCreated(head: number, first: number): void;
  /** A slab of which nothing is handed out goes back to the page allocator. */
  slabDestroyed(head: number, first: number): void;
}

/** What the lists of a cache are made from. */
export interface SlabListsOptions {
  readonly table: SlabTable;
  readonly pages: PageAllocator;
  readonly geometry: SlabGeometry;
  readonly cacheId: number;
  readonly minEmpty: number;
  readonly trace: TraceHook | null;
  /** Region of the cache's own fields (64 bytes) and, behind them, its magazines. */
  readonly fieldsBase: VirtAddr;
}

/**
 * The slabs of one cache (Bonwick 1994): partial ones in a list, empty ones in another, full ones
 * in none, so that nothing ever walks over a full slab. Magazines are filled from here and emptied
 * into here, many objects at a time. The list links are the page allocator's own link words, which
 * lie idle while a block is allocated (Linux does the same with struct page).
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
  /** In the order in which they are told. */
  readonly observers: SlabObserver[] = [];
  private nextColour = 0;
  private slab: Int32Array = new Int32Array(0);
  private available: Int32Array = this.slab;
  private colour: Uint8Array = new Uint8Array(0);
  private readonly table: SlabTable;
  private readonly source: PageAllocator;
  private readonly geometry: SlabGeometry;
  private readonly cacheId: number;
  private readonly minEmpty: number;
  private readonly meter: Meter | null;
  private readonly trace: TraceHook | null;
  private readonly fieldsBase: VirtAddr;

  constructor(options: SlabListsOptions) {
    this.table = options.table;
    this.source = options.pages;
    this.geometry = options.geometry;
    this.cacheId = options.cacheId;
    this.minEmpty = options.minEmpty;
    this.meter = options.table.meter;
    this.trace = options.trace;
    this.fieldsBase = options.fieldsBase;
    this.table.subscribe(this);
  }

  get objectTotal(): number {
    return this.slabCount * this.geometry.objectCount;
  }

  adopt(table: SlabTable): void {
    this.slab = table.slab;
    this.available = table.available;
    this.colour = table.colour;
  }

  /** Offset of slot 0's object in the slab at `head`. */
  firstOf(head: number): number {
    const { colourBytes, leftBytes } = this.geometry;
    return head * PAGE_BYTES + this.colour[head] * colourBytes + leftBytes;
  }

  /** Head page of the slab that holds an offset of this cache. */
  headOf(offset: number): number {
    return (offset >>> 12) & -(1 << this.geometry.order);
  }

  /**
   * Moves up to `count` free slots into `magazine[0 ..]`, highest address first, so that a stack
   * gives them out upwards. Fewer only when memory is out.
   * @param magazineBase - where the magazine lies, for the meter
   */
  fill(magazine: Int32Array, count: number, magazineBase: VirtAddr): number {
    let filled = 0;
    while (filled < count) {
      let head = this.partial - 1;
      if (this.meter !== null) {
        this.meter.load(this.fieldsBase + 8);
        this.meter.branch(SITE_PARTIAL, head !== NIL);
      }
      if (head === NIL) {
        head = this.empty - 1;
        if (head === NIL) head = this.grow();
        if (head === NIL) break;
        this.unlink(head, true);
        this.link(head, false);
      }
      filled += this.extract(head, magazine, filled, count - filled, magazineBase);
    }
    this.availableObjects -= filled;
    assert(this.availableObjects >= 0, 'no more objects are taken than are available');
    return filled;
  }

  /** Takes up to `count` free slots out of a partial slab; unlinks it when it becomes full. */
  private extract(
    head: number,
    magazine: Int32Array,
    at: number,
    count: number,
    magazineBase: VirtAddr,
  ): number {
    const { stride, wordCount } = this.geometry;
    const meter = this.meter;
    const entry = this.slab[head];
    const first = this.firstOf(head);
    const inSlab = entry & AVAILABLE_MASK;
    const wanted = Math.min(inSlab, count);
    if (meter !== null) meter.load(this.table.slabBase + head * 4);
    let filled = 0;
    for (let w = wordCount - 1; filled < wanted; w -= 1) {
      const at32 = (entry >>> WORDS_SHIFT) + w;
      let word = this.available[at32];
      if (meter !== null) {
        meter.load(this.table.availableBase + at32 * 4);
        meter.branch(SITE_WORD, word !== 0);
      }
      if (word === 0) continue;
      while (word !== 0 && filled < wanted) {
        const bit = 31 - Math.clz32(word);
        word ^= 1 << bit;
        magazine[at + filled] = first + ((w << 5) + bit) * stride;
        if (meter !== null) {
          meter.store(magazineBase + (at + filled) * 4);
          meter.retire(6);
          meter.branch(SITE_BIT, word !== 0);
        }
        filled += 1;
      }
      this.available[at32] = word;
      if (meter !== null) meter.store(this.table.availableBase + at32 * 4);
    }
    assert(filled === wanted, 'the count of available objects is that of the bits');
    this.slab[head] = entry - filled;
    if (wanted === inSlab) this.unlink(head, false);
    if (meter !== null) {
      meter.store(this.table.slabBase + head * 4);
      meter.branch(SITE_FULL, wanted === inSlab);
    }
    return filled;
  }

  /** Puts the first `count` slots of a magazine back into their slabs. */
  put(magazine: Int32Array, count: number, magazineBase: VirtAddr): void {
    const { objectCount, inverse, order, colourBytes, leftBytes } = this.geometry;
    const { available, slab, colour, meter } = this;
    const headMask = -(1 << order);
    this.availableObjects += count;
    for (let i = 0; i < count; i += 1) {
      const offset = magazine[i];
      const head = (offset >>> 12) & headMask;
      const distance = offset - (head << 12) - Math.imul(colour[head], colourBytes) - leftBytes;
      const slot = Math.imul(distance, inverse) >>> 16;
      const entry = slab[head];
      const at32 = (entry >>> WORDS_SHIFT) + (slot >>> 5);
      const word = available[at32];
      const mask = 1 << slot;
      assert((word & mask) === 0, 'a slot that comes back was not there');
      available[at32] = word | mask;
      slab[head] = entry + 1;
      const inSlab = (entry & AVAILABLE_MASK) + 1;
      if (meter !== null) this.meterPut(magazineBase + i * 4, head, at32, inSlab);
      if (inSlab === 1) this.link(head, false);
      if (inSlab === objectCount) this.becomeEmpty(head);
    }
  }

  private meterPut(magazineAddress: VirtAddr, head: number, at32: number, inSlab: number): void {
    const meter = this.meter as Meter;
    meter.load(magazineAddress);
    meter.load(this.table.slabBase + head * 4);
    meter.store(this.table.slabBase + head * 4);
    meter.load(this.table.availableBase + at32 * 4);
    meter.store(this.table.availableBase + at32 * 4);
    meter.retire(14);
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
    const { order, slabBytes, objectCount, wordCount, colourCount } = this.geometry;
    const head = this.source.takeLowPage(order);
    if (head === NIL) return NIL;
    assert(head % (slabBytes / PAGE_BYTES) === 0, 'a slab is aligned to its length');
    this.table.claimPages(head, slabBytes / PAGE_BYTES, this.cacheId);
    const words = this.table.takeWords(wordCount);
    for (let w = 0; w < wordCount; w += 1) {
      const left = objectCount - w * 32;
      this.available[words + w] = left >= 32 ? -1 : 2 ** left - 1;
      if (this.meter !== null) this.meter.store(this.table.availableBase + (words + w) * 4);
    }
    this.slab[head] = (words << WORDS_SHIFT) | objectCount;
    this.colour[head] = this.nextColour;
    this.nextColour = this.nextColour + 1 === colourCount ? 0 : this.nextColour + 1;
    this.slabCount += 1;
    this.availableObjects += objectCount;
    this.link(head, true);
    if (this.trace !== null) this.emit(TRACE_SLAB_CREATE, head);
    for (const observer of this.observers) observer.slabCreated(head, this.firstOf(head));
    return head;
  }

  /** A slab that is in no list, all slots available, goes back to the page allocator. */
  private destroySlab(head: number): void {
    const { order, slabBytes, objectCount, wordCount } = this.geometry;
    const entry = this.slab[head];
    assert(this.table.owner[head] === this.cacheId, 'a cache gives back its own slabs');
    assert((entry & AVAILABLE_MASK) === objectCount, 'only an empty slab goes back');
    for (const observer of this.observers) observer.slabDestroyed(head, this.firstOf(head));
    this.table.returnWords(entry >>> WORDS_SHIFT, wordCount);
    this.table.releasePages(head, slabBytes / PAGE_BYTES);
    this.slabCount -= 1;
    this.availableObjects -= objectCount;
    if (this.trace !== null) this.emit(TRACE_SLAB_DESTROY, head);
    this.source.giveLowPage(head, order);
  }

  private emit(kind: number, head: number): void {
    this.trace?.emit(kind, this.source.base + head * PAGE_BYTES, this.cacheId);
  }

  /** Gives empty slabs back until `keep` are left; how many went. */
  releaseEmpty(keep: number): number {
    const { objectCount } = this.geometry;
    let released = 0;
    while (this.emptyCount > keep && this.availableObjects - objectCount >= this.reserved) {
      const head = this.empty - 1;
      this.unlink(head, true);
      this.destroySlab(head);
      released += 1;
    }
    return released;
  }

  private link(head: number, empty: boolean): void {
    const buddy = this.source.buddy;
    const next = empty ? this.empty : this.partial;
    buddy.writeLink(2 * head, next);
    buddy.writeLink(2 * head + 1, 0);
    if (next !== 0) buddy.writeLink(2 * (next - 1) + 1, head + 1);
    if (empty) {
      this.empty = head + 1;
      this.emptyCount += 1;
    } else this.partial = head + 1;
    if (this.meter !== null) this.meter.store(this.fieldsBase + 8);
  }

  private unlink(head: number, empty: boolean): void {
    const buddy = this.source.buddy;
    const next = buddy.readLink(2 * head);
    const previous = buddy.readLink(2 * head + 1);
    if (next !== 0) buddy.writeLink(2 * (next - 1) + 1, previous);
    if (previous !== 0) {
      buddy.writeLink(2 * (previous - 1), next);
    } else if (empty) {
      assert(this.empty === head + 1, 'a slab without a previous one is first of its list');
      this.empty = next;
    } else {
      assert(this.partial === head + 1, 'a slab without a previous one is first of its list');
      this.partial = next;
    }
    if (empty) this.emptyCount -= 1;
    if (this.meter !== null && previous === 0) this.meter.store(this.fieldsBase + 8);
  }

  /** Calls `visit` with the head page of every slab of this cache. O(pages). */
  forEachSlab(visit: (head: number) => void): void {
    const step = 1 << this.geometry.order;
    const owner = this.table.owner;
    for (let page = 0; page < owner.length; page += step) {
      if (owner[page] === this.cacheId) visit(page);
    }
  }

  /** Sets a slab's count right after its map was found to say something else. */
  correctCount(head: number, available: number): void {
    const counted = this.slab[head] & AVAILABLE_MASK;
    const { objectCount } = this.geometry;
    this.slab[head] += available - counted;
    this.availableObjects += available - counted;
    const partial = (count: number): boolean => count > 0 && count < objectCount;
    if (partial(counted) && !partial(available)) this.unlink(head, false);
    if (counted === objectCount) this.unlink(head, true);
    if (partial(available) && !partial(counted)) this.link(head, false);
    if (available === objectCount) this.link(head, true);
  }

  /** Walks lists and maps; throws InvariantError. O(pages): for tests. */
  checkInvariants(): void {
    const { objectCount, wordCount } = this.geometry;
    const buddy = this.source.buddy;
    const listed = [0, 0];
    for (let kind = 0; kind < 2; kind += 1) {
      let previous = 0;
      let at = kind === 0 ? this.partial : this.empty;
      for (; at !== 0; at = buddy.link[2 * (at - 1)]) {
        const inSlab = this.slab[at - 1] & AVAILABLE_MASK;
        assert(this.table.owner[at - 1] === this.cacheId, "a listed slab is this cache's");
        assert(buddy.link[2 * (at - 1) + 1] === previous, 'previous points back');
        if (kind === 0) assert(inSlab > 0 && inSlab < objectCount, 'a partial slab is partial');
        else assert(inSlab === objectCount, 'an empty slab is empty');
        previous = at;
        listed[kind] += 1;
      }
    }
    assert(listed[1] === this.emptyCount, 'the count of empty slabs is that of the list');
    let slabs = 0;
    let partial = 0;
    let available = 0;
    this.forEachSlab((head) => {
      const entry = this.slab[head];
      let bits = 0;
      for (let w = 0; w < wordCount; w += 1)
        bits += popcount(this.available[(entry >>> WORDS_SHIFT) + w]);
      assert(bits === (entry & AVAILABLE_MASK), 'the count of a slab is that of its bits');
      slabs += 1;
      available += bits;
      if (bits > 0 && bits < objectCount) partial += 1;
    });
    assert(slabs === this.slabCount, 'every slab is counted');
    assert(available === this.availableObjects, 'available objects are those of the slabs');
    assert(partial === listed[0], 'every partial slab is listed');
  }
}

function popcount(word: number): number {
  let count = 0;
  for (let rest = word; rest !== 0; rest &= rest - 1) count += 1;
  return count;
}
