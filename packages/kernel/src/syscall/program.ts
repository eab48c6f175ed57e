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
import { type Call, OPERATION_BLOCK, OPERATION_COMPUTE } from './call.js';
import { ProcessRequests } from './process-requests.js';

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

/** The calls of one task. Each is one record reused: finish a call before the next. */
export class SystemCalls extends ProcessRequests {
  /** Any call by number: how a program meets ENOSYS. */
  raw(number: number, a = 0, b = 0, c = 0, d = 0, e = 0, f = 0): Call {
    return this.arm(number, a, b, c, d, e, f);
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
    return this.start(OPERATION_COMPUTE, 0, cycles, 0, 0);
  }

  /** Kernel threads only: a pinned slot of the block cache, or an errno. */
  getBlock(device: number, block: number): Call {
    return this.start(OPERATION_BLOCK, 0, device, block, 0);
  }
}
