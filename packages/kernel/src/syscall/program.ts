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
import { CLOCK_MONOTONIC, FUTEX_WAIT, FUTEX_WAKE, O_RDONLY, SEEK_SET } from './flags.js';
import {
  SYS_ALARM,
  SYS_BRK,
  SYS_CLOCK_GETTIME,
  SYS_CLONE,
  SYS_CLOSE,
  SYS_EXECVE,
  SYS_EXIT,
  SYS_EXIT_GROUP,
  SYS_FORK,
  SYS_FSYNC,
  SYS_FUTEX,
  SYS_GETPGID,
  SYS_GETPID,
  SYS_GETPPID,
  SYS_GETPRIORITY,
  SYS_GETRUSAGE,
  SYS_GETSID,
  SYS_GETTID,
  SYS_KILL,
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
  SYS_PAUSE,
  SYS_READ,
  SYS_RT_SIGACTION,
  SYS_RT_SIGPENDING,
  SYS_RT_SIGPROCMASK,
  SYS_SCHED_GETAFFINITY,
  SYS_SCHED_SETAFFINITY,
  SYS_SETITIMER,
  SYS_SETPGID,
  SYS_SETPRIORITY,
  SYS_SETSID,
  SYS_SYSINFO,
  SYS_TGKILL,
  SYS_UNAME,
  SYS_WAIT4,
  SYS_WRITE,
  SYS_YIELD,
} from './numbers.js';

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

/** The calls of one task. Each is one record reused: finish a call before the next. */
export class SystemCalls {
  /** The task's number, as getpid answers it. */
  readonly task: number;
  readonly #call: Call;
  readonly #memory: UserMemory;
  readonly #path: PathBuffer;

  constructor(call: Call, memory: UserMemory, path: PathBuffer) {
    this.task = call.task;
    this.#call = call;
    this.#memory = memory;
    this.#path = path;
  }

  /**
   * Opens a file: a descriptor, or ENOENT, EEXIST, EINVAL, ENOSPC, EMFILE, ENFILE, ENAMETOOLONG.
   * @param path - a name; the file layer of this version has one flat directory
   */
  open(path: string, flags: number = O_RDONLY): Call {
    const bytes = encoder.encode(path);
    const length = Math.min(bytes.length, this.#path.byteLimit);
    const placed = this.#memory.place(this.task, this.#path.address, bytes.subarray(0, length));
    return this.#arm(SYS_OPEN, placed ? this.#path.address : 0, bytes.length, flags);
  }

  /** Closes a descriptor: OK or EBADF. */
  close(fd: number): Call {
    return this.#arm(SYS_CLOSE, fd, 0, 0);
  }

  /** Reads at the descriptor's offset: bytes read (0 at the end), or EBADF, EFAULT, EINVAL, EIO. */
  read(fd: number, buffer: VirtAddr, byteCount: number): Call {
    return this.#arm(SYS_READ, fd, buffer, byteCount);
  }

  /** Writes at the descriptor's offset: bytes written, or EBADF, EFAULT, EINVAL, EIO, ENOSPC, EFBIG. */
  write(fd: number, buffer: VirtAddr, byteCount: number): Call {
    return this.#arm(SYS_WRITE, fd, buffer, byteCount);
  }

  /** Moves the offset: the new one, or EBADF, EINVAL. */
  lseek(fd: number, offset: number, whence: number = SEEK_SET): Call {
    return this.#arm(SYS_LSEEK, fd, offset, whence);
  }

  /** Everything written to the file before this is on the medium: OK, or EBADF, EIO, ENOSPC. */
  fsync(fd: number): Call {
    return this.#arm(SYS_FSYNC, fd, 0, 0);
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

  #arm(number: number, a = 0, b = 0, c = 0, d = 0, e = 0, f = 0): Call {
    return this.#start(OPERATION_SYSCALL, number, a, b, c, d, e, f);
  }

  #start(operation: number, number = 0, a = 0, b = 0, c = 0, d = 0, e = 0, f = 0): Call {
    const call = this.#call;
    if (call.state !== CALL_IDLE) this.#memory.forgotten(call);
    return call.arm(operation, number, a, b, c, d, e, f);
  }
}
