import { isErrno, NIL } from '@hotpath/hw-x86';
import type { DirectoryEntry, Operation, Wait } from './file-system.js';
import { S_IFDIR } from './modes.js';
import type { Vfs } from './vfs.js';

/** Cookies of mount points that are no names of the directory on its disk: above any of a disk's. */
const MOUNT_COOKIES = 2 ** 52;

/**
 * The next entry of a directory behind `cookie`: its own cookie, or 0 behind the last; EIO. The
 * caller has locked the directory.
 */
export function* readEntry(
  vfs: Vfs,
  wait: Wait,
  dentry: number,
  cookie: number,
  into: DirectoryEntry,
): Operation {
  const { dentries, inodes, mounts } = vfs;
  const inode = dentries.inode[dentry];
  if (inodes.links[inode] === 0) return 0;
  if (cookie < MOUNT_COOKIES) {
    const fileSystem = mounts.at(inodes.mount[inode]);
    const next = yield* fileSystem.readDirectory(wait, inodes.number[inode], cookie, into);
    if (isErrno(next) || next > 0) return next;
  }
  for (let mount = Math.max(0, cookie - MOUNT_COOKIES); mount < mounts.point.length; mount++) {
    const point = mounts.point[mount];
    if (point === NIL || dentries.parent[point] !== dentry || dentries.inode[point] !== NIL) {
      continue;
    }
    into.name = dentries.name[point];
    into.inode = mounts.at(mount).root;
    into.type = S_IFDIR;
    return MOUNT_COOKIES + mount + 1;
  }
  return 0;
}
