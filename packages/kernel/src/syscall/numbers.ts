/**
 * Numbers of the system calls: Linux's for x86-64 where Linux has the call (arch/x86/entry/syscalls/
 * syscall_64.tbl), and from 512 on our own.
 */

/** read(fd, buffer, count) */
export const SYS_READ = 0;
/** write(fd, buffer, count) */
export const SYS_WRITE = 1;
/** open(path, flags) */
export const SYS_OPEN = 2;
/** poll(entries, count, timeout in ms) */
export const SYS_POLL = 7;
/** readv(fd, vectors, count) */
export const SYS_READV = 19;
/** writev(fd, vectors, count) */
export const SYS_WRITEV = 20;
/** getrlimit(resource, limits) */
export const SYS_GETRLIMIT = 97;
/** setrlimit(resource, limits) */
export const SYS_SETRLIMIT = 160;
/** prlimit64(pid, resource, new limits, old limits) */
export const SYS_PRLIMIT = 302;
/** sched_getattr(tid, attributes, bytes, flags) */
export const SYS_SCHED_GETATTR = 315;
/** close(fd) */
export const SYS_CLOSE = 3;
/** lseek(fd, offset, whence) */
export const SYS_LSEEK = 8;
/** mmap(address, length, protection, flags, fd, offset) */
export const SYS_MMAP = 9;
/** mprotect(address, length, protection) */
export const SYS_MPROTECT = 10;
/** munmap(address, length) */
export const SYS_MUNMAP = 11;
/** brk(address) */
export const SYS_BRK = 12;
/** nanosleep: here with the nanoseconds as argument */
export const SYS_NANOSLEEP = 35;
/** sched_yield() */
export const SYS_YIELD = 24;
/** msync(address, length, flags) */
export const SYS_MSYNC = 26;
/** mincore(address, length, vector) */
export const SYS_MINCORE = 27;
/** madvise(address, length, advice) */
export const SYS_MADVISE = 28;
/** getpid() */
export const SYS_GETPID = 39;
/** fork(program): the child runs another generator on the copied memory */
export const SYS_FORK = 57;
/** exit(status) */
export const SYS_EXIT = 60;
/** wait4(pid, status address) */
export const SYS_WAIT4 = 61;
/** fsync(fd) */
export const SYS_FSYNC = 74;
/** clock_gettime: answers the nanoseconds themselves */
export const SYS_CLOCK_GETTIME = 228;
/** rt_sigaction(signal, disposition, flags, mask) */
export const SYS_RT_SIGACTION = 13;
/** rt_sigprocmask(how, mask) */
export const SYS_RT_SIGPROCMASK = 14;
/** pause() */
export const SYS_PAUSE = 34;
/** alarm(seconds) */
export const SYS_ALARM = 37;
/** setitimer(value ns, interval ns: always ITIMER_REAL) */
export const SYS_SETITIMER = 38;
/** clone(clear address): here one thread more of the same process; fork is fork() */
export const SYS_CLONE = 56;
/** execve(the program and its arguments are no numbers) */
export const SYS_EXECVE = 59;
/** kill(pid, signal) */
export const SYS_KILL = 62;
/** uname(buffer) */
export const SYS_UNAME = 63;
/** getrusage(who, buffer) */
export const SYS_GETRUSAGE = 98;
/** sysinfo(buffer) */
export const SYS_SYSINFO = 99;
/** times(buffer) */
export const SYS_TIMES = 100;
/** setpgid(pid, group) */
export const SYS_SETPGID = 109;
/** getppid() */
export const SYS_GETPPID = 110;
/** setsid() */
export const SYS_SETSID = 112;
/** getpgid(pid) */
export const SYS_GETPGID = 121;
/** getsid(pid) */
export const SYS_GETSID = 124;
/** rt_sigpending() */
export const SYS_RT_SIGPENDING = 127;
/** getpriority(which, who) */
export const SYS_GETPRIORITY = 140;
/** setpriority(which, who, nice) */
export const SYS_SETPRIORITY = 141;
/** gettid() */
export const SYS_GETTID = 186;
/** futex(address, operation, value, timeout ns) */
export const SYS_FUTEX = 202;
/** sched_setaffinity(pid, mask) */
export const SYS_SCHED_SETAFFINITY = 203;
/** sched_getaffinity(pid) */
export const SYS_SCHED_GETAFFINITY = 204;
/** exit_group(status) */
export const SYS_EXIT_GROUP = 231;
/** tgkill(pid, tid, signal) */
export const SYS_TGKILL = 234;
/** sched_setattr(tid, attributes, flags) */
export const SYS_SCHED_SETATTR = 314;
/** stat(path, buffer) */
export const SYS_STAT = 4;
/** fstat(fd, buffer) */
export const SYS_FSTAT = 5;
/** lstat(path, buffer) */
export const SYS_LSTAT = 6;
/** ioctl(fd, request, argument) */
export const SYS_IOCTL = 16;
/** pread64(fd, buffer, count, offset) */
export const SYS_PREAD = 17;
/** pwrite64(fd, buffer, count, offset) */
export const SYS_PWRITE = 18;
/** access(path, mode) */
export const SYS_ACCESS = 21;
/** pipe(two descriptors) */
export const SYS_PIPE = 22;
/** dup(fd) */
export const SYS_DUP = 32;
/** dup2(fd, to) */
export const SYS_DUP2 = 33;
/** fcntl(fd, command, argument) */
export const SYS_FCNTL = 72;
/** flock(fd, operation) */
export const SYS_FLOCK = 73;
/** fdatasync(fd) */
export const SYS_FDATASYNC = 75;
/** truncate(path, size) */
export const SYS_TRUNCATE = 76;
/** ftruncate(fd, size) */
export const SYS_FTRUNCATE = 77;
/** getcwd(buffer, size) */
export const SYS_GETCWD = 79;
/** chdir(path) */
export const SYS_CHDIR = 80;
/** fchdir(fd) */
export const SYS_FCHDIR = 81;
/** rename(from, to) */
export const SYS_RENAME = 82;
/** mkdir(path, mode) */
export const SYS_MKDIR = 83;
/** rmdir(path) */
export const SYS_RMDIR = 84;
/** link(from, to) */
export const SYS_LINK = 86;
/** unlink(path) */
export const SYS_UNLINK = 87;
/** symlink(target, path) */
export const SYS_SYMLINK = 88;
/** readlink(path, buffer, size) */
export const SYS_READLINK = 89;
/** chmod(path, mode) */
export const SYS_CHMOD = 90;
/** fchmod(fd, mode) */
export const SYS_FCHMOD = 91;
/** umask(mask) */
export const SYS_UMASK = 95;
/** mknod(path, mode, device) */
export const SYS_MKNOD = 133;
/** statfs(path, buffer) */
export const SYS_STATFS = 137;
/** fstatfs(fd, buffer) */
export const SYS_FSTATFS = 138;
/** sync() */
export const SYS_SYNC = 162;
/** mount(source, target, type) */
export const SYS_MOUNT = 165;
/** umount2(target, flags) */
export const SYS_UMOUNT = 166;
/** reboot(): here without arguments, it switches the machine off */
export const SYS_REBOOT = 169;
/** getdents64(fd, buffer, size) */
export const SYS_GETDENTS = 217;
/** utimensat: here with a path and two times in nanoseconds */
export const SYS_UTIMENS = 280;
/** fallocate(fd, mode, offset, length) */
export const SYS_FALLOCATE = 285;
/** dup3(fd, to, flags) */
export const SYS_DUP3 = 292;
/** pipe2(two descriptors, flags) */
export const SYS_PIPE2 = 293;
/** syncfs(fd) */
export const SYS_SYNCFS = 306;
/** nice(increment): not a call of its own on x86-64, where libc uses setpriority. */
export const SYS_NICE = 512;
/** readdir(fd): one entry, as the program's own language holds it; not a call of Linux's. */
export const SYS_READDIR = 520;
/** One past the highest number. */
export const SYS_LIMIT = 521;

/** A call's name, for traces and messages; unknown numbers are spelled out. */
export function systemCallName(number: number): string {
  return NAMES.get(number) ?? `syscall_${number}`;
}

const NAMES: ReadonlyMap<number, string> = new Map([
  [SYS_READ, 'read'],
  [SYS_WRITE, 'write'],
  [SYS_OPEN, 'open'],
  [SYS_POLL, 'poll'],
  [SYS_READV, 'readv'],
  [SYS_WRITEV, 'writev'],
  [SYS_GETRLIMIT, 'getrlimit'],
  [SYS_SETRLIMIT, 'setrlimit'],
  [SYS_PRLIMIT, 'prlimit64'],
  [SYS_SCHED_GETATTR, 'sched_getattr'],
  [SYS_CLOSE, 'close'],
  [SYS_LSEEK, 'lseek'],
  [SYS_MMAP, 'mmap'],
  [SYS_MPROTECT, 'mprotect'],
  [SYS_MUNMAP, 'munmap'],
  [SYS_BRK, 'brk'],
  [SYS_MSYNC, 'msync'],
  [SYS_MINCORE, 'mincore'],
  [SYS_MADVISE, 'madvise'],
  [SYS_YIELD, 'sched_yield'],
  [SYS_NANOSLEEP, 'nanosleep'],
  [SYS_FORK, 'fork'],
  [SYS_WAIT4, 'wait4'],
  [SYS_CLOCK_GETTIME, 'clock_gettime'],
  [SYS_GETPID, 'getpid'],
  [SYS_EXIT, 'exit'],
  [SYS_FSYNC, 'fsync'],
  [SYS_RT_SIGACTION, 'rt_sigaction'],
  [SYS_RT_SIGPROCMASK, 'rt_sigprocmask'],
  [SYS_PAUSE, 'pause'],
  [SYS_ALARM, 'alarm'],
  [SYS_SETITIMER, 'setitimer'],
  [SYS_CLONE, 'clone'],
  [SYS_EXECVE, 'execve'],
  [SYS_KILL, 'kill'],
  [SYS_UNAME, 'uname'],
  [SYS_GETRUSAGE, 'getrusage'],
  [SYS_SYSINFO, 'sysinfo'],
  [SYS_TIMES, 'times'],
  [SYS_SETPGID, 'setpgid'],
  [SYS_GETPPID, 'getppid'],
  [SYS_SETSID, 'setsid'],
  [SYS_GETPGID, 'getpgid'],
  [SYS_GETSID, 'getsid'],
  [SYS_RT_SIGPENDING, 'rt_sigpending'],
  [SYS_GETPRIORITY, 'getpriority'],
  [SYS_SETPRIORITY, 'setpriority'],
  [SYS_GETTID, 'gettid'],
  [SYS_FUTEX, 'futex'],
  [SYS_SCHED_SETAFFINITY, 'sched_setaffinity'],
  [SYS_SCHED_GETAFFINITY, 'sched_getaffinity'],
  [SYS_EXIT_GROUP, 'exit_group'],
  [SYS_TGKILL, 'tgkill'],
  [SYS_SCHED_SETATTR, 'sched_setattr'],
  [SYS_NICE, 'nice'],
  [SYS_STAT, 'stat'],
  [SYS_FSTAT, 'fstat'],
  [SYS_LSTAT, 'lstat'],
  [SYS_IOCTL, 'ioctl'],
  [SYS_PREAD, 'pread64'],
  [SYS_PWRITE, 'pwrite64'],
  [SYS_ACCESS, 'access'],
  [SYS_PIPE, 'pipe'],
  [SYS_DUP, 'dup'],
  [SYS_DUP2, 'dup2'],
  [SYS_FCNTL, 'fcntl'],
  [SYS_FLOCK, 'flock'],
  [SYS_FDATASYNC, 'fdatasync'],
  [SYS_TRUNCATE, 'truncate'],
  [SYS_FTRUNCATE, 'ftruncate'],
  [SYS_GETCWD, 'getcwd'],
  [SYS_CHDIR, 'chdir'],
  [SYS_FCHDIR, 'fchdir'],
  [SYS_RENAME, 'rename'],
  [SYS_MKDIR, 'mkdir'],
  [SYS_RMDIR, 'rmdir'],
  [SYS_LINK, 'link'],
  [SYS_UNLINK, 'unlink'],
  [SYS_SYMLINK, 'symlink'],
  [SYS_READLINK, 'readlink'],
  [SYS_CHMOD, 'chmod'],
  [SYS_FCHMOD, 'fchmod'],
  [SYS_UMASK, 'umask'],
  [SYS_MKNOD, 'mknod'],
  [SYS_STATFS, 'statfs'],
  [SYS_FSTATFS, 'fstatfs'],
  [SYS_SYNC, 'sync'],
  [SYS_MOUNT, 'mount'],
  [SYS_UMOUNT, 'umount2'],
  [SYS_REBOOT, 'reboot'],
  [SYS_GETDENTS, 'getdents64'],
  [SYS_UTIMENS, 'utimensat'],
  [SYS_FALLOCATE, 'fallocate'],
  [SYS_DUP3, 'dup3'],
  [SYS_PIPE2, 'pipe2'],
  [SYS_SYNCFS, 'syncfs'],
  [SYS_READDIR, 'readdir'],
]);
