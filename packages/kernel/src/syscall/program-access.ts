import {
  assert,
  LIMIT,
  NIL,
  OK,
  PAGE_BYTES,
  type PhysAddr,
  type PhysicalMemory,
  TSC,
} from '@hotpath/hw-x86';
import type { Current } from '../current.js';
import { FAULT_BLOCKED, FAULT_RESOLVED } from '../memory/page-fault.js';
import {
  type Call,
  OPERATION_LOAD,
  OPERATION_LOAD_BYTES,
  OPERATION_LOAD8,
  OPERATION_LOAD64,
  OPERATION_STORE,
  OPERATION_STORE_BYTES,
  OPERATION_STORE8,
} from './call.js';

/** The access cannot be: the task is to end. */
export const ACCESS_FAILED = -1;
/** The slice is over; what is done stands in the call. */
export const ACCESS_SUSPENDED = -2;
/** A page is on its way. */
export const ACCESS_BLOCKED = -3;

/** What the accesses need of the rest of the kernel. */
export interface ProgramAccessPorts {
  readonly current: Current;
  readonly memory: PhysicalMemory;
  /** A frame that stands for the program's variables. */
  readonly bounce: PhysAddr;
  /** Resolves the fault that the current CPU's MMU holds: FAULT_RESOLVED or another. */
  resolveFault(call: Call): number;
}

/**
 * What a program does to its modelled memory by `yield*`: loads and stores of 8, 32 and 64 bits, and
 * copies between that memory and its variables. A copy goes through one frame that stands for those
 * variables, so that both sides of it are charged; it stops for the end of the slice at each page.
 */
export class ProgramAccess {
  readonly #ports: ProgramAccessPorts;

  constructor(ports: ProgramAccessPorts) {
    this.#ports = ports;
  }

  /** Runs the call's access, or goes on with it: the value, or ACCESS_FAILED .. ACCESS_BLOCKED. */
  run(call: Call): number {
    const { cells } = this.#ports.current.cpu;
    for (;;) {
      const value = this.#try(call);
      if (value >= 0) return value;
      if (value === NIL) {
        const outcome = this.#ports.resolveFault(call);
        if (outcome === FAULT_BLOCKED) return ACCESS_BLOCKED;
        if (outcome !== FAULT_RESOLVED) return ACCESS_FAILED;
      }
      if (value === ACCESS_SUSPENDED && cells[TSC] >= cells[LIMIT]) return ACCESS_SUSPENDED;
    }
  }

  /** The value, NIL for a fault, or ACCESS_SUSPENDED when a page is copied and others are left. */
  #try(call: Call): number {
    const { mmu } = this.#ports.current.cpu;
    const { operation } = call;
    if (operation === OPERATION_LOAD) return mmu.load32(call.a);
    if (operation === OPERATION_STORE) return mmu.store32(call.a, call.b);
    if (operation === OPERATION_LOAD8) return mmu.load8(call.a);
    if (operation === OPERATION_STORE8) return mmu.store8(call.a, call.b);
    if (operation === OPERATION_LOAD64) {
      const low = mmu.load64(call.a);
      call.high = mmu.high;
      return low;
    }
    if (operation === OPERATION_LOAD_BYTES || operation === OPERATION_STORE_BYTES) {
      return this.#copyPage(call);
    }
    return mmu.store64(call.a, call.b, call.c);
  }

  #copyPage(call: Call): number {
    const { bytes } = call;
    assert(bytes !== null, 'a copy has nothing to copy');
    if (call.done === bytes.length) return OK;
    const { bounce, memory, current } = this.#ports;
    const from = call.a + call.done;
    const inPage = PAGE_BYTES - (((from % PAGE_BYTES) + PAGE_BYTES) % PAGE_BYTES);
    const wanted = Math.min(inPage, bytes.length - call.done);
    let moved: number;
    if (call.operation === OPERATION_LOAD_BYTES) {
      moved = current.cpu.mmu.copyFrom(from, bounce, wanted);
      if (moved > 0) memory.read(bounce, bytes, call.done, moved);
    } else {
      memory.write(bounce, bytes, call.done, wanted);
      moved = current.cpu.mmu.copyTo(from, bounce, wanted);
    }
    call.done += moved;
    if (moved < wanted) return NIL;
    return call.done === bytes.length ? OK : ACCESS_SUSPENDED;
  }
}
