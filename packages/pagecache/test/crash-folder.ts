import { type Completion, NIL, OK, PENDING } from '@hotpath/hw-x86';
import type { SyncFile, SyncFolder } from '../examples/sqlite-vfs.js';
import { type BackingStore, PageCache, PageIo } from '../src/index.js';
import { BufferCopy } from '../src/node/buffer-copy.js';
import { FrameArena } from '../src/node/frame-arena.js';

/** What reached the disk, in order. Only what a `sync` of the same file follows is sure to stay. */
export type DiskEvent =
  | { kind: 'create'; id: number; name: string }
  | { kind: 'delete'; id: number; name: string }
  | { kind: 'write'; id: number; offset: number; bytes: Uint8Array }
  | { kind: 'truncate'; id: number; size: number }
  | { kind: 'sync'; id: number };

const NOBODY: Completion = { completed: () => {} };

/** A folder of files on a disk with a volatile cache, behind a small page cache; records the disk. */
export class CrashFolder implements SyncFolder, BackingStore {
  readonly canPunch = false;
  readonly events: DiskEvent[] = [];
  readonly pages: PageCache;
  private readonly arena: FrameArena;
  private readonly contents: Map<number, Uint8Array> = new Map();
  private readonly ids: Map<string, number> = new Map();
  private readonly idOf: Map<number, number> = new Map();
  private nextId = 0;

  constructor(slotLimit: number) {
    this.arena = new FrameArena(slotLimit);
    this.pages = new PageCache({
      memory: this.arena.memory,
      frames: this.arena,
      store: this,
      slotLimit,
      runPages: 8,
    });
  }

  /** Puts a file there before anything is recorded. */
  put(name: string, bytes: Uint8Array): void {
    const id = this.nextId++;
    this.ids.set(name, id);
    this.contents.set(id, bytes);
  }

  exists(name: string): boolean {
    return this.ids.has(name);
  }

  delete(name: string): void {
    const id = this.ids.get(name);
    if (id === undefined) return;
    this.ids.delete(name);
    this.events.push({ kind: 'delete', id, name });
  }

  open(name: string, create: boolean): SyncFile {
    let id = this.ids.get(name);
    if (id === undefined) {
      if (!create) throw Object.assign(new Error('no such file'), { code: 'ENOENT' });
      id = this.nextId++;
      this.ids.set(name, id);
      this.contents.set(id, new Uint8Array(0));
      this.events.push({ kind: 'create', id, name });
    }
    const { pages } = this;
    const file = pages.openFile(this.contents.get(id)!.length);
    this.idOf.set(file, id);
    const handle = pages.openHandle(file);
    const io = new PageIo(pages);
    const copy = new BufferCopy(this.arena);
    const finish = (): number => {
      check(io.step(copy, NOBODY, 0));
      return io.done;
    };
    return {
      get size(): number {
        return pages.size(file);
      },
      readSync(target, position): number {
        copy.use(target, 0);
        io.read(file, handle, position, target.length);
        return finish();
      },
      writeSync(source, position): number {
        copy.use(source, 0);
        io.write(file, handle, position, source.length);
        return finish();
      },
      truncateSync(size): void {
        check(pages.truncate(file, size, NOBODY, 0));
      },
      fsyncSync(): void {
        check(pages.fsync(handle, NOBODY, 0));
      },
      closeSync(): void {
        check(pages.syncFile(file, false, NOBODY, 0));
        pages.closeHandle(handle);
        check(pages.closeFile(file));
      },
    };
  }

  readPages(file: number, page: number, frames: Float64Array, count: number): number {
    const bytes = this.contents.get(this.idOf.get(file)!)!;
    for (let i = 0; i < count; i++) {
      const view = this.arena.view(frames[i]);
      view.fill(0);
      view.set(bytes.subarray((page + i) * 4096, (page + i + 1) * 4096));
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
    const id = this.idOf.get(file)!;
    for (let i = 0; i < count; i++) {
      const length = Math.min(4096, byteCount - i * 4096);
      const bytes = this.arena.view(frames[i]).slice(0, length);
      const event: DiskEvent = { kind: 'write', id, offset: (page + i) * 4096, bytes };
      this.events.push(event);
      this.contents.set(id, applied(this.contents.get(id)!, event));
    }
    return OK;
  }

  truncate(file: number, size: number): number {
    const id = this.idOf.get(file)!;
    const event: DiskEvent = { kind: 'truncate', id, size };
    this.events.push(event);
    this.contents.set(id, applied(this.contents.get(id)!, event));
    return OK;
  }

  punch(): number {
    return NIL;
  }

  sync(file: number): number {
    this.events.push({ kind: 'sync', id: this.idOf.get(file)! });
    return OK;
  }
}

/** The files after a power cut that lets `count` events reach the disk and loses some unsynced ones. */
export function afterCut(
  events: readonly DiskEvent[],
  count: number,
  loses: () => boolean,
): { files: Map<string, Uint8Array>; lost: number } {
  const names = new Map<string, number>();
  const lastSync = new Map<number, number>();
  for (let i = 0; i < count; i++) if (events[i].kind === 'sync') lastSync.set(events[i].id, i);
  const contents = new Map<number, Uint8Array>();
  let lost = 0;
  for (let i = 0; i < count; i++) {
    const event = events[i];
    if (event.kind === 'create') {
      names.set(event.name, event.id);
      contents.set(event.id, new Uint8Array(0));
    } else if (event.kind === 'delete') {
      names.delete(event.name);
    } else if (event.kind !== 'sync') {
      if (i > (lastSync.get(event.id) ?? -1) && loses()) lost++;
      else contents.set(event.id, applied(contents.get(event.id)!, event));
    }
  }
  const files = new Map<string, Uint8Array>();
  for (const [name, id] of names) files.set(name, contents.get(id)!);
  return { files, lost };
}

function applied(bytes: Uint8Array, event: DiskEvent): Uint8Array {
  if (event.kind === 'truncate') {
    const shorter = new Uint8Array(event.size);
    shorter.set(bytes.subarray(0, event.size));
    return shorter;
  }
  if (event.kind !== 'write') return bytes;
  const end = event.offset + event.bytes.length;
  let target = bytes;
  if (end > bytes.length) {
    target = new Uint8Array(end);
    target.set(bytes);
  }
  target.set(event.bytes, event.offset);
  return target;
}

function check(status: number): void {
  if (status === PENDING) throw new Error('a store that finishes at once was waited for');
  if (status < 0) throw Object.assign(new Error(`errno ${status}`), { code: 'EIO' });
}
