/** What a program asks about files, names and file systems. */
import type { VirtAddr } from '@hotpath/hw-x86';
import type { Attributes, DirectoryEntry, VolumeStatus } from '../vfs/file-system.js';
import type { Call } from './call.js';
import { answerOf } from './call-answer.js';
import { O_RDONLY, SEEK_SET } from './flags.js';
import {
  SYS_ACCESS,
  SYS_CHDIR,
  SYS_CHMOD,
  SYS_CLOSE,
  SYS_DUP,
  SYS_DUP2,
  SYS_FALLOCATE,
  SYS_FCHDIR,
  SYS_FCHMOD,
  SYS_FCNTL,
  SYS_FDATASYNC,
  SYS_FLOCK,
  SYS_FSTAT,
  SYS_FSYNC,
  SYS_FTRUNCATE,
  SYS_GETCWD,
  SYS_GETDENTS,
  SYS_IOCTL,
  SYS_LINK,
  SYS_LSEEK,
  SYS_LSTAT,
  SYS_MKDIR,
  SYS_MKNOD,
  SYS_MOUNT,
  SYS_OPEN,
  SYS_PIPE2,
  SYS_POLL,
  SYS_PREAD,
  SYS_PWRITE,
  SYS_READ,
  SYS_READDIR,
  SYS_READLINK,
  SYS_READV,
  SYS_REBOOT,
  SYS_RENAME,
  SYS_RMDIR,
  SYS_STAT,
  SYS_STATFS,
  SYS_SYMLINK,
  SYS_SYNC,
  SYS_SYNCFS,
  SYS_TRUNCATE,
  SYS_UMASK,
  SYS_UMOUNT,
  SYS_UNLINK,
  SYS_UTIMENS,
  SYS_WRITE,
  SYS_WRITEV,
} from './numbers.js';
import { REBOOT_MAGIC1, REBOOT_MAGIC2, REBOOT_POWER_OFF } from './power-calls.js';
import { Requests } from './requests.js';

const decoder = new TextDecoder();

/** Calls on files. */
export class FileRequests extends Requests {
  /**
   * Opens what a path leads to: a descriptor, or ENOENT, EEXIST, EISDIR, ENOTDIR, ELOOP, EINVAL,
   * ENOSPC, EROFS, ENXIO, EMFILE, ENFILE, ENAMETOOLONG.
   * @param mode - permission bits of a new file, less those of umask
   */
  open(path: string, flags: number = O_RDONLY, mode = 0o666): Call {
    return this.armPath(SYS_OPEN, path, flags, mode);
  }

  /** Closes a descriptor: OK or EBADF. */
  close(fd: number): Call {
    return this.arm(SYS_CLOSE, fd);
  }

  /** Reads at the descriptor's offset: bytes (0 at the end), or EBADF, EFAULT, EINVAL, EIO, EISDIR, EAGAIN. */
  read(fd: number, buffer: VirtAddr, byteCount: number): Call {
    return this.arm(SYS_READ, fd, buffer, byteCount);
  }

  /** Writes at the descriptor's offset: bytes, or EBADF, EFAULT, EINVAL, EIO, ENOSPC, EFBIG, EPIPE, EAGAIN. */
  write(fd: number, buffer: VirtAddr, byteCount: number): Call {
    return this.arm(SYS_WRITE, fd, buffer, byteCount);
  }

  /**
   * Reads into several buffers as one transfer: bytes, or as read; EINVAL for more than 1,024.
   * @param vectors - address and length of each, 64 bits both
   */
  readv(fd: number, vectors: VirtAddr, count: number): Call {
    return this.arm(SYS_READV, fd, vectors, count);
  }

  /** Writes several buffers as one transfer, likewise. */
  writev(fd: number, vectors: VirtAddr, count: number): Call {
    return this.arm(SYS_WRITEV, fd, vectors, count);
  }

  /**
   * Waits until one of several descriptors has something to tell: how many have, 0 after the timeout;
   * EINVAL, EFAULT, EINTR.
   * @param entries - descriptor (32 bits), what is asked (16: POLLIN, POLLOUT), what is told (16)
   * @param timeoutMs - -1: for ever
   */
  poll(entries: VirtAddr, count: number, timeoutMs = -1): Call {
    return this.arm(SYS_POLL, entries, count, timeoutMs);
  }

  /** Reads at `offset`, and leaves the descriptor's own as it is: as read, and ESPIPE. */
  pread(fd: number, buffer: VirtAddr, byteCount: number, offset: number): Call {
    return this.arm(SYS_PREAD, fd, buffer, byteCount, offset);
  }

  /** Writes at `offset`, likewise. */
  pwrite(fd: number, buffer: VirtAddr, byteCount: number, offset: number): Call {
    return this.arm(SYS_PWRITE, fd, buffer, byteCount, offset);
  }

  /** Moves the offset: the new one, or EBADF, EINVAL, ESPIPE; ENXIO behind the last data or hole. */
  lseek(fd: number, offset: number, whence: number = SEEK_SET): Call {
    return this.arm(SYS_LSEEK, fd, offset, whence);
  }

  /** Everything written to the file before this is on the medium: OK, or EBADF, EINVAL, EIO, ENOSPC. */
  fsync(fd: number): Call {
    return this.arm(SYS_FSYNC, fd);
  }

  /** The same without the times. */
  fdatasync(fd: number): Call {
    return this.arm(SYS_FDATASYNC, fd);
  }

  /** Everything of every file system is on its medium: OK. */
  sync(): Call {
    return this.arm(SYS_SYNC);
  }

  /** Everything of the file system of an open file is on its medium: OK, EBADF, EIO. */
  syncfs(fd: number): Call {
    return this.arm(SYS_SYNCFS, fd);
  }

  /** Sets the size of a file: OK, or ENOENT, EISDIR, EINVAL, EFBIG, EROFS. */
  truncate(path: string, size: number): Call {
    return this.armPath(SYS_TRUNCATE, path, size);
  }

  /** The same for an open file: OK, EBADF, EINVAL, EFBIG. */
  ftruncate(fd: number, size: number): Call {
    return this.arm(SYS_FTRUNCATE, fd, size);
  }

  /**
   * Makes sure of room for bytes, or with FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE gives it back:
   * OK, or EBADF, EINVAL, ENODEV, ENOSPC, EFBIG, EOPNOTSUPP.
   */
  fallocate(fd: number, mode: number, offset: number, length: number): Call {
    return this.arm(SYS_FALLOCATE, fd, mode, offset, length);
  }

  /** A second descriptor for the same open file: the lowest free one, or EBADF, EMFILE. */
  dup(fd: number): Call {
    return this.arm(SYS_DUP, fd);
  }

  /** The same with a given number, which is closed first: the number, or EBADF. */
  dup2(fd: number, to: number): Call {
    return this.arm(SYS_DUP2, fd, to);
  }

  /** F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD, F_SETFD, F_GETFL, F_SETFL: a value, or EBADF, EINVAL, EMFILE. */
  fcntl(fd: number, command: number, argument = 0): Call {
    return this.arm(SYS_FCNTL, fd, command, argument);
  }

  /** LOCK_SH, LOCK_EX (maybe with LOCK_NB) or LOCK_UN of the whole file: OK, EBADF, EINVAL, EAGAIN. */
  flock(fd: number, operation: number): Call {
    return this.arm(SYS_FLOCK, fd, operation);
  }

  /** Requests of the console (TCGETS, TIOCGWINSZ, FIONREAD): OK, or EBADF, ENOTTY, EFAULT. */
  ioctl(fd: number, request: number, argument: VirtAddr): Call {
    return this.arm(SYS_IOCTL, fd, request, argument);
  }

  /**
   * A pipe: two descriptors of 32 bits, to read and to write, at `pair`. OK, or EFAULT, EMFILE, ENFILE,
   * EINVAL.
   * @param flags - O_NONBLOCK, O_CLOEXEC
   */
  pipe(pair: VirtAddr, flags = 0): Call {
    return this.arm(SYS_PIPE2, pair, flags);
  }

  /**
   * What a path leads to, into {@link FileRequests.status} and, as struct stat, to `buffer`: OK, or
   * ENOENT, ENOTDIR, ELOOP, ENAMETOOLONG, EFAULT.
   * @param buffer - 0: nowhere
   */
  stat(path: string, buffer: VirtAddr = 0): Call {
    return this.armPath(SYS_STAT, path, buffer);
  }

  /** The same, of a symbolic link itself. */
  lstat(path: string, buffer: VirtAddr = 0): Call {
    return this.armPath(SYS_LSTAT, path, buffer);
  }

  /** The same, of an open file. */
  fstat(fd: number, buffer: VirtAddr = 0): Call {
    return this.arm(SYS_FSTAT, fd, buffer);
  }

  /** Sizes of the file system of a path, into {@link FileRequests.volume} and, if not 0, to `buffer`. */
  statfs(path: string, buffer: VirtAddr = 0): Call {
    return this.armPath(SYS_STATFS, path, buffer);
  }

  /** May it be done (F_OK, R_OK, W_OK, X_OK): OK, or ENOENT, EACCES, EROFS, EINVAL. */
  access(path: string, mode: number): Call {
    return this.armPath(SYS_ACCESS, path, mode);
  }

  /** Sets the permission bits: OK, or ENOENT, EROFS, EPERM where a file system has none. */
  chmod(path: string, mode: number): Call {
    return this.armPath(SYS_CHMOD, path, mode);
  }

  /** The same for an open file. */
  fchmod(fd: number, mode: number): Call {
    return this.arm(SYS_FCHMOD, fd, mode);
  }

  /** Sets the times in nanoseconds; UTIME_NOW, UTIME_OMIT: OK, or ENOENT, EINVAL, EROFS. */
  utimens(path: string, accessed: number, modified: number): Call {
    return this.armPath(SYS_UTIMENS, path, accessed, modified);
  }

  /** Permission bits that new files do not get: the old ones. */
  umask(mask: number): Call {
    return this.arm(SYS_UMASK, mask);
  }

  /** A new directory: OK, or EEXIST, ENOENT, ENOTDIR, ENOSPC, EROFS, EPERM where there are none. */
  mkdir(path: string, mode = 0o777): Call {
    return this.armPath(SYS_MKDIR, path, mode);
  }

  /** Removes an empty directory: OK, or ENOENT, ENOTDIR, ENOTEMPTY, EBUSY, EINVAL, EROFS. */
  rmdir(path: string): Call {
    return this.armPath(SYS_RMDIR, path);
  }

  /** A new file of the type in `mode` (regular, FIFO, device, socket): OK, or as mkdir. */
  mknod(path: string, mode: number, device = 0): Call {
    return this.armPath(SYS_MKNOD, path, mode, device);
  }

  /** A second name: OK, or ENOENT, EEXIST, EPERM (a directory), EXDEV, EMLINK, ENOSPC, EROFS. */
  link(from: string, to: string): Call {
    return this.armPaths(SYS_LINK, from, to);
  }

  /** Takes a name away: OK, or ENOENT, EISDIR, ENOTDIR, EBUSY, EROFS. */
  unlink(path: string): Call {
    return this.armPath(SYS_UNLINK, path);
  }

  /** A symbolic link at `path` to `target`: OK, or EEXIST, ENOENT, ENOSPC, EROFS. */
  symlink(target: string, path: string): Call {
    return this.armPaths(SYS_SYMLINK, target, path);
  }

  /**
   * Target of a symbolic link, into {@link FileRequests.text} and, if not 0, to `buffer`: its bytes, or
   * ENOENT, EINVAL.
   */
  readlink(path: string, buffer: VirtAddr = 0, byteCount = 0): Call {
    return this.armPath(SYS_READLINK, path, buffer, byteCount);
  }

  /**
   * Moves a name, over what has the new one: OK, or ENOENT, EXDEV, EINVAL (below itself), ENOTEMPTY,
   * EISDIR, ENOTDIR, EBUSY, EROFS.
   */
  rename(from: string, to: string): Call {
    return this.armPaths(SYS_RENAME, from, to);
  }

  /** Directory entries as struct linux_dirent64: bytes, 0 at the end, or EBADF, ENOTDIR, EINVAL. */
  getdents(fd: number, buffer: VirtAddr, byteCount: number): Call {
    return this.arm(SYS_GETDENTS, fd, buffer, byteCount);
  }

  /** The next entry into {@link FileRequests.entry}: 1, 0 at the end, or EBADF, ENOTDIR, EIO. */
  readdir(fd: number): Call {
    return this.arm(SYS_READDIR, fd);
  }

  /** Changes the working directory: OK, or ENOENT, ENOTDIR. */
  chdir(path: string): Call {
    return this.armPath(SYS_CHDIR, path);
  }

  /** The same to an open directory: OK, EBADF, ENOTDIR. */
  fchdir(fd: number): Call {
    return this.arm(SYS_FCHDIR, fd);
  }

  /** The working directory into {@link FileRequests.text} and, if not 0, to `buffer`: bytes, or ERANGE, ENOENT. */
  getcwd(buffer: VirtAddr = 0, byteCount = 0): Call {
    return this.arm(SYS_GETCWD, buffer, byteCount);
  }

  /** Mounts a new `tmpfs`, `devtmpfs` or `proc` over a directory: OK, or ENODEV, ENOTDIR, EBUSY. */
  mount(target: string, type: string): Call {
    const at = this.place(0, target);
    return this.arm(SYS_MOUNT, 0, at, this.place(this.placedTo, type));
  }

  /** Takes a mounted file system out: OK, or EINVAL, EBUSY. */
  umount(target: string): Call {
    return this.armPath(SYS_UMOUNT, target);
  }

  /**
   * Writes everything to the disks, leaves the root clean and switches the machine off: comes back
   * with EIO, ENOSPC only where that failed, and then the machine is on.
   */
  powerOff(): Call {
    return this.arm(SYS_REBOOT, REBOOT_MAGIC1, REBOOT_MAGIC2, REBOOT_POWER_OFF);
  }

  /** What the last stat, lstat or fstat found. */
  get status(): Attributes {
    return answerOf(this.call).attributes;
  }

  /** What the last statfs found. */
  get volume(): VolumeStatus {
    return answerOf(this.call).volume;
  }

  /** What the last readdir found: `name` as text, inode, and type as the S_IFMT bits of a mode. */
  get entry(): DirectoryEntry {
    const { name, inode, type } = answerOf(this.call).entry;
    return { name: textOf(name), inode, type };
  }

  /** What the last readlink or getcwd found. */
  get text(): string {
    return textOf(answerOf(this.call).text);
  }
}

/** A byte string as text. */
function textOf(bytes: string): string {
  return decoder.decode(Uint8Array.from(bytes, (each) => each.charCodeAt(0)));
}
