import {
  assert,
  type Clock,
  type FrameSource,
  NIL,
  type PhysicalMemory,
  type TraceHook,
} from '@hotpath/hw-x86';
import type { PageCacheCounters } from './counters.js';
import { createCounters } from './counters.js';
import { FileColumns } from './file-columns.js';
import {
  ACTIVE,
  DIRTY,
  ERROR,
  KEPT,
  LOCKED,
  MARKER,
  PREFETCHED,
  REFERENCED,
  UPTODATE,
  WRITEBACK,
} from './flags.js';
import { TAG_DIRTY, TAG_WRITEBACK } from './index-nodes.js';
import { LruLists } from './lru-lists.js';
import type { ResolvedOptions } from './page-cache-options.js';
import { PageColumns } from './page-columns.js';
import { PageIndex } from './page-index.js';
import type { BackingStore, Mappings } from './ports.js';
import { checkResidents } from './resident-invariants.js';
import { PAGE_EVICT } from './trace-events.js';

/** Stamps of shadows wrap at 30 bits, far beyond any distance that matters. */
const STAMP_MASK = 0x3fffffff;
const HOT = REFERENCED | ACTIVE;

/**
 * The pages that are in memory: which file and page each frame holds, how recently it was used, and
 * which one goes next.
 *
 * Replacement is Linux's two-list CLOCK (mm/vmscan.c, mm/workingset.c): a page starts inactive, a
 * second use makes it active, the active list's old end falls back to the inactive list when that
 * gets short, and the inactive list's old end is evicted. An evicted page leaves a shadow stamped
 * with the number of evictions and activations so far; if it comes back within as many of those as
 * there are active pages, it would have been a hit in a cache without the active list's ballast,
 * and starts active.
 *
 * inactiveCount + activeCount + keptCount = pages in the index;  dirtyCount = pages with DIRTY.
 */
export class ResidentPages {
  readonly columns: PageColumns;
  readonly index: PageIndex;
  readonly files: FileColumns;
  readonly lists: LruLists;
  readonly counters: PageCacheCounters = createCounters();
  dirtyCount = 0;
  writebackCount = 0;
  /** Pages with KEPT: on no list, each with a pin and a hold of its own. */
  keptCount = 0;
  /** Dirty page that the last `evict` passed over first, NIL if none. */
  dirtyVictim = NIL;
  /** Something happened that may let a page go: worth another try by who waits for a frame. */
  changed = false;

  private age = 0;
  /** The last `evict` passed over a page whose write is under way. */
  private sawWriting = false;
  private readonly frames: FrameSource;
  private readonly store: BackingStore;
  private readonly memory: PhysicalMemory;
  private readonly mappings: Mappings | null;
  private readonly clock: Clock | null;
  private readonly trace: TraceHook | null;

  constructor(options: ResolvedOptions) {
    const { slotLimit } = options;
    this.lists = new LruLists(slotLimit);
    this.columns = new PageColumns(slotLimit, this.lists.next);
    this.files = new FileColumns(16);
    this.index = new PageIndex(16, Math.max(4, Math.floor(slotLimit / 32)));
    this.frames = options.frames;
    this.store = options.store;
    this.memory = options.memory;
    this.mappings = options.mappings;
    this.clock = options.clock;
    this.trace = options.trace;
  }

  /** Slot of a page, up to date or not; NIL when it is not here. */
  lookup(file: number, page: number): number {
    const entry = this.index.lookup(file, page);
    return entry > 0 ? entry - 1 : NIL;
  }

  /**
   * A slot with a frame, in no index: a free frame, or the frame of an evicted page. NIL when
   * neither can be had at once; `dirtyVictim` then says where write-back would help.
   */
  takeFrame(): number {
    this.dirtyVictim = NIL;
    if (this.columns.hasFree) {
      const frame = this.frames.allocate();
      // The allocator may have called reclaim() and so freed slots; none is ever taken there.
      if (frame !== NIL) return this.columns.take(frame);
    }
    return this.evict();
  }

  /** Gives a slot that is in no index back, and its frame to the source. */
  giveFrame(slot: number): void {
    assert(this.columns.file[slot] === NIL, 'an indexed page is freed');
    assert(this.columns.pins[slot] === 0, 'a pinned page is freed');
    this.frames.free(this.columns.give(slot));
    this.changed = true;
  }

  /** Indexes a slot as a page that is being filled. Where it starts depends on its shadow. */
  insert(file: number, page: number, slot: number): void {
    const { columns, index, lists } = this;
    const before = index.insert(file, page, slot);
    columns.file[slot] = file;
    columns.page[slot] = page;
    this.files.pageCount[file]++;
    let active = false;
    if (before < 0) {
      const distance = (this.age - (-1 - before)) & STAMP_MASK;
      this.counters.refaults++;
      active = distance <= lists.activeCount;
      if (active) this.counters.activations++;
    }
    columns.flags[slot] = active ? LOCKED | ACTIVE : LOCKED;
    lists.add(slot, active);
  }

  /** Takes a page out of the index. Its frame goes with the last pin. */
  remove(slot: number): void {
    this.detach(slot, 0);
    if (this.columns.pins[slot] === 0) this.giveFrame(slot);
  }

  /** Counts a use: the second one makes an inactive page active. */
  touch(slot: number): void {
    const { flags } = this.columns;
    const before = flags[slot];
    if ((before & PREFETCHED) !== 0) {
      this.counters.readAheadUsed++;
      flags[slot] = before & ~PREFETCHED;
    }
    if ((before & KEPT) !== 0) return;
    if ((before & REFERENCED) === 0) {
      flags[slot] |= REFERENCED;
    } else if ((before & ACTIVE) === 0 && this.columns.file[slot] !== NIL) {
      this.lists.remove(slot, false);
      this.lists.add(slot, true);
      flags[slot] = (flags[slot] | ACTIVE) & ~REFERENCED;
      this.age = (this.age + 1) & STAMP_MASK;
      this.counters.activations++;
    }
  }

  /** Drops a pin; the last pin of an orphan frees its frame. */
  release(slot: number): void {
    const pins = --this.columns.pins[slot];
    assert(pins >= 0, 'a page is released more often than pinned');
    if (pins > 0) return;
    this.changed = true;
    if (this.columns.file[slot] === NIL) this.giveFrame(slot);
  }

  /** Marks an up-to-date page as newer than the store. */
  setDirty(slot: number): void {
    const { flags, file } = this.columns;
    assert((flags[slot] & UPTODATE) !== 0, 'a page becomes dirty before it is up to date');
    if ((flags[slot] & (DIRTY | KEPT)) !== 0) return;
    const owner = file[slot];
    if (owner !== NIL && this.files.kept[owner] === 1) {
      this.keep(slot);
      return;
    }
    flags[slot] |= DIRTY;
    // What is stored into an orphan is lost with it, as the truncation wanted.
    if (owner === NIL) return;
    this.index.setTag(owner, this.columns.page[slot], TAG_DIRTY);
    this.dirtyCount++;
    if (this.files.dirtyCount[owner]++ === 0) {
      this.files.dirtiedAt[owner] = this.clock === null ? 0 : this.clock.now();
      this.files.enterDirty(owner);
    }
  }

  /** The page is about to be written, or to go. */
  clearDirty(slot: number): void {
    const owner = this.columns.file[slot];
    this.columns.flags[slot] &= ~(DIRTY | ERROR);
    this.index.clearTag(owner, this.columns.page[slot], TAG_DIRTY);
    this.dirtyCount--;
    if (--this.files.dirtyCount[owner] === 0) this.files.leaveDirty(owner);
  }

  setWriteback(slot: number): void {
    const owner = this.columns.file[slot];
    this.columns.flags[slot] |= WRITEBACK;
    this.index.setTag(owner, this.columns.page[slot], TAG_WRITEBACK);
    this.writebackCount++;
    this.files.writebackCount[owner]++;
  }

  clearWriteback(slot: number): void {
    const owner = this.columns.file[slot];
    this.columns.flags[slot] &= ~WRITEBACK;
    this.index.clearTag(owner, this.columns.page[slot], TAG_WRITEBACK);
    this.writebackCount--;
    this.files.writebackCount[owner]--;
    this.changed = true;
  }

  /** Removes the mappings of a page; what was stored through them makes it dirty. */
  unmap(slot: number): void {
    if (this.columns.mapCount[slot] === 0) return;
    assert(this.mappings !== null, 'a page is mapped without a Mappings port');
    const stored = this.mappings.unmap(slot);
    this.columns.mapCount[slot] = 0;
    if (stored) this.setDirty(slot);
  }

  /** Zeroes bytes `from .. to-1` of a page. */
  zeroRange(slot: number, from: number, to: number): void {
    if (to > from) this.memory.fill(this.columns.frame[slot] + from, to - from, 0);
  }

  /** What a mapping stored beyond the old end must not appear when the file grows. */
  zeroTail(file: number, size: number): void {
    if (size % 4096 === 0) return;
    const slot = this.lookup(file, Math.floor(size / 4096));
    if (slot !== NIL && (this.columns.flags[slot] & UPTODATE) !== 0) {
      this.zeroFrom(slot, size % 4096);
    }
  }

  /** Zeroes the bytes of a page from `offset` on. */
  zeroFrom(slot: number, offset: number): void {
    this.memory.fill(this.columns.frame[slot] + offset, 4096 - offset, 0);
  }

  /**
   * Evicts the clean, unpinned page that was used least and returns its slot, still with its frame;
   * NIL if there is none, or if it is better to wait for a write: a page that is dirty or being
   * written may go soon, and whoever takes a younger one instead takes what somebody has just
   * fetched (with two slots, a read into a mapping would never end).
   */
  evict(): number {
    const { lists } = this;
    this.dirtyVictim = NIL;
    this.sawWriting = false;
    const pages = lists.inactiveCount + lists.activeCount;
    for (let passed = 0; passed < pages; passed++) {
      if (this.inactiveIsLow()) this.ageActive();
      const slot = lists.oldest(false);
      if (slot === NIL || passed > lists.inactiveCount) break;
      if (this.mayGo(slot)) return this.evictPage(slot);
      // mayGo moves a page that was used through a mapping to the active list.
      if ((this.columns.flags[slot] & ACTIVE) === 0) this.rotate(slot);
    }
    const end = lists.slotLimit + 1;
    for (let slot = lists.previous[end]; slot !== end; slot = lists.previous[slot]) {
      if (this.dirtyVictim !== NIL || this.sawWriting) return NIL;
      if (this.mayGo(slot)) return this.evictPage(slot);
    }
    return NIL;
  }

  /** Throws InvariantError if columns, lists, index and counts contradict each other. O(slots). */
  checkInvariants(): void {
    checkResidents(this);
  }

  /** True if the page can be evicted now. Unmaps it; remembers the first dirty one. */
  private mayGo(slot: number): boolean {
    const { flags, pins, mapCount } = this.columns;
    const state = flags[slot];
    if (pins[slot] > 0 || (state & LOCKED) !== 0) return false;
    if ((state & WRITEBACK) !== 0) {
      this.sawWriting = true;
      return false;
    }
    if (mapCount[slot] > 0 && (state & ACTIVE) === 0 && this.mappings!.referenced(slot)) {
      this.lists.remove(slot, false);
      this.lists.add(slot, true);
      flags[slot] |= ACTIVE;
      this.counters.activations++;
      return false;
    }
    if ((state & DIRTY) === 0) this.unmap(slot);
    if ((flags[slot] & DIRTY) === 0) return true;
    if (this.dirtyVictim === NIL && (state & ERROR) === 0) this.dirtyVictim = slot;
    return false;
  }

  private evictPage(slot: number): number {
    const { columns } = this;
    if ((columns.flags[slot] & PREFETCHED) !== 0) this.counters.readAheadWasted++;
    if (this.trace !== null) {
      this.trace.emit(PAGE_EVICT, columns.file[slot], columns.page[slot]);
    }
    this.detach(slot, -1 - this.age);
    this.age = (this.age + 1) & STAMP_MASK;
    this.counters.evictions++;
    columns.flags[slot] = 0;
    return slot;
  }

  private detach(slot: number, shadow: number): void {
    const { columns } = this;
    const file = columns.file[slot];
    assert(file !== NIL, 'a page is removed twice');
    assert(columns.waitHead[slot] === null, 'a page goes while somebody waits for it');
    assert((columns.flags[slot] & WRITEBACK) === 0, 'a page goes while it is written');
    this.unmap(slot);
    if ((columns.flags[slot] & DIRTY) !== 0) {
      assert(shadow === 0, 'a dirty page is evicted');
      this.clearDirty(slot);
    }
    if ((columns.flags[slot] & KEPT) !== 0) this.unkeep(slot);
    else this.lists.remove(slot, (columns.flags[slot] & ACTIVE) !== 0);
    this.index.remove(file, columns.page[slot], shadow);
    this.files.pageCount[file]--;
    columns.file[slot] = NIL;
    columns.flags[slot] &= ~(ACTIVE | MARKER);
    this.store.forgetFrame?.(columns.frame[slot]);
  }

  /** The only copy of these bytes: off the lists, until truncate or punch removes the page. */
  private keep(slot: number): void {
    const { flags, holds, pins } = this.columns;
    this.lists.remove(slot, (flags[slot] & ACTIVE) !== 0);
    // As hot as can be, so that a hit has nothing to note.
    flags[slot] |= KEPT | HOT;
    pins[slot]++;
    holds[slot]++;
    this.keptCount++;
  }

  private unkeep(slot: number): void {
    const { flags, holds, pins } = this.columns;
    flags[slot] &= ~KEPT;
    pins[slot]--;
    holds[slot]--;
    this.keptCount--;
  }

  private rotate(slot: number): void {
    this.lists.remove(slot, false);
    this.lists.add(slot, false);
  }

  /** Linux's inactive_is_low: up to 1 GiB half and half, above it sqrt(10 * GiB) to one. */
  private inactiveIsLow(): boolean {
    const { inactiveCount, activeCount } = this.lists;
    const gib = Math.floor((inactiveCount + activeCount) / 262144);
    const ratio = gib === 0 ? 1 : Math.floor(Math.sqrt(10 * gib));
    return inactiveCount * ratio < activeCount;
  }

  /** The active list's old end: used since, it goes round again (second chance); else inactive. */
  private ageActive(): void {
    const { lists, columns } = this;
    const slot = lists.oldest(true);
    if (slot === NIL) return;
    let used = (columns.flags[slot] & REFERENCED) !== 0;
    columns.flags[slot] &= ~REFERENCED;
    if (columns.mapCount[slot] > 0 && this.mappings!.referenced(slot)) used = true;
    lists.remove(slot, true);
    if (!used) columns.flags[slot] &= ~ACTIVE;
    lists.add(slot, used);
  }
}
