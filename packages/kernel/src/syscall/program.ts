/**
 * What a program sees of the kernel. A program is a generator; every call is `yield* sys.name(...)`.
 *
 * ```ts
 * function* hello(sys: SystemCalls): Program {
 *   const fd = yield* sys.open('greeting', O_CREAT | O_RDWR);
 *   const buffer = yield* sys.brk(0);
 *   ...
 * }
 * ```
 */
import { ArgumentError, type VirtAddr } from '@hotpath/hw-x86';
import { PATH_BYTES } from '../params.js';
import type { Attributes, DirectoryEntry, VolumeStatus } from '../vfs/file-system.js';
import {
  CALL_IDLE,
  type Call,
  OPERATION_BLOCK,
  OPERATION_COMPUTE,
  OPERATION_LOAD,
  OPERATION_LOAD_BYTES,
  OPERATION_LOAD8,
  OPERATION_LOAD64,
  OPERATION_STORE,
  OPERATION_STORE_BYTES,
  OPERATION_STORE8,
  OPERATION_STORE64,
  OPERATION_SYSCALL,
} from './call.js';
import { answerOf } from './call-answer.js';
import { CLOCK_MONOTONIC, FUTEX_WAIT, FUTEX_WAKE, O_RDONLY, SEEK_SET } from './flags.js';
import {
  SYS_ACCESS,
  SYS_ALARM,
  SYS_BRK,
  SYS_CHDIR,
  SYS_CHMOD,
  SYS_CLOCK_GETTIME,
  SYS_CLONE,
  SYS_CLOSE,
  SYS_DUP,
  SYS_DUP2,
  SYS_EXECVE,
  SYS_EXIT,
  SYS_EXIT_GROUP,
  SYS_FALLOCATE,
  SYS_FCHDIR,
  SYS_FCHMOD,
  SYS_FCNTL,
  SYS_FDATASYNC,
  SYS_FLOCK,
  SYS_FORK,
  SYS_FSTAT,
  SYS_FSYNC,
  SYS_FTRUNCATE,
  SYS_FUTEX,
  SYS_GETCWD,
  SYS_GETDENTS,
  SYS_GETPGID,
  SYS_GETPID,
  SYS_GETPPID,
  SYS_GETPRIORITY,
  SYS_GETRUSAGE,
  SYS_GETSID,
  SYS_GETTID,
  SYS_IOCTL,
  SYS_KILL,
  SYS_LINK,
  SYS_LSEEK,
  SYS_LSTAT,
  SYS_MADVISE,
  SYS_MINCORE,
  SYS_MKDIR,
  SYS_MKNOD,
  SYS_MMAP,
  SYS_MOUNT,
  SYS_MPROTECT,
  SYS_MSYNC,
  SYS_MUNMAP,
  SYS_NANOSLEEP,
  SYS_NICE,
  SYS_OPEN,
  SYS_PAUSE,
  SYS_PIPE2,
  SYS_PREAD,
  SYS_PWRITE,
  SYS_READ,
  SYS_READDIR,
  SYS_READLINK,
  SYS_REBOOT,
  SYS_RENAME,
  SYS_RMDIR,
  SYS_RT_SIGACTION,
  SYS_RT_SIGPENDING,
  SYS_RT_SIGPROCMASK,
  SYS_SCHED_GETAFFINITY,
  SYS_SCHED_SETAFFINITY,
  SYS_SETITIMER,
  SYS_SETPGID,
  SYS_SETPRIORITY,
  SYS_SETSID,
  SYS_STAT,
  SYS_STATFS,
  SYS_SYMLINK,
  SYS_SYNC,
  SYS_SYNCFS,
  SYS_SYSINFO,
  SYS_TGKILL,
  SYS_TRUNCATE,
  SYS_UMASK,
  SYS_UMOUNT,
  SYS_UNAME,
  SYS_UNLINK,
  SYS_UTIMENS,
  SYS_WAIT4,
  SYS_WRITE,
  SYS_YIELD,
} from './numbers.js';
import { REBOOT_MAGIC1, REBOOT_MAGIC2, REBOOT_POWER_OFF } from './power-calls.js';

/** A task's code. It may end by itself (status 0), return a status, or call exit. */
// biome-ignore lint/suspicious/noConfusingVoidType: a generator that just ends returns void
export type Program = Generator<void, number | void, void>;

/** Makes a task's code, given its calls, its arguments and its environment. */
export type ProgramFactory = (
  sys: SystemCalls,
  argv: readonly string[],
  env: Readonly<Record<string, string>>,
) => Program;

/** A signal's handler: runs on top of the program that it interrupts, with the same calls. */
export type SignalHandler = (signal: number) => Program;

/** What exec puts in the place of a program. */
export interface Launch {
  readonly name: string;
  readonly program: ProgramFactory;
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** What a program's own memory accesses go through; the kernel implements it. */
export interface UserMemory {
  /** 0 <= value < 2**32, or NIL with the fault kept for the task's next suspension. */
  tryLoad32(address: VirtAddr): number;
  /** OK or NIL, likewise. */
  tryStore32(address: VirtAddr, value: number): number;
  /** Puts bytes into the task's memory as its own code would; false if a page cannot be had. */
  place(task: number, address: VirtAddr, bytes: Uint8Array): boolean;
  /** What the panic about a forgotten `yield*` says. */
  forgotten(call: Call): never;
}

/** Where {@link SystemCalls.open} puts a path before it traps: the top of the user stack. */
export interface PathBuffer {
  readonly address: VirtAddr;
  readonly byteLimit: number;
}

const encoder = new TextEncoder();
/** In the place of a program that the kernel is still to look up. */
const NOTHING: ProgramFactory = function* () {};
const decoder = new TextDecoder();

/** The calls of one task. Each is one record reused: finish a call before the next. */
export class SystemCalls {
  /** The task's number, as getpid answers it. */
  readonly task: number;
  readonly #call: Call;
  readonly #memory: UserMemory;
  readonly #path: PathBuffer;
  /** Offset behind the last path that was placed. */
  #next = 0;

  constructor(call: Call, memory: UserMemory, path: PathBuffer) {
    this.task = call.task;
    this.#call = call;
    this.#memory = memory;
    this.#path = path;
  }

  /**
   * Opens what a path leads to: a descriptor, or ENOENT, EEXIST, EISDIR, ENOTDIR, ELOOP, EINVAL,
   * ENOSPC, EROFS, ENXIO, EMFILE, ENFILE, ENAMETOOLONG.
   * @param mode - permission bits of a new file, less those of umask
   */
  open(path: string, flags: number = O_RDONLY, mode = 0o666): Call {
    return this.#armPath(SYS_OPEN, path, flags, mode);
  }

  /** Closes a descriptor: OK or EBADF. */
  close(fd: number): Call {
    return this.#arm(SYS_CLOSE, fd);
  }

  /** Reads at the descriptor's offset: bytes (0 at the end), or EBADF, EFAULT, EINVAL, EIO, EISDIR, EAGAIN. */
  read(fd: number, buffer: VirtAddr, byteCount: number): Call {
    return this.#arm(SYS_READ, fd, buffer, byteCount);
  }

  /** Writes at the descriptor's offset: bytes, or EBADF, EFAULT, EINVAL, EIO, ENOSPC, EFBIG, EPIPE, EAGAIN. */
  write(fd: number, buffer: VirtAddr, byteCount: number): Call {
    return this.#arm(SYS_WRITE, fd, buffer, byteCount);
  }

  /** Reads at `offset`, and leaves the descriptor's own as it is: as read, and ESPIPE. */
  pread(fd: number, buffer: VirtAddr, byteCount: number, offset: number): Call {
    return this.#arm(SYS_PREAD, fd, buffer, byteCount, offset);
  }

  /** Writes at `offset`, likewise. */
  pwrite(fd: number, buffer: VirtAddr, byteCount: number, offset: number): Call {
    return this.#arm(SYS_PWRITE, fd, buffer, byteCount, offset);
  }

  /** Moves the offset: the new one, or EBADF, EINVAL, ESPIPE; ENXIO behind the last data or hole. */
  lseek(fd: number, offset: number, whence: number = SEEK_SET): Call {
    return this.#arm(SYS_LSEEK, fd, offset, whence);
  }

  /** Everything written to the file before this is on the medium: OK, or EBADF, EINVAL, EIO, ENOSPC. */
  fsync(fd: number): Call {
    return this.#arm(SYS_FSYNC, fd);
  }

  /** The same without the times. */
  fdatasync(fd: number): Call {
    return this.#arm(SYS_FDATASYNC, fd);
  }

  /** Everything of every file system is on its medium: OK. */
  sync(): Call {
    return this.#arm(SYS_SYNC);
  }

  /** Everything of the file system of an open file is on its medium: OK, EBADF, EIO. */
  syncfs(fd: number): Call {
    return this.#arm(SYS_SYNCFS, fd);
  }

  /** Sets the size of a file: OK, or ENOENT, EISDIR, EINVAL, EFBIG, EROFS. */
  truncate(path: string, size: number): Call {
    return this.#armPath(SYS_TRUNCATE, path, size);
  }

  /** The same for an open file: OK, EBADF, EINVAL, EFBIG. */
  ftruncate(fd: number, size: number): Call {
    return this.#arm(SYS_FTRUNCATE, fd, size);
  }

  /**
   * Makes sure of room for bytes, or with FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE gives it back:
   * OK, or EBADF, EINVAL, ENODEV, ENOSPC, EFBIG, EOPNOTSUPP.
   */
  fallocate(fd: number, mode: number, offset: number, length: number): Call {
    return this.#arm(SYS_FALLOCATE, fd, mode, offset, length);
  }

  /** A second descriptor for the same open file: the lowest free one, or EBADF, EMFILE. */
  dup(fd: number): Call {
    return this.#arm(SYS_DUP, fd);
  }

  /** The same with a given number, which is closed first: the number, or EBADF. */
  dup2(fd: number, to: number): Call {
    return this.#arm(SYS_DUP2, fd, to);
  }

  /** F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD, F_SETFD, F_GETFL, F_SETFL: a value, or EBADF, EINVAL, EMFILE. */
  fcntl(fd: number, command: number, argument = 0): Call {
    return this.#arm(SYS_FCNTL, fd, command, argument);
  }

  /** LOCK_SH, LOCK_EX (maybe with LOCK_NB) or LOCK_UN of the whole file: OK, EBADF, EINVAL, EAGAIN. */
  flock(fd: number, operation: number): Call {
    return this.#arm(SYS_FLOCK, fd, operation);
  }

  /** Requests of the console (TCGETS, TIOCGWINSZ, FIONREAD): OK, or EBADF, ENOTTY, EFAULT. */
  ioctl(fd: number, request: number, argument: VirtAddr): Call {
    return this.#arm(SYS_IOCTL, fd, request, argument);
  }

  /**
   * A pipe: two descriptors of 32 bits, to read and to write, at `pair`. OK, or EFAULT, EMFILE, ENFILE,
   * EINVAL.
   * @param flags - O_NONBLOCK, O_CLOEXEC
   */
  pipe(pair: VirtAddr, flags = 0): Call {
    return this.#arm(SYS_PIPE2, pair, flags);
  }

  /**
   * What a path leads to, into {@link SystemCalls.status} and, as struct stat, to `buffer`: OK, or
   * ENOENT, ENOTDIR, ELOOP, ENAMETOOLONG, EFAULT.
   * @param buffer - 0: nowhere
   */
  stat(path: string, buffer: VirtAddr = 0): Call {
    return this.#armPath(SYS_STAT, path, buffer);
  }

  /** The same, of a symbolic link itself. */
  lstat(path: string, buffer: VirtAddr = 0): Call {
    return this.#armPath(SYS_LSTAT, path, buffer);
  }

  /** The same, of an open file. */
  fstat(fd: number, buffer: VirtAddr = 0): Call {
    return this.#arm(SYS_FSTAT, fd, buffer);
  }

  /** Sizes of the file system of a path, into {@link SystemCalls.volume} and, if not 0, to `buffer`. */
  statfs(path: string, buffer: VirtAddr = 0): Call {
    return this.#armPath(SYS_STATFS, path, buffer);
  }

  /** May it be done (F_OK, R_OK, W_OK, X_OK): OK, or ENOENT, EACCES, EROFS, EINVAL. */
  access(path: string, mode: number): Call {
    return this.#armPath(SYS_ACCESS, path, mode);
  }

  /** Sets the permission bits: OK, or ENOENT, EROFS, EPERM where a file system has none. */
  chmod(path: string, mode: number): Call {
    return this.#armPath(SYS_CHMOD, path, mode);
  }

  /** The same for an open file. */
  fchmod(fd: number, mode: number): Call {
    return this.#arm(SYS_FCHMOD, fd, mode);
  }

  /** Sets the times in nanoseconds; UTIME_NOW, UTIME_OMIT: OK, or ENOENT, EINVAL, EROFS. */
  utimens(path: string, accessed: number, modified: number): Call {
    return this.#armPath(SYS_UTIMENS, path, accessed, modified);
  }

  /** Permission bits that new files do not get: the old ones. */
  umask(mask: number): Call {
    return this.#arm(SYS_UMASK, mask);
  }

  /** A new directory: OK, or EEXIST, ENOENT, ENOTDIR, ENOSPC, EROFS, EPERM where there are none. */
  mkdir(path: string, mode = 0o777): Call {
    return this.#armPath(SYS_MKDIR, path, mode);
  }

  /** Removes an empty directory: OK, or ENOENT, ENOTDIR, ENOTEMPTY, EBUSY, EINVAL, EROFS. */
  rmdir(path: string): Call {
    return this.#armPath(SYS_RMDIR, path);
  }

  /** A new file of the type in `mode` (regular, FIFO, device, socket): OK, or as mkdir. */
  mknod(path: string, mode: number, device = 0): Call {
    return this.#armPath(SYS_MKNOD, path, mode, device);
  }

  /** A second name: OK, or ENOENT, EEXIST, EPERM (a directory), EXDEV, EMLINK, ENOSPC, EROFS. */
  link(from: string, to: string): Call {
    return this.#armPaths(SYS_LINK, from, to);
  }

  /** Takes a name away: OK, or ENOENT, EISDIR, ENOTDIR, EBUSY, EROFS. */
  unlink(path: string): Call {
    return this.#armPath(SYS_UNLINK, path);
  }

  /** A symbolic link at `path` to `target`: OK, or EEXIST, ENOENT, ENOSPC, EROFS. */
  symlink(target: string, path: string): Call {
    return this.#armPaths(SYS_SYMLINK, target, path);
  }

  /**
   * Target of a symbolic link, into {@link SystemCalls.text} and, if not 0, to `buffer`: its bytes, or
   * ENOENT, EINVAL.
   */
  readlink(path: string, buffer: VirtAddr = 0, byteCount = 0): Call {
    return this.#armPath(SYS_READLINK, path, buffer, byteCount);
  }

  /**
   * Moves a name, over what has the new one: OK, or ENOENT, EXDEV, EINVAL (below itself), ENOTEMPTY,
   * EISDIR, ENOTDIR, EBUSY, EROFS.
   */
  rename(from: string, to: string): Call {
    return this.#armPaths(SYS_RENAME, from, to);
  }

  /** Directory entries as struct linux_dirent64: bytes, 0 at the end, or EBADF, ENOTDIR, EINVAL. */
  getdents(fd: number, buffer: VirtAddr, byteCount: number): Call {
    return this.#arm(SYS_GETDENTS, fd, buffer, byteCount);
  }

  /** The next entry into {@link SystemCalls.entry}: 1, 0 at the end, or EBADF, ENOTDIR, EIO. */
  readdir(fd: number): Call {
    return this.#arm(SYS_READDIR, fd);
  }

  /** Changes the working directory: OK, or ENOENT, ENOTDIR. */
  chdir(path: string): Call {
    return this.#armPath(SYS_CHDIR, path);
  }

  /** The same to an open directory: OK, EBADF, ENOTDIR. */
  fchdir(fd: number): Call {
    return this.#arm(SYS_FCHDIR, fd);
  }

  /** The working directory into {@link SystemCalls.text} and, if not 0, to `buffer`: bytes, or ERANGE, ENOENT. */
  getcwd(buffer: VirtAddr = 0, byteCount = 0): Call {
    return this.#arm(SYS_GETCWD, buffer, byteCount);
  }

  /** Mounts a new `tmpfs`, `devtmpfs` or `proc` over a directory: OK, or ENODEV, ENOTDIR, EBUSY. */
  mount(target: string, type: string): Call {
    const at = this.#place(0, target);
    return this.#arm(SYS_MOUNT, 0, at, this.#place(this.#next, type));
  }

  /** Takes a mounted file system out: OK, or EINVAL, EBUSY. */
  umount(target: string): Call {
    return this.#armPath(SYS_UMOUNT, target);
  }

  /**
   * Writes everything to the disks, leaves the root clean and switches the machine off: comes back
   * with EIO, ENOSPC only where that failed, and then the machine is on.
   */
  powerOff(): Call {
    return this.#arm(SYS_REBOOT, REBOOT_MAGIC1, REBOOT_MAGIC2, REBOOT_POWER_OFF);
  }

  /** What the last stat, lstat or fstat found. */
  get status(): Attributes {
    return answerOf(this.#call).attributes;
  }

  /** What the last statfs found. */
  get volume(): VolumeStatus {
    return answerOf(this.#call).volume;
  }

  /** What the last readdir found: `name` as text, inode, and type as the S_IFMT bits of a mode. */
  get entry(): DirectoryEntry {
    const { name, inode, type } = answerOf(this.#call).entry;
    return { name: textOf(name), inode, type };
  }

  /** What the last readlink or getcwd found. */
  get text(): string {
    return textOf(answerOf(this.#call).text);
  }

  /** Gives the CPU to the next task of equal right: OK. */
  yield(): Call {
    return this.#arm(SYS_YIELD);
  }

  /** Adds to the nice value, clamped to -20..19; the new value + 20, so that errors stay negative. */
  nice(increment: number): Call {
    return this.#arm(SYS_NICE, increment);
  }

  /** Moves the end of the heap: the new end, or the old one if `address` is 0 or cannot be. */
  brk(address: VirtAddr): Call {
    return this.#arm(SYS_BRK, address);
  }

  /**
   * Maps a file, or memory without one: the address; or EINVAL, EBADF, EACCES, ENOMEM, EEXIST, EPERM.
   * @param address - where, for MAP_FIXED; otherwise a hint, 0: anywhere
   * @param protection - PROT_READ, PROT_WRITE, PROT_EXEC, or PROT_NONE
   * @param flags - MAP_SHARED or MAP_PRIVATE, and MAP_ANONYMOUS, MAP_FIXED, MAP_POPULATE
   * @param fd - of a file opened for reading, and for writing too if stores are to reach it
   * @param offset - a multiple of 4,096; accesses beyond the file's end are SIGBUS
   */
  mmap(
    address: VirtAddr,
    length: number,
    protection: number,
    flags: number,
    fd = -1,
    offset = 0,
  ): Call {
    return this.#arm(SYS_MMAP, address, length, protection, flags, fd, offset);
  }

  /** Takes a range of mappings out, or a part of one: OK, EINVAL, ENOMEM. */
  munmap(address: VirtAddr, length: number): Call {
    return this.#arm(SYS_MUNMAP, address, length);
  }

  /** Changes the rights of a range: OK, EINVAL, EACCES, ENOMEM if a part is not mapped. */
  mprotect(address: VirtAddr, length: number, protection: number): Call {
    return this.#arm(SYS_MPROTECT, address, length, protection);
  }

  /** With MS_SYNC what was stored to shared mappings is on the medium: OK, EINVAL, ENOMEM, EIO. */
  msync(address: VirtAddr, length: number, flags: number): Call {
    return this.#arm(SYS_MSYNC, address, length, flags);
  }

  /** Says how a range will be used (MADV_*): OK, EINVAL, ENOMEM. */
  madvise(address: VirtAddr, length: number, advice: number): Call {
    return this.#arm(SYS_MADVISE, address, length, advice);
  }

  /** Stores a byte for each page at `vector`, 1 where it is in memory: OK, EINVAL, EFAULT, ENOMEM. */
  mincore(address: VirtAddr, length: number, vector: VirtAddr): Call {
    return this.#arm(SYS_MINCORE, address, length, vector);
  }

  /** The process's number: that of its first thread. */
  getpid(): Call {
    return this.#arm(SYS_GETPID);
  }

  /** The thread's number. */
  gettid(): Call {
    return this.#arm(SYS_GETTID);
  }

  /** The parent's number, or 0. */
  getppid(): Call {
    return this.#arm(SYS_GETPPID);
  }

  /**
   * A child with a copy of this process's memory (copied page by page when written) and the same open
   * files; it runs `program`, since a generator cannot be copied. The child's number, or EAGAIN.
   */
  fork(program: ProgramFactory): Call {
    const call = this.#arm(SYS_FORK);
    call.program = program;
    return call;
  }

  /**
   * One more thread of this process: same memory, descriptors, signal actions. Its number, or EAGAIN.
   * @param clearAddress - a word that holds the number while the thread lives, and is then cleared
   *   with a futex wake, for who joins; 0: none
   */
  thread(program: ProgramFactory, clearAddress: VirtAddr = 0): Call {
    const call = this.#arm(SYS_CLONE, clearAddress);
    call.program = program;
    return call;
  }

  /**
   * Puts a registered program (see `Kernel.registerProgram`), found by the last part of `path`, and an
   * empty memory in the place of this one; descriptors stay. Comes back only with ENOENT, E2BIG,
   * ENOMEM, or EAGAIN and EINVAL unless this is the first and only thread.
   */
  exec(path: string, argv: readonly string[] = [path], env: Launch['env'] = {}): Call {
    const call = this.#arm(SYS_EXECVE);
    call.launch = { name: path, program: NOTHING, argv, env };
    return call;
  }

  /**
   * Waits for the end of a child: its number; 0 with WNOHANG if none has ended; ECHILD, EFAULT, EINTR.
   * @param pid - which one; -1: any; 0: any of this process group; -g: any of process group g
   * @param status - where the wait status is stored (exit code * 256, or the signal's number); 0: nowhere
   * @param options - WNOHANG, WUNTRACED, WCONTINUED
   */
  wait(pid: number = -1, status: VirtAddr = 0, options = 0): Call {
    return this.#arm(SYS_WAIT4, pid, status, options);
  }

  /**
   * Sleeps for so many nanoseconds of virtual time, or a little more: OK, EINVAL or EINTR.
   * @param remaining - where the rest is stored (64 bits, ns) when a signal's handler cut it short
   */
  sleep(nanoseconds: number, remaining: VirtAddr = 0): Call {
    return this.#arm(SYS_NANOSLEEP, nanoseconds, remaining);
  }

  /** Nanoseconds of a clock (CLOCK_*), default CLOCK_MONOTONIC; EINVAL. */
  clock(id: number = CLOCK_MONOTONIC): Call {
    return this.#arm(SYS_CLOCK_GETTIME, id);
  }

  /** Ends the process with all its threads; never comes back. */
  exit(status: number): Call {
    return this.#arm(SYS_EXIT_GROUP, status);
  }

  /** Ends this thread alone. */
  exitThread(status = 0): Call {
    return this.#arm(SYS_EXIT, status);
  }

  /** Sends a signal to a process, a group (-g), the own group (0), all (-1): OK, ESRCH, EINVAL. */
  kill(pid: number, signal: number): Call {
    return this.#arm(SYS_KILL, pid, signal);
  }

  /** Sends a signal to one thread of a process: OK, ESRCH, EINVAL. */
  tgkill(pid: number, tid: number, signal: number): Call {
    return this.#arm(SYS_TGKILL, pid, tid, signal);
  }

  /**
   * What this process does about a signal: OK or EINVAL. A handler is a generator function; it runs
   * when the program next comes back from a call or a fault, and the program then goes on.
   * @param flags - SA_RESTART, SA_NODEFER, SA_RESETHAND, SA_NOCLDSTOP, SA_NOCLDWAIT
   * @param mask - signals blocked while the handler runs (signalBit)
   */
  sigaction(signal: number, action: SignalHandler | number, flags = 0, mask = 0): Call {
    const handled = typeof action !== 'number';
    const call = this.#arm(SYS_RT_SIGACTION, signal, handled ? 0 : action, flags, mask);
    call.handler = handled ? action : null;
    return call;
  }

  /** Changes the thread's blocked signals (SIG_BLOCK, SIG_UNBLOCK, SIG_SETMASK): the old mask. */
  sigprocmask(how: number, mask: number): Call {
    return this.#arm(SYS_RT_SIGPROCMASK, how, mask);
  }

  /** Signals that wait because they are blocked, as a mask. */
  sigpending(): Call {
    return this.#arm(SYS_RT_SIGPENDING);
  }

  /** Waits for a signal: EINTR after its handler. */
  pause(): Call {
    return this.#arm(SYS_PAUSE);
  }

  /** SIGALRM after so many seconds, 0: none; seconds that were left of the alarm before. */
  alarm(seconds: number): Call {
    return this.#arm(SYS_ALARM, seconds);
  }

  /** SIGALRM after so many ns (0: never), then at every interval (0: once); ns that were left. */
  setitimer(valueNs: number, intervalNs = 0): Call {
    return this.#arm(SYS_SETITIMER, valueNs, intervalNs);
  }

  /** Moves a process (0: this one) into a process group (0: its own): OK, ESRCH, EPERM, EINVAL. */
  setpgid(pid: number, group: number): Call {
    return this.#arm(SYS_SETPGID, pid, group);
  }

  /** Process group of a process (0: this one), or ESRCH. */
  getpgid(pid: number = 0): Call {
    return this.#arm(SYS_GETPGID, pid);
  }

  /** A new session and process group: its number, or EPERM. */
  setsid(): Call {
    return this.#arm(SYS_SETSID);
  }

  /** Session of a process (0: this one), or ESRCH. */
  getsid(pid: number = 0): Call {
    return this.#arm(SYS_GETSID, pid);
  }

  /** CPUs that a thread (0: this one) may run on, a bit each: OK, ESRCH, EINVAL. */
  setaffinity(tid: number, mask: number): Call {
    return this.#arm(SYS_SCHED_SETAFFINITY, tid, mask);
  }

  /** The mask of CPUs of a thread (0: this one), or ESRCH. */
  getaffinity(tid: number = 0): Call {
    return this.#arm(SYS_SCHED_GETAFFINITY, tid);
  }

  /** Sets the nice value of a task (0: this one), clamped to -20..19: OK or ESRCH. */
  setpriority(pid: number, nice: number): Call {
    return this.#arm(SYS_SETPRIORITY, 0, pid, nice);
  }

  /** 20 - nice of a task (0: this one), 1..40, or ESRCH. */
  getpriority(pid: number = 0): Call {
    return this.#arm(SYS_GETPRIORITY, 0, pid);
  }

  /**
   * Waits until the word is woken, if it holds `expected`: OK, EAGAIN if not, ETIMEDOUT, EINTR, EFAULT.
   * @param timeoutNs - 0: for ever
   */
  futexWait(address: VirtAddr, expected: number, timeoutNs = 0): Call {
    return this.#arm(SYS_FUTEX, address, FUTEX_WAIT, expected, timeoutNs);
  }

  /** Wakes up to `count` threads that wait on the word: how many. */
  futexWake(address: VirtAddr, count = 1): Call {
    return this.#arm(SYS_FUTEX, address, FUTEX_WAKE, count);
  }

  /** Stores names and version of the system at `buffer`, six fields of 65 bytes: OK or EFAULT. */
  uname(buffer: VirtAddr): Call {
    return this.#arm(SYS_UNAME, buffer);
  }

  /** Stores uptime in s, bytes of memory, free bytes and tasks, 64 bits each: OK or EFAULT. */
  sysinfo(buffer: VirtAddr): Call {
    return this.#arm(SYS_SYSINFO, buffer);
  }

  /** Stores CPU time in ns, resident bytes and switches, 64 bits each, of the process or RUSAGE_THREAD. */
  getrusage(who: number, buffer: VirtAddr): Call {
    return this.#arm(SYS_GETRUSAGE, who, buffer);
  }

  /** Any call by number: how a program meets ENOSYS. */
  raw(number: number, a = 0, b = 0, c = 0, d = 0, e = 0, f = 0): Call {
    return this.#arm(number, a, b, c, d, e, f);
  }

  /**
   * Computes for so many cycles; interrupts are taken and slices end meanwhile. One instruction a
   * cycle is counted.
   * @throws ArgumentError `ERR_CYCLES` unless it is a whole number >= 0
   */
  compute(cycles: number): Call {
    if (!Number.isSafeInteger(cycles) || cycles < 0) {
      throw new ArgumentError('ERR_CYCLES', `cycles is ${cycles}; allowed: a whole number >= 0`);
    }
    return this.#start(OPERATION_COMPUTE, 0, cycles, 0, 0);
  }

  /** Loads 32 bits of the program's memory; faults are handled, a bad address kills (SIGSEGV). */
  load32(address: VirtAddr): Call {
    return this.#start(OPERATION_LOAD, 0, address, 0, 0);
  }

  /** Stores 32 bits, likewise. */
  store32(address: VirtAddr, value: number): Call {
    return this.#start(OPERATION_STORE, 0, address, value, 0);
  }

  /** Loads one byte, likewise. */
  load8(address: VirtAddr): Call {
    return this.#start(OPERATION_LOAD8, 0, address, 0, 0);
  }

  /** Stores the low 8 bits, likewise. */
  store8(address: VirtAddr, value: number): Call {
    return this.#start(OPERATION_STORE8, 0, address, value, 0);
  }

  /** Loads 64 bits, likewise: the low word; the other is then in {@link SystemCalls.high}. */
  load64(address: VirtAddr): Call {
    return this.#start(OPERATION_LOAD64, 0, address, 0, 0);
  }

  /** Bits 63:32 of the last `load64`. */
  get high(): number {
    return this.#call.high;
  }

  /** Stores two words, likewise. */
  store64(address: VirtAddr, low: number, high: number): Call {
    return this.#start(OPERATION_STORE64, 0, address, low, high);
  }

  /**
   * Copies memory at `address` into an array of the program's own, across as many pages as it takes:
   * OK. Charged as a copy, line by line on both sides; faults are handled on the way, a bad address
   * kills (SIGSEGV) with what lies before it copied.
   */
  loadBytes(address: VirtAddr, into: Uint8Array): Call {
    const call = this.#start(OPERATION_LOAD_BYTES, 0, address, 0, 0);
    call.bytes = into;
    return call;
  }

  /** Copies an array of the program's own to memory at `address`, likewise. */
  storeBytes(address: VirtAddr, bytes: Uint8Array): Call {
    const call = this.#start(OPERATION_STORE_BYTES, 0, address, 0, 0);
    call.bytes = bytes;
    return call;
  }

  /**
   * `load32` without `yield*`: the value, or NIL when the page must be brought in or the slice
   * is over. On NIL do a plain `yield` and try again.
   */
  tryLoad32(address: VirtAddr): number {
    return this.#memory.tryLoad32(address);
  }

  /** `store32` likewise: OK or NIL. */
  tryStore32(address: VirtAddr, value: number): number {
    return this.#memory.tryStore32(address, value);
  }

  /** Kernel threads only: a pinned slot of the block cache, or an errno. */
  getBlock(device: number, block: number): Call {
    return this.#start(OPERATION_BLOCK, 0, device, block, 0);
  }

  #armPath(number: number, path: string, b = 0, c = 0): Call {
    return this.#arm(number, this.#place(0, path), b, c);
  }

  #armPaths(number: number, first: string, second: string): Call {
    const at = this.#place(0, first);
    return this.#arm(number, at, this.#place(this.#next, second));
  }

  /**
   * Puts a path and its zero into the program's memory: its address. One that is too long is cut
   * where the kernel has ceased to look.
   */
  #place(offset: number, path: string): VirtAddr {
    const bytes = encoder.encode(path).subarray(0, PATH_BYTES);
    const ended = new Uint8Array(bytes.length + 1);
    ended.set(bytes);
    const at = this.#path.address + offset;
    this.#next = offset + Math.ceil(ended.length / 8) * 8;
    return this.#memory.place(this.task, at, ended) ? at : 0;
  }

  #arm(number: number, a = 0, b = 0, c = 0, d = 0, e = 0, f = 0): Call {
    return this.#start(OPERATION_SYSCALL, number, a, b, c, d, e, f);
  }

  #start(operation: number, number = 0, a = 0, b = 0, c = 0, d = 0, e = 0, f = 0): Call {
    const call = this.#call;
    if (call.state !== CALL_IDLE) this.#memory.forgotten(call);
    return call.arm(operation, number, a, b, c, d, e, f);
  }
}

/** A byte string as text. */
function textOf(bytes: string): string {
  return decoder.decode(Uint8Array.from(bytes, (each) => each.charCodeAt(0)));
}
