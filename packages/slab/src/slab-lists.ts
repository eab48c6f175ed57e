import {
  assert,
  type Meter,
  NIL,
  PAGE_BYTES,
  type TraceHook,
  type VirtAddr,
} from '@hotpath/hw-x86';
import type { PageAllocator } from './page-allocator.js';
import type { PageBudget } from './page-budget.js';
import { bitCount, mapWords, type SlabGeometry, startMasks } from './slab-geometry.js';
import { checkLists } from './slab-lists-check.js';
import type { SlabListsOptions } from './slab-lists-options.js';
import type { SlabObserver } from './slab-observer.js';
import { type SlabTable, type TableReader, USED_WORDS } from './slab-table.js';
import { SITE_BASE, TRACE_SLAB_CREATE, TRACE_SLAB_DESTROY } from './trace-events.js';

const SITE_WORD = SITE_BASE + 16;
const SITE_BIT = SITE_BASE + 17;
const SITE_FULL = SITE_BASE + 18;
const SITE_EMPTY = SITE_BASE + 19;
const SITE_PARTIAL = SITE_BASE + 20;

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
  /** Decides about empty slabs instead of `minEmpty`: of a heap of many caches. */
  budget: PageBudget | null = null;
  private available: Uint16Array = new Uint16Array(0);
  private out: Int32Array = new Int32Array(0);
  private colour: Uint8Array = new Uint8Array(0);
  private readonly masks: Int32Array;
  /** Free slots that are not in their slab are marked in the table's `out`. */
  readonly marksOut: boolean;
  private readonly table: SlabTable;
  private readonly source: PageAllocator;
  readonly geometry: SlabGeometry;
  readonly cacheId: number;
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
    this.masks = startMasks(this.geometry);
    this.marksOut = options.needsOut;
    if (this.marksOut) this.table.needOut();
    this.table.subscribe(this);
  }

  get objectTotal(): number {
    return this.slabCount * this.geometry.objectCount;
  }

  adopt(table: SlabTable): void {
    this.available = table.available;
    this.out = this.marksOut ? table.out : table.words;
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
   * Moves up to `count` free slots into the magazines' words from `to` on, highest address first, so
   * that a stack gives them out upwards. Fewer when partial slabs hold no more, none only when memory
   * is out. Without `needsOut` no slot of this cache may lie in a magazine meanwhile.
   * @param base - where those words lie, for the meter
   */
  fill(to: number, count: number, base: VirtAddr): number {
    let filled = 0;
    while (filled < count) {
      let head = this.partial - 1;
      if (this.meter !== null) {
        this.meter.load(this.fieldsBase + 8);
        this.meter.branch(SITE_PARTIAL, head !== NIL);
      }
      if (head === NIL) {
        // What is there will do: no slab is begun to have a magazine fuller.
        if (filled > 0) break;
        head = this.empty - 1;
        if (head === NIL) head = this.grow();
        if (head === NIL) break;
        this.unlink(head, true);
        this.link(head, false);
      }
      filled += this.extract(head, to + filled, count - filled, base + filled * 4);
    }
    this.availableObjects -= filled;
    assert(this.availableObjects >= 0, 'no more objects are taken than are available');
    return filled;
  }

  /** Takes up to `count` free slots out of a slab in the partial list; unlinks it when it is full. */
  private extract(head: number, to: number, count: number, base: VirtAddr): number {
    const inSlab = this.available[head];
    const wanted = Math.min(inSlab, count);
    if (wanted === this.geometry.objectCount && !this.marksOut) this.takeAll(head, to, base);
    else this.takeMarked(head, to, wanted, base);
    this.available[head] = inSlab - wanted;
    if (wanted === inSlab) this.unlink(head, false);
    if (this.meter !== null) {
      this.meter.load(this.table.availableBase + head * 2);
      this.meter.store(this.table.availableBase + head * 2);
      this.meter.branch(SITE_FULL, wanted === inSlab);
    }
    return wanted;
  }

  /** Every slot of an empty slab: its map need not be read. */
  private takeAll(head: number, to: number, base: VirtAddr): void {
    const { meter } = this;
    const { words } = this.table;
    const { objectCount, stride } = this.geometry;
    let offset = this.firstOf(head);
    for (let at = to + objectCount - 1; at >= to; at -= 1) {
      words[at] = offset;
      offset += stride;
      if (meter === null) continue;
      meter.store(base + (at - to) * 4);
      meter.retire(3);
    }
  }

  /** `wanted` slots by the bits of the map, the lowest ones; that many are there. */
  private takeMarked(head: number, to: number, wanted: number, base: VirtAddr): void {
    const { out, masks, meter, marksOut } = this;
    const { words } = this.table;
    const mapWordCount = mapWords(this.geometry);
    const masksAt = this.colour[head] * mapWordCount;
    let at = to + wanted;
    for (let w = 0; at > to && w < mapWordCount; w += 1) {
      const mapAt = head * USED_WORDS + w;
      let word = masks[masksAt + w] & ~out[mapAt];
      if (meter !== null) {
        meter.load(this.table.outBase + mapAt * 4);
        meter.branch(SITE_WORD, word !== 0);
      }
      if (word === 0) continue;
      const free = word;
      const granulesAt = mapAt * 32;
      while (word !== 0 && at > to) {
        at -= 1;
        words[at] = (granulesAt + 31 - Math.clz32(word & -word)) << 4;
        word &= word - 1;
        if (meter !== null) {
          meter.store(base + (at - to) * 4);
          meter.retire(5);
          meter.branch(SITE_BIT, word !== 0);
        }
      }
      if (!marksOut) continue;
      out[mapAt] |= free ^ word;
      if (meter !== null) meter.store(this.table.outBase + mapAt * 4);
    }
    assert(at === to, 'the count of available objects is that of the bits');
  }

  /** Puts the slots in the magazines' words `from .. from + count - 1` back into their slabs. */
  put(from: number, count: number, base: VirtAddr): void {
    const { meter } = this;
    const { words } = this.table;
    const { slabBytes } = this.geometry;
    const end = from + count;
    this.availableObjects += count;
    for (let at = from; at < end; ) {
      const offset = words[at];
      let run = at + 1;
      // Objects freed one after the other often lie in one slab: its count is written once. Slabs
      // are aligned to their length, so offsets in one differ in its low bits only.
      while (run < end && (words[run] ^ offset) < slabBytes) run += 1;
      if (this.marksOut) this.unmark(at, run, base + (at - from) * 4);
      else if (meter !== null) {
        for (let i = at; i < run; i += 1) meter.load(base + (i - from) * 4);
        meter.retire(4 * (run - at));
      }
      this.returned(this.headOf(offset), run - at);
      at = run;
    }
  }

  /** Clears the out bits of the slots in the words `at .. end - 1`. */
  private unmark(at: number, end: number, base: VirtAddr): void {
    const { out, meter } = this;
    const { words } = this.table;
    for (let i = at; i < end; i += 1) {
      const offset = words[i];
      const word = out[offset >>> 9];
      const mask = 1 << (offset >>> 4);
      assert((word & mask) !== 0, 'a slot that comes back was not there');
      out[offset >>> 9] = word ^ mask;
      if (meter === null) continue;
      meter.load(base + (i - at) * 4);
      meter.load(this.table.outBase + (offset >>> 9) * 4);
      meter.store(this.table.outBase + (offset >>> 9) * 4);
      meter.retire(10);
    }
  }

  /** `count` slots came back to the slab at `head`. */
  private returned(head: number, count: number): void {
    const { objectCount } = this.geometry;
    const before = this.available[head];
    const after = before + count;
    assert(after <= objectCount, 'no more slots come back than a slab has');
    this.available[head] = after;
    if (this.meter !== null) {
      this.meter.load(this.table.availableBase + head * 2);
      this.meter.store(this.table.availableBase + head * 2);
      this.meter.branch(SITE_PARTIAL, before === 0);
      this.meter.branch(SITE_EMPTY, after === objectCount);
    }
    if (after === objectCount) {
      if (before !== 0) this.unlink(head, false);
      this.becomeEmpty(head);
    } else if (before === 0) this.link(head, false);
  }

  /** A slab that is in no list, all slots available: kept or given back. */
  private becomeEmpty(head: number): void {
    const spare = this.availableObjects - this.geometry.objectCount;
    const enough =
      this.budget === null
        ? this.emptyCount >= this.minEmpty
        : !this.budget.mayKeep(1 << this.geometry.order);
    if (enough && spare >= this.reserved) this.destroySlab(head);
    else this.link(head, true);
  }

  /** Another slab, put into the empty list; its head page, or NIL when no pages are left. */
  grow(): number {
    const { order, slabBytes, objectCount, colourCount } = this.geometry;
    this.budget?.willTake(1 << order);
    const head = this.source.takeLowPage(order);
    if (head === NIL) return NIL;
    assert(head % (slabBytes / PAGE_BYTES) === 0, 'a slab is aligned to its length');
    this.table.claimPages(head, slabBytes / PAGE_BYTES, this.cacheId);
    this.available[head] = objectCount;
    if (this.meter !== null) this.meter.store(this.table.availableBase + head * 2);
    this.colour[head] = this.nextColour;
    this.nextColour = this.nextColour + 1 === colourCount ? 0 : this.nextColour + 1;
    this.slabCount += 1;
    this.availableObjects += objectCount;
    this.budget?.took(1 << order);
    this.link(head, true);
    if (this.trace !== null) this.emit(TRACE_SLAB_CREATE, head);
    for (const observer of this.observers) observer.slabCreated(head, this.firstOf(head));
    return head;
  }

  /** A slab that is in no list, all slots available, goes back to the page allocator. */
  private destroySlab(head: number): void {
    const { order, slabBytes, objectCount } = this.geometry;
    assert(this.table.ownerOf(head) === this.cacheId, 'a cache gives back its own slabs');
    assert(this.available[head] === objectCount, 'only an empty slab goes back');
    for (const observer of this.observers) observer.slabDestroyed(head, this.firstOf(head));
    this.table.releasePages(head, slabBytes / PAGE_BYTES);
    this.slabCount -= 1;
    this.availableObjects -= objectCount;
    this.budget?.gave(1 << order);
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
      if (this.budget !== null) this.budget.spare += 1 << this.geometry.order;
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
    if (empty) {
      this.emptyCount -= 1;
      if (this.budget !== null) this.budget.spare -= 1 << this.geometry.order;
    }
    if (this.meter !== null && previous === 0) this.meter.store(this.fieldsBase + 8);
  }

  /** Calls `visit` with the head page of every slab of this cache. O(pages). */
  forEachSlab(visit: (head: number) => void): void {
    const step = 1 << this.geometry.order;
    const { table } = this;
    for (let page = 0; page < table.pageCount; page += step) {
      if (table.ownerOf(page) === this.cacheId) visit(page);
    }
  }

  /** Whether a slot lies free in its slab. @param waits - it is in a magazine or in quarantine */
  isAvailable(offset: number, waits: boolean): boolean {
    const isOut = (this.out[offset >>> 9] & (1 << (offset >>> 4))) !== 0;
    return !isOut && (this.marksOut || !waits);
  }

  /** Free slots that lie in the slab at `head`, by its map. O(slots / 32). */
  countAvailable(head: number): number {
    const words = mapWords(this.geometry);
    let bits = 0;
    for (let w = 0; w < words; w += 1) {
      bits += bitCount(
        this.masks[this.colour[head] * words + w] & ~this.out[head * USED_WORDS + w],
      );
    }
    return bits;
  }

  /** Sets a slab's count right after its map was found to say something else. */
  correctCount(head: number, available: number): void {
    const counted = this.available[head];
    const { objectCount } = this.geometry;
    this.available[head] = available;
    this.availableObjects += available - counted;
    const partial = (count: number): boolean => count > 0 && count < objectCount;
    if (partial(counted) && !partial(available)) this.unlink(head, false);
    if (counted === objectCount) this.unlink(head, true);
    if (partial(available) && !partial(counted)) this.link(head, false);
    if (available === objectCount) this.link(head, true);
  }

  /** Walks lists and maps; throws InvariantError. O(pages). @param waiting - slots in magazines */
  checkInvariants(waiting: number): void {
    checkLists(this, this.table, this.source.buddy, waiting);
  }
}
