/** Calls about what files are: stat and its kin, statfs, access, chmod, utimens, umask. */
import { BLOCKED, EACCES, EBADF, EINVAL, ENOENT, EROFS, isErrno, NIL, OK } from '@hotpath/hw-x86';
import type { Descriptors } from '../vfs/descriptors.js';
import { createAttributes, type Operation, SET_MODE } from '../vfs/file-system.js';
import { isDirectory, MODE_BITS, S_IFIFO } from '../vfs/modes.js';
import {
  FOLLOW_ALWAYS,
  FOLLOW_SLASH,
  NEED_LOOKUP,
  NEED_TARGET,
  type Walk,
} from '../vfs/path-walk.js';
import type { Vfs } from '../vfs/vfs.js';
import type { Call } from './call.js';
import { answerOf } from './call-answer.js';
import type { Handler } from './entry.js';
import { encodeStatus, encodeVolume, STAT_BYTES, STATFS_BYTES } from './file-records.js';
import { F_OK, R_OK, UTIME_NOW, UTIME_OMIT, W_OK, X_OK } from './flags.js';
import {
  SYS_ACCESS,
  SYS_CHMOD,
  SYS_FCHMOD,
  SYS_FSTAT,
  SYS_FSTATFS,
  SYS_LSTAT,
  SYS_STAT,
  SYS_STATFS,
  SYS_UMASK,
  SYS_UTIMENS,
} from './numbers.js';
import type { PathArguments } from './path-arguments.js';
import type { UserBytes } from './user-bytes.js';

/** Stages: a walk that waits; then the answer is on its way to the program. */
const WALKING = 1;
const STORING = 2;

/** What these calls work on. */
export interface AttributeCallPorts {
  readonly vfs: Vfs;
  readonly paths: PathArguments;
  readonly descriptors: Descriptors;
  readonly bytes: UserBytes;
}

/** The handlers. */
export class AttributeCalls {
  readonly #ports: AttributeCallPorts;
  readonly #record = new Uint8Array(STAT_BYTES);

  constructor(ports: AttributeCallPorts) {
    this.#ports = ports;
  }

  /** Puts the handlers into the table. */
  install(table: (Handler | undefined)[]): void {
    table[SYS_STAT] = (call) => this.#stat(call, FOLLOW_ALWAYS);
    table[SYS_LSTAT] = (call) => this.#stat(call, FOLLOW_SLASH);
    table[SYS_FSTAT] = (call) => this.#fstat(call);
    table[SYS_STATFS] = (call) => this.#statfs(call);
    table[SYS_FSTATFS] = (call) => this.#fstatfs(call);
    table[SYS_ACCESS] = (call) => this.#access(call);
    table[SYS_CHMOD] = (call) => this.#change(call, (inode) => this.#chmod(call, inode));
    table[SYS_FCHMOD] = (call) => this.#fchmod(call);
    table[SYS_UTIMENS] = (call) => this.#change(call, (inode) => this.#utimens(call, inode));
    table[SYS_UMASK] = (call) => {
      const before = this.#ports.vfs.umask[this.#ports.vfs.leader[call.task]];
      this.#ports.vfs.umask[this.#ports.vfs.leader[call.task]] = call.a & 0o777;
      return before;
    };
  }

  /** The dentry that a path leads to, from the cache where it can: or an errno, or BLOCKED. */
  #find(call: Call, follow: number): number {
    const { operations, walks } = this.#ports.vfs;
    const walk = this.#ports.paths.walkOf(call, 0);
    let status: number;
    if (call.stage === WALKING) {
      status = operations.resume(call);
    } else {
      const begun = this.#ports.paths.begin(call, call.a, 0, follow);
      if (begun !== OK) return begun;
      status = walks.step(walk);
      if (status === NEED_LOOKUP || status === NEED_TARGET) {
        call.stage = WALKING;
        status = operations.start(call, this.#resolve(call.task, walk));
      }
    }
    if (status !== OK) return status;
    const dentry = walk.target;
    return this.#ports.vfs.dentries.inode[dentry] === NIL ? ENOENT : dentry;
  }

  #resolve(task: number, walk: Walk): Operation {
    const { lookup, operations } = this.#ports.vfs;
    return lookup.resolve(operations.waitOf(task), walk);
  }

  #stat(call: Call, follow: number): number {
    if (call.stage !== STORING) {
      const { dentries, inodes } = this.#ports.vfs;
      const dentry = this.#find(call, follow);
      if (dentry === BLOCKED || isErrno(dentry)) return dentry;
      inodes.status(dentries.inode[dentry], answerOf(call).attributes);
      call.done = dentries.mount[dentry];
      call.stage = STORING;
    }
    return this.#storeStatus(call);
  }

  #fstat(call: Call): number {
    const { inodes, open } = this.#ports.vfs;
    if (call.stage !== STORING) {
      const row = this.#ports.descriptors.openFile(call.task, call.a);
      if (row === NIL) return EBADF;
      const inode = open.inode[row];
      const { attributes } = answerOf(call);
      if (inode !== NIL) inodes.status(inode, attributes);
      else Object.assign(attributes, createAttributes(), { mode: S_IFIFO | 0o600, links: 1 });
      call.done = inode === NIL ? 0 : inodes.mount[inode];
      call.stage = STORING;
    }
    return this.#storeStatus(call);
  }

  /** Address 0: the program looks at `sys.status` only. */
  #storeStatus(call: Call): number {
    if (call.b === 0) return OK;
    encodeStatus(this.#record, answerOf(call).attributes, call.done + 1);
    return this.#ports.bytes.store(call, call.b, this.#record, 0, STAT_BYTES);
  }

  #statfs(call: Call): number {
    if (call.stage !== STORING) {
      const dentry = this.#find(call, FOLLOW_ALWAYS);
      if (dentry === BLOCKED || isErrno(dentry)) return dentry;
      this.#lookAtVolume(call, this.#ports.vfs.dentries.mount[dentry]);
    }
    return this.#storeVolume(call);
  }

  #fstatfs(call: Call): number {
    if (call.stage !== STORING) {
      const { inodes, open } = this.#ports.vfs;
      const row = this.#ports.descriptors.openFile(call.task, call.a);
      if (row === NIL) return EBADF;
      if (open.inode[row] === NIL) return EINVAL;
      this.#lookAtVolume(call, inodes.mount[open.inode[row]]);
    }
    return this.#storeVolume(call);
  }

  #lookAtVolume(call: Call, mount: number): void {
    this.#ports.vfs.mounts.at(mount).status(answerOf(call).volume);
    call.done = this.#ports.vfs.mounts.at(mount).nameBytesMax;
    call.stage = STORING;
  }

  #storeVolume(call: Call): number {
    if (call.b === 0) return OK;
    encodeVolume(this.#record, answerOf(call).volume, call.done);
    return this.#ports.bytes.store(call, call.b, this.#record, 0, STATFS_BYTES);
  }

  /** For the one user there is, root: everything, but to write what is read-only, or to run what nobody may. */
  #access(call: Call): number {
    if (call.b !== F_OK && (call.b & ~(R_OK | W_OK | X_OK)) !== 0) return EINVAL;
    const { dentries, inodes, mounts } = this.#ports.vfs;
    const dentry = this.#find(call, FOLLOW_ALWAYS);
    if (dentry === BLOCKED || isErrno(dentry)) return dentry;
    const mode = inodes.mode[dentries.inode[dentry]];
    if ((call.b & W_OK) !== 0 && mounts.at(dentries.mount[dentry]).readOnly) return EROFS;
    const runs = isDirectory(mode) || (mode & 0o111) !== 0;
    return (call.b & X_OK) !== 0 && !runs ? EACCES : OK;
  }

  /** A change of what a path leads to: the walk and the change are one operation. */
  #change(call: Call, change: (inode: number) => Operation): number {
    const { operations } = this.#ports.vfs;
    if (call.stage === WALKING) return operations.resume(call);
    const begun = this.#ports.paths.begin(call, call.a, 0, FOLLOW_ALWAYS);
    if (begun !== OK) return begun;
    call.stage = WALKING;
    return operations.start(call, this.#changeAt(call, change));
  }

  *#changeAt(call: Call, change: (inode: number) => Operation): Operation {
    const { dentries, inodes, mounts } = this.#ports.vfs;
    const walk = this.#ports.paths.walkOf(call, 0);
    const status = yield* this.#resolve(call.task, walk);
    if (isErrno(status)) return status;
    const inode = dentries.inode[walk.target];
    if (inode === NIL) return ENOENT;
    if (mounts.at(inodes.mount[inode]).readOnly) return EROFS;
    inodes.hold(inode);
    const changed = yield* change(inode);
    inodes.drop(inode);
    yield* inodes.retireDying(this.#ports.vfs.operations.waitOf(call.task));
    return changed;
  }

  #fchmod(call: Call): number {
    const { inodes, mounts, open, operations } = this.#ports.vfs;
    if (call.stage === WALKING) return operations.resume(call);
    const row = this.#ports.descriptors.openFile(call.task, call.a);
    if (row === NIL) return EBADF;
    const inode = open.inode[row];
    if (inode === NIL) return EINVAL;
    if (mounts.at(inodes.mount[inode]).readOnly) return EROFS;
    call.stage = WALKING;
    return operations.start(call, this.#chmod(call, inode));
  }

  *#chmod(call: Call, inode: number): Operation {
    const { inodes, mounts, now, operations } = this.#ports.vfs;
    const from = createAttributes();
    inodes.status(inode, from);
    from.mode = (from.mode & ~MODE_BITS) | (call.b & MODE_BITS);
    from.changed = now();
    const fileSystem = mounts.at(inodes.mount[inode]);
    const wait = operations.waitOf(call.task);
    const status = yield* fileSystem.setAttributes(wait, inodes.number[inode], from, SET_MODE);
    if (isErrno(status)) return status;
    inodes.refresh(inode);
    return OK;
  }

  *#utimens(call: Call, inode: number): Operation {
    const { inodes, now, operations } = this.#ports.vfs;
    const accessed = timeOf(call.b, inodes.accessed[inode], now());
    const modified = timeOf(call.c, inodes.modified[inode], now());
    if (accessed === null || modified === null) return EINVAL;
    inodes.setTimes(inode, accessed, modified, now());
    return yield* inodes.writeTimes(operations.waitOf(call.task), inode);
  }
}

function timeOf(given: number, before: number, now: number): number | null {
  if (given === UTIME_NOW) return now;
  if (given === UTIME_OMIT) return before;
  return Number.isFinite(given) && given >= 0 ? given : null;
}
