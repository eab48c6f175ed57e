import {
  EBUSY,
  EINVAL,
  EISDIR,
  ENOENT,
  ENOTDIR,
  ENOTEMPTY,
  EROFS,
  EXDEV,
  isErrno,
  NIL,
  OK,
} from '@hotpath/hw-x86';
import { frameNamed } from '../task/call-stack.js';
import type { Operation, Wait } from './file-system.js';
import { isDirectory } from './modes.js';
import type { NameSpace, NameSpacePorts } from './name-space.js';
import { LAST_NAME, type Walk } from './path-walk.js';

const FRAME_RENAME = frameNamed('rename');

/**
 * rename: both directories locked, and before them the whole tree, so that nobody moves a directory
 * below itself while we look whether it is being moved below itself.
 */
export class Rename {
  readonly #ports: NameSpacePorts;
  readonly #names: NameSpace;

  constructor(ports: NameSpacePorts, names: NameSpace) {
    this.#ports = ports;
    this.#names = names;
  }

  /** Moves the name at the end of `from` to the end of `to`; both walks were begun, unfollowed. */
  *rename(wait: Wait, from: Walk, to: Walk): Operation {
    const { dentries, inodes, lookup, stack, trees } = this.#ports;
    let status = yield* lookup.resolve(wait, from);
    if (isErrno(status) && !(status === ENOTDIR && from.target !== NIL)) return status;
    const fromParent = from.parent;
    dentries.hold(fromParent);
    status = yield* lookup.resolve(wait, to);
    if (isErrno(status) && !(status === ENOTDIR && to.target !== NIL)) {
      dentries.put(fromParent);
      return status;
    }
    const toParent = to.parent;
    dentries.hold(toParent);
    const mount = dentries.mount[fromParent];
    if (dentries.mount[toParent] !== mount) status = EXDEV;
    else if (from.last !== LAST_NAME || to.last !== LAST_NAME) status = EBUSY;
    else {
      stack.push(FRAME_RENAME);
      yield* trees.acquire(wait, mount, true);
      status = yield* this.#locked(wait, from, to, fromParent, toParent);
      trees.release(mount, wait.task);
      stack.pop();
    }
    dentries.put(fromParent);
    dentries.put(toParent);
    yield* inodes.retireDying(wait);
    return status;
  }

  *#locked(wait: Wait, from: Walk, to: Walk, fromParent: number, toParent: number): Operation {
    const { dentries, directories, lookup } = this.#ports;
    const first = dentries.inode[fromParent];
    const second = dentries.inode[toParent];
    yield* directories.acquire(wait, first, true);
    if (second !== first) yield* directories.acquire(wait, second, true);
    let status = yield* lookup.child(wait, fromParent, from.name);
    if (!isErrno(status)) {
      const source = status;
      dentries.hold(source);
      status = yield* lookup.child(wait, toParent, to.name);
      if (!isErrno(status)) {
        const target = status;
        dentries.hold(target);
        status = this.#refuse(from, to, source, target);
        if (status === NIL) status = yield* this.#move(wait, from, to, source, target);
        dentries.put(target);
      }
      dentries.put(source);
    }
    directories.release(first, wait.task);
    if (second !== first) directories.release(second, wait.task);
    return status;
  }

  /** NIL to go on; OK where both names are one file's already; or why not. */
  #refuse(from: Walk, to: Walk, source: number, target: number): number {
    const { dentries, inodes, mounts } = this.#ports;
    const moved = dentries.inode[source];
    const replaced = dentries.inode[target];
    if (dentries.covered[source] !== NIL || dentries.covered[target] !== NIL) return EBUSY;
    if (moved === NIL) return ENOENT;
    const movesDirectory = isDirectory(inodes.mode[moved]);
    if (!movesDirectory && (from.trailing || to.trailing)) return ENOTDIR;
    if (moved === replaced) return OK;
    if (dentries.isBelow(dentries.parent[target], source)) return EINVAL;
    if (dentries.isBelow(dentries.parent[source], target)) return ENOTEMPTY;
    if (this.#names.coversMount(source) || this.#names.coversMount(target)) return EBUSY;
    if (replaced !== NIL) {
      const replacesDirectory = isDirectory(inodes.mode[replaced]);
      if (movesDirectory && !replacesDirectory) return ENOTDIR;
      if (!movesDirectory && replacesDirectory) return EISDIR;
    }
    return mounts.at(dentries.mount[source]).readOnly ? EROFS : NIL;
  }

  *#move(wait: Wait, from: Walk, to: Walk, source: number, target: number): Operation {
    const { dentries, directories, inodes, mounts } = this.#ports;
    const fromParent = dentries.parent[source];
    const toParent = dentries.parent[target];
    const fileSystem = mounts.at(dentries.mount[source]);
    const replaced = dentries.inode[target];
    const locks = replaced !== NIL && isDirectory(inodes.mode[replaced]);
    if (locks) yield* directories.acquire(wait, replaced, true);
    const status = yield* fileSystem.rename(
      wait,
      inodes.number[dentries.inode[fromParent]],
      from.name,
      inodes.number[dentries.inode[toParent]],
      to.name,
      this.#ports.now(),
    );
    if (locks) directories.release(replaced, wait.task);
    if (isErrno(status)) return status;
    if (replaced !== NIL) inodes.refresh(replaced);
    dentries.unhash(target);
    dentries.move(source, toParent, to.name);
    inodes.refresh(dentries.inode[source]);
    inodes.refresh(dentries.inode[fromParent]);
    inodes.refresh(dentries.inode[toParent]);
    dentries.add(fromParent, from.name, NIL, dentries.mount[fromParent]);
    return OK;
  }
}
