/**
 * Flags and small constants of the calls, with Linux's values for x86-64.
 */

/** Open for reading only. */
export const O_RDONLY = 0;
/** Open for writing only. */
export const O_WRONLY = 1;
/** Open for both. */
export const O_RDWR = 2;
/** Create the file if it is not there. */
export const O_CREAT = 0o100;
/** Fail with EEXIST if O_CREAT finds it there. */
export const O_EXCL = 0o200;
/** Cut the file to length 0. */
export const O_TRUNC = 0o1000;
/** Every write goes to the end. */
export const O_APPEND = 0o2000;

/** lseek from the start. */
export const SEEK_SET = 0;
/** lseek from the current offset. */
export const SEEK_CUR = 1;
/** lseek from the end. */
export const SEEK_END = 2;

/** wait: answer 0 at once if no child has ended. */
export const WNOHANG = 1;
/** wait: tell of stopped children too. */
export const WUNTRACED = 2;
/** wait: tell of continued children too. */
export const WCONTINUED = 8;

/** clock: nanoseconds since 1970 on the machine's clock, which starts at BOOT_TIME_NS. */
export const CLOCK_REALTIME = 0;
/** clock: nanoseconds since the machine was switched on. */
export const CLOCK_MONOTONIC = 1;
/** clock: CPU time of all threads of the process. */
export const CLOCK_PROCESS_CPUTIME_ID = 2;
/** clock: CPU time of the thread. */
export const CLOCK_THREAD_CPUTIME_ID = 3;

/** futex: waits while the word holds a value. */
export const FUTEX_WAIT = 0;
/** futex: wakes waiters. */
export const FUTEX_WAKE = 1;

/** getrusage: the calling thread instead of its process (0). */
export const RUSAGE_THREAD = 1;
