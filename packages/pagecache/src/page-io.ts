import { assert, type Completion, EAGAIN, isErrno, NIL, OK, PENDING } from '@hotpath/hw-x86';
import type { PageCache } from './page-cache.js';
import type { CopyPort } from './ports.js';

/**
 * Answer of `PageIo.step`: the caller's memory at byte `done` is not there. Bring it in, then step
 * again. Nothing is pinned meanwhile, so the caller may wait, also for a page of this cache.
 */
export const COPY_FAULT = -4098;

const IDLE = 0;
const READING = 1;
const WRITING = 2;

const WAIT_NONE = 0;
const WAIT_LOCK = 1;
const WAIT_PAGE = 2;
const WAIT_DIRTY = 3;
/** A file that is being written at one moment must not stop read from being entered again. */
const APPEND = -1;

/**
 * One read or write through the cache, with its progress: entered again after each wait, never
 * restarted, so that a read larger than the cache ends and an append appends once. Make one per task
 * and use it for one operation after the other.
 *
 * ```
 * io.read(file, handle, offset, count);
 * for (;;) { const s = io.step(copy, sink, tag); if (s === PENDING) wait for sink; else break }
 * ```
 *
 * `step` answers OK (finished: `done` bytes, fewer than asked at the end of the file or after an
 * error), an errno (nothing was done), COPY_FAULT, or PENDING: `sink.completed(tag, OK)` then says
 * that `step` is to be called again. `sink` and `tag` must be the same for all steps of an operation.
 */
export class PageIo implements Completion {
  /** Bytes finished. */
  done = 0;
  /** Bytes asked for. */
  count = 0;
  /** First byte in the file; of an append, known when the write lock is held. */
  offset = 0;
  file = NIL;
  handle = NIL;

  private readonly cache: PageCache;
  private mode = IDLE;
  private wait = WAIT_NONE;
  /** Pinned page that the last wake-up brought, NIL if none. */
  private slot = NIL;
  private error: number = OK;
  private locked = false;
  /** Given up while a wait was under way: what arrives is given back. */
  private abandoned = false;
  private sink: Completion | null = null;
  private tag = 0;

  constructor(cache: PageCache) {
    this.cache = cache;
  }

  /** Begins a read of `count` bytes. `handle` may be NIL: then there is no read-ahead. */
  read(file: number, handle: number, offset: number, count: number): void {
    this.begin(READING, file, handle, offset, count);
  }

  /** Begins a write of `count` bytes. */
  write(file: number, handle: number, offset: number, count: number): void {
    this.begin(WRITING, file, handle, offset, count);
  }

  /** Begins a write of `count` bytes at the end of the file, wherever that is when its turn comes. */
  append(file: number, handle: number, count: number): void {
    this.begin(WRITING, file, handle, APPEND, count);
  }

  /** True between `read` or `write` and the step that finished it. */
  get busy(): boolean {
    return this.mode !== IDLE;
  }

  /** Goes on as far as it can. See the class. */
  step(copy: CopyPort, sink: Completion, tag: number): number {
    assert(this.mode !== IDLE, 'an operation is stepped that was not begun');
    assert(this.wait === WAIT_NONE, 'an operation is stepped before its wake-up');
    this.sink = sink;
    this.tag = tag;
    if (isErrno(this.error)) return this.finish(this.error);
    const result = this.mode === READING ? this.stepRead(copy) : this.stepWrite(copy);
    if (result === PENDING || result === COPY_FAULT) return result;
    return this.finish(result);
  }

  /** Gives the operation up at any moment between steps (its task dies). */
  cancel(): void {
    if (this.mode === IDLE) return;
    this.dropPage();
    if (this.wait !== WAIT_NONE) {
      this.abandoned = true;
      return;
    }
    this.unlock();
    this.mode = IDLE;
  }

  /** The cache's wake-up; not for callers. */
  completed(_tag: number, result: number): void {
    const { wait } = this;
    this.wait = WAIT_NONE;
    if (wait === WAIT_LOCK) this.locked = true;
    else if (wait === WAIT_PAGE && result >= 0) this.slot = result;
    if (isErrno(result)) this.error = result;
    if (this.abandoned) {
      this.abandoned = false;
      this.dropPage();
      this.unlock();
      this.mode = IDLE;
      return;
    }
    this.sink!.completed(this.tag, OK);
  }

  private begin(mode: number, file: number, handle: number, offset: number, count: number): void {
    assert(this.mode === IDLE, 'an operation is begun before the last one ended');
    this.mode = mode;
    this.file = file;
    this.handle = handle;
    this.offset = offset;
    this.count = count;
    this.done = 0;
    this.error = OK;
  }

  private stepRead(copy: CopyPort): number {
    const { cache, file, handle } = this;
    while (this.done < this.count) {
      const position = this.offset + this.done;
      const end = Math.min(this.offset + this.count, cache.size(file));
      if (position >= end) break;
      const page = Math.floor(position / 4096);
      const from = position % 4096;
      const length = Math.min(4096 - from, end - position);
      const pagesLeft = Math.ceil((from + end - position) / 4096);
      let slot = this.slot;
      this.slot = NIL;
      if (slot === NIL) {
        slot = this.findPage(page, pagesLeft);
        if (slot === PENDING) {
          this.wait = WAIT_PAGE;
          return PENDING;
        }
        if (slot < 0) return slot;
      }
      if (handle !== NIL) cache.readAheadUsed(handle, slot, pagesLeft);
      const copied = copy.copyOut(cache.frame(slot) + from, this.done, length);
      // The pin goes before anything else is waited for (contracts, rule 4).
      cache.release(slot);
      this.done += copied;
      if (copied < length) return COPY_FAULT;
    }
    return OK;
  }

  /** A pinned slot, an errno, or PENDING. Read-ahead is asked first, so that it joins the read. */
  private findPage(page: number, pagesLeft: number): number {
    const { cache, file, handle } = this;
    if (handle !== NIL && cache.previousPage(handle) === page) {
      // Several small reads of one page are one use (Linux: filemap_read).
      const again = cache.peek(file, page);
      if (again !== NIL) return again;
    }
    const slot = cache.find(file, page);
    if (slot !== NIL) return slot;
    if (handle !== NIL) cache.readAheadMiss(handle, page, pagesLeft);
    return cache.getMissed(file, page, this, 0);
  }

  private stepWrite(copy: CopyPort): number {
    const { cache, file } = this;
    if (!this.locked) {
      const result = cache.lockWrites(file, this, 0);
      if (result === PENDING) {
        this.wait = WAIT_LOCK;
        return PENDING;
      }
      this.locked = true;
    }
    if (this.offset === APPEND) this.offset = cache.size(file);
    while (this.done < this.count) {
      const position = this.offset + this.done;
      const page = Math.floor(position / 4096);
      const from = position % 4096;
      const length = Math.min(4096 - from, this.count - this.done);
      let slot = this.slot;
      this.slot = NIL;
      if (slot === NIL) {
        slot = cache.getForWrite(file, page, from, from + length, this, 0);
        if (slot === PENDING) {
          this.wait = WAIT_PAGE;
          return PENDING;
        }
        if (slot < 0) return slot;
      }
      const result = this.storePage(copy, slot, from, length);
      if (result !== OK) return result;
      if (cache.throttle(this, 0) === PENDING) {
        this.wait = WAIT_DIRTY;
        return PENDING;
      }
    }
    return OK;
  }

  /** Copies into a pinned page and drops the pin. OK, COPY_FAULT, or OK with nothing done. */
  private storePage(copy: CopyPort, slot: number, from: number, length: number): number {
    const { cache } = this;
    const copied = copy.copyIn(cache.frame(slot) + from, this.done, length);
    const partial = copied < length;
    if (copied === 0 || (partial && cache.isLocked(slot))) {
      // A page that was not read has no bytes to put behind half a copy.
      cache.abortWrite(slot);
      return COPY_FAULT;
    }
    const committed = cache.commitWrite(slot, from, from + copied);
    cache.release(slot);
    if (committed === EAGAIN) return OK;
    this.done += copied;
    return partial ? COPY_FAULT : OK;
  }

  private finish(result: number): number {
    this.dropPage();
    this.unlock();
    this.mode = IDLE;
    return this.done > 0 ? OK : result;
  }

  private dropPage(): void {
    if (this.slot === NIL) return;
    if (this.mode === WRITING) this.cache.abortWrite(this.slot);
    else this.cache.release(this.slot);
    this.slot = NIL;
  }

  private unlock(): void {
    if (!this.locked) return;
    this.locked = false;
    this.cache.unlockWrites(this.file);
  }
}
