/**
 * A task whose code runs on the host's own stack: a library that makes synchronous calls and cannot
 * yield (SQLite in WebAssembly). Each call is handed to a task of the kernel, and the machine runs
 * until that task has ended it; blocked calls let other tasks run meanwhile, as always.
 *
 * Between calls the task stands at a safe point and virtual time stands still: what the host computes
 * is not modelled. A second one is refused: parked, it would hold its CPU while the first one waits.
 */
import { assert, EBUSY, IDLE, POWER_OFF, STOPPED } from '@hotpath/hw-x86';
import type { ModelMachine } from '@hotpath/hw-x86/model';
import type { Program, ProgramFactory, SystemCalls } from './syscall/program.js';
import type { SpawnOptions } from './task/lifecycle.js';
import type { TaskReport } from './task/tasks.js';

/** Calls that are made in one go, and what they come to. */
export type HostOperation<T> = (sys: SystemCalls) => Iterable<void, T, void>;

/** The host's code cannot go on: `code` says why, `errno` is Linux's number, negative, or 0. */
export class HostTaskError extends Error {
  override readonly name = 'HostTaskError';
  /** `EBUSY`: there is one already; `ERR_POWER_OFF`; `ERR_TASK_ENDED`; `ERR_AT_REST`: a wait has no end. */
  readonly code: string;
  readonly errno: number;

  constructor(code: string, message: string, errno = 0) {
    super(message);
    this.code = code;
    this.errno = errno;
  }
}

/** The part of a kernel that a host task needs. */
export interface HostTaskPorts {
  readonly machine: ModelMachine;
  spawn(name: string, program: ProgramFactory, options: SpawnOptions): TaskReport;
}

/** The one place for a host task that a kernel has. */
export class HostTaskPlace {
  readonly #ports: HostTaskPorts;
  #current: HostTask | null = null;

  constructor(ports: HostTaskPorts) {
    this.#ports = ports;
  }

  /** @throws HostTaskError `EBUSY` while there is one that has not been closed */
  open(name: string, options: SpawnOptions): HostTask {
    const { machine } = this.#ports;
    const known = this.#current;
    if (known?.isOpen) {
      const message = `task "${name}": "${known.report.name}" runs on the host's stack; allowed: one`;
      throw new HostTaskError('EBUSY', message, EBUSY);
    }
    const task = new HostTask(machine, (program) => this.#ports.spawn(name, program, options));
    this.#current = task;
    return task;
  }
}

/** A task that the host's code drives, call by call. Made by `Kernel.openHostTask`. */
export class HostTask {
  /** Its CPU time and the rest, as of any task. */
  readonly report: TaskReport;
  readonly #machine: ModelMachine;
  #operation: HostOperation<unknown> | null = null;
  #result: unknown;
  #error: { readonly thrown: unknown } | null = null;
  #status = 0;
  #closing = false;

  constructor(machine: ModelMachine, spawn: (program: ProgramFactory) => TaskReport) {
    this.#machine = machine;
    this.report = spawn((sys) => this.#serve(sys));
  }

  /** Whether it takes calls. */
  get isOpen(): boolean {
    return !this.#closing && this.report.status === null;
  }

  *#serve(sys: SystemCalls): Program {
    while (!this.#closing) {
      const operation = this.#operation;
      if (operation !== null) {
        try {
          this.#result = yield* operation(sys);
        } catch (thrown) {
          this.#error = { thrown };
        }
        this.#operation = null;
      }
      this.#machine.stop();
      yield;
    }
    return this.#status;
  }

  /**
   * Makes calls and runs the machine until they have ended: `task.call((sys) => sys.fsync(fd))`. What
   * the operation throws is thrown here.
   * @throws HostTaskError when it cannot end; KernelPanic
   */
  call<T>(operation: HostOperation<T>): T {
    if (!this.isOpen) {
      throw new HostTaskError('ERR_TASK_ENDED', `task "${this.report.name}" has ended`);
    }
    assert(this.#operation === null, 'a host task makes one call at a time');
    this.#operation = operation;
    while (this.#operation !== null) {
      const why = this.#machine.run();
      if (this.#operation === null) break;
      if (why === POWER_OFF) throw new HostTaskError('ERR_POWER_OFF', 'the power is off');
      if (this.report.status !== null) {
        const text = `task "${this.report.name}" ended in the middle of a call`;
        throw new HostTaskError('ERR_TASK_ENDED', text);
      }
      if (why === IDLE) {
        throw new HostTaskError(
          'ERR_AT_REST',
          'a call waits, and nothing is left that could end it',
        );
      }
    }
    const error = this.#error;
    this.#error = null;
    if (error !== null) throw error.thrown;
    return this.#result as T;
  }

  /** Ends the task, which closes its files; the place is free for another. */
  close(status = 0): void {
    if (!this.isOpen) return;
    this.#status = status;
    this.#closing = true;
    while (this.report.status === null && this.#machine.run() === STOPPED);
  }
}
