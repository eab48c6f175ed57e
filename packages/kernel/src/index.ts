/**
 * A whole operating system on the modelled machine, as a library: boot it, give it programs, see
 * where the cycles went.
 *
 * @module
 */

export { boot } from './boot.js';
export { Kernel, type KernelParts, type RunOptions } from './kernel.js';
export type { HugePages } from './memory/large-pages.js';
export { DIRECT_MAP, directAddress, USER_HEAP } from './memory/memory-map.js';
export { type FrameBlocks, Vmalloc } from './memory/vmalloc.js';
export { type BootOptions, DISKS, PROFILES, SCHEDULERS, type Settings } from './options.js';
export { KernelPanic } from './panic.js';
export type { Call } from './syscall/call.js';
export {
  CLOCK_MONOTONIC,
  CLOCK_PROCESS_CPUTIME_ID,
  CLOCK_REALTIME,
  CLOCK_THREAD_CPUTIME_ID,
  O_APPEND,
  O_CREAT,
  O_EXCL,
  O_RDONLY,
  O_RDWR,
  O_TRUNC,
  O_WRONLY,
  SEEK_CUR,
  SEEK_END,
  SEEK_SET,
  WCONTINUED,
  WNOHANG,
  WUNTRACED,
} from './syscall/flags.js';
export {
  MADV_DONTNEED,
  MADV_HUGEPAGE,
  MADV_NOHUGEPAGE,
  MADV_NORMAL,
  MADV_RANDOM,
  MADV_SEQUENTIAL,
  MADV_WILLNEED,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_FIXED_NOREPLACE,
  MAP_POPULATE,
  MAP_PRIVATE,
  MAP_SHARED,
  MS_ASYNC,
  MS_INVALIDATE,
  MS_SYNC,
  PROT_EXEC,
  PROT_NONE,
  PROT_READ,
  PROT_WRITE,
} from './syscall/memory-flags.js';
export {
  SYS_BRK,
  SYS_CLOCK_GETTIME,
  SYS_CLOSE,
  SYS_EXIT,
  SYS_FORK,
  SYS_FSYNC,
  SYS_GETPID,
  SYS_LSEEK,
  SYS_MADVISE,
  SYS_MINCORE,
  SYS_MMAP,
  SYS_MPROTECT,
  SYS_MSYNC,
  SYS_MUNMAP,
  SYS_NANOSLEEP,
  SYS_NICE,
  SYS_OPEN,
  SYS_READ,
  SYS_WAIT4,
  SYS_WRITE,
  SYS_YIELD,
  systemCallName,
} from './syscall/numbers.js';
export type {
  Launch,
  Program,
  ProgramFactory,
  SignalHandler,
  SystemCalls,
} from './syscall/program.js';
export { TIME_KINDS, type TimeTable, timeTable } from './task/cycle-accounts.js';
export type { SpawnOptions } from './task/lifecycle.js';
export {
  SA_NOCLDSTOP,
  SA_NOCLDWAIT,
  SA_NODEFER,
  SA_RESETHAND,
  SA_RESTART,
  SIG_BLOCK,
  SIG_DFL,
  SIG_IGN,
  SIG_SETMASK,
  SIG_UNBLOCK,
  SIGABRT,
  SIGALRM,
  SIGBUS,
  SIGCHLD,
  SIGCONT,
  SIGHUP,
  SIGILL,
  SIGINT,
  SIGKILL,
  SIGPIPE,
  SIGQUIT,
  SIGSEGV,
  SIGSTOP,
  SIGTERM,
  SIGTSTP,
  SIGTTIN,
  SIGTTOU,
  SIGURG,
  SIGUSR1,
  SIGUSR2,
  SIGWINCH,
  signalBit,
} from './task/signal-numbers.js';
export {
  STATUS_ABORT,
  STATUS_BUS,
  STATUS_KILLED,
  STATUS_SEGV,
  type TaskReport,
} from './task/tasks.js';
