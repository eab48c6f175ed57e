import {
  type Completion,
  checkInteger,
  EAGAIN,
  EBADF,
  EBUSY,
  isErrno,
  NIL,
  OK,
  PENDING,
} from '@hotpath/hw-x86';
import { PageIo } from '../page-io.js';
import { BufferCopy } from './buffer-copy.js';
import type { FileCache } from './file-cache.js';
import { FileError } from './file-error.js';
import type { OpenFile } from './open-file.js';

/** Smallest synchronous read that may be part of a scan. */
const SCAN_BYTES = 64 * 1024;

/** Nobody waits behind a synchronous call. */
const NOBODY: Completion = { completed: () => {} };

/**
 * A host file behind a page cache. Two fronts over the same pages: `...Sync` calls run to their end
 * before they return; the others answer with promises. A synchronous call that would have to wait for
 * a transfer of an asynchronous one throws EAGAIN, because it cannot.
 *
 * Written bytes are in this process until `fsync`, `close` or write-back by age.
 */
export class CachedFile {
  /** The path it was opened by. */
  readonly path: string;
  private readonly cache: FileCache;
  private readonly shared: OpenFile;
  private handle: number;
  private readonly writable: boolean;
  /** For the synchronous calls. */
  private io: PageIo;
  private readonly copy: BufferCopy;
  private readonly idle: PageIo[] = [];
  private underWay = 0;
  /** Where the last `readSync` ended. */
  private readEnd = 0;
  private leases = 0;
  private isOpen = true;

  /** Made by `FileCache.open`. */
  constructor(cache: FileCache, shared: OpenFile, path: string, writable: boolean) {
    this.cache = cache;
    this.shared = shared;
    this.path = path;
    this.writable = writable;
    this.handle = cache.pages.openHandle(shared.file);
    this.io = new PageIo(cache.pages);
    this.copy = new BufferCopy(cache.arena);
  }

  /** Bytes in the file, what has been written included. */
  get size(): number {
    return this.cache.pages.size(this.shared.file);
  }

  /**
   * ADVICE_NORMAL, ADVICE_RANDOM or ADVICE_SEQUENTIAL of `@hotpath/pagecache`.
   * @throws ArgumentError if it is none of these
   */
  advise(advice: number): void {
    this.cache.pages.advise(this.handle, advice);
  }

  /**
   * Reads up to `target.length` bytes at `position`; returns how many. A read of 64 KiB or more that
   * goes on where the last one ended (the first: at 0), in a file that is larger than the whole cache,
   * is done as `readUncachedSync` does it: each page of such a scan would be gone before its next use.
   * @throws FileError
   */
  readSync(target: Uint8Array, position: number): number {
    checkPosition(position);
    this.check('read', false);
    const follows = position === this.readEnd;
    this.readEnd = position + target.length;
    if (follows && target.length >= SCAN_BYTES && this.size > this.cache.cacheBytes) {
      return this.readUncachedSync(target, position);
    }
    this.copy.use(target, 0);
    this.io.read(this.shared.file, this.handle, position, target.length);
    return this.finishSync('read');
  }

  /**
   * As `readSync`, for bytes that will not be wanted again (Linux's RWF_DONTCACHE): what is cached is
   * taken from there, the rest goes from the host straight into `target` and is not cached, so a scan
   * costs no page its place. For large reads; small ones lack the read-ahead. @throws FileError
   */
  readUncachedSync(target: Uint8Array, position: number): number {
    checkPosition(position);
    this.check('read', false);
    const end = Math.min(position + target.length, this.size);
    let at = position;
    while (at < end) {
      // What is newer than the host, or on its way in or out, is in the index.
      const cached = this.cachedUpTo(at, end);
      const next = cached > at ? cached : this.absentUpTo(at, end);
      const { file } = this.shared;
      if (cached > at) {
        this.copy.use(target, at - position);
        this.io.read(file, NIL, at, next - at);
        this.finishSync('read');
      } else {
        const status = this.cache.store.readSync(file, target, at - position, next - at, at);
        if (isErrno(status)) throw new FileError(status, 'read', this.path);
      }
      at = next;
    }
    return Math.max(0, end - position);
  }

  /** Writes `source` at `position`, growing the file if need be. @throws FileError */
  writeSync(source: Uint8Array, position: number): number {
    checkPosition(position);
    this.check('write', true);
    this.copy.use(source, 0);
    this.io.write(this.shared.file, this.handle, position, source.length);
    return this.finishSync('write');
  }

  /**
   * Pins a page and returns its slot: `bytes(slot)` is the cached frame itself. Costs a look-up when
   * the page is here. Every lease ends with `release` or `releaseDirty`.
   * @throws FileError ENXIO beyond the end of the file, ENOMEM when the whole cache is leased
   */
  leaseSync(page: number): number {
    const { pages } = this.cache;
    const leased = pages.findLeased(this.handle, this.shared.file, page);
    if (leased !== NIL) {
      this.leases++;
      return leased;
    }
    this.check('read', false);
    const found = pages.find(this.shared.file, page);
    if (found !== NIL) {
      this.useSync(found);
      return this.leased(found);
    }
    const slot = this.cache.synchronously(() => {
      pages.readAheadMiss(this.handle, page, 1);
      return pages.get(this.shared.file, page, NOBODY, 0);
    });
    if (slot === PENDING) throw new FileError(EAGAIN, 'read', this.path);
    if (slot < 0) throw new FileError(slot, 'read', this.path);
    this.useSync(slot);
    return this.leased(slot);
  }

  /** As `leaseSync`, reading on the thread pool. */
  async lease(page: number): Promise<number> {
    this.check('read', false);
    const { pages } = this.cache;
    pages.readAheadMiss(this.handle, page, 1);
    const slot = await this.wait((sink) => pages.get(this.shared.file, page, sink, 0));
    if (slot < 0) throw new FileError(slot, 'read', this.path);
    pages.readAheadUsed(this.handle, slot, 1);
    return this.leased(slot);
  }

  /**
   * The 4,096 bytes of a leased page, the frame itself. Zeros beyond the end of the file. Valid until
   * the lease ends. Bytes stored to it count when the lease ends with `releaseDirty`.
   */
  bytes(slot: number): Uint8Array {
    return this.cache.arena.view(this.cache.pages.frame(slot));
  }

  /**
   * Where a leased page begins in `FileCache.frames`: as `bytes`, without an object for each page,
   * whose header is one more cache miss where pages are taken at random. Valid until the lease ends.
   */
  start(slot: number): number {
    return this.cache.pages.frame(slot);
  }

  /** Ends a lease that has stored nothing. */
  release(slot: number): void {
    this.leases--;
    this.cache.pages.releaseLeased(slot);
  }

  /** Ends a lease whose holder has stored to the page: the page is dirty. */
  releaseDirty(slot: number): void {
    if (!this.writable) throw new FileError(EBADF, 'write', this.path);
    this.cache.pages.markDirty(slot);
    this.release(slot);
  }

  /** All written bytes are on the disk. @throws FileError with the write error nobody told us of */
  fsyncSync(): void {
    this.check('fsync', false);
    this.statusSync('fsync', (sink) => this.cache.pages.fsync(this.handle, sink, 0));
  }

  /** Sets the size; new bytes are zeros. @throws FileError */
  truncateSync(size: number): void {
    this.check('ftruncate', true);
    this.statusSync('ftruncate', (sink) =>
      this.cache.pages.truncate(this.shared.file, size, sink, 0),
    );
  }

  /** As `readSync`; a hit does not wait for a turn of the event loop longer than one microtask. */
  async read(target: Uint8Array, position: number): Promise<number> {
    checkPosition(position);
    this.check('read', false);
    const io = this.takeIo();
    io.read(this.shared.file, this.handle, position, target.length);
    return this.finish(io, target, 'read');
  }

  /** As `writeSync`. */
  async write(source: Uint8Array, position: number): Promise<number> {
    checkPosition(position);
    this.check('write', true);
    const io = this.takeIo();
    io.write(this.shared.file, this.handle, position, source.length);
    return this.finish(io, source, 'write');
  }

  /** As `fsyncSync`, on the thread pool. */
  async fsync(): Promise<void> {
    this.check('fsync', false);
    const status = await this.wait((sink) => this.cache.pages.fsync(this.handle, sink, 0));
    if (isErrno(status)) throw new FileError(status, 'fsync', this.path);
  }

  /** As `truncateSync`, on the thread pool. */
  async truncate(size: number): Promise<void> {
    this.check('ftruncate', true);
    const { file } = this.shared;
    const status = await this.wait((sink) => this.cache.pages.truncate(file, size, sink, 0));
    if (isErrno(status)) throw new FileError(status, 'ftruncate', this.path);
  }

  /**
   * Writes what is dirty to the file (not: flushes the disk; that is `fsyncSync`) and closes it.
   * @throws FileError and the file stays open, so that nothing is lost: EBUSY while operations or
   *   leases are open, or the error of a write that failed
   */
  closeSync(): void {
    if (!this.isOpen) return;
    this.checkIdle();
    const { pages } = this.cache;
    this.statusSync('close', (sink) => pages.syncRange(this.handle, 0, 2 ** 44, false, sink, 0));
    if (!this.leave()) throw new FileError(EBUSY, 'close', this.path);
  }

  /** As `closeSync`, writing on the thread pool. */
  async close(): Promise<void> {
    if (!this.isOpen) return;
    this.checkIdle();
    const { pages } = this.cache;
    const status = await this.wait((sink) =>
      pages.syncRange(this.handle, 0, 2 ** 44, false, sink, 0),
    );
    if (isErrno(status)) throw new FileError(status, 'close', this.path);
    // Read-ahead that nobody waits for may still be on its way into our frames.
    while (!this.leave()) {
      if (pages.transferCount === 0) throw new FileError(EBUSY, 'close', this.path);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** End of the cached bytes that begin at `at`; `at` itself if its page is not cached. */
  private cachedUpTo(at: number, end: number): number {
    const hole = this.cache.pages.nextHole(this.shared.file, Math.floor(at / 4096));
    return Math.min(end, Math.max(at, hole * 4096));
  }

  /** End of the bytes from `at` on whose pages are not cached. */
  private absentUpTo(at: number, end: number): number {
    const page = this.cache.pages.nextPage(this.shared.file, Math.floor(at / 4096));
    return page === NIL ? end : Math.min(end, page * 4096);
  }

  /** False, and the file stays open, while transfers or leases of others hold its pages. */
  private leave(): boolean {
    const { pages, store } = this.cache;
    const { file } = this.shared;
    pages.closeHandle(this.handle);
    if (this.shared.users === 1) {
      if (pages.closeFile(file) !== OK) {
        this.handle = pages.openHandle(file);
        return false;
      }
      store.detach(file);
    }
    this.cache.leave(this.shared);
    this.isOpen = false;
    return true;
  }

  /** A use that may start a read-ahead, which must end before the next synchronous call. */
  private useSync(slot: number): void {
    this.cache.synchronously(() => {
      this.cache.pages.readAheadUsed(this.handle, slot, 1);
      return OK;
    });
  }

  private leased(slot: number): number {
    this.cache.pages.hold(slot);
    this.leases++;
    return slot;
  }

  private check(call: string, writes: boolean): void {
    if (!this.isOpen || (writes && !this.writable)) throw new FileError(EBADF, call, this.path);
  }

  private checkIdle(): void {
    if (this.underWay > 0 || this.leases > 0) throw new FileError(EBUSY, 'close', this.path);
  }

  private finishSync(call: string): number {
    const status = this.cache.synchronously(() => this.io.step(this.copy, NOBODY, 0));
    if (status === PENDING) {
      this.io.cancel();
      // It ends when its wake-up comes; the next call need not wait for that.
      if (this.io.busy) this.io = new PageIo(this.cache.pages);
      throw new FileError(EAGAIN, call, this.path);
    }
    if (isErrno(status)) throw new FileError(status, call, this.path);
    return this.io.done;
  }

  private statusSync(call: string, start: (sink: Completion) => number): void {
    const outcome = { status: PENDING as number };
    const sink: Completion = {
      completed: (_tag, result) => {
        outcome.status = result;
      },
    };
    const first = this.cache.synchronously(() => start(sink));
    if (first !== PENDING) outcome.status = first;
    // What it waits for may be due already.
    else this.cache.pages.reap();
    if (outcome.status === PENDING) throw new FileError(EAGAIN, call, this.path);
    if (isErrno(outcome.status)) throw new FileError(outcome.status, call, this.path);
  }

  private takeIo(): PageIo {
    return this.idle.pop() ?? new PageIo(this.cache.pages);
  }

  private async finish(io: PageIo, buffer: Uint8Array, call: string): Promise<number> {
    const copy = new BufferCopy(this.cache.arena);
    copy.use(buffer, 0);
    this.underWay++;
    try {
      let status: number = PENDING;
      while (status === PENDING) {
        let wake: () => void = () => {};
        const woken = new Promise<void>((resolve) => {
          wake = resolve;
        });
        status = io.step(copy, { completed: () => wake() }, 0);
        if (status === PENDING) await woken;
      }
      if (isErrno(status)) throw new FileError(status, call, this.path);
      return io.done;
    } finally {
      this.underWay--;
      this.idle.push(io);
    }
  }

  private async wait(start: (sink: Completion) => number): Promise<number> {
    this.underWay++;
    try {
      return await new Promise<number>((resolve) => {
        const result = start({ completed: (_tag, value) => resolve(value) });
        if (result !== PENDING) resolve(result);
      });
    } finally {
      this.underWay--;
    }
  }
}

function checkPosition(position: number): void {
  checkInteger('ERR_POSITION', 'position', position, 0, 2 ** 44);
}
