/** Calls that read names: getdents, readdir, readlink, chdir, fchdir, getcwd. */
import { BLOCKED, EBADF, EINVAL, ENOENT, ENOTDIR, ERANGE, isErrno, NIL, OK } from '@hotpath/hw-x86';
import type { Descriptors } from '../vfs/descriptors.js';
import { readEntry } from '../vfs/directory-reader.js';
import type { DirectoryEntry, Operation } from '../vfs/file-system.js';
import { isDirectory, isSymbolicLink } from '../vfs/modes.js';
import { KIND_DIRECTORY } from '../vfs/open-files.js';
import { FOLLOW_ALWAYS, FOLLOW_SLASH } from '../vfs/path-walk.js';
import type { Vfs } from '../vfs/vfs.js';
import type { Call } from './call.js';
import { answerOf } from './call-answer.js';
import type { Handler } from './entry.js';
import { encodeEntry, entryBytes } from './file-records.js';
import {
  SYS_CHDIR,
  SYS_FCHDIR,
  SYS_GETCWD,
  SYS_GETDENTS,
  SYS_READDIR,
  SYS_READLINK,
} from './numbers.js';
import type { PathArguments } from './path-arguments.js';
import type { UserBytes } from './user-bytes.js';

/** getdents gives so many bytes at most in one call. */
const RECORDS_MAX = 32768;

/** What these calls work on. */
export interface DirectoryCallPorts {
  readonly vfs: Vfs;
  readonly paths: PathArguments;
  readonly descriptors: Descriptors;
  readonly bytes: UserBytes;
}

/** The handlers. */
export class DirectoryCalls {
  readonly #ports: DirectoryCallPorts;

  constructor(ports: DirectoryCallPorts) {
    this.#ports = ports;
  }

  /** Puts the handlers into the table. */
  install(table: (Handler | undefined)[]): void {
    table[SYS_GETDENTS] = (call) => this.#getEntries(call);
    table[SYS_READDIR] = (call) => this.#readEntry(call);
    table[SYS_READLINK] = (call) => this.#readLink(call);
    table[SYS_CHDIR] = (call) => this.#changeDirectory(call);
    table[SYS_FCHDIR] = (call) => this.#changeToOpen(call);
    table[SYS_GETCWD] = (call) => this.#getDirectory(call);
  }

  /** Stage 1: entries are collected; stage 2: they are on their way to the program. */
  #getEntries(call: Call): number {
    const { open, operations } = this.#ports.vfs;
    const row = this.#ports.descriptors.openFile(call.task, call.a);
    if (row === NIL) return EBADF;
    if (open.kind[row] !== KIND_DIRECTORY) return ENOTDIR;
    if (call.stage !== 2) {
      if (!Number.isInteger(call.c) || call.c < 0) return EINVAL;
      const status =
        call.stage === 1
          ? operations.resume(call)
          : this.#start(call, this.#collect(call, row, Math.min(call.c, RECORDS_MAX)));
      if (status === BLOCKED || isErrno(status)) return status;
      call.done = status;
      call.stage = 2;
    }
    const answer = answerOf(call);
    const status = this.#ports.bytes.store(call, call.b, answer.records, 0, call.done);
    if (status !== OK) return status;
    open.offset[row] = answer.cookie;
    return call.done;
  }

  #start(call: Call, operation: Operation): number {
    call.stage = 1;
    return this.#ports.vfs.operations.start(call, operation);
  }

  /** Bytes of records; 0 at the end; EINVAL if not even one fits. */
  *#collect(call: Call, row: number, limit: number): Operation {
    const { dentries, directories, open, operations } = this.#ports.vfs;
    const answer = answerOf(call);
    const wait = operations.waitOf(call.task);
    const dentry = open.dentry[row];
    const directory = dentries.inode[dentry];
    const entry: DirectoryEntry = { name: '', inode: 0, type: 0 };
    answer.records = new Uint8Array(limit);
    answer.cookie = open.offset[row];
    let done = 0;
    let status: number = OK;
    open.share(row);
    yield* directories.acquire(wait, directory, false);
    for (;;) {
      const next = yield* readEntry(this.#ports.vfs, wait, dentry, answer.cookie, entry);
      if (isErrno(next)) status = next;
      if (isErrno(next) || next === 0) break;
      const bytes = entryBytes(entry);
      if (done + bytes > limit) {
        if (done === 0) status = EINVAL;
        break;
      }
      encodeEntry(answer.records, done, entry, next);
      done += bytes;
      answer.cookie = next;
    }
    directories.release(directory, wait.task);
    this.#ports.vfs.opening.release(row);
    return done > 0 ? done : status;
  }

  /** One entry into the call's answer: 1, or 0 behind the last. */
  #readEntry(call: Call): number {
    const { open, operations } = this.#ports.vfs;
    if (call.stage === 1) return operations.resume(call);
    const row = this.#ports.descriptors.openFile(call.task, call.a);
    if (row === NIL) return EBADF;
    if (open.kind[row] !== KIND_DIRECTORY) return ENOTDIR;
    return this.#start(call, this.#next(call, row));
  }

  *#next(call: Call, row: number): Operation {
    const { dentries, directories, open, operations } = this.#ports.vfs;
    const { entry } = answerOf(call);
    const wait = operations.waitOf(call.task);
    const dentry = open.dentry[row];
    const directory = dentries.inode[dentry];
    open.share(row);
    yield* directories.acquire(wait, directory, false);
    const next = yield* readEntry(this.#ports.vfs, wait, dentry, open.offset[row], entry);
    directories.release(directory, wait.task);
    if (next > 0) open.offset[row] = next;
    this.#ports.vfs.opening.release(row);
    return next > 0 ? 1 : next;
  }

  #readLink(call: Call): number {
    if (call.stage !== 2) {
      if (!Number.isInteger(call.c) || (call.c <= 0 && call.b !== 0)) return EINVAL;
      const { operations } = this.#ports.vfs;
      let status: number;
      if (call.stage === 1) {
        status = operations.resume(call);
      } else {
        status = this.#ports.paths.begin(call, call.a, 0, FOLLOW_SLASH);
        if (status === OK) status = this.#start(call, this.#findTarget(call));
      }
      if (status !== OK) return status;
      call.stage = 2;
    }
    return this.#storeText(call, call.b, call.c, false);
  }

  *#findTarget(call: Call): Operation {
    const { dentries, inodes, lookup, operations } = this.#ports.vfs;
    const wait = operations.waitOf(call.task);
    const walk = this.#ports.paths.walkOf(call, 0);
    const status = yield* lookup.resolve(wait, walk);
    if (isErrno(status)) return status;
    const inode = dentries.inode[walk.target];
    if (inode === NIL) return ENOENT;
    if (!isSymbolicLink(inodes.mode[inode])) return EINVAL;
    const read = yield* lookup.readTarget(wait, inode);
    answerOf(call).text = inodes.target[inode] ?? '';
    return isErrno(read) ? read : OK;
  }

  /** The answer's text to the program, unless its address is 0; its bytes. */
  #storeText(call: Call, address: number, size: number, ended: boolean): number {
    const { text } = answerOf(call);
    const bytes = new Uint8Array(text.length + (ended ? 1 : 0));
    for (let at = 0; at < text.length; at++) bytes[at] = text.charCodeAt(at);
    if (address === 0) return bytes.length;
    if (ended && bytes.length > size) return ERANGE;
    const count = Math.min(bytes.length, size);
    const status = this.#ports.bytes.store(call, address, bytes, 0, count);
    return status === OK ? count : status;
  }

  #changeDirectory(call: Call): number {
    const { operations } = this.#ports.vfs;
    if (call.stage === 1) return operations.resume(call);
    const status = this.#ports.paths.begin(call, call.a, 0, FOLLOW_ALWAYS);
    return status === OK ? this.#start(call, this.#walkTo(call)) : status;
  }

  *#walkTo(call: Call): Operation {
    const { dentries, lookup, operations } = this.#ports.vfs;
    const walk = this.#ports.paths.walkOf(call, 0);
    const status = yield* lookup.resolve(operations.waitOf(call.task), walk);
    if (isErrno(status)) return status;
    if (dentries.inode[walk.target] === NIL) return ENOENT;
    return this.#setDirectory(call.task, walk.target);
  }

  #changeToOpen(call: Call): number {
    const row = this.#ports.descriptors.openFile(call.task, call.a);
    if (row === NIL) return EBADF;
    const dentry = this.#ports.vfs.open.dentry[row];
    return dentry === NIL ? ENOTDIR : this.#setDirectory(call.task, dentry);
  }

  #setDirectory(task: number, dentry: number): number {
    const { dentries, inodes, leader, workingDirectory } = this.#ports.vfs;
    if (!isDirectory(inodes.mode[dentries.inode[dentry]])) return ENOTDIR;
    const before = workingDirectory[leader[task]];
    dentries.hold(dentry);
    if (before !== NIL) dentries.put(before);
    workingDirectory[leader[task]] = dentry;
    this.#ports.vfs.retireInBackground();
    return OK;
  }

  #getDirectory(call: Call): number {
    const { vfs } = this.#ports;
    if (call.a !== 0 && !(call.b > 0)) return EINVAL;
    const directory = vfs.workingDirectory[vfs.leader[call.task]];
    const path = vfs.pathOf(directory === NIL ? vfs.walks.root : directory);
    if (typeof path === 'number') return path;
    answerOf(call).text = path;
    return this.#storeText(call, call.a, call.b, true);
  }
}
