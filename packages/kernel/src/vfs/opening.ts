/**
 * From a path to an open file, and back: what open checks, which kind of open file it makes, and what
 * its last close gives up.
 */
import {
  assert,
  EEXIST,
  EINVAL,
  EISDIR,
  ELOOP,
  ENFILE,
  ENOENT,
  ENOTDIR,
  ENXIO,
  EROFS,
  isErrno,
  NIL,
  OK,
} from '@hotpath/hw-x86';
import type { PageCache } from '@hotpath/pagecache';
import type { SleepLocks } from '../locks/sleep-locks.js';
import { O_CREAT, O_DIRECTORY, O_EXCL, O_RDONLY, O_TRUNC, O_WRONLY } from '../syscall/flags.js';
import type { DeviceTable } from './character-device.js';
import type { Dentries } from './dentries.js';
import type { FileLocks } from './file-locks.js';
import type { Operation, Wait } from './file-system.js';
import type { Inodes } from './inodes.js';
import {
  isDirectory,
  isRegular,
  isSymbolicLink,
  S_IFCHR,
  S_IFIFO,
  S_IFMT,
  S_IFREG,
} from './modes.js';
import type { Mounts } from './mounts.js';
import type { NameSpace } from './name-space.js';
import {
  KIND_DEVICE,
  KIND_DIRECTORY,
  KIND_FILE,
  KIND_PIPE,
  KIND_TEXT,
  type OpenFiles,
} from './open-files.js';
import type { PathLookup } from './path-lookup.js';
import { LAST_NAME, NEED_LOOKUP, NEED_TARGET, type PathWalk, type Walk } from './path-walk.js';
import type { Pipes } from './pipes.js';

/** The two bits of O_RDONLY, O_WRONLY and O_RDWR. */
export const ACCESS_MODE = 3;
/** Answer of {@link Opening.openCached}: it takes an operation that may wait. */
export const NEED_OPERATION = -4202;
const NEED_CREATE = -4203;

/** True if an open file of these flags may be read. */
export function mayRead(flags: number): boolean {
  return (flags & ACCESS_MODE) !== O_WRONLY;
}

/** True if an open file of these flags may be written. */
export function mayWrite(flags: number): boolean {
  return (flags & ACCESS_MODE) !== O_RDONLY;
}

/** What opening works on. */
export interface OpeningPorts {
  readonly dentries: Dentries;
  readonly inodes: Inodes;
  readonly mounts: Mounts;
  readonly walks: PathWalk;
  readonly lookup: PathLookup;
  readonly names: NameSpace;
  readonly pages: PageCache;
  readonly open: OpenFiles;
  readonly pipes: Pipes;
  readonly locks: FileLocks;
  /** Of files, by inode. */
  readonly contents: SleepLocks;
  readonly devices: DeviceTable;
}

/** Opens and closes. */
export class Opening {
  readonly #ports: OpeningPorts;

  constructor(ports: OpeningPorts) {
    this.#ports = ports;
  }

  /** What can be opened from the dentry cache alone: its dentry, an errno, or NEED_OPERATION. */
  openCached(walk: Walk, flags: number): number {
    const status = this.#ports.walks.step(walk);
    if (status === NEED_LOOKUP || status === NEED_TARGET) return NEED_OPERATION;
    const dentry = this.#check(walk, flags, status);
    if (dentry === NEED_CREATE) return NEED_OPERATION;
    if (isErrno(dentry) || (flags & O_TRUNC) === 0) return dentry;
    const { dentries, inodes } = this.#ports;
    return isRegular(inodes.mode[dentries.inode[dentry]]) ? NEED_OPERATION : dentry;
  }

  /** The same, with all that it takes: the dentry, held, or an errno. */
  *open(wait: Wait, walk: Walk, flags: number, mode: number): Operation {
    const { dentries, lookup, names } = this.#ports;
    for (;;) {
      const status = yield* lookup.resolve(wait, walk);
      const dentry = this.#check(walk, flags, status);
      if (isErrno(dentry)) return dentry;
      if (dentry !== NEED_CREATE) {
        dentries.hold(dentry);
        return yield* this.#cut(wait, dentry, flags);
      }
      const made = yield* names.create(wait, walk, S_IFREG | mode, 0);
      // Somebody was quicker: then it is there, and that is as good unless O_EXCL says otherwise.
      if (made === EEXIST && (flags & O_EXCL) === 0) continue;
      if (isErrno(made)) return made;
      const created = dentries.findName(walk.parent, walk.name);
      assert(created !== NIL, 'a file that was created is not known');
      dentries.hold(created);
      return created;
    }
  }

  /**
   * An open file for a held dentry, which is its own from then on: the row; ENXIO, ENFILE, and the
   * dentry is dropped.
   */
  describe(dentry: number, flags: number): number {
    const { dentries, open } = this.#ports;
    const inode = dentries.inode[dentry];
    const kind = this.#kindOf(inode);
    const handle = isErrno(kind) ? kind : this.#handleOf(kind, inode);
    const row =
      isErrno(handle) && handle !== NIL ? handle : open.take(kind, dentry, inode, handle, flags);
    if (isErrno(row)) {
      if (kind === KIND_FILE && handle >= 0) this.#ports.pages.closeHandle(handle);
      dentries.put(dentry);
      return row === NIL ? ENFILE : row;
    }
    if (kind === KIND_TEXT) open.text[row] = this.#contentsOf(inode);
    if (kind === KIND_PIPE) this.#ports.pipes.openEnd(handle, mayRead(flags), mayWrite(flags));
    return row;
  }

  /** One descriptor less; the last closes the open file. Dead inodes then wait to be retired. */
  release(row: number): void {
    const { dentries, locks, open, pages, pipes } = this.#ports;
    const kind = open.kind[row];
    const handle = open.handle[row];
    const dentry = open.dentry[row];
    const flags = open.flags[row];
    if (!open.release(row)) return;
    locks.release(row);
    if (kind === KIND_FILE) pages.closeHandle(handle);
    if (kind === KIND_PIPE) pipes.closeEnd(handle, mayRead(flags), mayWrite(flags));
    if (dentry !== NIL) dentries.put(dentry);
  }

  #kindOf(inode: number): number {
    const { inodes, mounts } = this.#ports;
    const type = inodes.mode[inode] & S_IFMT;
    if (isDirectory(type)) return KIND_DIRECTORY;
    if (type === S_IFCHR) return KIND_DEVICE;
    if (type === S_IFIFO) return KIND_PIPE;
    if (type !== S_IFREG) return ENXIO;
    return mounts.at(inodes.mount[inode]).contents === undefined ? KIND_FILE : KIND_TEXT;
  }

  /** What the row's handle is; NIL where there is none; ENXIO, ENFILE. */
  #handleOf(kind: number, inode: number): number {
    const { devices, inodes, pages, pipes } = this.#ports;
    if (kind === KIND_FILE) return pages.openHandle(inodes.fileOf(inode));
    if (kind === KIND_DEVICE) {
      const number = inodes.device[inode];
      return devices.has(number) ? number : ENXIO;
    }
    if (kind !== KIND_PIPE) return NIL;
    const pipe = pipes.take(inode);
    return pipe === NIL ? ENFILE : pipe;
  }

  #contentsOf(inode: number): Uint8Array {
    const { inodes, mounts } = this.#ports;
    const fileSystem = mounts.at(inodes.mount[inode]);
    return fileSystem.contents?.(inodes.number[inode]) ?? new Uint8Array(0);
  }

  /** The dentry of an existing file that may be opened so; NEED_CREATE; or why not. */
  #check(walk: Walk, flags: number, status: number): number {
    const { dentries } = this.#ports;
    const creates = (flags & O_CREAT) !== 0;
    const named = walk.last === LAST_NAME;
    const ended = status === OK || (status === ENOTDIR && walk.target !== NIL);
    if (ended && creates && named && walk.trailing) return EISDIR;
    if (status !== OK) return status;
    const dentry = walk.target;
    const inode = dentries.inode[dentry];
    if (inode === NIL) return creates ? NEED_CREATE : ENOENT;
    if (creates && (flags & O_EXCL) !== 0) return EEXIST;
    const refused = this.#refuse(inode, flags);
    return refused === OK ? dentry : refused;
  }

  #refuse(inode: number, flags: number): number {
    const { inodes, mounts } = this.#ports;
    const mode = inodes.mode[inode];
    const writes = mayWrite(flags);
    if ((flags & ACCESS_MODE) === ACCESS_MODE) return EINVAL;
    if (isSymbolicLink(mode)) return ELOOP;
    if (isDirectory(mode)) {
      if (writes || (flags & (O_CREAT | O_TRUNC)) !== 0) return EISDIR;
    } else if ((flags & O_DIRECTORY) !== 0) {
      return ENOTDIR;
    }
    const changes = writes && (isRegular(mode) || isDirectory(mode));
    return changes && mounts.at(inodes.mount[inode]).readOnly ? EROFS : OK;
  }

  /** O_TRUNC of what was there: the dentry, still held, or an errno and it is dropped. */
  *#cut(wait: Wait, dentry: number, flags: number): Operation {
    const { contents, dentries, inodes, pages } = this.#ports;
    const inode = dentries.inode[dentry];
    if ((flags & O_TRUNC) === 0 || !mayWrite(flags) || !isRegular(inodes.mode[inode])) {
      return dentry;
    }
    yield* contents.acquire(wait, inode, true);
    const status = yield* wait.settle(pages.truncate(inodes.fileOf(inode), 0, wait, 0));
    contents.release(inode, wait.task);
    if (!isErrno(status)) return dentry;
    dentries.put(dentry);
    return status;
  }
}
