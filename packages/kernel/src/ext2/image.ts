/**
 * An image file or disk of a host, opened without a kernel: plain calls that finish at once, over a
 * device that does (a memory disk, a file disk opened for synchronous use).
 */
import type { BlockCache } from '@hotpath/blockcache';
import {
  EBADF,
  EBUSY,
  EFBIG,
  EINVAL,
  ELOOP,
  ENOENT,
  ENOTDIR,
  EUCLEAN,
  isErrno,
  PAGE_BYTES,
  type PhysicalMemory,
} from '@hotpath/hw-x86';
import { errnoText } from '../errno-text.js';
import {
  type Attributes,
  createAttributes,
  type Operation,
  type VolumeStatus,
  type Wait,
} from '../vfs/file-system.js';
import type { Ext2 } from './ext2.js';
import { ImageCallError } from './image-call-error.js';
import { type ImageLayout, type ImmediateRunner, PAGES } from './image-layout.js';
import { decodeUtf8, encodeUtf8 } from './utf8.js';

/** One name of a directory. */
export interface ImageEntry {
  /** UTF-8 as text; bytes that are none become U+FFFD. */
  readonly name: string;
  readonly inode: number;
  /** Type bits of a mode (S_IFMT), 0 where the directory does not tell. */
  readonly type: number;
}

/** Largest file that is read in one call. */
const READ_BYTES_MAX = 2 ** 31;

/** An opened image. All calls take absolute paths, `/`-separated, and throw {@link ImageCallError}. */
export class Ext2Image {
  /** The file system itself, for calls by inode. */
  readonly fs: Ext2;
  readonly #runner: ImmediateRunner;
  readonly #layout: ImageLayout;
  readonly #memory: PhysicalMemory;
  readonly #now: () => number;
  #closed = false;

  constructor(
    fs: Ext2,
    runner: ImmediateRunner,
    layout: ImageLayout,
    memory: PhysicalMemory,
    now: () => number,
  ) {
    this.fs = fs;
    this.#runner = runner;
    this.#layout = layout;
    this.#memory = memory;
    this.#now = now;
  }

  /** The cache in front of the device, for counters. */
  get cache(): BlockCache {
    return this.#layout.cache;
  }

  /** Runs an operation of {@link Ext2Image.fs} to its end. */
  run<T>(operation: (wait: Wait) => Generator<undefined, T, undefined>): T {
    return this.#runner.run(operation(this.#runner.wait));
  }

  #must(what: string, operation: (wait: Wait) => Operation): number {
    if (this.#closed) throw new ImageCallError(`${what}: the image is closed`, EBADF);
    const result = this.run(operation);
    if (!isErrno(result)) return result;
    const { problems } = this.fs;
    const reason = result === EUCLEAN ? `: ${problems[problems.length - 1]}` : '';
    throw new ImageCallError(`${what}: ${errnoText(result)}${reason}`, result);
  }

  /** Inode of a path; symbolic links on the way are followed, the last one is not. */
  find(path: string): number {
    return this.#walk(path, splitPath(path), 0);
  }

  #walk(whole: string, parts: string[], links: number): number {
    const trail: number[] = [this.fs.root];
    for (let i = 0; i < parts.length; i++) {
      const at = trail[trail.length - 1];
      if (parts[i] === '..') {
        if (trail.length > 1) trail.pop();
        continue;
      }
      const inode = this.#must(whole, (wait) => this.fs.lookup(wait, at, parts[i]));
      const last = i === parts.length - 1;
      const target = last ? null : this.#linkTarget(inode);
      if (target === null) {
        trail.push(inode);
        continue;
      }
      if (links >= 40) throw new ImageCallError(`${whole}: too many symbolic links`, ELOOP);
      const before = target.startsWith('/') ? [] : parts.slice(0, i);
      const rest = [...before, ...splitBytes(target), ...parts.slice(i + 1)];
      return this.#walk(whole, rest, links + 1);
    }
    return trail[trail.length - 1];
  }

  #linkTarget(inode: number): string | null {
    if ((this.statInode(inode).mode & 0o170000) !== 0o120000) return null;
    const into = { name: '' };
    this.#must(`inode ${inode}`, (wait) => this.fs.readlink(wait, inode, into));
    return into.name;
  }

  /** Directory of a path's last name, and that name. */
  #parent(path: string): { directory: number; name: string } {
    const parts = splitPath(path);
    const name = parts.pop();
    if (name === undefined) throw new ImageCallError(`${path}: it is the root`, EBUSY);
    // The dot makes a symbolic link in the last place of the parent's path be followed, too.
    const directory = parts.length === 0 ? this.fs.root : this.#follow(path, parts);
    return { directory, name };
  }

  #follow(whole: string, parts: string[]): number {
    const inode = this.#walk(whole, parts, 0);
    const target = this.#linkTarget(inode);
    if (target === null) return inode;
    const before = target.startsWith('/') ? [] : parts.slice(0, -1);
    return this.#walk(whole, [...before, ...splitBytes(target)], 1);
  }

  /** What stat tells of a path. */
  stat(path: string): Attributes {
    return this.statInode(this.find(path));
  }

  /** What stat tells of an inode. */
  statInode(inode: number): Attributes {
    const into = createAttributes();
    this.#must(`inode ${inode}`, (wait) => this.fs.describe(wait, inode, into));
    return into;
  }

  /** Whether a path is there. */
  exists(path: string): boolean {
    try {
      this.find(path);
      return true;
    } catch (error) {
      const missing = error instanceof ImageCallError && [ENOENT, ENOTDIR].includes(error.errno);
      if (missing) return false;
      throw error;
    }
  }

  /** The names of a directory, without `.` and `..`, in the order of the disk. */
  list(path: string): ImageEntry[] {
    const directory = this.find(path);
    if ((this.statInode(directory).mode & 0o170000) !== 0o040000) {
      throw new ImageCallError(`${path}: it is no directory`, ENOTDIR);
    }
    const entries: ImageEntry[] = [];
    const into = { name: '', inode: 0, type: 0 };
    for (let cookie = 0; ; ) {
      const next = this.#must(path, (wait) => this.fs.readDirectory(wait, directory, cookie, into));
      if (next === 0) return entries;
      cookie = next;
      if (into.name === '.' || into.name === '..') continue;
      entries.push({ name: decodeUtf8(into.name), inode: into.inode, type: into.type });
    }
  }

  /** The contents of a file. */
  readFile(path: string): Uint8Array {
    const inode = this.find(path);
    const { size, mode } = this.statInode(inode);
    if ((mode & 0o170000) !== 0o100000)
      throw new ImageCallError(`${path}: it is no regular file`, EINVAL);
    if (size > READ_BYTES_MAX)
      throw new ImageCallError(`${path}: ${size} bytes are too many`, EFBIG);
    const bytes = new Uint8Array(size);
    this.readAt(inode, 0, bytes);
    return bytes;
  }

  /** Reads bytes of a file by inode, up to its end: how many. */
  readAt(inode: number, offset: number, target: Uint8Array): number {
    const { pages } = this.#layout;
    const end = Math.min(this.statInode(inode).size, offset + target.length);
    for (let at = offset; at < end; ) {
      const first = Math.floor(at / PAGE_BYTES);
      const stop = Math.min(end, (first + PAGES) * PAGE_BYTES);
      const count = Math.ceil(stop / PAGE_BYTES) - first;
      this.#must(`inode ${inode}`, (wait) => this.fs.readPages(wait, inode, first, pages, count));
      while (at < stop) {
        const frame = pages[Math.floor(at / PAGE_BYTES) - first];
        const length = Math.min(PAGE_BYTES - (at % PAGE_BYTES), stop - at);
        this.#memory.read(frame + (at % PAGE_BYTES), target, at - offset, length);
        at += length;
      }
      for (let i = 0; i < count; i++) this.fs.forgetFrame(pages[i]);
    }
    return Math.max(0, end - offset);
  }

  /** Makes a file have these contents; made if it is not there. */
  writeFile(path: string, contents: Uint8Array, mode = 0o644): void {
    const { directory, name } = this.#parent(path);
    let inode = this.run((wait) => this.fs.lookup(wait, directory, name));
    if (inode === ENOENT) {
      inode = this.#must(path, (wait) =>
        this.fs.create(wait, directory, name, 0o100000 | mode, 0, this.#now()),
      );
    } else if (isErrno(inode)) this.#must(path, (wait) => this.fs.lookup(wait, directory, name));
    this.#must(path, (wait) => this.fs.truncate(wait, inode, 0, this.#now()));
    this.#write(path, inode, 0, contents);
  }

  /** Writes bytes of a file by inode, at any offset; a hole is left between the end and the offset. */
  writeAt(inode: number, offset: number, contents: Uint8Array): void {
    this.#write(`inode ${inode}`, inode, offset, contents);
  }

  #write(what: string, inode: number, offset: number, contents: Uint8Array): void {
    const { pages } = this.#layout;
    const end = offset + contents.length;
    for (let at = offset; at < end; ) {
      const first = Math.floor(at / PAGE_BYTES);
      const stop = Math.min(end, (first + PAGES) * PAGE_BYTES);
      const count = Math.ceil(stop / PAGE_BYTES) - first;
      this.#must(what, (wait) => this.fs.reserve(wait, inode, first, count));
      this.#readEdges(inode, first, count, at, stop);
      for (let done = at; done < stop; ) {
        const page = Math.floor(done / PAGE_BYTES);
        const inside = done % PAGE_BYTES;
        const length = Math.min(PAGE_BYTES - inside, stop - done);
        this.#memory.write(pages[page - first] + inside, contents, done - offset, length);
        done += length;
      }
      const { size } = this.statInode(inode);
      const last = Math.min(Math.max(size, stop), (first + count) * PAGE_BYTES);
      const bytes = last - first * PAGE_BYTES;
      this.#must(what, (wait) => this.fs.writePages(wait, inode, first, pages, count, bytes));
      for (let i = 0; i < count; i++) this.fs.forgetFrame(pages[i]);
      at = stop;
    }
  }

  /** Pages of which only a part is written are read first. */
  #readEdges(inode: number, first: number, count: number, at: number, stop: number): void {
    const { pages } = this.#layout;
    const edges = new Set<number>();
    if (at % PAGE_BYTES !== 0) edges.add(0);
    if (stop % PAGE_BYTES !== 0) edges.add(count - 1);
    for (const edge of edges) {
      const one = pages.subarray(edge, edge + 1);
      this.#must(`inode ${inode}`, (wait) => this.fs.readPages(wait, inode, first + edge, one, 1));
    }
  }

  /** Sets a file's size. */
  truncate(path: string, size: number): void {
    const inode = this.find(path);
    this.#must(path, (wait) => this.fs.truncate(wait, inode, size, this.#now()));
  }

  /** A new directory; its inode. */
  mkdir(path: string, mode = 0o755): number {
    const { directory, name } = this.#parent(path);
    return this.#must(path, (wait) => this.fs.mkdir(wait, directory, name, mode, this.#now()));
  }

  /** A symbolic link at `path` to `target`. */
  symlink(target: string, path: string): number {
    const { directory, name } = this.#parent(path);
    const bytes = encodeUtf8(target);
    return this.#must(path, (wait) => this.fs.symlink(wait, directory, name, bytes, this.#now()));
  }

  /** The target of a symbolic link. */
  readlink(path: string): string {
    const inode = this.find(path);
    const into = { name: '' };
    this.#must(path, (wait) => this.fs.readlink(wait, inode, into));
    return decodeUtf8(into.name);
  }

  /** One more name for a file. */
  link(existing: string, path: string): void {
    const inode = this.find(existing);
    const { directory, name } = this.#parent(path);
    this.#must(path, (wait) => this.fs.link(wait, inode, directory, name, this.#now()));
  }

  /** Removes a name. */
  unlink(path: string): void {
    const { directory, name } = this.#parent(path);
    this.#must(path, (wait) => this.fs.unlink(wait, directory, name, this.#now()));
  }

  /** Removes an empty directory. */
  rmdir(path: string): void {
    const { directory, name } = this.#parent(path);
    this.#must(path, (wait) => this.fs.rmdir(wait, directory, name, this.#now()));
  }

  /** Moves a name, replacing what is at the new one; a directory cannot move below itself. */
  rename(from: string, to: string): void {
    const source = this.#parent(from);
    const target = this.#parent(to);
    if (
      `${normalPath(to)}/`.startsWith(`${normalPath(from)}/`) &&
      normalPath(to) !== normalPath(from)
    ) {
      throw new ImageCallError(`${to}: it lies below ${from}`, -22);
    }
    this.#must(from, (wait) =>
      this.fs.rename(
        wait,
        source.directory,
        source.name,
        target.directory,
        target.name,
        this.#now(),
      ),
    );
  }

  /** Everything so far is on the medium. */
  sync(): void {
    this.#must('sync', (wait) => this.fs.sync(wait));
  }

  /** Blocks and inodes, in all and free. */
  status(): VolumeStatus {
    const into = { blockBytes: 0, blocks: 0, freeBlocks: 0, inodes: 0, freeInodes: 0 };
    this.fs.status(into);
    return into;
  }

  /** Unmounts; the device stays open. Further calls are refused. */
  close(): void {
    try {
      this.#must('close', (wait) => this.fs.unmount(wait));
    } catch (error) {
      if (!this.#closed) this.fs.abandon();
      throw error;
    } finally {
      this.#closed = true;
    }
  }
}

function splitBytes(path: string): string[] {
  return path.split('/').filter((part) => part !== '' && part !== '.');
}

function splitPath(path: string): string[] {
  return splitBytes(encodeUtf8(path));
}

function normalPath(path: string): string {
  return splitPath(path).join('/');
}
