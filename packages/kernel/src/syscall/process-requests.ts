/** What a program asks about tasks, signals, time and the CPU. */
import type { VirtAddr } from '@hotpath/hw-x86';
import type { Call } from './call.js';
import { CLOCK_MONOTONIC } from './flags.js';
import { MemoryRequests } from './memory-requests.js';
import {
  SYS_ALARM,
  SYS_CLOCK_GETTIME,
  SYS_CLONE,
  SYS_EXECVE,
  SYS_EXIT,
  SYS_EXIT_GROUP,
  SYS_FORK,
  SYS_GETPGID,
  SYS_GETPID,
  SYS_GETPPID,
  SYS_GETPRIORITY,
  SYS_GETRUSAGE,
  SYS_GETSID,
  SYS_GETTID,
  SYS_KILL,
  SYS_NANOSLEEP,
  SYS_NICE,
  SYS_PAUSE,
  SYS_PRLIMIT,
  SYS_RT_SIGACTION,
  SYS_RT_SIGPENDING,
  SYS_RT_SIGPROCMASK,
  SYS_SCHED_GETAFFINITY,
  SYS_SCHED_GETATTR,
  SYS_SCHED_SETAFFINITY,
  SYS_SCHED_SETATTR,
  SYS_SETITIMER,
  SYS_SETPGID,
  SYS_SETPRIORITY,
  SYS_SETSID,
  SYS_SYSINFO,
  SYS_TGKILL,
  SYS_TIMES,
  SYS_UNAME,
  SYS_WAIT4,
  SYS_YIELD,
} from './numbers.js';
import type { Launch, ProgramFactory, SignalHandler } from './program.js';

/** In the place of a program that the kernel is still to look up. */
const NOTHING: ProgramFactory = function* () {};

/** Calls on tasks. */
export class ProcessRequests extends MemoryRequests {
  /** Gives the CPU to the next task of equal right: OK. */
  yield(): Call {
    return this.arm(SYS_YIELD);
  }

  /** Adds to the nice value, clamped to -20..19; the new value + 20, so that errors stay negative. */
  nice(increment: number): Call {
    return this.arm(SYS_NICE, increment);
  }

  /** The process's number: that of its first thread. */
  getpid(): Call {
    return this.arm(SYS_GETPID);
  }

  /** The thread's number. */
  gettid(): Call {
    return this.arm(SYS_GETTID);
  }

  /** The parent's number, or 0. */
  getppid(): Call {
    return this.arm(SYS_GETPPID);
  }

  /**
   * A child with a copy of this process's memory (copied page by page when written) and the same open
   * files; it runs `program`, since a generator cannot be copied. The child's number, or EAGAIN.
   */
  fork(program: ProgramFactory): Call {
    const call = this.arm(SYS_FORK);
    call.program = program;
    return call;
  }

  /**
   * One more thread of this process: same memory, descriptors, signal actions. Its number, or EAGAIN.
   * @param clearAddress - a word that holds the number while the thread lives, and is then cleared
   *   with a futex wake, for who joins; 0: none
   */
  thread(program: ProgramFactory, clearAddress: VirtAddr = 0): Call {
    const call = this.arm(SYS_CLONE, clearAddress);
    call.program = program;
    return call;
  }

  /**
   * Puts a registered program (see `Kernel.registerProgram`), found by the last part of `path`, and an
   * empty memory in the place of this one; descriptors stay, other threads end, and it runs as the
   * first thread of the process. Comes back only with ENOENT, E2BIG, ENOMEM; EAGAIN where the first
   * thread has ended and others have not.
   */
  exec(path: string, argv: readonly string[] = [path], env: Launch['env'] = {}): Call {
    const call = this.arm(SYS_EXECVE);
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
    return this.arm(SYS_WAIT4, pid, status, options);
  }

  /**
   * Sleeps for so many nanoseconds of virtual time, or a little more: OK, EINVAL or EINTR.
   * @param remaining - where the rest is stored (64 bits, ns) when a signal's handler cut it short
   */
  sleep(nanoseconds: number, remaining: VirtAddr = 0): Call {
    return this.arm(SYS_NANOSLEEP, nanoseconds, remaining);
  }

  /** Nanoseconds of a clock (CLOCK_*), default CLOCK_MONOTONIC; EINVAL. */
  clock(id: number = CLOCK_MONOTONIC): Call {
    return this.arm(SYS_CLOCK_GETTIME, id);
  }

  /** Ends the process with all its threads; never comes back. */
  exit(status: number): Call {
    return this.arm(SYS_EXIT_GROUP, status);
  }

  /** Ends this thread alone. */
  exitThread(status = 0): Call {
    return this.arm(SYS_EXIT, status);
  }

  /** Sends a signal to a process, a group (-g), the own group (0), all (-1): OK, ESRCH, EINVAL. */
  kill(pid: number, signal: number): Call {
    return this.arm(SYS_KILL, pid, signal);
  }

  /** Sends a signal to one thread of a process: OK, ESRCH, EINVAL. */
  tgkill(pid: number, tid: number, signal: number): Call {
    return this.arm(SYS_TGKILL, pid, tid, signal);
  }

  /**
   * What this process does about a signal: OK or EINVAL. A handler is a generator function; it runs
   * when the program next comes back from a call or a fault, and the program then goes on.
   * @param flags - SA_RESTART, SA_NODEFER, SA_RESETHAND, SA_NOCLDSTOP, SA_NOCLDWAIT
   * @param mask - signals blocked while the handler runs (signalBit)
   */
  sigaction(signal: number, action: SignalHandler | number, flags = 0, mask = 0): Call {
    const handled = typeof action !== 'number';
    const call = this.arm(SYS_RT_SIGACTION, signal, handled ? 0 : action, flags, mask);
    call.handler = handled ? action : null;
    return call;
  }

  /** Changes the thread's blocked signals (SIG_BLOCK, SIG_UNBLOCK, SIG_SETMASK): the old mask. */
  sigprocmask(how: number, mask: number): Call {
    return this.arm(SYS_RT_SIGPROCMASK, how, mask);
  }

  /** Signals that wait because they are blocked, as a mask. */
  sigpending(): Call {
    return this.arm(SYS_RT_SIGPENDING);
  }

  /** Waits for a signal: EINTR after its handler. */
  pause(): Call {
    return this.arm(SYS_PAUSE);
  }

  /** SIGALRM after so many seconds, 0: none; seconds that were left of the alarm before. */
  alarm(seconds: number): Call {
    return this.arm(SYS_ALARM, seconds);
  }

  /** SIGALRM after so many ns (0: never), then at every interval (0: once); ns that were left. */
  setitimer(valueNs: number, intervalNs = 0): Call {
    return this.arm(SYS_SETITIMER, valueNs, intervalNs);
  }

  /** Moves a process (0: this one) into a process group (0: its own): OK, ESRCH, EPERM, EINVAL. */
  setpgid(pid: number, group: number): Call {
    return this.arm(SYS_SETPGID, pid, group);
  }

  /** Process group of a process (0: this one), or ESRCH. */
  getpgid(pid: number = 0): Call {
    return this.arm(SYS_GETPGID, pid);
  }

  /** A new session and process group: its number, or EPERM. */
  setsid(): Call {
    return this.arm(SYS_SETSID);
  }

  /** Session of a process (0: this one), or ESRCH. */
  getsid(pid: number = 0): Call {
    return this.arm(SYS_GETSID, pid);
  }

  /** CPUs that a thread (0: this one) may run on, a bit each: OK, ESRCH, EINVAL. */
  setaffinity(tid: number, mask: number): Call {
    return this.arm(SYS_SCHED_SETAFFINITY, tid, mask);
  }

  /** The mask of CPUs of a thread (0: this one), or ESRCH. */
  getaffinity(tid: number = 0): Call {
    return this.arm(SYS_SCHED_GETAFFINITY, tid);
  }

  /** Sets the nice value of a task (0: this one), clamped to -20..19: OK or ESRCH. */
  setpriority(pid: number, nice: number): Call {
    return this.arm(SYS_SETPRIORITY, 0, pid, nice);
  }

  /** 20 - nice of a task (0: this one), 1..40, or ESRCH. */
  getpriority(pid: number = 0): Call {
    return this.arm(SYS_GETPRIORITY, 0, pid);
  }

  /** Stores names and version of the system at `buffer`, six fields of 65 bytes: OK or EFAULT. */
  uname(buffer: VirtAddr): Call {
    return this.arm(SYS_UNAME, buffer);
  }

  /** Stores uptime in s, bytes of memory, free bytes and tasks, 64 bits each: OK or EFAULT. */
  sysinfo(buffer: VirtAddr): Call {
    return this.arm(SYS_SYSINFO, buffer);
  }

  /**
   * Sets policy and nice value of a thread (0: this one) from a struct sched_attr: OK, ESRCH, EINVAL (for
   * another reservation than it was spawned with), E2BIG, EFAULT.
   */
  schedSetAttributes(tid: number, attributes: VirtAddr): Call {
    return this.arm(SYS_SCHED_SETATTR, tid, attributes);
  }

  /** Stores a struct sched_attr of a thread (0: this one), 48 bytes: OK, ESRCH, EINVAL, EFAULT. */
  schedGetAttributes(tid: number, attributes: VirtAddr): Call {
    return this.arm(SYS_SCHED_GETATTR, tid, attributes, 48);
  }

  /**
   * Tells and sets what a process (0: this one) may take: OK, ESRCH, EINVAL, EPERM, EFAULT.
   * @param resource - RLIMIT_*
   * @param limits - where the new soft and hard limit stand, 64 bits each; 0: they stay
   * @param old - where the old ones are stored; 0: nowhere
   */
  prlimit(pid: number, resource: number, limits: VirtAddr, old: VirtAddr = 0): Call {
    return this.arm(SYS_PRLIMIT, pid, resource, limits, old);
  }

  /**
   * Ticks of 10 ms since boot; user and system time of the process and of its children that were waited
   * for are stored at `buffer`, 64 bits each, in ticks; EFAULT.
   */
  times(buffer: VirtAddr = 0): Call {
    return this.arm(SYS_TIMES, buffer);
  }

  /** Stores CPU time in ns, resident bytes and switches, 64 bits each, of the process or RUSAGE_THREAD. */
  getrusage(who: number, buffer: VirtAddr): Call {
    return this.arm(SYS_GETRUSAGE, who, buffer);
  }
}
