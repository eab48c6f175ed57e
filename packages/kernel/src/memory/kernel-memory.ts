import { assert, NIL, OK, type PhysAddr } from '@hotpath/hw-x86';
import type { Current } from '../current.js';
import { directAddress } from './memory-map.js';

/**
 * The kernel's own accesses to physical memory, through the direct map of the CPU it runs on: each
 * is charged as the load or store that it is.
 */
export class KernelMemory {
  readonly #current: Current;

  constructor(current: Current) {
    this.#current = current;
  }

  /** 0 <= value < 2**32. */
  load32(address: PhysAddr): number {
    const value = this.#current.cpu.mmu.load32(directAddress(address));
    assert(value !== NIL, 'the direct map does not cover a kernel load');
    return value;
  }

  /** Stores the low 32 bits. */
  store32(address: PhysAddr, value: number): void {
    const status = this.#current.cpu.mmu.store32(directAddress(address), value);
    assert(status === OK, 'the direct map does not cover a kernel store');
  }
}
