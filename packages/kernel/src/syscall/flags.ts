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
/** The path must lead to a directory. */
export const O_DIRECTORY = 0o200000;
/** Fail with ELOOP if the path leads to a symbolic link. */
export const O_NOFOLLOW = 0o400000;
/** Answer EAGAIN where a pipe or terminal would wait. */
export const O_NONBLOCK = 0o4000;
/** The descriptor is closed by exec. */
export const O_CLOEXEC = 0o2000000;

/** lseek to the next byte that is stored. */
export const SEEK_DATA = 3;
/** lseek to the next byte that is not; there is one at the end. */
export const SEEK_HOLE = 4;

/** fcntl: a second descriptor, not below the argument. */
export const F_DUPFD = 0;
/** fcntl: FD_CLOEXEC or 0. */
export const F_GETFD = 1;
/** fcntl: sets FD_CLOEXEC. */
export const F_SETFD = 2;
/** fcntl: flags of the open file. */
export const F_GETFL = 3;
/** fcntl: sets O_APPEND and O_NONBLOCK. */
export const F_SETFL = 4;
/** fcntl: F_DUPFD with FD_CLOEXEC. */
export const F_DUPFD_CLOEXEC = 1030;
/** Flag of a descriptor: closed by exec. */
export const FD_CLOEXEC = 1;

/** flock: shared. */
export const LOCK_SH = 1;
/** flock: exclusive. */
export const LOCK_EX = 2;
/** flock: EAGAIN instead of a wait. */
export const LOCK_NB = 4;
/** flock: give up. */
export const LOCK_UN = 8;

/** fallocate: the size stays. */
export const FALLOC_FL_KEEP_SIZE = 1;
/** fallocate: make a hole; with FALLOC_FL_KEEP_SIZE only. */
export const FALLOC_FL_PUNCH_HOLE = 2;

/** access: does it exist. */
export const F_OK = 0;
/** access: may it be executed. */
export const X_OK = 1;
/** access: may it be written. */
export const W_OK = 2;
/** access: may it be read. */
export const R_OK = 4;

/** ioctl of a terminal: its settings. */
export const TCGETS = 0x5401;
/** ioctl of a terminal: changes its settings. */
export const TCSETS = 0x5402;
/** ioctl of a terminal: the process group that Ctrl-C reaches, a word. */
export const TIOCGPGRP = 0x540f;
/** ioctl of a terminal: sets it. */
export const TIOCSPGRP = 0x5410;
/** c_lflag of struct termios: Ctrl-C and Ctrl-\\ are signals. */
export const ISIG = 0o1;
/** c_lflag: input is edited and given line by line. */
export const ICANON = 0o2;
/** c_lflag: what is typed is shown. */
export const ECHO = 0o10;
/** ioctl of a terminal: rows and columns. */
export const TIOCGWINSZ = 0x5413;
/** ioctl: bytes that can be read now. */
export const FIONREAD = 0x541b;

/** utimens: the time of now. */
export const UTIME_NOW = -1;
/** utimens: as it was. */
export const UTIME_OMIT = -2;
