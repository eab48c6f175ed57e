import {
  assert,
  type Completion,
  checkInteger,
  EINVAL,
  ENOSYS,
  type Meter,
  NIL,
  OK,
  type PhysAddr,
  type VirtAddr,
} from '@hotpath/hw-x86';
import { assembleCache, type CacheParts } from './assembly.js';
import type { PageCacheCounters } from './counters.js';
import { FILE_BYTES_MAX } from './file-columns.js';
import { ACTIVE, DIRTY, LOCKED, MARKER, PREFETCHED, REFERENCED, UPTODATE } from './flags.js';
import { TAG_DIRTY, TAG_PRESENT } from './index-nodes.js';
import { type PageCacheOptions, resolveOptions } from './page-cache-options.js';
import type { BackingStore } from './ports.js';
import type { ResidentPages } from './resident-pages.js';
import {
  STAGE_SUBMIT,
  WAIT_PAGE,
  WAIT_PUNCH,
  WAIT_SYNC,
  WAIT_THROTTLE,
  WAIT_TRUNCATE,
  WAIT_WRITE_LOCK,
  WAIT_WRITE_PAGE,
} from './wait-pool.js';

const LAST_PAGE = 2 ** 32 - 1;
const HOT = REFERENCED | ACTIVE;
const USE_STATE = REFERENCED | ACTIVE | PREFETCHED;

/**
 * A page cache: pages of files in frames, shared by read, write and mappings.
 *
 * Calls finish at once (a value or an errno; the sink is not called) or answer PENDING, and then the
 * sink is called once, from `reap()`. A page that a call or a wake-up hands out is pinned: it keeps
 * its frame until `release`. Nobody may hold a pin while waiting for another (contracts, rule 4);
 * pins that must outlive a wait are declared with `hold`.
 *
 * Longer than other files because it is the one place where callers read what there is; each method
 * is a few lines over the parts that assembly.ts wires.
 */
export class PageCache {
  /** Most pages at any time. */
  readonly slotLimit: number;
  /** What has been done so far. */
  readonly counters: PageCacheCounters;

  private readonly parts: CacheParts;
  private readonly residents: ResidentPages;
  private readonly store: BackingStore;
  private readonly meter: Meter | null;
  private readonly indexBase: VirtAddr = 0;
  private readonly columnBase: VirtAddr = 0;

  /** @throws ArgumentError if an option is out of range */
  constructor(options: PageCacheOptions) {
    const resolved = resolveOptions(options);
    this.parts = assembleCache(resolved);
    this.residents = this.parts.residents;
    this.slotLimit = resolved.slotLimit;
    this.counters = this.residents.counters;
    this.store = resolved.store;
    this.meter = resolved.meter;
    if (this.meter !== null) {
      this.indexBase = this.meter.region('pagecache.index', this.slotLimit * 64 + 65536);
      this.columnBase = this.meter.region('pagecache.columns', this.slotLimit * 64);
    }
  }

  /**
   * Registers a file of `size` bytes; returns the number by which the store is called.
   * @param kept - the store cannot give pages back (tmpfs): what has been written stays in the cache,
   *   is never dirty and never written, until truncate or punch takes it away
   * @throws ArgumentError if the size is not a whole number 0..2**44
   */
  openFile(size: number, kept = false): number {
    return this.parts.table.openFile(size, kept);
  }

  /**
   * Forgets a file and its clean pages. EBUSY, and only clean pages are gone, while it has handles,
   * dirty, kept or pinned pages or transfers under way: fsync it or truncate it to 0 first.
   */
  closeFile(file: number): number {
    return this.parts.table.closeFile(file);
  }

  /** Size of a file in bytes: what has been written counts at once. */
  size(file: number): number {
    return this.residents.files.size[file];
  }

  /**
   * Grows a file without asking the store, for a file system that has done so itself.
   * @throws ArgumentError if the size is smaller than now: use `truncate`
   */
  setSize(file: number, size: number): void {
    this.parts.table.setSize(file, size);
  }

  /** Opens a file: a handle has its own read-ahead state and hears of each write error once. */
  openHandle(file: number): number {
    return this.parts.table.openHandle(file);
  }

  /** Closes a handle. */
  closeHandle(handle: number): void {
    this.parts.table.closeHandle(handle);
  }

  /** ADVICE_NORMAL, ADVICE_RANDOM or ADVICE_SEQUENTIAL for one handle (posix_fadvise). */
  advise(handle: number, advice: number): void {
    this.parts.table.advise(handle, advice);
  }

  /** Starts reading pages `first .. first+count-1` in the background (POSIX_FADV_WILLNEED). */
  willNeed(file: number, first: number, count: number): void {
    this.parts.table.checkFile(file);
    this.parts.readAhead.read(file, first, count, 0);
  }

  /**
   * Drops the pages of a range that are clean, unpinned and idle (POSIX_FADV_DONTNEED). Returns how
   * many stay because they are not.
   */
  invalidate(file: number, first: number, last: number): number {
    const kept = this.parts.table.invalidate(file, first, last);
    this.frameMayBeFree();
    return kept;
  }

  /**
   * The page if it is here and up to date: its slot, pinned; else NIL. Counts as a use. The hit path:
   * one index load, one pin; no interface is called but a meter that is set.
   */
  find(file: number, page: number): number {
    const { residents } = this;
    const entry = residents.index.lookup(file, page);
    if (this.meter !== null) this.chargeFind(file, page, entry - 1);
    if (entry > 0) {
      const slot = entry - 1;
      const { columns } = residents;
      const state = columns.flags[slot];
      if ((state & UPTODATE) !== 0) {
        columns.pins[slot]++;
        if ((state & USE_STATE) !== HOT) residents.touch(slot);
        this.counters.hits++;
        return slot;
      }
    }
    this.counters.misses++;
    return NIL;
  }

  /**
   * `find` for a lease through a handle: the page is also held, and the read-ahead knows of its use,
   * all for one look at its columns. NIL, and nothing is counted, when the page is not here or its
   * marker is due: then `find`, `readAheadUsed` and `hold` are the way. End it with `releaseLeased`.
   */
  findLeased(handle: number, file: number, page: number): number {
    const { residents } = this;
    const entry = residents.index.lookup(file, page);
    if (entry <= 0) return NIL;
    const slot = entry - 1;
    const { columns } = residents;
    const state = columns.flags[slot];
    if ((state & (UPTODATE | MARKER)) !== UPTODATE) return NIL;
    if (this.meter !== null) this.chargeFind(file, page, slot);
    columns.pins[slot]++;
    columns.holds[slot]++;
    if ((state & USE_STATE) !== HOT) residents.touch(slot);
    this.counters.hits++;
    this.parts.handles.previousPage[handle] = page;
    return slot;
  }

  /** `unhold` and `release` at once. */
  releaseLeased(slot: number): void {
    this.unhold(slot);
    this.release(slot);
  }

  /** Like `find`, but neither a use nor a hit or miss: a second look at a page within one read. */
  peek(file: number, page: number): number {
    const slot = this.residents.lookup(file, page);
    if (slot === NIL || (this.residents.columns.flags[slot] & UPTODATE) === 0) return NIL;
    this.residents.columns.pins[slot]++;
    return slot;
  }

  /**
   * The page, read in if need be: its slot, pinned. ENXIO beyond the end of the file; the store's
   * error if it cannot be read; ENOMEM if every frame is held. PENDING: the sink gets one of these.
   */
  get(file: number, page: number, sink: Completion, tag: number): number {
    this.parts.table.checkFile(file);
    checkInteger('ERR_PAGE', 'page', page, 0, LAST_PAGE);
    const slot = this.find(file, page);
    return slot !== NIL ? slot : this.getMissed(file, page, sink, tag);
  }

  /** `get` for who has just had NIL from `find`: the miss is not counted again. */
  getMissed(file: number, page: number, sink: Completion, tag: number): number {
    return this.parts.driver.start(this.parts.waits.take(WAIT_PAGE, file, page, sink, tag));
  }

  /**
   * The page for storing bytes `from .. to-1` of it, pinned. It is not read when these cover all that
   * the file has there; then it is not up to date, and locked, until `commitWrite` or `abortWrite`.
   * Beyond the end of the file is allowed. Results as of `get`.
   */
  getForWrite(
    file: number,
    page: number,
    from: number,
    to: number,
    sink: Completion,
    tag: number,
  ): number {
    this.parts.table.checkFile(file);
    checkInteger('ERR_PAGE', 'page', page, 0, LAST_PAGE);
    checkInteger('ERR_PAGE_RANGE', 'to', to, 1, 4096);
    checkInteger('ERR_PAGE_RANGE', 'from', from, 0, to - 1);
    if (this.residents.files.invalidator[file] === 0) {
      const slot = this.find(file, page);
      if (slot !== NIL) return slot;
    }
    const wait = this.parts.waits.take(WAIT_WRITE_PAGE, file, page, sink, tag);
    wait.from = from;
    wait.to = to;
    return this.parts.driver.start(wait);
  }

  /**
   * Bytes `from .. to-1` of a page from `getForWrite` have been stored: the page is dirty, the file
   * at least that long. Keeps the pin. EAGAIN if the page was truncated away meanwhile: ask again.
   */
  commitWrite(slot: number, from: number, to: number): number {
    return this.parts.writes.commit(slot, from, to);
  }

  /** Gives up on a page from `getForWrite` and drops its pin; one that was not read goes. */
  abortWrite(slot: number): void {
    this.parts.writes.abort(slot);
    this.frameMayBeFree();
  }

  /** The page's bytes have been changed through its frame. */
  markDirty(slot: number): void {
    this.residents.setDirty(slot);
  }

  /** Drops a pin. */
  release(slot: number): void {
    this.residents.release(slot);
    this.frameMayBeFree();
  }

  /** One more pin on a page that is pinned. */
  pin(slot: number): void {
    assert(this.residents.columns.pins[slot] > 0, 'a page without a pin is pinned again');
    this.residents.columns.pins[slot]++;
  }

  /** Says that one of the page's pins stays for an unknown time (a lease). */
  hold(slot: number): void {
    const { holds, pins } = this.residents.columns;
    assert(holds[slot] < pins[slot], 'a page is held without a pin');
    holds[slot]++;
  }

  /** Takes `hold` back; the pin stays. */
  unhold(slot: number): void {
    assert(this.residents.columns.holds[slot] > 0, 'a page is unheld that is not held');
    this.residents.columns.holds[slot]--;
  }

  /** Physical address of a pinned page's frame. */
  frame(slot: number): PhysAddr {
    return this.residents.columns.frame[slot];
  }

  /** State bits of a page (flags.ts). */
  flags(slot: number): number {
    return this.residents.columns.flags[slot];
  }

  /** File of a page; NIL if it was truncated away and only pins keep its frame. */
  fileOfSlot(slot: number): number {
    return this.residents.columns.file[slot];
  }

  /** Page number in its file. */
  pageOfSlot(slot: number): number {
    return this.residents.columns.page[slot];
  }

  /** Pins of a page. */
  pins(slot: number): number {
    return this.residents.columns.pins[slot];
  }

  /** Page-table entries that show the page. */
  mapCount(slot: number): number {
    return this.residents.columns.mapCount[slot];
  }

  /** True while a page from `getForWrite` that was not read waits for its `commitWrite`. */
  isLocked(slot: number): boolean {
    return (this.residents.columns.flags[slot] & LOCKED) !== 0;
  }

  /** True if the page is here and up to date (mincore). Not a use. */
  isResident(file: number, page: number): boolean {
    const slot = this.residents.lookup(file, page);
    return slot !== NIL && (this.residents.columns.flags[slot] & UPTODATE) !== 0;
  }

  /** First page >= `page` that is dirty, or NIL. */
  nextDirty(file: number, page: number): number {
    return this.residents.index.nextTagged(file, page, TAG_DIRTY);
  }

  /** First page >= `page` that is in the cache or on its way into it, or NIL. */
  nextPage(file: number, page: number): number {
    return this.residents.index.nextTagged(file, page, TAG_PRESENT);
  }

  /** First page >= `page` that is not in the cache. */
  nextHole(file: number, page: number): number {
    return this.residents.index.nextHole(file, page);
  }

  /**
   * A page-table entry now shows this pinned page; it must be read-only unless `makeWritable` has
   * been called since the last `Mappings.clean`. False, and nothing is counted, if the page was
   * truncated away meanwhile: fault again.
   */
  mapped(slot: number): boolean {
    const { columns } = this.residents;
    if (columns.file[slot] === NIL) return false;
    assert(columns.pins[slot] > 0, 'a page without a pin is mapped');
    columns.mapCount[slot]++;
    return true;
  }

  /** A page-table entry is gone; `stored` is its D bit. */
  unmapped(slot: number, stored: boolean): void {
    const { columns } = this.residents;
    assert(columns.mapCount[slot] > 0, 'a page is unmapped more often than mapped');
    columns.mapCount[slot]--;
    if (stored && (columns.flags[slot] & DIRTY) === 0) this.residents.setDirty(slot);
    this.residents.changed = true;
    this.frameMayBeFree();
  }

  /**
   * First store through a shared mapping (Linux's page_mkwrite): the page is dirty, and its entry may
   * become writable until `Mappings.clean`. False if the page was truncated away: fault again.
   */
  makeWritable(slot: number): boolean {
    if (this.residents.columns.file[slot] === NIL) return false;
    this.residents.setDirty(slot);
    this.residents.touch(slot);
    return true;
  }

  /**
   * Everything that is dirty now reaches the store, and the store's cache its medium. OK, or the
   * write error that this handle has not been told of yet; failed pages stay dirty. Ends beside a
   * busy writer.
   */
  fsync(handle: number, sink: Completion, tag: number): number {
    return this.syncRange(handle, 0, FILE_BYTES_MAX, true, sink, tag);
  }

  /** fsync for the pages that bytes `offset .. offset+byteCount-1` touch; `flush`: also the store. */
  syncRange(
    handle: number,
    offset: number,
    byteCount: number,
    flush: boolean,
    sink: Completion,
    tag: number,
  ): number {
    this.parts.table.checkHandle(handle);
    const file = this.parts.handles.file[handle];
    return this.startSync(file, handle, offset, byteCount, flush, sink, tag);
  }

  /** `syncRange` of a whole file for nobody's handle: the error stays due to every handle. */
  syncFile(file: number, flush: boolean, sink: Completion, tag: number): number {
    this.parts.table.checkFile(file);
    return this.startSync(file, NIL, 0, FILE_BYTES_MAX, flush, sink, tag);
  }

  /**
   * Sets the size. Pages beyond go, dirty or not; the rest of the last page reads as zeros, also
   * after growing again. Waits for transfers under way and for the writer.
   */
  truncate(file: number, size: number, sink: Completion, tag: number): number {
    this.parts.table.checkFile(file);
    checkInteger('ERR_FILE_SIZE', 'size', size, 0, FILE_BYTES_MAX);
    const wait = this.parts.waits.take(WAIT_TRUNCATE, file, NIL, sink, tag);
    wait.to = size;
    return this.parts.driver.start(wait);
  }

  /** Bytes `offset .. offset+byteCount-1` read as zeros and give their space back; size as before. */
  punch(file: number, offset: number, byteCount: number, sink: Completion, tag: number): number {
    this.parts.table.checkFile(file);
    checkInteger('ERR_OFFSET', 'offset', offset, 0, FILE_BYTES_MAX);
    checkInteger('ERR_BYTE_COUNT', 'byteCount', byteCount, 0, FILE_BYTES_MAX);
    if (byteCount === 0) return EINVAL;
    if (!this.store.canPunch) return ENOSYS;
    const wait = this.parts.waits.take(WAIT_PUNCH, file, NIL, sink, tag);
    wait.from = offset;
    wait.to = offset + byteCount;
    return this.parts.driver.start(wait);
  }

  /** The file's write lock: OK, or PENDING and the sink gets OK. One write, truncate or punch. */
  lockWrites(file: number, sink: Completion, tag: number): number {
    this.parts.table.checkFile(file);
    return this.parts.driver.start(this.parts.waits.take(WAIT_WRITE_LOCK, file, 0, sink, tag));
  }

  /** Gives the write lock back. */
  unlockWrites(file: number): void {
    assert(this.residents.files.writing[file] === 1, 'a write lock is released that is not held');
    this.parts.invalidations.unlockWrites(file);
  }

  /**
   * For who made a page dirty: starts write-back above the background limit; above the limit the
   * writer waits (PENDING) until less is dirty. OK also when the store fails to write: the error
   * comes at fsync.
   */
  throttle(sink: Completion, tag: number): number {
    if (this.parts.throttle.isIdle) return OK;
    return this.parts.driver.start(this.parts.waits.take(WAIT_THROTTLE, NIL, 0, sink, tag));
  }

  /**
   * Frees up to `count` frames of clean pages to the frame source; starts write-back where only dirty
   * pages are left. Returns how many were freed. The frame source may call it from `allocate`.
   */
  reclaim(count: number): number {
    return this.parts.frames.reclaim(count);
  }

  /** Frames have come free outside: whoever waits for one tries again in the next `reap()`. */
  framesFreed(): void {
    this.residents.changed = true;
    this.frameMayBeFree();
  }

  /**
   * Periodic write-back: submits the dirty pages of files that have been dirty for `age` or longer
   * (the clock's unit), also those whose last write failed. Returns how many.
   */
  writeBackOlder(now: number, age: number): number {
    return this.parts.writeBack.submitOlder(now - age, now);
  }

  /** Calls the sinks of what has finished, and gives frames to who waits for them; how many sinks. */
  reap(): number {
    return this.parts.driver.reap();
  }

  /** Requests and operations under way; 0 means that no sink will be called. */
  get pendingCount(): number {
    return this.parts.waits.usedCount;
  }

  /** Transfers that the store has not finished. */
  get transferCount(): number {
    return this.parts.transfers.usedCount;
  }

  /** Pages in the cache. */
  get pageCount(): number {
    return this.residents.index.presentCount;
  }

  /** Dirty pages. */
  get dirtyCount(): number {
    return this.residents.dirtyCount;
  }

  /** Pages whose write is under way. */
  get writebackCount(): number {
    return this.residents.writebackCount;
  }

  /** Pages on the active list. */
  get activeCount(): number {
    return this.residents.lists.activeCount;
  }

  /** Bytes of bookkeeping: columns of all slots, used or not, and index nodes. */
  get metadataBytes(): number {
    return this.residents.columns.byteCount + this.residents.index.byteCount;
  }

  /** Throws InvariantError if the cache contradicts itself. O(slots). For tests. */
  checkInvariants(): void {
    this.residents.checkInvariants();
  }

  /** A read through a handle that wants `count` pages from `page` on has not found `page` ready. */
  readAheadMiss(handle: number, page: number, count: number): void {
    const slot = this.residents.lookup(this.parts.handles.file[handle], page);
    if (slot === NIL) this.parts.readAhead.miss(handle, page, count);
    // On its way already: that is no miss, but its marker counts.
    else if ((this.residents.columns.flags[slot] & MARKER) !== 0) {
      this.parts.readAhead.marked(handle, slot, count);
    }
  }

  /** A read through a handle has used a page. Starts the next window if the page says so. */
  readAheadUsed(handle: number, slot: number, count: number): void {
    if ((this.residents.columns.flags[slot] & MARKER) !== 0) {
      this.parts.readAhead.marked(handle, slot, count);
    }
    this.parts.handles.previousPage[handle] = this.residents.columns.page[slot];
  }

  /** Page of the handle's last read, NIL if none. */
  previousPage(handle: number): number {
    return this.parts.handles.previousPage[handle];
  }

  private startSync(
    file: number,
    handle: number,
    offset: number,
    byteCount: number,
    flush: boolean,
    sink: Completion,
    tag: number,
  ): number {
    checkInteger('ERR_OFFSET', 'offset', offset, 0, FILE_BYTES_MAX);
    checkInteger('ERR_BYTE_COUNT', 'byteCount', byteCount, 0, FILE_BYTES_MAX);
    const { files } = this.residents;
    const first = Math.floor(offset / 4096);
    const end = Math.min(offset + byteCount, files.size[file]);
    const wait = this.parts.waits.take(WAIT_SYNC, file, first, sink, tag);
    wait.last = Math.max(first - 1, Math.ceil(end / 4096) - 1);
    wait.handle = handle;
    wait.flush = flush;
    wait.stage = STAGE_SUBMIT;
    wait.errors = files.errorCount[file];
    return this.parts.driver.start(wait);
  }

  private frameMayBeFree(): void {
    if (!this.parts.frames.isEmpty) this.parts.waits.raise();
  }

  private chargeFind(file: number, page: number, slot: number): void {
    const meter = this.meter!;
    meter.retire(6);
    meter.load(this.indexBase + this.residents.index.entryOffset(file, page));
    if (slot < 0) return;
    meter.load(this.columnBase + slot * 64);
    meter.store(this.columnBase + slot * 64 + 8);
  }
}
