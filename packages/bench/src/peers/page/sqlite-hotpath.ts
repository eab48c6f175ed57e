import { type Completion, isErrno, NIL, OK } from '@hotpath/hw-x86';
import { type ArenaMemory, createArenaMemory } from '@hotpath/hw-x86/host';
import { type BackingStore, type CopyPort, PageCache, PageIo } from '@hotpath/pagecache';
import type { Contestant } from '../../harness/contestant.js';
import { ArrayFile } from './sqlite-array.js';
import { prepareSqlite, type RaceFile } from './sqlite-files.js';
import { PAGE, type PageWorkload } from './work.js';

const SLOTS = 2048;
const nobody: Completion = { completed: () => {} };

/** A memory disk: one array a file. */
class MemoryStore implements BackingStore {
  readonly canPunch = false;
  private readonly memory: ArenaMemory;
  private readonly disks: ArrayFile[] = [];

  constructor(memory: ArenaMemory) {
    this.memory = memory;
  }
  private disk(file: number): ArrayFile {
    this.disks[file] ??= new ArrayFile();
    return this.disks[file];
  }
  readPages(file: number, page: number, frames: Float64Array, count: number): number {
    const arena = this.memory.bytes(0);
    for (let i = 0; i < count; i++) {
      const frame = arena.subarray(frames[i], frames[i] + PAGE);
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
    const arena = this.memory.bytes(0);
    for (let i = 0; i < count; i++) {
      const length = Math.min(PAGE, byteCount - i * PAGE);
      this.disk(file).write(arena.subarray(frames[i], frames[i] + length), (page + i) * PAGE);
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

class CachedRaceFile implements RaceFile, CopyPort {
  private readonly cache: PageCache;
  private readonly arena: Uint8Array;
  private readonly file: number;
  private readonly handle: number;
  private readonly io: PageIo;
  private buffer: Uint8Array = new Uint8Array(0);

  constructor(cache: PageCache, arena: Uint8Array) {
    this.cache = cache;
    this.arena = arena;
    this.file = cache.openFile(0);
    this.handle = cache.openHandle(this.file);
    this.io = new PageIo(cache);
  }
  copyOut(from: number, at: number, count: number): number {
    this.buffer.set(this.arena.subarray(from, from + count), at);
    return count;
  }
  copyIn(to: number, at: number, count: number): number {
    this.arena.set(this.buffer.subarray(at, at + count), to);
    return count;
  }
  size(): number {
    return this.cache.size(this.file);
  }
  read(target: Uint8Array, position: number): number {
    this.buffer = target;
    this.io.read(this.file, this.handle, position, target.length);
    check(this.io.step(this, nobody, 0));
    return this.io.done;
  }
  write(source: Uint8Array, position: number): void {
    this.buffer = source;
    this.io.write(this.file, this.handle, position, source.length);
    check(this.io.step(this, nobody, 0));
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
    const memory = createArenaMemory(SLOTS * PAGE);
    const free = Array.from({ length: SLOTS }, (_, i) => i * PAGE);
    const cache = new PageCache({
      memory,
      frames: { allocate: () => free.pop() ?? NIL, free: (frame) => free.push(frame) },
      store: new MemoryStore(memory),
      slotLimit: SLOTS,
    });
    const arena = memory.bytes(0);
    return prepareSqlite(
      workload,
      () => new CachedRaceFile(cache, arena),
      () => ({ 'pages written': cache.counters.pagesWritten }),
    );
  },
};
