import { type Completion, isErrno, NIL, OK } from '@hotpath/hw-x86';
import { type BackingStore, PageCache, PageIo } from '@hotpath/pagecache';
import { BufferCopy, FrameArena } from '@hotpath/pagecache/node';
import type { Contestant } from '../../harness/contestant.js';
import { ArrayFile } from './sqlite-array.js';
import { prepareSqlite, type RaceFile } from './sqlite-files.js';
import { PAGE, type PageWorkload } from './work.js';

const SLOTS = 2048;
const nobody: Completion = { completed: () => {} };

/** A memory disk: one array a file. */
class MemoryStore implements BackingStore {
  readonly canPunch = false;
  private readonly arena: FrameArena;
  private readonly disks: ArrayFile[] = [];

  constructor(arena: FrameArena) {
    this.arena = arena;
  }
  private disk(file: number): ArrayFile {
    this.disks[file] ??= new ArrayFile();
    return this.disks[file];
  }
  readPages(file: number, page: number, frames: Float64Array, count: number): number {
    for (let i = 0; i < count; i++) {
      const frame = this.arena.view(frames[i]);
      const got = this.disk(file).read(frame, (page + i) * PAGE);
      frame.fill(0, got);
    }
    return OK;
  }
  writePages(
    file: number,
    page: number,
    frames: Float64Array,
    count: number,
    byteCount: number,
  ): number {
    for (let i = 0; i < count; i++) {
      const length = Math.min(PAGE, byteCount - i * PAGE);
      const frame = this.arena.view(frames[i]);
      const bytes = length === PAGE ? frame : frame.subarray(0, length);
      this.disk(file).write(bytes, (page + i) * PAGE);
    }
    return OK;
  }
  truncate(file: number, size: number): number {
    this.disk(file).truncate(size);
    return OK;
  }
  punch(): number {
    return NIL;
  }
  sync(): number {
    return OK;
  }
}

class CachedRaceFile implements RaceFile {
  private readonly cache: PageCache;
  private readonly copy: BufferCopy;
  private readonly file: number;
  private readonly handle: number;
  private readonly io: PageIo;

  constructor(cache: PageCache, arena: FrameArena) {
    this.cache = cache;
    this.copy = new BufferCopy(arena);
    this.file = cache.openFile(0);
    this.handle = cache.openHandle(this.file);
    this.io = new PageIo(cache);
  }
  size(): number {
    return this.cache.size(this.file);
  }
  read(target: Uint8Array, position: number): number {
    this.copy.use(target, 0);
    this.io.read(this.file, this.handle, position, target.length);
    check(this.io.step(this.copy, nobody, 0));
    return this.io.done;
  }
  write(source: Uint8Array, position: number): void {
    this.copy.use(source, 0);
    this.io.write(this.file, this.handle, position, source.length);
    check(this.io.step(this.copy, nobody, 0));
  }
  truncate(size: number): void {
    check(this.cache.truncate(this.file, size, nobody, 0));
  }
  sync(): void {
    check(this.cache.fsync(this.handle, nobody, 0));
  }
}

function check(status: number): void {
  if (status !== OK) throw new Error(`status ${status}, errno: ${isErrno(status)}`);
}

/** SQLite over the page cache over a memory disk; the cache holds 8 MiB. */
export const contestant: Contestant<PageWorkload> = {
  name: 'SQLite over @hotpath/pagecache',
  package: '@hotpath/pagecache',
  prepare(workload) {
    const arena = new FrameArena(SLOTS);
    const cache = new PageCache({
      memory: arena.memory,
      frames: arena,
      store: new MemoryStore(arena),
      slotLimit: SLOTS,
    });
    return prepareSqlite(
      workload,
      () => new CachedRaceFile(cache, arena),
      () => ({ 'pages written': cache.counters.pagesWritten }),
    );
  },
};
