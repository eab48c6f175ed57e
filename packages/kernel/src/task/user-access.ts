/**
 * A program's own memory accesses outside of `yield*`, and what becomes of their faults.
 */
import {
  EFAULT,
  ENOMEM,
  LIMIT,
  NIL,
  OK,
  SUPERVISOR,
  type TraceHook,
  TSC,
  VECTOR_PF,
  type VirtAddr,
} from '@hotpath/hw-x86';
import type { Current } from '../current.js';
import {
  FAULT_NO_MEMORY,
  FAULT_RESOLVED,
  FAULT_SEGMENT,
  type PageFaults,
} from '../memory/page-fault.js';
import { TASK_LIMIT } from '../params.js';
import type { Call } from '../syscall/call.js';
import type { UserMemory } from '../syscall/program.js';
import { TRACE_PAGE_FAULT } from '../trace-events.js';
import { type CycleAccounts, TIME_FAULT } from './cycle-accounts.js';
import { SIGKILL, SIGSEGV } from './signal-numbers.js';
import type { Tasks } from './tasks.js';

/** What the accesses need of the rest of the kernel. */
export interface UserAccessPorts {
  readonly current: Current;
  readonly tasks: Tasks;
  readonly faults: PageFaults;
  readonly trace: TraceHook | null;
  readonly accounts: CycleAccounts;
  /** Sends the signal of a bad access to its task. */
  raise(task: number, signal: number): void;
  /** A call was begun while another was outstanding: stops the machine. */
  forgotten(call: Call): never;
}

/** User accesses of every task. */
export class UserAccess implements UserMemory {
  readonly #ports: UserAccessPorts;
  /** 1 where a `try...` answered NIL because of a fault that is not resolved yet. */
  readonly #faulted = new Uint8Array(TASK_LIMIT);
  readonly #faultAddress = new Float64Array(TASK_LIMIT);
  readonly #faultCode = new Uint8Array(TASK_LIMIT);

  constructor(ports: UserAccessPorts) {
    this.#ports = ports;
  }

  tryLoad32(address: VirtAddr): number {
    const { cpu } = this.#ports.current;
    if (cpu.cells[TSC] >= cpu.cells[LIMIT]) return NIL;
    const value = cpu.mmu.load32(address);
    if (value === NIL) this.#keepFault();
    return value;
  }

  tryStore32(address: VirtAddr, value: number): number {
    const { cpu } = this.#ports.current;
    if (cpu.cells[TSC] >= cpu.cells[LIMIT]) return NIL;
    const status = cpu.mmu.store32(address, value);
    if (status === NIL) this.#keepFault();
    return status;
  }

  place(task: number, address: VirtAddr, bytes: Uint8Array): boolean {
    const { mmu } = this.#ports.current.cpu;
    for (let at = 0; at < bytes.length; at++) {
      while (mmu.store8(address + at, bytes[at]) === NIL) {
        if (!this.resolveFault(task)) return false;
      }
    }
    return true;
  }

  forgotten(call: Call): never {
    return this.#ports.forgotten(call);
  }

  /**
   * Resolves the fault that the MMU of the current CPU holds, for an access of the program's own or
   * of the kernel's to user memory; false: the task is marked to die.
   */
  resolveFault(task: number): boolean {
    const { faultVector, faultAddress, faultCode } = this.#ports.current.cpu.mmu;
    return this.#resolve(task, faultVector, faultAddress, faultCode);
  }

  /**
   * The same for a system call's user pointer: a bad one is EFAULT, not the task's end.
   * @returns FAULT_RESOLVED, FAULT_SEGMENT or FAULT_NO_MEMORY
   */
  resolveKernelFault(task: number): number {
    const { faultVector, faultAddress, faultCode } = this.#ports.current.cpu.mmu;
    return this.#bringIn(task, faultVector, faultAddress, faultCode);
  }

  /**
   * The fault of a system call's user pointer, for handlers: OK, try the access again; EFAULT or
   * ENOMEM is the call's answer; BLOCKED, a page is on its way: answer BLOCKED with the call's stage
   * as it is, and the handler is entered again when the page is there.
   */
  bringIn(call: Call): number {
    const outcome = this.resolveKernelFault(call.task);
    if (outcome === FAULT_RESOLVED) return OK;
    return outcome === FAULT_NO_MEMORY ? ENOMEM : EFAULT;
  }

  /** 32 bits into user memory for a system call: OK or EFAULT. */
  storeWord(task: number, address: VirtAddr, value: number): number {
    const { mmu } = this.#ports.current.cpu;
    for (;;) {
      mmu.setAlignmentCheck(true);
      const status = mmu.store32(address, value);
      mmu.setAlignmentCheck(false);
      if (status === OK) return OK;
      if (this.resolveKernelFault(task) !== FAULT_RESOLVED) return EFAULT;
    }
  }

  /** A 64-bit number into user memory for a system call: OK or EFAULT. */
  storeWords(task: number, address: VirtAddr, value: number): number {
    const { mmu } = this.#ports.current.cpu;
    for (;;) {
      mmu.setAlignmentCheck(true);
      const status = mmu.store64(address, value >>> 0, Math.floor(value / 2 ** 32));
      mmu.setAlignmentCheck(false);
      if (status === OK) return OK;
      if (this.resolveKernelFault(task) !== FAULT_RESOLVED) return EFAULT;
    }
  }

  /** Before a task runs on: what its last `try...` left behind. */
  settleFault(task: number): void {
    if (this.#faulted[task] === 0) return;
    this.#faulted[task] = 0;
    this.#resolve(task, VECTOR_PF, this.#faultAddress[task], this.#faultCode[task]);
  }

  #keepFault(): void {
    const { cpu, task } = this.#ports.current;
    const { faultVector, faultAddress, faultCode } = cpu.mmu;
    if (faultVector !== VECTOR_PF) {
      this.#ports.raise(task, SIGSEGV);
      return;
    }
    this.#faulted[task] = 1;
    this.#faultAddress[task] = faultAddress;
    this.#faultCode[task] = faultCode;
  }

  #resolve(task: number, vector: number, address: VirtAddr, code: number): boolean {
    const outcome = this.#bringIn(task, vector, address, code);
    if (outcome === FAULT_RESOLVED) return true;
    this.#ports.raise(task, outcome === FAULT_NO_MEMORY ? SIGKILL : SIGSEGV);
    return false;
  }

  #bringIn(task: number, vector: number, address: VirtAddr, code: number): number {
    const { current, faults, tasks, trace } = this.#ports;
    const { cpu } = current;
    const privilege = cpu.privilege;
    // The MMU has charged the exception and its return.
    cpu.enter(SUPERVISOR);
    const mode = this.#ports.accounts.enter(TIME_FAULT);
    if (trace !== null) trace.emit(TRACE_PAGE_FAULT, address, code);
    const space = tasks.space[task];
    // A kernel thread has no user half: its bad pointer is the kernel's own defect.
    const outcome = space === null ? FAULT_SEGMENT : faults.handle(space, address, vector, code);
    this.#ports.accounts.enter(mode);
    cpu.enter(privilege);
    return outcome;
  }
}
