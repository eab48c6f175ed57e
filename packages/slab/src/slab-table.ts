import { assert, type ByteCount, type Meter, type VirtAddr } from '@hotpath/hw-x86';

/** Words of a page's entry in {@link SlabTable.pages}: 16 bytes, so it never straddles a line. */
export const PAGE_WORDS = 4;
/** Number of the cache that owns the page; 0: none; LARGE_RUN: first page of a kmalloc run. */
export const OWNER = 0;
/** Offset of the slab's first object. */
export const FIRST = 1;
/** Number of the slab's first bit in both bitmaps. */
export const BITS = 2;
/** Head page only: `next slab of its list + 1` in the high bits, objects available in the low. */
export const CHAIN = 3;
/** Low bits of CHAIN: available objects, 0..512. */
export const AVAILABLE_MASK = 1023;
/** Low bits of CHAIN in number. A page number of the 2 GiB window + 1 takes 20 more. */
export const CHAIN_SHIFT = 10;
/** OWNER of the first page of a kmalloc page run. */
export const LARGE_RUN = 0x10000;

/** Who must hear when the columns move: the caches, which hold them in fields of their own. */
export interface TableReader {
  adopt(table: SlabTable): void;
}

/**
 * What all caches of one allocator share: an entry for every page of the window (whose slab is it)
 * and the pool of bitmap words. A slab is known by its head page. Nothing of this lies in the
 * slabs, so an overrun cannot reach it, and an address is checked without touching the object.
 * Cost: 20 bytes a page and 2 bits an object.
 *
 * For every slot of every slab: used and available are never both set;
 * neither is set: the slot waits in a magazine or in quarantine
 */
export class SlabTable {
  /** PAGE_WORDS words for each page of the window. */
  pages: Int32Array;
  /** Head page only: previous slab of its list + 1. */
  previous: Int32Array;
  /** Bit set: the slot is handed out. */
  used: Int32Array;
  /** Bit set: the slot lies in its slab, free. */
  available: Int32Array;
  readonly meter: Meter | null;
  pagesBase: VirtAddr = 0;
  previousBase: VirtAddr = 0;
  usedBase: VirtAddr = 0;
  availableBase: VirtAddr = 0;
  private readonly readers: TableReader[] = [];
  private wordsTaken = 0;
  /** First free stretch of bitmap words + 1 by length; the next one stands in its first word. */
  private readonly freeWords: number[] = [];

  constructor(pageCount: number, meter: Meter | null) {
    this.pages = new Int32Array(pageCount * PAGE_WORDS);
    this.previous = new Int32Array(pageCount);
    this.used = new Int32Array(64);
    this.available = new Int32Array(64);
    this.meter = meter;
    this.assignRegions();
  }

  get pageCount(): number {
    return this.previous.length;
  }

  get metadataBytes(): ByteCount {
    const words =
      this.pages.length + this.previous.length + this.used.length + this.available.length;
    return words * 4;
  }

  subscribe(reader: TableReader): void {
    this.readers.push(reader);
    reader.adopt(this);
  }

  unsubscribe(reader: TableReader): void {
    const at = this.readers.indexOf(reader);
    assert(at >= 0, 'only a subscribed cache leaves the table');
    this.readers.splice(at, 1);
  }

  /** Makes room for the pages of memory that grew. */
  growPages(pageCount: number): void {
    if (pageCount <= this.pageCount) return;
    this.pages = grown(this.pages, pageCount * PAGE_WORDS);
    this.previous = grown(this.previous, pageCount);
    this.moved();
  }

  /** `wordCount` zero words in both bitmaps; the number of the first. */
  takeWords(wordCount: number): number {
    const free = this.freeWords[wordCount] ?? 0;
    if (free !== 0) {
      this.freeWords[wordCount] = this.available[free - 1];
      this.available[free - 1] = 0;
      return free - 1;
    }
    const first = this.wordsTaken;
    if (first + wordCount > this.used.length) {
      // A quarter more, not double: bitmaps are most of the metadata of small objects.
      const length = Math.ceil(this.used.length * 1.25) + wordCount;
      this.used = grown(this.used, length);
      this.available = grown(this.available, length);
      this.moved();
    }
    this.wordsTaken = first + wordCount;
    return first;
  }

  /** Takes back what {@link takeWords} gave; no slot may be handed out any more. */
  returnWords(first: number, wordCount: number): void {
    for (let w = first; w < first + wordCount; w += 1) {
      assert(this.used[w] === 0, 'no object of a slab that is given back is in use');
      this.available[w] = 0;
    }
    this.available[first] = this.freeWords[wordCount] ?? 0;
    this.freeWords[wordCount] = first + 1;
  }

  /** Writes the entries of all pages of a slab. */
  claimPages(page: number, pageCount: number, owner: number, first: number, bits: number): void {
    assert(page >= 0 && page + pageCount <= this.pageCount, 'a slab lies inside the window');
    const pages = this.pages;
    for (let i = page; i < page + pageCount; i += 1) {
      const at = i * PAGE_WORDS;
      assert(pages[at + OWNER] === 0, 'a page has one owner');
      pages[at + OWNER] = owner;
      pages[at + FIRST] = first;
      pages[at + BITS] = bits;
      pages[at + CHAIN] = 0;
      if (this.meter !== null) this.meterEntry(i);
    }
  }

  /** Clears the entries of all pages of a slab. */
  releasePages(page: number, pageCount: number): void {
    for (let i = page; i < page + pageCount; i += 1) {
      const at = i * PAGE_WORDS;
      assert(this.pages[at + OWNER] !== 0, 'a released page had an owner');
      this.pages.fill(0, at, at + PAGE_WORDS);
      if (this.meter !== null) this.meterEntry(i);
    }
  }

  private meterEntry(page: number): void {
    const meter = this.meter as Meter;
    meter.store(this.pagesBase + page * 16);
    meter.store(this.pagesBase + page * 16 + 8);
    meter.retire(4);
  }

  private moved(): void {
    this.assignRegions();
    for (const reader of this.readers) reader.adopt(this);
  }

  private assignRegions(): void {
    if (this.meter === null) return;
    this.pagesBase = this.meter.region('slab.pages', this.pages.byteLength);
    this.previousBase = this.meter.region('slab.previous', this.previous.byteLength);
    this.usedBase = this.meter.region('slab.used', this.used.byteLength);
    this.availableBase = this.meter.region('slab.available', this.available.byteLength);
  }
}

function grown(column: Int32Array, length: number): Int32Array {
  const larger = new Int32Array(length);
  larger.set(column);
  return larger;
}
