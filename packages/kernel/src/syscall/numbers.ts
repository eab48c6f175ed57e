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
/** close(fd) */
export const SYS_CLOSE = 3;
/** lseek(fd, offset, whence) */
export const SYS_LSEEK = 8;
/** brk(address) */
export const SYS_BRK = 12;
/** nanosleep: here with the nanoseconds as argument */
export const SYS_NANOSLEEP = 35;
/** sched_yield() */
export const SYS_YIELD = 24;
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
/** nice(increment): not a call of its own on x86-64, where libc uses setpriority. */
export const SYS_NICE = 512;
/** One past the highest number. */
export const SYS_LIMIT = 513;

/** A call's name, for traces and messages; unknown numbers are spelled out. */
export function systemCallName(number: number): string {
  return NAMES.get(number) ?? `syscall_${number}`;
}

const NAMES: ReadonlyMap<number, string> = new Map([
  [SYS_READ, 'read'],
  [SYS_WRITE, 'write'],
  [SYS_OPEN, 'open'],
  [SYS_CLOSE, 'close'],
  [SYS_LSEEK, 'lseek'],
  [SYS_BRK, 'brk'],
  [SYS_YIELD, 'sched_yield'],
  [SYS_NANOSLEEP, 'nanosleep'],
  [SYS_FORK, 'fork'],
  [SYS_WAIT4, 'wait4'],
  [SYS_CLOCK_GETTIME, 'clock_gettime'],
  [SYS_GETPID, 'getpid'],
  [SYS_EXIT, 'exit'],
  [SYS_FSYNC, 'fsync'],
  [SYS_NICE, 'nice'],
]);
