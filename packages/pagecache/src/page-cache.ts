import {
  ArgumentError,
  assert,
  type Clock,
  type Completion,
  checkInteger,
  EAGAIN,
  EBUSY,
  EINVAL,
  ENOSYS,
  type FrameSource,
  type InterruptLine,
  type Meter,
  NIL,
  OK,
  PENDING,
  type PhysAddr,
  type PhysicalMemory,
  type TraceHook,
  type VirtAddr,
} from '@hotpath/hw-x86';
import type { PageCacheCounters } from './counters.js';
import { FILE_BYTES_MAX } from './file-columns.js';
import {
  ACTIVE,
  DIRTY,
  LOCKED,
  MARKER,
  PREFETCHED,
  REFERENCED,
  UPTODATE,
  WRITEBACK,
} from './flags.js';
import { FrameQueue } from './frame-queue.js';
import { ADVICE_SEQUENTIAL, HandleColumns } from './handle-columns.js';
import { InvalidateOperation } from './invalidate-operation.js';
import { TAG_DIRTY, TAG_PRESENT } from './page-index.js';
import { PageReader } from './page-reader.js';
import { PageRequests } from './page-requests.js';
import { PageWaits } from './page-waits.js';
import type { BackingStore, Mappings } from './ports.js';
import { ReadAhead } from './read-ahead.js';
import { ResidentPages } from './resident-pages.js';
import { SyncOperation } from './sync-operation.js';
import { TransferPool } from './transfer-pool.js';
import {
  STAGE_SUBMIT,
  WAIT_PAGE,
  WAIT_PUNCH,
  WAIT_SYNC,
  WAIT_THROTTLE,
  WAIT_TRUNCATE,
  WAIT_WRITE_LOCK,
  WAIT_WRITE_PAGE,
  type Wait,
  WaitPool,
  WaitQueue,
} from './wait-pool.js';
import { WriteBack } from './write-back.js';

const LAST_PAGE = 2 ** 32 - 1;

/** What a cache is made of. */
export interface PageCacheOptions {
  /** Where the frames lie. */
  memory: PhysicalMemory;
  /** Where frames come from. May call `reclaim` from inside `allocate`. */
  frames: FrameSource;
  /** Where pages come from and go to. */
  store: BackingStore;
  /** Most pages at any time, 1 to 2**26. */
  slotLimit: number;
  /** Who maps pages; null (default) when nobody does. */
  mappings?: Mappings | null;
  /** Told when `reap()` has work. */
  line?: InterruptLine | null;
  /** Stamps dirty files for write-back by age; without it all have age 0. */
  clock?: Clock | null;
  trace?: TraceHook | null;
  meter?: Meter | null;
  /** Largest read-ahead window in pages, 0 (none) to 8,192; default 32 (128 KiB, as Linux). */
  readAheadPages?: number;
  /** Longest run of pages in one call of the store, 1 to 1,024; default 64. */
  runPages?: number;
  /** Writers wait above so many dirty pages; default a fifth of slotLimit. */
  dirtyLimit?: number;
  /** Write-back starts above so many dirty pages; default a tenth of slotLimit. */
  dirtyBackground?: number;
}

/**
 * A page cache: pages of files in frames, shared by read, write and mappings.
 *
 * Calls finish at once (a value or an errno; the sink is not called) or answer PENDING, and then the
 * sink is called once, from `reap()`. A page that a call or a wake-up hands out is pinned: it keeps
 * its frame until `release`. Nobody may hold a pin while waiting for another (contracts, rule 4);
 * pins that must outlive a wait are declared with `hold`.
 */
export class PageCache {
  /** Slots at most. */
  readonly slotLimit: number;
  /** What has been done so far. */
  readonly counters: PageCacheCounters;

  private readonly residents: ResidentPages;
  private readonly handles = new HandleColumns();
  private readonly waits: WaitPool;
  private readonly pageWaits: PageWaits;
  private readonly transfers: TransferPool;
  private readonly writeBack: WriteBack;
  private readonly reader: PageReader;
  private readonly readAhead: ReadAhead;
  private readonly frames: FrameQueue;
  private readonly requests: PageRequests;
  private readonly syncs: SyncOperation;
  private readonly invalidations: InvalidateOperation;
  private readonly throttleQueue = new WaitQueue();
  private readonly store: BackingStore;
  private readonly dirtyLimit: number;
  private readonly dirtyBackground: number;
  private readonly runPages: number;
  private readonly meter: Meter | null;
  private readonly indexBase: VirtAddr = 0;
  private readonly columnBase: VirtAddr = 0;
  private reaping = false;

  /** @throws ArgumentError if an option is out of range */
  constructor(options: PageCacheOptions) {
    const slotLimit = checkInteger('ERR_SLOT_LIMIT', 'slotLimit', options.slotLimit, 1, 2 ** 26);
    const runPages = checkInteger('ERR_RUN_PAGES', 'runPages', options.runPages ?? 64, 1, 1024);
    const ahead = options.readAheadPages ?? 32;
    checkInteger('ERR_READ_AHEAD', 'readAheadPages', ahead, 0, 8192);
    const limit = options.dirtyLimit ?? Math.max(1, Math.floor(slotLimit / 5));
    this.dirtyLimit = checkInteger('ERR_DIRTY_LIMIT', 'dirtyLimit', limit, 1, slotLimit);
    const background = options.dirtyBackground ?? Math.floor(this.dirtyLimit / 2);
    this.dirtyBackground = checkInteger(
      'ERR_DIRTY_BACKGROUND',
      'dirtyBackground',
      background,
      0,
      this.dirtyLimit,
    );
    const { memory, store } = options;
    const trace = options.trace ?? null;
    const mappings = options.mappings ?? null;
    this.slotLimit = slotLimit;
    this.runPages = runPages;
    this.store = store;
    this.meter = options.meter ?? null;
    if (this.meter !== null) {
      this.indexBase = this.meter.region('pagecache.index', slotLimit * 64 + 65536);
      this.columnBase = this.meter.region('pagecache.columns', slotLimit * 64);
    }
    const residents = new ResidentPages(
      slotLimit,
      16,
      memory,
      options.frames,
      mappings,
      options.clock ?? null,
      trace,
    );
    this.residents = residents;
    this.counters = residents.counters;
    this.waits = new WaitPool(options.line ?? null);
    this.pageWaits = new PageWaits(residents.columns, this.waits);
    this.transfers = new TransferPool(runPages);
    const transferSink = { completed: (id: number, r: number) => this.transferDone(id, r) };
    const storeSink = { completed: (id: number, r: number) => this.storeDone(id, r) };
    this.writeBack = new WriteBack(
      residents,
      this.pageWaits,
      store,
      this.transfers,
      transferSink,
      mappings,
      runPages,
      trace,
    );
    this.reader = new PageReader(
      residents,
      this.pageWaits,
      this.waits,
      store,
      this.transfers,
      transferSink,
      runPages,
      trace,
    );
    this.readAhead = new ReadAhead(residents, this.handles, this.reader, ahead);
    this.frames = new FrameQueue(residents, this.writeBack, this.transfers);
    this.requests = new PageRequests(residents, this.pageWaits, this.frames, this.reader, trace);
    this.syncs = new SyncOperation(
      residents,
      this.pageWaits,
      this.writeBack,
      this.handles,
      store,
      storeSink,
      trace,
    );
    this.invalidations = new InvalidateOperation(
      residents,
      this.pageWaits,
      this.waits,
      this.frames,
      this.reader,
      store,
      mappings,
      storeSink,
      trace,
    );
  }

  // --- files and handles -------------------------------------------------------------------------

  /**
   * Registers a file of `size` bytes and returns its number, which the store is called with.
   * @throws ArgumentError if the size is not a whole number 0..2**44
   */
  openFile(size: number): number {
    checkInteger('ERR_FILE_SIZE', 'size', size, 0, FILE_BYTES_MAX);
    const { files, index } = this.residents;
    const limit = files.fileLimit;
    const file = files.take(size);
    if (files.fileLimit !== limit) index.growFiles(files.fileLimit);
    return file;
  }

  /**
   * Forgets a file and its clean pages. EBUSY, and nothing is changed, while it has handles, dirty
   * or pinned pages or transfers under way: fsync it or truncate it to 0 first.
   */
  closeFile(file: number): number {
    this.checkFile(file);
    const { files, index, columns } = this.residents;
    if (files.handleCount[file] > 0 || files.dirtyCount[file] > 0) return EBUSY;
    if (files.writebackCount[file] > 0 || files.filling[file] > 0) return EBUSY;
    if (files.writing[file] !== 0 || files.invalidator[file] !== 0) return EBUSY;
    let page = index.nextTagged(file, 0, TAG_PRESENT);
    for (; page !== NIL; page = index.nextTagged(file, page + 1, TAG_PRESENT)) {
      if (columns.pins[this.residents.lookup(file, page)] > 0) return EBUSY;
    }
    this.dropClean(file, 0, LAST_PAGE);
    if (files.pageCount[file] > 0) return EBUSY;
    index.drop(file);
    files.give(file);
    return OK;
  }

  /** Size of a file in bytes: what has been written counts at once. */
  size(file: number): number {
    return this.residents.files.size[file];
  }

  /**
   * Sets the size without asking the store, as a file system does that has changed it itself. Only
   * growing; to shrink, use `truncate`.
   * @throws ArgumentError if the size is smaller than now or not allowed
   */
  setSize(file: number, size: number): void {
    this.checkFile(file);
    const { files } = this.residents;
    checkInteger('ERR_FILE_SIZE', 'size', size, files.size[file], FILE_BYTES_MAX);
    this.residents.zeroTail(file, files.size[file]);
    files.size[file] = size;
  }

  /** Opens a file: a handle has its own read-ahead state and hears of each write error once. */
  openHandle(file: number): number {
    this.checkFile(file);
    return this.handles.take(this.residents.files, file);
  }

  /** Closes a handle. */
  closeHandle(handle: number): void {
    this.checkHandle(handle);
    this.handles.give(this.residents.files, handle);
  }

  /** The file of a handle. */
  fileOf(handle: number): number {
    return this.handles.file[handle];
  }

  /** ADVICE_NORMAL, ADVICE_RANDOM or ADVICE_SEQUENTIAL for this handle (posix_fadvise). */
  advise(handle: number, advice: number): void {
    this.checkHandle(handle);
    checkInteger('ERR_ADVICE', 'advice', advice, 0, ADVICE_SEQUENTIAL);
    this.handles.advice[handle] = advice;
  }

  /** Starts reading pages `first .. first+count-1` in the background (POSIX_FADV_WILLNEED). */
  willNeed(file: number, first: number, count: number): void {
    this.checkFile(file);
    this.readAhead.read(file, first, count, 0);
  }

  /**
   * Drops the pages of a range that are clean, unpinned and idle (POSIX_FADV_DONTNEED, invalidation
   * after somebody else changed the store). Returns how many stay because they are not.
   */
  invalidate(file: number, first: number, last: number): number {
    this.checkFile(file);
    return this.dropClean(file, first, last);
  }

  // --- pages -------------------------------------------------------------------------------------

  /**
   * The page if it is here and up to date: its slot, pinned; else NIL. Counts as a use. This is the
   * hit path: one index load, one pin; no interface is called but a trace hook or meter that is set.
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
        if ((state & (REFERENCED | PREFETCHED | ACTIVE)) !== (REFERENCED | ACTIVE)) {
          residents.touch(slot);
        }
        this.counters.hits++;
        return slot;
      }
    }
    this.counters.misses++;
    return NIL;
  }

  /** Like `find`, but neither a use nor a hit: for the second look at the same page in one read. */
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
    this.checkFile(file);
    const slot = this.find(file, page);
    if (slot !== NIL) return slot;
    return this.start(this.waits.take(WAIT_PAGE, file, page, sink, tag));
  }

  /** `get` for who has just had NIL from `find`: the miss is not counted again. */
  getMissed(file: number, page: number, sink: Completion, tag: number): number {
    return this.start(this.waits.take(WAIT_PAGE, file, page, sink, tag));
  }

  /** True while a page from `getForWrite` waits for its `commitWrite`. */
  isLocked(slot: number): boolean {
    return (this.residents.columns.flags[slot] & LOCKED) !== 0;
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
    this.checkFile(file);
    checkInteger('ERR_PAGE', 'page', page, 0, LAST_PAGE);
    checkInteger('ERR_PAGE_RANGE', 'to', to, 1, 4096);
    checkInteger('ERR_PAGE_RANGE', 'from', from, 0, to - 1);
    if (this.residents.files.invalidator[file] === 0) {
      const slot = this.find(file, page);
      if (slot !== NIL) return slot;
    }
    const wait = this.waits.take(WAIT_WRITE_PAGE, file, page, sink, tag);
    wait.from = from;
    wait.to = to;
    return this.start(wait);
  }

  /**
   * Bytes `from .. to-1` of a page from `getForWrite` have been stored: the page is dirty, the file
   * at least that long. Keeps the pin. EAGAIN if the page was truncated away meanwhile: ask again.
   */
  commitWrite(slot: number, from: number, to: number): number {
    const { residents } = this;
    const { columns, files } = residents;
    const file = columns.file[slot];
    assert(columns.pins[slot] > 0, 'a write is committed to a page without a pin');
    if (file === NIL) return EAGAIN;
    const start = columns.page[slot] * 4096;
    const fresh = (columns.flags[slot] & UPTODATE) === 0;
    if (fresh) {
      residents.zeroRange(slot, 0, from);
      residents.zeroFrom(slot, to);
      columns.flags[slot] = (columns.flags[slot] & ~LOCKED) | UPTODATE;
      residents.touch(slot);
    }
    const before = files.size[file];
    if (start + to > before) {
      if (before >= start) residents.zeroRange(slot, Math.max(0, before - start), from);
      else residents.zeroTail(file, before);
      files.size[file] = start + to;
    }
    residents.setDirty(slot);
    if (fresh) this.pageWaits.wake(slot);
    return OK;
  }

  /** Gives up on a page from `getForWrite` and drops its pin; one that was not read goes. */
  abortWrite(slot: number): void {
    const { residents } = this;
    const { columns } = residents;
    if ((columns.flags[slot] & LOCKED) === 0) {
      this.release(slot);
      return;
    }
    assert(columns.pins[slot] === 1, 'a locked page has more than one pin');
    const waiting = this.pageWaits.takeAll(slot);
    columns.pins[slot] = 0;
    residents.remove(slot);
    this.pageWaits.fail(waiting, OK, false);
    if (!this.frames.isEmpty) this.waits.raise();
  }

  /** The page's bytes have been changed through the frame. */
  markDirty(slot: number): void {
    this.residents.setDirty(slot);
  }

  /** Drops a pin. */
  release(slot: number): void {
    this.residents.release(slot);
    if (!this.frames.isEmpty) this.waits.raise();
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
    const { holds } = this.residents.columns;
    assert(holds[slot] > 0, 'a page is unheld that is not held');
    holds[slot]--;
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

  /** True if the page is here and up to date (mincore). Not a use. */
  isResident(file: number, page: number): boolean {
    const slot = this.residents.lookup(file, page);
    return slot !== NIL && (this.residents.columns.flags[slot] & UPTODATE) !== 0;
  }

  /** First page >= `page` that is dirty, or NIL. */
  nextDirty(file: number, page: number): number {
    return this.residents.index.nextTagged(file, page, TAG_DIRTY);
  }

  /** First page >= `page` that is not in the cache. */
  nextHole(file: number, page: number): number {
    return this.residents.index.nextHole(file, page);
  }

  // --- mappings ----------------------------------------------------------------------------------

  /**
   * A page-table entry now shows this pinned page; it must be read-only unless the page is dirty.
   * False, and nothing is counted, if the page was truncated away meanwhile: fault again.
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

  // --- operations over ranges --------------------------------------------------------------------

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
    this.checkHandle(handle);
    const wait = this.syncWait(this.handles.file[handle], offset, byteCount, sink, tag);
    wait.handle = handle;
    wait.flush = flush;
    return this.start(wait);
  }

  /**
   * Like `syncRange` for nobody's handle (sync(2), unmount): the error is returned and stays due to
   * every handle.
   */
  syncFile(file: number, flush: boolean, sink: Completion, tag: number): number {
    this.checkFile(file);
    const wait = this.syncWait(file, 0, FILE_BYTES_MAX, sink, tag);
    wait.flush = flush;
    return this.start(wait);
  }

  /**
   * Sets the size. Pages beyond go, dirty or not; the rest of the last page reads as zeros, also
   * after growing again. Waits for transfers under way and for the writer.
   */
  truncate(file: number, size: number, sink: Completion, tag: number): number {
    this.checkFile(file);
    checkInteger('ERR_FILE_SIZE', 'size', size, 0, FILE_BYTES_MAX);
    const wait = this.waits.take(WAIT_TRUNCATE, file, NIL, sink, tag);
    wait.to = size;
    return this.start(wait);
  }

  /** Bytes `offset .. offset+byteCount-1` read as zeros and give their space back; size as before. */
  punch(file: number, offset: number, byteCount: number, sink: Completion, tag: number): number {
    this.checkFile(file);
    checkInteger('ERR_OFFSET', 'offset', offset, 0, FILE_BYTES_MAX);
    checkInteger('ERR_BYTE_COUNT', 'byteCount', byteCount, 0, FILE_BYTES_MAX);
    if (byteCount === 0) return EINVAL;
    if (!this.store.canPunch) return ENOSYS;
    const wait = this.waits.take(WAIT_PUNCH, file, NIL, sink, tag);
    wait.from = offset;
    wait.to = offset + byteCount;
    return this.start(wait);
  }

  /** The file's write lock: OK, or PENDING and the sink gets OK. One write, truncate or punch. */
  lockWrites(file: number, sink: Completion, tag: number): number {
    this.checkFile(file);
    return this.start(this.waits.take(WAIT_WRITE_LOCK, file, 0, sink, tag));
  }

  /** Gives the write lock back. */
  unlockWrites(file: number): void {
    assert(this.residents.files.writing[file] === 1, 'a write lock is released that is not held');
    this.invalidations.unlockWrites(file);
  }

  /**
   * After a writer made a page dirty: starts write-back above the background limit; above the limit
   * the writer waits (PENDING) until less is dirty. OK also when nothing can be written because the
   * store fails: the error comes at fsync.
   */
  throttle(sink: Completion, tag: number): number {
    const { residents } = this;
    const total = residents.dirtyCount + residents.writebackCount;
    if (total <= this.dirtyBackground) return OK;
    if (residents.dirtyCount > this.dirtyBackground || total > this.dirtyLimit) {
      if (residents.writebackCount < 4 * this.runPages) {
        this.writeBack.submitSome(this.runPages, false);
      }
    }
    if (residents.dirtyCount + residents.writebackCount <= this.dirtyLimit) return OK;
    if (residents.writebackCount === 0) return OK;
    this.counters.throttled++;
    this.throttleQueue.push(this.waits.take(WAIT_THROTTLE, NIL, 0, sink, tag));
    return PENDING;
  }

  // --- the machine's side ------------------------------------------------------------------------

  /**
   * Frees up to `count` frames of clean pages to the frame source; starts write-back where only dirty
   * pages are left. Returns how many were freed. The frame source may call it from `allocate`.
   */
  reclaim(count: number): number {
    const { residents } = this;
    let freed = 0;
    while (freed < count) {
      const slot = residents.evict();
      if (slot === NIL) {
        if (residents.dirtyVictim === NIL) break;
        this.writeBack.submitAround(residents.dirtyVictim);
        continue;
      }
      residents.giveFrame(slot);
      freed++;
    }
    return freed;
  }

  /** Frames have come free outside: whoever waits for one tries again in the next `reap()`. */
  framesFreed(): void {
    this.residents.changed = true;
    if (!this.frames.isEmpty) this.waits.raise();
  }

  /**
   * Periodic write-back: submits the dirty pages of files that have been dirty for `age` or longer
   * (the clock's unit), also those whose last write failed. Returns how many.
   */
  writeBackOlder(now: number, age: number): number {
    return this.writeBack.submitOlder(now - age, now);
  }

  /** Calls the sinks of what has finished, and gives frames to who waits for them; how many sinks. */
  reap(): number {
    if (this.reaping) return 0;
    this.reaping = true;
    let told = 0;
    try {
      for (;;) {
        let wait = this.waits.takeDue();
        if (wait === null) wait = this.frames.next();
        if (wait === null) break;
        if (this.advance(wait)) told++;
      }
    } finally {
      this.reaping = false;
    }
    return told;
  }

  /** Requests and operations under way. 0: nothing will call a sink. */
  get pendingCount(): number {
    return this.waits.usedCount;
  }

  /** Transfers that the store has not finished. */
  get transferCount(): number {
    return this.transfers.usedCount;
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

  /** Bytes of bookkeeping: columns and index. */
  get metadataBytes(): number {
    return this.slotLimit * 44 + this.residents.index.byteCount;
  }

  /** Throws InvariantError if the cache contradicts itself. O(slots). For tests. */
  checkInvariants(): void {
    this.residents.checkInvariants();
  }

  /** A read through a handle that wants `count` pages from `page` on has missed at `page`. */
  readAheadMiss(handle: number, page: number, count: number): void {
    this.readAhead.miss(handle, page, count);
  }

  /** A read through a handle has used a page. Starts the next window if the page says so. */
  readAheadUsed(handle: number, slot: number, count: number): void {
    if ((this.residents.columns.flags[slot] & MARKER) !== 0) {
      this.readAhead.marked(handle, slot, count);
    }
    this.handles.previousPage[handle] = this.residents.columns.page[slot];
  }

  /** Page of the handle's last read, NIL if none. */
  previousPage(handle: number): number {
    return this.handles.previousPage[handle];
  }

  private syncWait(
    file: number,
    offset: number,
    byteCount: number,
    sink: Completion,
    tag: number,
  ): Wait {
    checkInteger('ERR_OFFSET', 'offset', offset, 0, FILE_BYTES_MAX);
    checkInteger('ERR_BYTE_COUNT', 'byteCount', byteCount, 0, FILE_BYTES_MAX);
    const first = Math.floor(offset / 4096);
    const wait = this.waits.take(WAIT_SYNC, file, first, sink, tag);
    const end = Math.min(offset + byteCount, this.residents.files.size[file]);
    wait.last = Math.max(first - 1, Math.ceil(end / 4096) - 1);
    wait.stage = STAGE_SUBMIT;
    wait.errors = this.residents.files.errorCount[file];
    return wait;
  }

  /** First step of a wait: a result, and the wait is gone, or PENDING. */
  private start(wait: Wait): number {
    const result = this.step(wait);
    if (result !== PENDING) this.waits.give(wait);
    return result;
  }

  /** A later step, from `reap()`. True if the sink was told. */
  private advance(wait: Wait): boolean {
    const served = wait.served;
    if (!wait.finished) {
      const result = this.step(wait);
      if (served && !this.frames.isFirst(wait)) this.residents.changed = true;
      if (result === PENDING) return false;
      wait.result = result;
    } else if (wait.result >= 0 && wait.kind <= WAIT_WRITE_PAGE) {
      this.residents.touch(wait.result);
    }
    const { sink, tag, result } = wait;
    this.waits.give(wait);
    sink!.completed(tag, result);
    return true;
  }

  private step(wait: Wait): number {
    switch (wait.kind) {
      case WAIT_PAGE:
      case WAIT_WRITE_PAGE:
        return this.requests.step(wait);
      case WAIT_SYNC:
        return this.syncs.step(wait);
      case WAIT_TRUNCATE:
      case WAIT_PUNCH:
        return this.invalidations.step(wait);
      case WAIT_WRITE_LOCK: {
        const { files } = this.residents;
        if (files.writing[wait.file] === 1) {
          files.writeQueue[wait.file].push(wait);
          return PENDING;
        }
        files.writing[wait.file] = 1;
        return OK;
      }
      default:
        assert(wait.kind === WAIT_THROTTLE, 'a wait of no kind is stepped');
        return OK;
    }
  }

  private transferDone(id: number, result: number): void {
    const transfer = this.transfers.at(id);
    const { residents } = this;
    assert(transfer.file !== NIL, 'a store finishes a transfer twice');
    if (!transfer.write) {
      this.reader.finish(transfer, result);
    } else {
      this.writeBack.finish(transfer, result);
      const total = residents.dirtyCount + residents.writebackCount;
      if (total <= this.dirtyLimit || residents.writebackCount === 0) {
        this.waits.allDue(this.throttleQueue);
      }
    }
    if (!this.frames.isEmpty) this.waits.raise();
  }

  private storeDone(id: number, result: number): void {
    const wait = this.waits.at(id);
    assert(wait.kind !== 0, 'a store finishes a call twice');
    wait.result = result;
    this.waits.due(wait);
  }

  private dropClean(file: number, first: number, last: number): number {
    const { residents } = this;
    const { columns, index } = residents;
    let kept = 0;
    let page = index.nextTagged(file, first, TAG_PRESENT);
    for (; page !== NIL && page <= last; page = index.nextTagged(file, page + 1, TAG_PRESENT)) {
      const slot = residents.lookup(file, page);
      const busy = (columns.flags[slot] & (DIRTY | LOCKED | WRITEBACK)) !== 0;
      if (busy || columns.pins[slot] > 0) {
        kept++;
        continue;
      }
      // A mapping may hold the only sign that the page was stored to.
      residents.unmap(slot);
      if ((columns.flags[slot] & DIRTY) !== 0) kept++;
      else residents.remove(slot);
    }
    if (!this.frames.isEmpty) this.waits.raise();
    return kept;
  }

  private chargeFind(file: number, page: number, slot: number): void {
    const meter = this.meter!;
    meter.retire(6);
    meter.load(this.indexBase + this.residents.index.entryOffset(file, page));
    if (slot < 0) return;
    meter.load(this.columnBase + slot * 64);
    meter.store(this.columnBase + slot * 64 + 8);
  }

  private checkFile(file: number): void {
    const { files } = this.residents;
    if (file >= 0 && file < files.fileLimit && files.used[file] === 1) return;
    throw new ArgumentError('ERR_FILE', `file is ${file}; allowed: a number from openFile`);
  }

  private checkHandle(handle: number): void {
    const { handles } = this;
    if (handle >= 0 && handle < handles.handleLimit && handles.file[handle] !== NIL) return;
    throw new ArgumentError('ERR_HANDLE', `handle is ${handle}; allowed: one from openHandle`);
  }
}
