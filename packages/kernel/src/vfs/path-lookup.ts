/** What a path walk does where the cache does not lead on: asks the file system, and fills the cache. */
import { ENAMETOOLONG, ENOENT, ENOMEM, isErrno, NIL, OK } from '@hotpath/hw-x86';
import type { SleepLocks } from '../locks/sleep-locks.js';
import { type CallStack, frameNamed } from '../task/call-stack.js';
import type { Dentries } from './dentries.js';
import type { Operation, Wait } from './file-system.js';
import type { Inodes } from './inodes.js';
import type { Mounts } from './mounts.js';
import { NEED_LOOKUP, NEED_TARGET, type PathWalk, type Walk } from './path-walk.js';

const FRAME_WALK = frameNamed('walk_path');
const FRAME_LOOKUP = frameNamed('lookup_name');

/** What look-ups work on. */
export interface PathLookupPorts {
  readonly dentries: Dentries;
  readonly inodes: Inodes;
  readonly mounts: Mounts;
  readonly walks: PathWalk;
  readonly stack: CallStack;
  /** Of directories, by inode. */
  readonly directories: SleepLocks;
}

/** Walks that may wait. */
export class PathLookup {
  readonly #ports: PathLookupPorts;

  constructor(ports: PathLookupPorts) {
    this.#ports = ports;
  }

  /** Goes on with a walk to its end: as `PathWalk.step`, and EIO, ENOMEM. */
  *resolve(wait: Wait, walk: Walk): Operation {
    const { stack, walks } = this.#ports;
    for (;;) {
      const depth = stack.push(FRAME_WALK);
      const status = walks.step(walk);
      stack.cut(depth);
      let done: number;
      if (status === NEED_LOOKUP) done = yield* this.#lookup(wait, walk);
      else if (status === NEED_TARGET) done = yield* this.#readTarget(wait, walk.link);
      else return status;
      if (isErrno(done)) return done;
    }
  }

  /** The target of a symbolic link, into the inode. */
  *readTarget(wait: Wait, inode: number): Operation {
    if (this.#ports.inodes.target[inode] !== null) return OK;
    return yield* this.#readTarget(wait, inode);
  }

  /**
   * Entry of a name in a directory whose lock the caller holds; negative if there is none. ENOENT in
   * a directory that has been removed, ENAMETOOLONG, ENOMEM, EIO.
   */
  *child(wait: Wait, parent: number, name: string): Operation {
    const { dentries, inodes, mounts, stack } = this.#ports;
    const directory = dentries.inode[parent];
    if (inodes.links[directory] === 0) return ENOENT;
    const mount = dentries.mount[parent];
    const fileSystem = mounts.at(mount);
    const known = dentries.findName(parent, name);
    if (known !== NIL && (!fileSystem.volatileNames || dentries.covered[known] !== NIL)) {
      return known;
    }
    if (name.length > fileSystem.nameBytesMax) return ENAMETOOLONG;
    stack.push(FRAME_LOOKUP);
    const number = yield* fileSystem.lookup(wait, inodes.number[directory], name);
    let inode: number = NIL;
    if (!isErrno(number)) inode = yield* inodes.get(wait, mount, number);
    stack.pop();
    if (isErrno(number) && number !== ENOENT) return number;
    if (number !== ENOENT && isErrno(inode)) return inode;
    return this.#enter(parent, name, inode, mount);
  }

  /** Puts what a file system has answered into the cache. */
  #enter(parent: number, name: string, inode: number, mount: number): number {
    const { dentries, inodes } = this.#ports;
    // Of a file system with volatile names, or one that somebody else brought in meanwhile.
    const before = dentries.findName(parent, name);
    if (before !== NIL && dentries.inode[before] === inode) {
      if (inode !== NIL) inodes.drop(inode);
      return before;
    }
    if (before !== NIL) dentries.unhash(before);
    const dentry = dentries.add(parent, name, inode, mount);
    if (dentry !== NIL) return dentry;
    if (inode !== NIL) inodes.drop(inode);
    return ENOMEM;
  }

  *#lookup(wait: Wait, walk: Walk): Operation {
    const { dentries, directories } = this.#ports;
    const parent = walk.dentry;
    const directory = dentries.inode[parent];
    const { name } = walk;
    dentries.hold(parent);
    yield* directories.acquire(wait, directory, false);
    const found = yield* this.child(wait, parent, name);
    walk.fresh = found;
    directories.release(directory, wait.task);
    // The entry that was found is young: dropping its directory gives up nothing that is needed.
    dentries.put(parent);
    return found;
  }

  *#readTarget(wait: Wait, inode: number): Operation {
    const { inodes, mounts } = this.#ports;
    const into = { name: '' };
    inodes.hold(inode);
    const fileSystem = mounts.at(inodes.mount[inode]);
    const status = yield* fileSystem.readlink(wait, inodes.number[inode], into);
    if (!isErrno(status)) inodes.target[inode] = into.name;
    inodes.drop(inode);
    return isErrno(status) ? status : OK;
  }
}
