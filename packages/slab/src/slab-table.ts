import { assert, type ByteCount, type Meter, NIL, type VirtAddr } from '@hotpath/hw-x86';

/** Words of the used map for a page: one bit for every 16 bytes. */
export const USED_WORDS = 8;
/** Words for magazines at first: those of a heap on one CPU, and some caches. */
const MAGAZINE_WORDS_MIN = 4096;

/** Owner of the first page of a kmalloc page run; caches have 1..65,533, and 0 is nobody. */
export const LARGE_RUN = 0xffff;
/** Owner of the first page of a freed run that is kept for the next of its length. */
export const IDLE_RUN = 0xfffe;

/** An index beyond every table: whoever looks up owners from here on finds nobody. */
export const NOBODY_AT = 2 ** 30 - 1;

/** Who must hear when the columns move: the caches, which hold them in fields of their own. */
export interface TableReader {
  adopt(table: SlabTable): void;
}

/**
 * What all caches of one allocator share: columns over the pages of the window, and the magazines. A
 * slab is known by its head page. Nothing of this lies in the slabs, so an overrun cannot reach it,
 * and an address is checked without touching the object. Cost: 39 bytes a page; with the page
 * allocator's 9 bytes, 48 whatever the objects' size. With `out`, 80.
 *
 * `words` holds what every call touches, in one array because each further array costs a call three
 * loads (length and two parts of its address): the used map, magazines, owners.
 *
 * used: a bit for every 16 bytes, set only at the start of an object that is handed out. So one bit
 * answers three questions: is it an object's start, is it handed out, was it freed before.
 * owners: whose slab each page is in. They come last, so that the owner of a page outside the window
 * lies outside the array: undefined, which is nobody.
 *
 * When a magazine is filled it is empty, so with one CPU a slot whose used bit is clear lies in its
 * slab: the used map is the map of free slots as well. Where slots can wait elsewhere (other CPUs'
 * magazines, quarantine), `out` tells them apart: its bit is set while a slot is not in its slab.
 *
 * For every slot of a cache with `out`: used implies out;
 * out without used: the slot waits in a magazine or in quarantine
 */
export class SlabTable {
  words: Int32Array;
  /** First word of the magazines, behind the used map. */
  magazinesAt: number;
  /** First word of the owners. */
  ownersAt: number;
  /**
   * The same for the fast paths, which take an address for an offset; {@link NOBODY_AT} where it is
   * none (the pages do not begin at 0), so that every address goes the slow way there.
   */
  directOwnersAt: number;
  pageCount: number;
  /** Slots that are not in their slabs, as the used map; empty until a cache needs it. */
  out: Int32Array = new Int32Array(0);
  /** Head page only: colour of the slab. */
  colour: Uint8Array;
  /** Head page only: free slots that lie in the slab, 0..256. */
  available: Uint16Array;
  readonly meter: Meter | null;
  private readonly direct: boolean;
  ownersBase: VirtAddr = 0;
  usedBase: VirtAddr = 0;
  outBase: VirtAddr = 0;
  availableBase: VirtAddr = 0;
  private readonly readers: TableReader[] = [];
  private magazineWordsTaken = 0;
  /** Magazines given back, by their length. */
  private readonly freeMagazines = new Map<number, number[]>();

  /** @param direct - addresses are offsets */
  constructor(pageCount: number, direct: boolean, meter: Meter | null) {
    // `| 0`: a whole number that came out of a division is a heap number to V8, and so would be all
    // that is computed from it; the fields of the hot paths would hold doubles and be converted at
    // every call (1.5 ns of a pair).
    this.pageCount = pageCount | 0;
    this.magazinesAt = this.pageCount * USED_WORDS;
    this.ownersAt = this.magazinesAt + MAGAZINE_WORDS_MIN;
    this.direct = direct;
    this.directOwnersAt = direct ? this.ownersAt : NOBODY_AT;
    this.words = new Int32Array(this.ownersAt + pageCount);
    this.colour = new Uint8Array(pageCount);
    this.available = new Uint16Array(pageCount);
    this.meter = meter;
    this.assignRegions();
  }

  get metadataBytes(): ByteCount {
    return (
      this.words.byteLength +
      this.out.byteLength +
      this.colour.byteLength +
      this.available.byteLength
    );
  }

  /** Owner of a page, 0 where it has none. */
  ownerOf(page: number): number {
    return this.words[this.ownersAt + page] ?? 0;
  }

  /** True when the slot at an offset is handed out. */
  isUsed(offset: number): boolean {
    return (this.words[offset >>> 9] & (1 << (offset >>> 4))) !== 0;
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
    const colour = new Uint8Array(pageCount);
    colour.set(this.colour);
    this.colour = colour;
    const available = new Uint16Array(pageCount);
    available.set(this.available);
    this.available = available;
    if (this.out.length > 0) {
      const out = new Int32Array(pageCount * USED_WORDS);
      out.set(this.out);
      this.out = out;
    }
    this.layOut(pageCount, this.ownersAt - this.magazinesAt);
  }

  /** A cache needs {@link out} from now on. */
  needOut(): void {
    if (this.out.length > 0) return;
    this.out = new Int32Array(this.pageCount * USED_WORDS);
    this.moved();
  }

  /** `length` words between marks for a magazine; the first, counted from {@link magazinesAt}. */
  takeMagazine(length: number): number {
    const again = this.freeMagazines.get(length)?.pop();
    if (again !== undefined) return again;
    const start = this.magazineWordsTaken;
    this.magazineWordsTaken += length;
    const room = this.ownersAt - this.magazinesAt;
    if (this.magazineWordsTaken > room) {
      this.layOut(this.pageCount, Math.max(room * 2, this.magazineWordsTaken));
    }
    const at = this.magazinesAt + start;
    this.words[at] = this.words[at + 1] = this.words[at + length - 1] = NIL;
    return start;
  }

  /** Takes back what {@link takeMagazine} gave. */
  giveMagazine(start: number, length: number): void {
    const list = this.freeMagazines.get(length);
    if (list === undefined) this.freeMagazines.set(length, [start]);
    else list.push(start);
  }

  private layOut(pageCount: number, magazineRoom: number): void {
    const { words, magazinesAt, ownersAt } = this;
    this.magazinesAt = (pageCount | 0) * USED_WORDS;
    this.ownersAt = this.magazinesAt + magazineRoom;
    if (this.direct) this.directOwnersAt = this.ownersAt;
    this.words = new Int32Array(this.ownersAt + pageCount);
    this.words.set(words.subarray(0, magazinesAt));
    this.words.set(words.subarray(magazinesAt, ownersAt), this.magazinesAt);
    this.words.set(words.subarray(ownersAt), this.ownersAt);
    this.pageCount = pageCount | 0;
    this.moved();
  }

  /** Makes `owner` the owner of pages that have none. */
  claimPages(page: number, pageCount: number, owner: number): void {
    assert(page >= 0 && page + pageCount <= this.pageCount, 'a slab lies inside the window');
    for (let i = page; i < page + pageCount; i += 1) {
      assert(this.ownerOf(i) === 0, 'a page has one owner');
      this.words[this.ownersAt + i] = owner;
      if (this.meter !== null) this.meter.store(this.ownersBase + i * 4);
    }
  }

  /** Gives the first page of a run to another owner. */
  passPage(page: number, from: number, to: number): void {
    assert(this.ownerOf(page) === from, 'a page passes from the owner that it has');
    this.words[this.ownersAt + page] = to;
    if (this.meter !== null) this.meter.store(this.ownersBase + page * 4);
  }

  /** Ends an ownership; no object in these pages may be handed out any more. */
  releasePages(page: number, pageCount: number): void {
    for (let w = page * USED_WORDS; w < (page + pageCount) * USED_WORDS; w += 1) {
      assert(this.words[w] === 0, 'no object of a slab that is given back is in use');
    }
    for (let i = page; i < page + pageCount; i += 1) {
      assert(this.ownerOf(i) !== 0, 'a released page had an owner');
      this.words[this.ownersAt + i] = 0;
      if (this.meter !== null) this.meter.store(this.ownersBase + i * 4);
    }
  }

  private moved(): void {
    this.assignRegions();
    for (const reader of this.readers) reader.adopt(this);
  }

  private assignRegions(): void {
    if (this.meter === null) return;
    const { pageCount } = this;
    this.ownersBase = this.meter.region('slab.owners', pageCount * 4);
    this.usedBase = this.meter.region('slab.used', pageCount * USED_WORDS * 4);
    this.availableBase = this.meter.region('slab.available', pageCount * 2);
    // With one CPU and no quarantine, the used map serves as `out`.
    this.outBase =
      this.out.length === 0 ? this.usedBase : this.meter.region('slab.out', this.out.byteLength);
  }
}
