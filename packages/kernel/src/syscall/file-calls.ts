/** Calls on the length and durability of files: lseek, truncate, fallocate, fsync and its kin. */
import {
  BLOCKED,
  EBADF,
  EFBIG,
  EINVAL,
  EISDIR,
  ENODEV,
  ENOENT,
  ENXIO,
  EOPNOTSUPP,
  EROFS,
  ESPIPE,
  isErrno,
  NIL,
  OK,
  PAGE_BYTES,
  PENDING,
} from '@hotpath/hw-x86';
import { FILE_BYTES_MAX } from '@hotpath/pagecache';
import type { TaskWaits } from '../task/waits.js';
import type { Descriptors } from '../vfs/descriptors.js';
import type { Operation, Wait } from '../vfs/file-system.js';
import { isDirectory, isRegular } from '../vfs/modes.js';
import { KIND_DEVICE, KIND_DIRECTORY, KIND_FILE, KIND_PIPE, KIND_TEXT } from '../vfs/open-files.js';
import { mayWrite } from '../vfs/opening.js';
import { FOLLOW_ALWAYS } from '../vfs/path-walk.js';
import type { Vfs } from '../vfs/vfs.js';
import type { Call } from './call.js';
import type { Handler } from './entry.js';
import {
  FALLOC_FL_KEEP_SIZE,
  FALLOC_FL_PUNCH_HOLE,
  SEEK_CUR,
  SEEK_DATA,
  SEEK_END,
  SEEK_HOLE,
  SEEK_SET,
} from './flags.js';
import {
  SYS_FALLOCATE,
  SYS_FDATASYNC,
  SYS_FSYNC,
  SYS_FTRUNCATE,
  SYS_LSEEK,
  SYS_SYNC,
  SYS_SYNCFS,
  SYS_TRUNCATE,
} from './numbers.js';
import type { PathArguments } from './path-arguments.js';

/** What these calls work on. */
export interface FileCallPorts {
  readonly vfs: Vfs;
  readonly paths: PathArguments;
  readonly descriptors: Descriptors;
  readonly waits: TaskWaits;
  /** Largest file that the task's process may make (RLIMIT_FSIZE). */
  fileLimit(task: number): number;
  /** A call met that limit: SIGXFSZ. */
  tooLarge(task: number): void;
}

/** The handlers. */
export class FileCalls {
  readonly #ports: FileCallPorts;

  constructor(ports: FileCallPorts) {
    this.#ports = ports;
  }

  /** Puts the handlers into the table. */
  install(table: (Handler | undefined)[]): void {
    table[SYS_LSEEK] = (call) => this.#seek(call);
    table[SYS_FSYNC] = (call) => this.#sync(call, false);
    table[SYS_FDATASYNC] = (call) => this.#sync(call, true);
    table[SYS_TRUNCATE] = (call) => this.#truncatePath(call);
    table[SYS_FTRUNCATE] = (call) => this.#truncate(call);
    table[SYS_FALLOCATE] = (call) => this.#allocate(call);
    table[SYS_SYNC] = (call) => this.#syncAll(call);
    table[SYS_SYNCFS] = (call) => this.#syncMount(call);
  }

  #seek(call: Call): number {
    const { inodes, open } = this.#ports.vfs;
    const row = this.#ports.descriptors.openFile(call.task, call.a);
    if (row === NIL) return EBADF;
    const kind = open.kind[row];
    if (kind === KIND_PIPE || kind === KIND_DEVICE) return ESPIPE;
    let base = NIL;
    if (call.c === SEEK_SET) base = 0;
    else if (call.c === SEEK_CUR) base = open.offset[row];
    else if (call.c === SEEK_END && kind !== KIND_DIRECTORY) {
      base = kind === KIND_TEXT ? (open.text[row]?.length ?? 0) : inodes.size(open.inode[row]);
    } else if (kind === KIND_FILE && (call.c === SEEK_DATA || call.c === SEEK_HOLE)) {
      return this.#seekData(row, call.b, call.c === SEEK_DATA);
    }
    const offset = base + call.b;
    const fits = Number.isSafeInteger(offset) && offset >= 0 && offset <= FILE_BYTES_MAX;
    if (base === NIL || !fits) return EINVAL;
    open.offset[row] = offset;
    return offset;
  }

  /** The next byte at or behind `offset` that is stored, or that is not. */
  #seekData(row: number, offset: number, data: boolean): number {
    const { inodes, mounts, open, pages } = this.#ports.vfs;
    const inode = open.inode[row];
    const size = inodes.size(inode);
    if (!Number.isSafeInteger(offset) || offset < 0 || offset >= size) return ENXIO;
    const fileSystem = mounts.at(inodes.mount[inode]);
    const file = inodes.fileOf(inode);
    for (let at = offset; at < size; at = (Math.floor(at / PAGE_BYTES) + 1) * PAGE_BYTES) {
      const page = Math.floor(at / PAGE_BYTES);
      const stored =
        fileSystem.isReserved(inodes.number[inode], page) || pages.nextDirty(file, page) === page;
      if (stored !== data) continue;
      open.offset[row] = at;
      return at;
    }
    if (data) return ENXIO;
    open.offset[row] = size;
    return size;
  }

  /** fsync tells each opener of a write error once; fdatasync leaves the times out. */
  #sync(call: Call, dataOnly: boolean): number {
    const { inodes, open, operations, pages } = this.#ports.vfs;
    const { waits } = this.#ports;
    if (call.stage === 1) return dataOnly ? this.#syncData(call, call.brought) : call.brought;
    if (call.stage === 2) return operations.resume(call);
    const row = this.#ports.descriptors.openFile(call.task, call.a);
    if (row === NIL) return EBADF;
    const kind = open.kind[row];
    call.done = open.inode[row];
    if (kind === KIND_DIRECTORY) {
      call.stage = 2;
      return operations.start(call, this.#syncInode(call.task, call.done, dataOnly));
    }
    if (kind !== KIND_FILE) return EINVAL;
    call.stage = 1;
    if (dataOnly) inodes.hold(call.done);
    const handle = open.handle[row];
    const tag = waits.begin(call);
    const status = pages.syncRange(handle, 0, FILE_BYTES_MAX, !dataOnly, waits, tag);
    if (status === PENDING) return BLOCKED;
    return dataOnly ? this.#syncData(call, status) : status;
  }

  /** Second half of fdatasync: the pages are written; now what it takes to find them. */
  #syncData(call: Call, status: number): number {
    const { inodes, operations } = this.#ports.vfs;
    if (isErrno(status)) {
      inodes.drop(call.done);
      return status;
    }
    call.stage = 2;
    return operations.start(call, this.#syncHeld(call.task, call.done));
  }

  *#syncHeld(task: number, inode: number): Operation {
    const { inodes } = this.#ports.vfs;
    const status = yield* this.#syncInode(task, inode, true);
    inodes.drop(inode);
    return status;
  }

  *#syncInode(task: number, inode: number, dataOnly: boolean): Operation {
    const { inodes, mounts, operations } = this.#ports.vfs;
    const wait = operations.waitOf(task);
    if (!dataOnly) {
      const told = yield* inodes.writeTimes(wait, inode);
      if (isErrno(told)) return told;
    }
    const fileSystem = mounts.at(inodes.mount[inode]);
    const status = yield* fileSystem.syncInode(wait, inodes.number[inode], dataOnly);
    return isErrno(status) ? status : OK;
  }

  #truncatePath(call: Call): number {
    const { operations } = this.#ports.vfs;
    if (call.stage === 1) return operations.resume(call);
    if (!isSize(call.b)) return call.b > FILE_BYTES_MAX ? EFBIG : EINVAL;
    if (this.#isTooLarge(call, call.b)) return EFBIG;
    const begun = this.#ports.paths.begin(call, call.a, 0, FOLLOW_ALWAYS);
    if (begun !== OK) return begun;
    call.stage = 1;
    return operations.start(call, this.#truncateAt(call));
  }

  *#truncateAt(call: Call): Operation {
    const { dentries, inodes, lookup, mounts, operations } = this.#ports.vfs;
    const wait = operations.waitOf(call.task);
    const walk = this.#ports.paths.walkOf(call, 0);
    const status = yield* lookup.resolve(wait, walk);
    if (isErrno(status)) return status;
    const inode = dentries.inode[walk.target];
    if (inode === NIL) return ENOENT;
    if (isDirectory(inodes.mode[inode])) return EISDIR;
    if (!isRegular(inodes.mode[inode])) return EINVAL;
    const fileSystem = mounts.at(inodes.mount[inode]);
    if (fileSystem.contents !== undefined) return EINVAL;
    if (fileSystem.readOnly) return EROFS;
    return yield* this.#cut(wait, inode, call.b);
  }

  #isTooLarge(call: Call, size: number): boolean {
    if (size <= this.#ports.fileLimit(call.task)) return false;
    this.#ports.tooLarge(call.task);
    return true;
  }

  /** Sets the size under the file's lock. */
  *#cut(wait: Wait, inode: number, size: number): Operation {
    const { contents, inodes, pages } = this.#ports.vfs;
    inodes.hold(inode);
    yield* contents.acquire(wait, inode, true);
    const cut = yield* wait.settle(pages.truncate(inodes.fileOf(inode), size, wait, 0));
    contents.release(inode, wait.task);
    inodes.drop(inode);
    yield* inodes.retireDying(wait);
    return cut;
  }

  #truncate(call: Call): number {
    const { open, operations } = this.#ports.vfs;
    if (call.stage === 1) return operations.resume(call);
    const row = this.#ports.descriptors.openFile(call.task, call.a);
    if (row === NIL) return EBADF;
    if (!mayWrite(open.flags[row]) || open.kind[row] !== KIND_FILE) return EINVAL;
    if (!isSize(call.b)) return call.b > FILE_BYTES_MAX ? EFBIG : EINVAL;
    if (this.#isTooLarge(call, call.b)) return EFBIG;
    call.stage = 1;
    const wait = operations.waitOf(call.task);
    return operations.start(call, this.#cut(wait, open.inode[row], call.b));
  }

  #allocate(call: Call): number {
    const { open, operations } = this.#ports.vfs;
    if (call.stage === 1) return operations.resume(call);
    const row = this.#ports.descriptors.openFile(call.task, call.a);
    const { b: mode, c: offset, d: length } = call;
    if (row === NIL || !mayWrite(open.flags[row])) return EBADF;
    if (!isSize(offset) || !isSize(length) || length === 0) return EINVAL;
    if (open.kind[row] === KIND_PIPE) return ESPIPE;
    if (open.kind[row] !== KIND_FILE) return ENODEV;
    if (offset + length > FILE_BYTES_MAX) return EFBIG;
    const punches = mode === (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE);
    if (!punches && (mode & ~FALLOC_FL_KEEP_SIZE) !== 0) return EOPNOTSUPP;
    if (!punches && this.#isTooLarge(call, offset + length)) return EFBIG;
    call.stage = 1;
    return operations.start(
      call,
      punches
        ? this.#punch(call.task, open.inode[row], offset, length)
        : this.#reserve(call.task, open.inode[row], offset, length, mode === 0),
    );
  }

  *#punch(task: number, inode: number, offset: number, length: number): Operation {
    const { contents, inodes, mounts, operations, pages } = this.#ports.vfs;
    if (!mounts.at(inodes.mount[inode]).canPunch) return EOPNOTSUPP;
    const wait = operations.waitOf(task);
    inodes.hold(inode);
    yield* contents.acquire(wait, inode, true);
    const status = yield* wait.settle(pages.punch(inodes.fileOf(inode), offset, length, wait, 0));
    contents.release(inode, task);
    inodes.drop(inode);
    return status;
  }

  *#reserve(
    task: number,
    inode: number,
    offset: number,
    length: number,
    grows: boolean,
  ): Operation {
    const { contents, inodes, operations } = this.#ports.vfs;
    const wait = operations.waitOf(task);
    inodes.hold(inode);
    yield* contents.acquire(wait, inode, true);
    const status = yield* this.#reserveLocked(wait, inode, offset, length, grows);
    contents.release(inode, task);
    inodes.drop(inode);
    return status;
  }

  /** Places for all pages; then the size, unless it is to stay. */
  *#reserveLocked(
    wait: Wait,
    inode: number,
    offset: number,
    length: number,
    grows: boolean,
  ): Operation {
    const { inodes, mounts, pages } = this.#ports.vfs;
    const fileSystem = mounts.at(inodes.mount[inode]);
    const number = inodes.number[inode];
    const end = Math.ceil((offset + length) / PAGE_BYTES);
    for (let page = Math.floor(offset / PAGE_BYTES); page < end; page++) {
      if (fileSystem.isReserved(number, page)) continue;
      let status = yield* fileSystem.reserve(wait, number, page, end - page);
      if (isErrno(status)) status = yield* fileSystem.reserve(wait, number, page, 1);
      if (isErrno(status)) return status;
    }
    const file = inodes.fileOf(inode);
    if (!grows || offset + length <= pages.size(file)) return OK;
    return yield* wait.settle(pages.truncate(file, offset + length, wait, 0));
  }

  #syncAll(call: Call): number {
    const { operations } = this.#ports.vfs;
    if (call.stage === 1) return operations.resume(call);
    call.stage = 1;
    return operations.start(call, this.#syncQuietly(call.task));
  }

  /** sync has no errors to tell (POSIX). */
  *#syncQuietly(task: number): Operation {
    yield* this.#ports.vfs.sync(this.#ports.vfs.operations.waitOf(task));
    return OK;
  }

  #syncMount(call: Call): number {
    const { inodes, open, operations } = this.#ports.vfs;
    if (call.stage === 1) return operations.resume(call);
    const row = this.#ports.descriptors.openFile(call.task, call.a);
    if (row === NIL) return EBADF;
    const inode = open.inode[row];
    if (inode === NIL) return EINVAL;
    call.stage = 1;
    const wait = operations.waitOf(call.task);
    return operations.start(call, this.#ports.vfs.syncMount(wait, inodes.mount[inode]));
  }
}

function isSize(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0 && value <= FILE_BYTES_MAX;
}
