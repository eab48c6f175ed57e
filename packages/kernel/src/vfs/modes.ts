/** File types and permission bits of a mode, as POSIX and Linux number them. */

/** The bits of the type. */
export const S_IFMT = 0o170000;
/** A socket. */
export const S_IFSOCK = 0o140000;
/** A symbolic link. */
export const S_IFLNK = 0o120000;
/** A regular file. */
export const S_IFREG = 0o100000;
/** A block device. */
export const S_IFBLK = 0o060000;
/** A directory. */
export const S_IFDIR = 0o040000;
/** A character device. */
export const S_IFCHR = 0o020000;
/** A FIFO. */
export const S_IFIFO = 0o010000;
/** The bits that chmod sets: set-user-ID, set-group-ID, sticky, and three times rwx. */
export const MODE_BITS = 0o7777;

/** True for the mode of a directory. */
export function isDirectory(mode: number): boolean {
  return (mode & S_IFMT) === S_IFDIR;
}

/** True for the mode of a regular file. */
export function isRegular(mode: number): boolean {
  return (mode & S_IFMT) === S_IFREG;
}

/** True for the mode of a symbolic link. */
export function isSymbolicLink(mode: number): boolean {
  return (mode & S_IFMT) === S_IFLNK;
}
