/**
 * The gate between programs and the kernel: privilege (the change of ring charges itself), the trace,
 * and the rule that a task of hits stays preemptible: at each exit the TSC is compared with the
 * limit.
 */
import {
  assert,
  BLOCKED,
  ENOSYS,
  INSTRUCTIONS,
  LIMIT,
  type Meter,
  OK,
  SUPERVISOR,
  type TraceHook,
  TSC,
  USER,
  type VirtAddr,
} from '@hotpath/hw-x86';
import type { Current } from '../current.js';
import type { KernelPaths } from '../kernel-paths.js';
import { type CallStack, frameNamed } from '../task/call-stack.js';
import { type CycleAccounts, TIME_SYSCALL, TIME_USER } from '../task/cycle-accounts.js';
import { popUserRegisters, pushUserRegisters } from '../task/kernel-stack.js';
import { TRACE_SYSCALL_ENTER, TRACE_SYSCALL_EXIT, TRACE_UNKNOWN_SYSCALL } from '../trace-events.js';
import {
  CALL_ARMED,
  CALL_IDLE,
  CALL_RETURNED,
  CALL_WAITING,
  type Call,
  type CallEntry,
  OPERATION_BLOCK,
  OPERATION_COMPUTE,
  OPERATION_SYSCALL,
  REPLACED,
  RESTART,
  RESTART_UNHANDLED,
} from './call.js';
import {
  ACCESS_BLOCKED,
  ACCESS_FAILED,
  ACCESS_SUSPENDED,
  type ProgramAccess,
} from './program-access.js';

/**
 * Instructions of entry and exit beside the register saves: SWAPGS twice, change of stack, bounds
 * check and table look-up, indirect call (Linux 6.5, entry_SYSCALL_64 and do_syscall_64).
 */
const DISPATCH_OPERATIONS = 24;

const FRAME_ACCESS = frameNamed('access_memory');

/**
 * One system call: the value, an errno, or BLOCKED after it has begun a wait. It is called again
 * after the wake-up and goes on from the call's progress.
 */
export type Handler = (call: Call) => number;

/** What the gate needs of the rest of the kernel. */
export interface EntryPorts {
  readonly current: Current;
  readonly trace: TraceHook | null;
  readonly accounts: CycleAccounts;
  readonly stack: CallStack;
  readonly meter: Meter;
  readonly paths: KernelPaths;
  /** Lowest byte of a task's kernel stack. */
  stackOf(task: number): VirtAddr;
  /** By call number; a hole is ENOSYS. */
  readonly handlers: readonly (Handler | undefined)[];
  /** {@link Handler} of a kernel thread's block access. */
  readonly blockHandler: Handler;
  /** The program's own loads, stores and copies. */
  readonly programAccess: ProgramAccess;
  /** Flags of the tasks that have signals to look at. */
  readonly attention: Uint8Array;
  /** True if the task gives up its CPU although its limit is not reached. */
  mustSuspend(cpu: number): boolean;
  /** True for a kernel thread: it has no ring to change and traps nowhere. */
  isKernelThread(task: number): boolean;
}

/** Runs calls and the program's own memory accesses. */
export class SystemCallEntry implements CallEntry {
  /** System calls begun. */
  count = 0;
  #ports!: EntryPorts;

  /** Wires the gate; once, at boot (calls and task table need each other). */
  connect(ports: EntryPorts): void {
    this.#ports = ports;
  }

  /** True for the number of a call that has a handler. */
  knows(number: number): boolean {
    return this.#ports.handlers[number] !== undefined;
  }

  enter(call: Call): boolean {
    const { current } = this.#ports;
    assert(call.task === current.task, 'a call is entered for a task that is not current');
    if (call.state === CALL_RETURNED) return this.#deliver(call);
    if (call.state === CALL_WAITING) {
      assert(call.woken, 'a blocked call is entered before its wake-up');
      return this.#run(call);
    }
    assert(call.state === CALL_ARMED, 'a call is entered that was not set up');
    if (call.operation === OPERATION_SYSCALL) {
      this.#trap(call);
      return this.#run(call);
    }
    if (call.operation === OPERATION_COMPUTE) return this.#compute(call);
    if (call.operation === OPERATION_BLOCK) return this.#block(call);
    return this.#access(call);
  }

  #trap(call: Call): void {
    const { accounts, current, trace } = this.#ports;
    this.count += 1;
    accounts.enter(TIME_SYSCALL);
    if (!this.#ports.isKernelThread(call.task)) {
      current.cpu.setPrivilege(SUPERVISOR);
      pushUserRegisters(current.cpu, this.#ports.stackOf(call.task));
      this.#ports.meter.retire(DISPATCH_OPERATIONS);
      this.#ports.paths.enterCall(call.number);
    }
    if (trace !== null) trace.emit(TRACE_SYSCALL_ENTER, call.number, call.task);
  }

  #run(call: Call): boolean {
    const value =
      call.operation === OPERATION_BLOCK ? this.#ports.blockHandler(call) : this.#systemCall(call);
    if (value > BLOCKED) return this.#leave(call, value);
    return this.#hold(call, value);
  }

  /** Answers that do not go back to the program: a wait, a call to begin again, a new program. */
  #hold(call: Call, value: number): boolean {
    if (value === BLOCKED) {
      call.state = CALL_WAITING;
      return false;
    }
    assert(value === RESTART || value === RESTART_UNHANDLED || value === REPLACED, 'a bad answer');
    this.#leave(call, value);
    // What becomes of it is for the signals to say, before the program goes on.
    call.state = value === REPLACED ? CALL_IDLE : CALL_RETURNED;
    if (value !== REPLACED) this.#ports.attention[call.task] = 1;
    return false;
  }

  /** Blocks of devices are for the kernel's own threads; a program finds no such call. */
  #block(call: Call): boolean {
    return this.#ports.isKernelThread(call.task) ? this.#run(call) : this.#leave(call, ENOSYS);
  }

  #systemCall(call: Call): number {
    const handler = this.#ports.handlers[call.number];
    if (handler !== undefined) {
      const { stack } = this.#ports;
      const depth = stack.push(call.number);
      const value = handler(call);
      stack.cut(depth);
      return value;
    }
    if (this.#ports.trace !== null) {
      this.#ports.trace.emit(TRACE_UNKNOWN_SYSCALL, call.number, call.task);
    }
    return ENOSYS;
  }

  /** The way out: trace, SYSRET, and the look at the limit. */
  #leave(call: Call, value: number): boolean {
    const { current, trace } = this.#ports;
    call.value = value;
    if (call.operation === OPERATION_SYSCALL) {
      if (trace !== null) trace.emit(TRACE_SYSCALL_EXIT, call.number, value);
      if (!this.#ports.isKernelThread(call.task)) {
        popUserRegisters(current.cpu, this.#ports.stackOf(call.task));
        current.cpu.setPrivilege(USER);
      }
      this.#ports.accounts.enter(TIME_USER);
    }
    return this.#settle(call);
  }

  /** Goes back to the program, or suspends it here with the result kept. */
  #settle(call: Call): boolean {
    const { cpu } = this.#ports.current;
    if (
      cpu.cells[TSC] >= cpu.cells[LIMIT] ||
      this.#ports.attention[call.task] !== 0 ||
      this.#ports.mustSuspend(cpu.id)
    ) {
      call.state = CALL_RETURNED;
      return false;
    }
    call.state = CALL_IDLE;
    return true;
  }

  #deliver(call: Call): boolean {
    call.state = CALL_IDLE;
    return true;
  }

  /** Passes as many of the cycles as fit below the limit; the rest after the suspension. */
  #compute(call: Call): boolean {
    const { cells } = this.#ports.current.cpu;
    const room = Math.max(0, cells[LIMIT] - cells[TSC]);
    const cycles = Math.min(call.a - call.done, room);
    cells[TSC] += cycles;
    cells[INSTRUCTIONS] += cycles;
    call.done += cycles;
    if (call.done < call.a) return false;
    call.value = OK;
    return this.#settle(call);
  }

  /** A load, store or copy of the program's, with its faults resolved on the way. */
  #access(call: Call): boolean {
    const { stack } = this.#ports;
    const depth = stack.push(FRAME_ACCESS);
    const value = this.#ports.programAccess.run(call);
    stack.cut(depth);
    if (value === ACCESS_BLOCKED) {
      call.state = CALL_WAITING;
      return false;
    }
    // Suspended it goes on from what is done; failed, its task ends.
    call.state = CALL_ARMED;
    if (value === ACCESS_FAILED || value === ACCESS_SUSPENDED) return false;
    call.value = value;
    return this.#settle(call);
  }
}
