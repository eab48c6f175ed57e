/** Signals and their flags, with Linux's numbers for x86-64 (signal(7), sigaction(2)). */

/** Terminal or its owner is gone. */
export const SIGHUP = 1;
/** Ctrl-C. */
export const SIGINT = 2;
/** Ctrl-backslash. */
export const SIGQUIT = 3;
/** Illegal instruction. */
export const SIGILL = 4;
/** The program gave up on itself. */
export const SIGABRT = 6;
/** An access beyond the end of a mapped file. */
export const SIGBUS = 7;
/** Ends a process; cannot be caught, blocked or ignored. */
export const SIGKILL = 9;
/** For programs' own use. */
export const SIGUSR1 = 10;
/** A bad address. */
export const SIGSEGV = 11;
/** For programs' own use. */
export const SIGUSR2 = 12;
/** A write would make a file larger than the process may. */
export const SIGXFSZ = 25;
/** A write to a pipe that nobody reads. */
export const SIGPIPE = 13;
/** The timer of alarm or setitimer has run out. */
export const SIGALRM = 14;
/** Please end. */
export const SIGTERM = 15;
/** A child has ended, stopped or gone on. */
export const SIGCHLD = 17;
/** Go on, if stopped. */
export const SIGCONT = 18;
/** Stop; cannot be caught, blocked or ignored. */
export const SIGSTOP = 19;
/** Ctrl-Z. */
export const SIGTSTP = 20;
/** A background process read from the terminal. */
export const SIGTTIN = 21;
/** A background process wrote to the terminal. */
export const SIGTTOU = 22;
/** Urgent data of a socket. */
export const SIGURG = 23;
/** The terminal's window has another size. */
export const SIGWINCH = 28;
/** Highest number; each signal n is bit n - 1 of a mask. */
export const SIGNAL_MAX = 31;

/** sigaction: what the system does by itself. */
export const SIG_DFL = 0;
/** sigaction: nothing happens. */
export const SIG_IGN = 1;

/** sigaction flag: no SIGCHLD when children stop. */
export const SA_NOCLDSTOP = 1;
/** sigaction flag: children leave no zombies. */
export const SA_NOCLDWAIT = 2;
/** sigaction flag: interrupted slow calls begin again after the handler. */
export const SA_RESTART = 0x10000000;
/** sigaction flag: the signal is not blocked while its handler runs. */
export const SA_NODEFER = 0x40000000;
/** sigaction flag: back to SIG_DFL when the handler is entered. */
export const SA_RESETHAND = 0x80000000;

/** sigprocmask: adds to the blocked signals. */
export const SIG_BLOCK = 0;
/** sigprocmask: takes from them. */
export const SIG_UNBLOCK = 1;
/** sigprocmask: replaces them. */
export const SIG_SETMASK = 2;

/** The bit of a signal in a mask. */
export function signalBit(signal: number): number {
  return (1 << (signal - 1)) >>> 0;
}

/** Signals that nobody can block, catch or ignore. */
export const UNBLOCKABLE = (signalBit(SIGKILL) | signalBit(SIGSTOP)) >>> 0;
/** Signals that stop a process unless it says otherwise. */
export const STOP_SIGNALS =
  (signalBit(SIGSTOP) | signalBit(SIGTSTP) | signalBit(SIGTTIN) | signalBit(SIGTTOU)) >>> 0;
/** Signals that do nothing unless there is a handler. */
export const IGNORED_SIGNALS =
  (signalBit(SIGCHLD) | signalBit(SIGCONT) | signalBit(SIGURG) | signalBit(SIGWINCH)) >>> 0;
