import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import { checkInteger } from '@hotpath/hw-x86';
import { createHostClock } from '@hotpath/hw-x86/host';
import type { PageCacheCounters } from '../counters.js';
import { PageCache } from '../page-cache.js';
import type { BackingStore } from '../ports.js';
import { CachedFile } from './cached-file.js';
import { errnoOf, FileError } from './file-error.js';
import { FrameArena } from './frame-arena.js';
import { HostStore } from './host-store.js';
import type { OpenFile } from './open-file.js';

/** How large a file cache is and how it behaves. */
export interface FileCacheOptions {
  /** Bytes of cached pages, a multiple of 4,096 (rounded down), 4 KiB to 8 GiB. Default 64 MiB. */
  cacheBytes?: number;
  /** Largest read-ahead window in bytes, 0 to 32 MiB. Default 512 KiB. */
  readAheadBytes?: number;
  /** Dirty bytes above which writers wait. Default a fifth of cacheBytes. */
  dirtyBytes?: number;
  /** Every so many milliseconds dirty files older than that are written; 0: never. Default 5,000. */
  writeBackMs?: number;
  /** Wraps the store, for tests that inject faults. */
  wrapStore?: (store: BackingStore) => BackingStore;
}

/**
 * One page cache over any number of host files. Two opens of one file, by whatever path, share its
 * pages. What other processes write to an open file is not seen: pages stay as they were read.
 */
export class FileCache {
  /** The core. */
  readonly pages: PageCache;
  /** Bytes of pages that fit. */
  readonly cacheBytes: number;
  /** Where the frames lie. */
  readonly arena: FrameArena;
  /** @internal */
  readonly store: HostStore;
  private readonly open_: Map<string, OpenFile> = new Map();
  private readonly timer: NodeJS.Timeout | null = null;
  private reapDue = false;

  /** @throws ArgumentError if an option is out of range */
  constructor(options: FileCacheOptions = {}) {
    const bytes = options.cacheBytes ?? 64 * 2 ** 20;
    checkInteger('ERR_CACHE_BYTES', 'cacheBytes', bytes, 4096, 2 ** 33);
    const ahead = options.readAheadBytes ?? 512 * 1024;
    checkInteger('ERR_READ_AHEAD', 'readAheadBytes', ahead, 0, 32 * 2 ** 20);
    const period = options.writeBackMs ?? 5000;
    checkInteger('ERR_WRITE_BACK_MS', 'writeBackMs', period, 0, 2 ** 31 - 1);
    const slotLimit = Math.floor(bytes / 4096);
    const dirty = options.dirtyBytes ?? Math.max(4096, Math.floor(bytes / 5));
    checkInteger('ERR_DIRTY_BYTES', 'dirtyBytes', dirty, 4096, bytes);
    this.cacheBytes = slotLimit * 4096;
    this.arena = new FrameArena(slotLimit);
    this.store = new HostStore(this.arena, () => this.pages.reap());
    const clock = createHostClock();
    this.pages = new PageCache({
      memory: this.arena.memory,
      frames: this.arena,
      store: options.wrapStore === undefined ? this.store : options.wrapStore(this.store),
      slotLimit,
      line: { raise: () => this.reapLater() },
      clock,
      readAheadPages: Math.floor(ahead / 4096),
      runPages: 256,
      dirtyLimit: Math.max(1, Math.floor(dirty / 4096)),
    });
    if (period > 0) {
      this.timer = setInterval(() => {
        this.pages.writeBackOlder(clock.now(), period * 1e6);
      }, period);
      this.timer.unref();
    }
  }

  /** The bytes of all cached pages: a leased page begins at `CachedFile.start(slot)`. */
  get frames(): Uint8Array {
    return this.arena.bytes;
  }

  /** What the cache has done. */
  get counters(): PageCacheCounters {
    return this.pages.counters;
  }

  /**
   * Opens a file: `r` to read, `r+` to read and write, `w+` to read and write from empty, `create`
   * as `r+`, made if it is not there.
   * @throws FileError as open(2) fails
   */
  open(path: string, mode: 'r' | 'r+' | 'w+' | 'create' = 'r'): CachedFile {
    const flags = {
      r: constants.O_RDONLY,
      'r+': constants.O_RDWR,
      'w+': constants.O_RDWR | constants.O_CREAT,
      create: constants.O_RDWR | constants.O_CREAT,
    }[mode];
    let descriptor: number;
    try {
      descriptor = openSync(path, flags, 0o666);
    } catch (error) {
      throw new FileError(errnoOf(error), 'open', path);
    }
    const stat = fstatSync(descriptor, { bigint: true });
    const key = `${stat.dev}:${stat.ino}`;
    let shared = this.open_.get(key);
    const writable = mode !== 'r';
    if (shared === undefined) {
      const file = this.pages.openFile(Number(stat.size));
      this.store.attach(file, descriptor);
      shared = { file, key, writable, users: 0 };
      this.open_.set(key, shared);
    } else if (writable && !shared.writable) {
      this.store.detach(shared.file);
      this.store.attach(shared.file, descriptor);
      shared.writable = true;
    } else {
      closeSync(descriptor);
    }
    shared.users++;
    const opened = new CachedFile(this, shared, path, writable);
    if (mode === 'w+') opened.truncateSync(0);
    return opened;
  }

  /** Runs `call` with transfers that finish inside it. For the synchronous front. */
  synchronously(call: () => number): number {
    const before = this.store.synchronous;
    this.store.synchronous = true;
    try {
      return call();
    } finally {
      this.store.synchronous = before;
    }
  }

  /** A user of a shared file is gone: true if it was the last. */
  leave(shared: OpenFile): boolean {
    shared.users--;
    if (shared.users > 0) return false;
    this.open_.delete(shared.key);
    return true;
  }

  /** Stops the periodic write-back. Files stay open. */
  stop(): void {
    if (this.timer !== null) clearInterval(this.timer);
  }

  private reapLater(): void {
    if (this.reapDue) return;
    this.reapDue = true;
    queueMicrotask(() => {
      this.reapDue = false;
      this.pages.reap();
    });
  }
}
