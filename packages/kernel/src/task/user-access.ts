/**
 * A program's own memory accesses outside of `yield*`, and what becomes of their faults.
 */
import {
  assert,
  BLOCKED,
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
import { type KernelPaths, PATH_FAULT } from '../kernel-paths.js';
import type { KernelLocks } from '../locks/kernel-locks.js';
import { isUserAddress } from '../memory/memory-map.js';
import {
  FAULT_BLOCKED,
  FAULT_BUS,
  FAULT_NO_MEMORY,
  FAULT_RESOLVED,
  FAULT_SEGMENT,
  type PageFaults,
} from '../memory/page-fault.js';
import { TASK_LIMIT } from '../params.js';
import {
  CALL_ARMED,
  CALL_IDLE,
  CALL_WAITING,
  type Call,
  OPERATION_SYSCALL,
  OPERATION_TOUCH,
} from '../syscall/call.js';
import type { UserMemory } from '../syscall/program.js';
import { TRACE_PAGE_FAULT } from '../trace-events.js';
import { type CallStack, frameNamed } from './call-stack.js';
import { type CycleAccounts, TIME_FAULT } from './cycle-accounts.js';
import { SIGBUS, SIGKILL, SIGSEGV } from './signal-numbers.js';
import type { Tasks } from './tasks.js';

const FRAME_FAULT = frameNamed('page_fault');

/** No fault is under way. */
const FAULT_NONE = 0;
/** A `try...` answered NIL because of a fault that is not resolved yet. */
const FAULT_KEPT = 1;
/** The task waits for the page. */
const FAULT_WAITS = 2;
/** The page could not be had; the access has not heard of it. */
const FAULT_FAILED = 3;

/** What the accesses need of the rest of the kernel. */
export interface UserAccessPorts {
  readonly current: Current;
  readonly tasks: Tasks;
  readonly faults: PageFaults;
  readonly trace: TraceHook | null;
  readonly accounts: CycleAccounts;
  readonly stack: CallStack;
  readonly locks: KernelLocks;
  readonly paths: KernelPaths;
  /** Sends the signal of a bad access to its task. */
  raise(task: number, signal: number): void;
  /** A call was begun while another was outstanding: stops the machine. */
  forgotten(call: Call): never;
}

/** User accesses of every task. */
export class UserAccess implements UserMemory {
  readonly #ports: UserAccessPorts;
  /** FAULT_NONE .. FAULT_FAILED of each task. */
  readonly #state = new Uint8Array(TASK_LIMIT);
  /** What a fault that had to wait came to, until the access hears of it. */
  readonly #outcome = new Uint8Array(TASK_LIMIT);
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
        if (this.resolveKernelFault(task) !== FAULT_RESOLVED) return false;
      }
    }
    return true;
  }

  forgotten(call: Call): never {
    return this.#ports.forgotten(call);
  }

  /**
   * Resolves the fault that the MMU of the current CPU holds, for an access of the program's own;
   * FAULT_RESOLVED, FAULT_BLOCKED (its call is to wait), or another, and the task is marked to die.
   */
  resolveFault(call: Call): number {
    const { faultVector, faultAddress, faultCode } = this.#ports.current.cpu.mmu;
    const outcome = this.#bringIn(call.task, faultVector, faultAddress, faultCode, call);
    if (outcome !== FAULT_RESOLVED && outcome !== FAULT_BLOCKED) this.#doom(call.task, outcome);
    return outcome;
  }

  /**
   * For a user pointer of a system call that cannot wait: a bad one is EFAULT, not the task's end. A
   * page that would have to be read counts as bad: who can wait uses {@link UserAccess.bringIn}.
   * @returns FAULT_RESOLVED .. FAULT_BUS
   */
  resolveKernelFault(task: number): number {
    const { faultVector, faultAddress, faultCode } = this.#ports.current.cpu.mmu;
    return this.#bringIn(task, faultVector, faultAddress, faultCode, null);
  }

  /**
   * The fault of a system call's user pointer, for handlers: OK, try the access again; EFAULT or
   * ENOMEM is the call's answer; BLOCKED, a page is on its way: answer BLOCKED with the call's stage
   * as it is, and the handler is entered again when the page is there.
   */
  bringIn(call: Call): number {
    const { faultVector, faultAddress, faultCode } = this.#ports.current.cpu.mmu;
    return this.touch(call, faultAddress, faultVector, faultCode);
  }

  /** The same for an access that has not been tried: as if it had faulted with this code. */
  touch(call: Call, address: VirtAddr, vector: number, code: number): number {
    const outcome = this.#bringIn(call.task, vector, address, code, call);
    if (outcome === FAULT_RESOLVED) return OK;
    if (outcome === FAULT_BLOCKED) return BLOCKED;
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

  /** A 64-bit number into user memory for a system call that cannot wait: OK or EFAULT. */
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

  /** Stores a byte for a system call: OK, or as `bringIn`. */
  storeByte(call: Call, address: VirtAddr, value: number): number {
    const { current } = this.#ports;
    if (!isUserAddress(address)) return EFAULT;
    for (;;) {
      const { mmu } = current.cpu;
      mmu.setAlignmentCheck(true);
      const status = mmu.store8(address, value);
      mmu.setAlignmentCheck(false);
      if (status === OK) return OK;
      const brought = this.bringIn(call);
      if (brought !== OK) return brought;
    }
  }

  /**
   * Goes on with a fault after its wake-up; false: it waits again. What it failed with is what the
   * access hears that is tried again.
   */
  #finish(call: Call): boolean {
    const { current, faults, stack, tasks } = this.#ports;
    const { task } = call;
    assert(this.#state[task] === FAULT_WAITS, 'a fault goes on that does not wait');
    this.#state[task] = FAULT_NONE;
    const space = tasks.space[task];
    assert(space !== null, 'a task without memory has a fault');
    const privilege = current.cpu.privilege;
    current.cpu.enter(SUPERVISOR);
    const depth = stack.push(FRAME_FAULT);
    const { cpu } = current;
    const lock = this.#ports.locks.memoryMap(space.pcid);
    lock.acquire(cpu, false);
    const outcome = faults.finish(space, this.#faultAddress[task], this.#faultCode[task], call);
    lock.release(cpu);
    stack.cut(depth);
    current.cpu.enter(privilege);
    if (outcome === FAULT_BLOCKED) {
      this.#state[task] = FAULT_WAITS;
      return false;
    }
    // What the fault asked for meanwhile and had at once is no wait of the call's.
    call.woken = true;
    if (outcome !== FAULT_RESOLVED) {
      this.#state[task] = FAULT_FAILED;
      this.#outcome[task] = outcome;
    }
    return true;
  }

  /**
   * Before a task runs on, or looks at its signals: the fault whose page has come, or the one that its
   * last `try...` left behind. False: the task waits (again) for a page.
   */
  settleFault(task: number): boolean {
    const call = this.#ports.tasks.call[task];
    if (this.#state[task] === FAULT_WAITS) {
      if (!this.#finish(call)) return false;
      if (call.operation === OPERATION_SYSCALL) return true;
      // The program's own access: it is tried again in ring 3.
      call.state = call.operation === OPERATION_TOUCH ? CALL_IDLE : CALL_ARMED;
      if (call.operation !== OPERATION_TOUCH) return true;
      this.#failTouch(task);
    } else if (this.#state[task] === FAULT_KEPT) {
      this.#state[task] = FAULT_NONE;
      // Inside another call by now: the program will try again and fault again.
      if (call.state !== CALL_IDLE) return true;
      call.arm(OPERATION_TOUCH, 0, this.#faultAddress[task]);
      call.state = CALL_IDLE;
      const code = this.#faultCode[task];
      const outcome = this.#bringIn(task, VECTOR_PF, this.#faultAddress[task], code, call);
      if (outcome === FAULT_BLOCKED) {
        call.state = CALL_WAITING;
        return false;
      }
      if (outcome !== FAULT_RESOLVED) this.#doom(task, outcome);
    }
    return true;
  }

  /** Nobody hears of a failure but the task itself. */
  #failTouch(task: number): void {
    if (this.#state[task] !== FAULT_FAILED) return;
    this.#state[task] = FAULT_NONE;
    this.#doom(task, this.#outcome[task]);
  }

  #keepFault(): void {
    const { cpu, task } = this.#ports.current;
    const { faultVector, faultAddress, faultCode } = cpu.mmu;
    if (faultVector !== VECTOR_PF) {
      this.#ports.raise(task, SIGSEGV);
      return;
    }
    this.#state[task] = FAULT_KEPT;
    this.#faultAddress[task] = faultAddress;
    this.#faultCode[task] = faultCode;
  }

  #doom(task: number, outcome: number): void {
    if (outcome === FAULT_NO_MEMORY) this.#ports.raise(task, SIGKILL);
    else this.#ports.raise(task, outcome === FAULT_BUS ? SIGBUS : SIGSEGV);
  }

  #bringIn(
    task: number,
    vector: number,
    address: VirtAddr,
    code: number,
    call: Call | null,
  ): number {
    const { current, faults, stack, tasks, trace } = this.#ports;
    if (this.#state[task] === FAULT_FAILED) {
      this.#state[task] = FAULT_NONE;
      return this.#outcome[task];
    }
    const { cpu } = current;
    const privilege = cpu.privilege;
    // The MMU has charged the exception and its return.
    cpu.enter(SUPERVISOR);
    const mode = this.#ports.accounts.enter(TIME_FAULT);
    if (trace !== null) trace.emit(TRACE_PAGE_FAULT, address, code);
    const space = tasks.space[task];
    // A kernel thread has no user half: its bad pointer is the kernel's own defect.
    const depth = stack.push(FRAME_FAULT);
    this.#ports.paths.pass(PATH_FAULT);
    let outcome = FAULT_SEGMENT;
    if (space !== null) {
      const lock = this.#ports.locks.memoryMap(space.pcid);
      lock.acquire(cpu, false);
      outcome = faults.handle(space, address, vector, code, call);
      lock.release(cpu);
    }
    stack.cut(depth);
    this.#ports.accounts.enter(mode);
    cpu.enter(privilege);
    if (outcome === FAULT_BLOCKED) {
      this.#state[task] = FAULT_WAITS;
      this.#faultAddress[task] = address;
      this.#faultCode[task] = code;
    }
    return outcome;
  }
}
