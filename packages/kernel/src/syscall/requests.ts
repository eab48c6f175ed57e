/** How a program's request becomes the record that `yield*` hands to the kernel. */
import type { VirtAddr } from '@hotpath/hw-x86';
import { PATH_BYTES } from '../params.js';
import { CALL_IDLE, type Call, OPERATION_SYSCALL } from './call.js';
import type { PathBuffer, UserMemory } from './program.js';

const encoder = new TextEncoder();

/**
 * The one record of a task, reused for every request. `SystemCalls` is one class to programs; its
 * methods are many, so each family of them is a file that extends the one before.
 */
export class Requests {
  /** The task's number, as getpid answers it. */
  readonly task: number;
  protected readonly call: Call;
  protected readonly memory: UserMemory;
  readonly #path: PathBuffer;
  /** Offset behind the last path that was placed. */
  protected placedTo = 0;

  constructor(call: Call, memory: UserMemory, path: PathBuffer) {
    this.task = call.task;
    this.call = call;
    this.memory = memory;
    this.#path = path;
  }

  protected armPath(number: number, path: string, b = 0, c = 0): Call {
    return this.arm(number, this.place(0, path), b, c);
  }

  protected armPaths(number: number, first: string, second: string): Call {
    const at = this.place(0, first);
    return this.arm(number, at, this.place(this.placedTo, second));
  }

  /**
   * Puts a path and its zero into the program's memory: its address. One that is too long is cut
   * where the kernel has ceased to look.
   */
  protected place(offset: number, path: string): VirtAddr {
    const bytes = encoder.encode(path).subarray(0, PATH_BYTES);
    const ended = new Uint8Array(bytes.length + 1);
    ended.set(bytes);
    const at = this.#path.address + offset;
    this.placedTo = offset + Math.ceil(ended.length / 8) * 8;
    return this.memory.place(this.task, at, ended) ? at : 0;
  }

  protected arm(number: number, a = 0, b = 0, c = 0, d = 0, e = 0, f = 0): Call {
    return this.start(OPERATION_SYSCALL, number, a, b, c, d, e, f);
  }

  protected start(operation: number, number = 0, a = 0, b = 0, c = 0, d = 0, e = 0, f = 0): Call {
    const call = this.call;
    if (call.state !== CALL_IDLE) this.memory.forgotten(call);
    return call.arm(operation, number, a, b, c, d, e, f);
  }
}
