/**
 * Changes of the tree of names: each walks to the directory, locks it, looks the name up once more
 * under the lock, asks the file system, and brings the caches up to date.
 */
import {
  assert,
  EBUSY,
  EEXIST,
  EINVAL,
  EISDIR,
  ENOENT,
  ENOTDIR,
  ENOTEMPTY,
  EPERM,
  EROFS,
  EXDEV,
  isErrno,
  NIL,
  OK,
} from '@hotpath/hw-x86';
import type { SleepLocks } from '../locks/sleep-locks.js';
import type { CallStack } from '../task/call-stack.js';
import type { Dentries } from './dentries.js';
import type { FileSystem, Operation, Wait } from './file-system.js';
import type { Inodes } from './inodes.js';
import { isDirectory } from './modes.js';
import type { Mounts } from './mounts.js';
import type { PathLookup } from './path-lookup.js';
import { LAST_DOT, LAST_DOTDOT, LAST_NAME, LAST_ROOT, type Walk } from './path-walk.js';

/** What the changes work on. */
export interface NameSpacePorts {
  readonly dentries: Dentries;
  readonly inodes: Inodes;
  readonly mounts: Mounts;
  readonly lookup: PathLookup;
  /** Locks of directories, by inode, and of trees, by mount. */
  readonly directories: SleepLocks;
  readonly trees: SleepLocks;
  readonly stack: CallStack;
  /** Time to stamp, in nanoseconds. */
  now(): number;
}

/** mkdir, mknod, link, symlink, unlink, rmdir, rename. */
export class NameSpace {
  readonly #ports: NameSpacePorts;

  constructor(ports: NameSpacePorts) {
    this.#ports = ports;
  }

  /** A new file, by the type bits of `mode`, at the end of a walk that was begun. */
  *create(wait: Wait, walk: Walk, mode: number, device: number): Operation {
    const entered = yield* this.#enterNew(wait, walk, false);
    if (isErrno(entered)) return entered;
    const { fileSystem, number } = this.#directory(walk);
    const made = yield* fileSystem.create(wait, number, walk.name, mode, device, this.#ports.now());
    return yield* this.#settleNew(wait, walk, entered, made);
  }

  /** The same for a directory. */
  *mkdir(wait: Wait, walk: Walk, mode: number): Operation {
    const entered = yield* this.#enterNew(wait, walk, true);
    if (isErrno(entered)) return entered;
    const { fileSystem, number } = this.#directory(walk);
    const made = yield* fileSystem.mkdir(wait, number, walk.name, mode, this.#ports.now());
    return yield* this.#settleNew(wait, walk, entered, made);
  }

  /** The same for a symbolic link to `target`. */
  *symlink(wait: Wait, walk: Walk, target: string): Operation {
    if (target === '') return ENOENT;
    const entered = yield* this.#enterNew(wait, walk, false);
    if (isErrno(entered)) return entered;
    const { fileSystem, number } = this.#directory(walk);
    const made = yield* fileSystem.symlink(wait, number, walk.name, target, this.#ports.now());
    return yield* this.#settleNew(wait, walk, entered, made);
  }

  /** A second name for what `from` leads to; a symbolic link there is not followed. */
  *link(wait: Wait, from: Walk, walk: Walk): Operation {
    const { dentries, inodes, lookup } = this.#ports;
    const status = yield* lookup.resolve(wait, from);
    if (isErrno(status)) return status;
    const inode = dentries.inode[from.target];
    if (inode === NIL) return ENOENT;
    const mount = dentries.mount[from.target];
    inodes.hold(inode);
    const linked = yield* this.#linkHeld(wait, inode, mount, walk);
    inodes.drop(inode);
    yield* inodes.retireDying(wait);
    return linked;
  }

  /** Takes a name away; the file goes with its last name, descriptor and mapping. */
  *unlink(wait: Wait, walk: Walk): Operation {
    const entered = yield* this.#enter(wait, walk);
    if (isErrno(entered)) return entered;
    if (walk.last !== LAST_NAME) return EISDIR;
    const status = yield* this.#unlinkEntered(wait, walk, entered);
    this.#leaveEntry(wait, walk, entered);
    yield* this.#ports.inodes.retireDying(wait);
    return status;
  }

  /** Takes an empty directory away. */
  *rmdir(wait: Wait, walk: Walk): Operation {
    const { dentries, inodes, lookup, trees } = this.#ports;
    const status = yield* lookup.resolve(wait, walk);
    if (isErrno(status)) return status;
    if (walk.last === LAST_DOT) return EINVAL;
    if (walk.last === LAST_DOTDOT) return ENOTEMPTY;
    if (walk.last === LAST_ROOT) return EBUSY;
    const mount = dentries.mount[walk.parent];
    const { parent } = walk;
    dentries.hold(parent);
    yield* trees.acquire(wait, mount, true);
    walk.parent = parent;
    const entered = yield* this.#lockParent(wait, walk);
    let removed = entered;
    if (!isErrno(entered)) {
      removed = yield* this.#rmdirEntered(wait, walk, entered);
      this.#leaveEntry(wait, walk, entered);
    }
    trees.release(mount, wait.task);
    dentries.put(parent);
    yield* inodes.retireDying(wait);
    return removed;
  }

  /** Where a new name goes: the directory locked, the entry held and negative. */
  *#enterNew(wait: Wait, walk: Walk, directory: boolean): Operation {
    const entered = yield* this.#enter(wait, walk);
    if (isErrno(entered)) return entered;
    if (walk.last !== LAST_NAME) return EEXIST;
    const refused = this.#refuseNew(walk, entered, directory);
    if (refused === OK) return entered;
    this.#leaveEntry(wait, walk, entered);
    return refused;
  }

  #refuseNew(walk: Walk, dentry: number, directory: boolean): number {
    const { dentries } = this.#ports;
    if (dentries.inode[dentry] !== NIL || dentries.covered[dentry] !== NIL) return EEXIST;
    if (walk.trailing && !directory) return ENOENT;
    return this.#directory(walk).fileSystem.readOnly ? EROFS : OK;
  }

  /** Takes in what the file system has made, and leaves the directory. */
  *#settleNew(wait: Wait, walk: Walk, dentry: number, made: number): Operation {
    const { dentries, inodes } = this.#ports;
    let status = made;
    if (!isErrno(made)) {
      const inode = yield* inodes.get(wait, dentries.mount[dentry], made);
      if (isErrno(inode)) {
        // It exists, but there is no room to know it: the next look-up finds it.
        dentries.unhash(dentry);
        status = inode;
      } else {
        dentries.setInode(dentry, inode);
        status = OK;
      }
      inodes.refresh(dentries.inode[walk.parent]);
    }
    this.#leaveEntry(wait, walk, dentry);
    return status;
  }

  *#linkHeld(wait: Wait, inode: number, mount: number, walk: Walk): Operation {
    const { dentries, inodes } = this.#ports;
    const entered = yield* this.#enterNew(wait, walk, false);
    if (isErrno(entered)) return entered;
    let status: number = OK;
    if (dentries.mount[walk.parent] !== mount) status = EXDEV;
    else if (isDirectory(inodes.mode[inode])) status = EPERM;
    else if (inodes.links[inode] === 0) status = ENOENT;
    if (status === OK) {
      const { fileSystem, number } = this.#directory(walk);
      status = yield* fileSystem.link(
        wait,
        inodes.number[inode],
        number,
        walk.name,
        this.#ports.now(),
      );
      if (!isErrno(status)) {
        status = OK;
        inodes.hold(inode);
        dentries.setInode(entered, inode);
        inodes.refresh(inode);
        inodes.refresh(dentries.inode[walk.parent]);
      }
    }
    this.#leaveEntry(wait, walk, entered);
    return status;
  }

  *#unlinkEntered(wait: Wait, walk: Walk, dentry: number): Operation {
    const { dentries, inodes } = this.#ports;
    const inode = dentries.inode[dentry];
    if (dentries.covered[dentry] !== NIL) return EBUSY;
    if (inode === NIL) return ENOENT;
    if (isDirectory(inodes.mode[inode])) return EISDIR;
    if (walk.trailing) return ENOTDIR;
    const { fileSystem, number } = this.#directory(walk);
    if (fileSystem.readOnly) return EROFS;
    const status = yield* fileSystem.unlink(wait, number, walk.name, this.#ports.now());
    if (!isErrno(status)) this.forgetName(dentry, walk.name);
    return isErrno(status) ? status : OK;
  }

  *#rmdirEntered(wait: Wait, walk: Walk, dentry: number): Operation {
    const { dentries, directories, inodes } = this.#ports;
    const inode = dentries.inode[dentry];
    if (dentries.covered[dentry] !== NIL) return EBUSY;
    if (inode === NIL) return ENOENT;
    if (!isDirectory(inodes.mode[inode])) return ENOTDIR;
    const { fileSystem, number } = this.#directory(walk);
    if (fileSystem.readOnly) return EROFS;
    if (this.coversMount(dentry)) return EBUSY;
    yield* directories.acquire(wait, inode, true);
    const status = yield* fileSystem.rmdir(wait, number, walk.name, this.#ports.now());
    if (!isErrno(status)) this.forgetName(dentry, walk.name);
    directories.release(inode, wait.task);
    return isErrno(status) ? status : OK;
  }

  /** True if a mounted file system lies below a directory that has no such name on the disk. */
  coversMount(dentry: number): boolean {
    const { dentries, mounts } = this.#ports;
    return mounts.point.some((point) => point !== NIL && dentries.parent[point] === dentry);
  }

  /** A name is gone: its entry is found no more, and its absence is known. */
  forgetName(dentry: number, name: string): void {
    const { dentries, inodes } = this.#ports;
    const inode = dentries.inode[dentry];
    const parent = dentries.parent[dentry];
    assert(inode !== NIL, 'a name is forgotten that led nowhere');
    inodes.refresh(inode);
    inodes.refresh(dentries.inode[parent]);
    dentries.unhash(dentry);
    dentries.add(parent, name, NIL, dentries.mount[parent]);
  }

  /** Walks, locks the directory and looks the name up under the lock; both are held. */
  *#enter(wait: Wait, walk: Walk): Operation {
    const status = yield* this.#ports.lookup.resolve(wait, walk);
    if (isErrno(status) && !(status === ENOTDIR && walk.target !== NIL)) return status;
    if (walk.last !== LAST_NAME) return OK;
    return yield* this.#lockParent(wait, walk);
  }

  *#lockParent(wait: Wait, walk: Walk): Operation {
    const { dentries, directories, lookup } = this.#ports;
    const { parent } = walk;
    dentries.hold(parent);
    yield* directories.acquire(wait, dentries.inode[parent], true);
    const dentry = yield* lookup.child(wait, parent, walk.name);
    if (isErrno(dentry)) {
      this.#leave(wait, walk);
      return dentry;
    }
    dentries.hold(dentry);
    return dentry;
  }

  #leaveEntry(wait: Wait, walk: Walk, dentry: number): void {
    this.#ports.dentries.put(dentry);
    this.#leave(wait, walk);
  }

  #leave(wait: Wait, walk: Walk): void {
    const { dentries, directories } = this.#ports;
    const { parent } = walk;
    const directory = dentries.inode[parent];
    directories.release(directory, wait.task);
    dentries.put(parent);
  }

  #directory(walk: Walk): { fileSystem: FileSystem; number: number } {
    const { dentries, inodes, mounts } = this.#ports;
    const inode = dentries.inode[walk.parent];
    return { fileSystem: mounts.at(inodes.mount[inode]), number: inodes.number[inode] };
  }
}
