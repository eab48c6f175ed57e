import { assert, type ByteCount, type Meter, NIL, type VirtAddr } from '@hotpath/hw-x86';

/** Owner of the first page of a kmalloc page run; caches have 1..65,534, and 0 is nobody. */
export const LARGE_RUN = 0xffff;
/** Low bits of a slab word: objects that lie in the slab, free; 0..256. */
export const AVAILABLE_MASK = 1023;
/** The bits above: first word of the slab's available map. */
export const WORDS_SHIFT = 10;

/** Who must hear when the columns move: the caches, which hold them in fields of their own. */
export interface TableReader {
  adopt(table: SlabTable): void;
}

/**
 * What all caches of one allocator share, as columns over the pages of the window. A slab is known
 * by its head page. Nothing of this lies in the slabs, so an overrun cannot reach it, and an address
 * is checked without touching the object. Cost: 39 bytes a page and 1 bit a slot; with the page
 * allocator's 9 bytes, 64 bytes a page of 32-byte objects.
 *
 * `used` has a bit for every 16 bytes and only the starts of objects in use are set. So one bit
 * answers three questions: is it an object's start, is it handed out, was it freed before.
 *
 * For every slot: its used and its available bit are never both set;
 * neither is set: the slot waits in a magazine or in quarantine
 */
export class SlabTable {
  /** Whose slab each page is in. */
  owner: Uint16Array;
  /** Handed-out objects: bit `offset / 16`. */
  used: Int32Array;
  /** Head page only: colour of the slab. */
  colour: Uint8Array;
  /** Head page only: `first word of its available map << 10 | available objects`. */
  slab: Int32Array;
  /** Maps of free slots that lie in their slabs, one bit a slot. */
  available: Int32Array;
  readonly meter: Meter | null;
  ownerBase: VirtAddr = 0;
  usedBase: VirtAddr = 0;
  slabBase: VirtAddr = 0;
  availableBase: VirtAddr = 0;
  private readonly readers: TableReader[] = [];
  private wordsTaken = 0;
  /** First free stretch of words by its length; the next one stands in its first word; NIL: none. */
  private readonly freeWords = new Int32Array(9).fill(NIL);

  constructor(pageCount: number, meter: Meter | null) {
    this.owner = new Uint16Array(pageCount);
    this.used = new Int32Array(pageCount * 8);
    this.colour = new Uint8Array(pageCount);
    this.slab = new Int32Array(pageCount);
    this.available = new Int32Array(64);
    this.meter = meter;
    this.assignRegions();
  }

  get pageCount(): number {
    return this.owner.length;
  }

  get metadataBytes(): ByteCount {
    return (
      this.owner.byteLength +
      this.used.byteLength +
      this.colour.byteLength +
      this.slab.byteLength +
      this.available.byteLength
    );
  }

  subscribe(reader: TableReader): void {
    this.readers.push(reader);
    reader.adopt(this);
  }

  unsubscribe(reader: TableReader): void {
    const at = this.readers.indexOf(reader);
    assert(at >= 0, 'only a subscribed reader leaves the table');
    this.readers.splice(at, 1);
  }

  /** Makes room for the pages of memory that grew. */
  growPages(pageCount: number): void {
    if (pageCount <= this.pageCount) return;
    const owner = new Uint16Array(pageCount);
    owner.set(this.owner);
    this.owner = owner;
    const colour = new Uint8Array(pageCount);
    colour.set(this.colour);
    this.colour = colour;
    this.used = grown(this.used, pageCount * 8);
    this.slab = grown(this.slab, pageCount);
    this.moved();
  }

  /** `wordCount` zero words for a slab's available map; the number of the first. */
  takeWords(wordCount: number): number {
    const free = this.freeWords[wordCount];
    if (free !== NIL) {
      this.freeWords[wordCount] = this.available[free];
      this.available[free] = 0;
      return free;
    }
    const first = this.wordsTaken;
    if (first + wordCount > this.available.length) {
      // A quarter more, not double: what is not used would count as metadata all the same.
      this.available = grown(this.available, Math.ceil(this.available.length * 1.25) + wordCount);
      this.moved();
    }
    this.wordsTaken = first + wordCount;
    return first;
  }

  /** Takes back what {@link takeWords} gave. */
  returnWords(first: number, wordCount: number): void {
    this.available.fill(0, first, first + wordCount);
    this.available[first] = this.freeWords[wordCount];
    this.freeWords[wordCount] = first;
  }

  /** Makes `owner` the owner of pages that have none. */
  claimPages(page: number, pageCount: number, owner: number): void {
    assert(page >= 0 && page + pageCount <= this.pageCount, 'a slab lies inside the window');
    for (let i = page; i < page + pageCount; i += 1) {
      assert(this.owner[i] === 0, 'a page has one owner');
      this.owner[i] = owner;
      if (this.meter !== null) this.meter.store(this.ownerBase + i * 2);
    }
  }

  /** Ends an ownership; no object in these pages may be handed out any more. */
  releasePages(page: number, pageCount: number): void {
    for (let w = page * 8; w < (page + pageCount) * 8; w += 1) {
      assert(this.used[w] === 0, 'no object of a slab that is given back is in use');
    }
    for (let i = page; i < page + pageCount; i += 1) {
      assert(this.owner[i] !== 0, 'a released page had an owner');
      this.owner[i] = 0;
      if (this.meter !== null) this.meter.store(this.ownerBase + i * 2);
    }
  }

  private moved(): void {
    this.assignRegions();
    for (const reader of this.readers) reader.adopt(this);
  }

  private assignRegions(): void {
    if (this.meter === null) return;
    this.ownerBase = this.meter.region('slab.owner', this.owner.byteLength);
    this.usedBase = this.meter.region('slab.used', this.used.byteLength);
    this.slabBase = this.meter.region('slab.slab', this.slab.byteLength);
    this.availableBase = this.meter.region('slab.available', this.available.byteLength);
  }
}

function grown(column: Int32Array, length: number): Int32Array {
  const larger = new Int32Array(length);
  larger.set(column);
  return larger;
}
