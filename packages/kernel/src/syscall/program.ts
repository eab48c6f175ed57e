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
import { O_RDONLY, SEEK_SET } from './flags.js';
import {
  SYS_BRK,
  SYS_CLOCK_GETTIME,
  SYS_CLOSE,
  SYS_EXIT,
  SYS_FORK,
  SYS_FSYNC,
  SYS_GETPID,
  SYS_LSEEK,
  SYS_NANOSLEEP,
  SYS_NICE,
  SYS_OPEN,
  SYS_READ,
  SYS_WAIT4,
  SYS_WRITE,
  SYS_YIELD,
} from './numbers.js';

/** A task's code. It may end by itself (status 0), return a status, or call exit. */
// biome-ignore lint/suspicious/noConfusingVoidType: a generator that just ends returns void
export type Program = Generator<void, number | void, void>;

/** Makes a task's code, given its calls. */
export type ProgramFactory = (sys: SystemCalls) => Program;

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
    return this.#arm(SYS_YIELD, 0, 0, 0);
  }

  /** Adds to the nice value, clamped to -20..19; the new value + 20, so that errors stay negative. */
  nice(increment: number): Call {
    return this.#arm(SYS_NICE, increment, 0, 0);
  }

  /** Moves the end of the heap: the new end, or the old one if `address` is 0 or cannot be. */
  brk(address: VirtAddr): Call {
    return this.#arm(SYS_BRK, address, 0, 0);
  }

  /** The task's number. */
  getpid(): Call {
    return this.#arm(SYS_GETPID, 0, 0, 0);
  }

  /**
   * A child with a copy of this task's memory (copied page by page when written) and the same open
   * files; it runs `program`, since a generator cannot be copied. The child's number, or EAGAIN.
   */
  fork(program: ProgramFactory): Call {
    const call = this.#arm(SYS_FORK, 0, 0, 0);
    call.program = program;
    return call;
  }

  /**
   * Waits for the end of a child: its number, or ECHILD, EFAULT.
   * @param pid - which one; -1: any
   * @param status - where the exit code is stored, times 256; 0: nowhere
   */
  wait(pid: number = -1, status: VirtAddr = 0): Call {
    return this.#arm(SYS_WAIT4, pid, status, 0);
  }

  /** Sleeps for so many nanoseconds of virtual time, or a little more: OK or EINVAL. */
  sleep(nanoseconds: number): Call {
    return this.#arm(SYS_NANOSLEEP, nanoseconds, 0, 0);
  }

  /** Virtual nanoseconds since the machine was switched on. */
  clock(): Call {
    return this.#arm(SYS_CLOCK_GETTIME, 0, 0, 0);
  }

  /** Ends the task; never comes back. */
  exit(status: number): Call {
    return this.#arm(SYS_EXIT, status, 0, 0);
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
