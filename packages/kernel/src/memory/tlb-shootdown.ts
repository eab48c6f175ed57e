/**
 * Invalidation of translations on every CPU that may hold them (Intel SDM vol. 3, 4.10.5; Linux:
 * flush_tlb_range). The others are reached by an IPI whose handler flushes for itself, and both
 * sides pay. Ranges longer than FLUSH_CEILING_PAGES take the whole context instead.
 */
import {
  type Cpu,
  INVPCID_ADDRESS,
  INVPCID_ALL_GLOBAL,
  INVPCID_CONTEXT,
  type InterruptController,
  NIL,
  PAGE_BYTES,
  type PhysAddr,
  type VirtAddr,
} from '@hotpath/hw-x86';
import type { Current } from '../current.js';
import { FLUSH_CEILING_PAGES } from '../params.js';

const ALL_CPUS = 0xffffffff;

/** The part of a kernel that flushes; one instance, its fields are the message of the IPI. */
export class TlbShootdown {
  /** Flushes asked for, and IPIs' worth of other CPUs reached by them. */
  flushCount = 0;
  remoteCount = 0;
  readonly #current: Current;
  readonly #cpus: readonly Cpu[];
  readonly #interrupts: InterruptController;
  readonly #vector: number;
  readonly #kernelRoot: PhysAddr;
  #dyingRoot: PhysAddr = NIL;
  #start: VirtAddr = 0;
  #pageBytes = 0;
  #pageCount = 0;
  #pcid = 0;

  /** @param vector - the interrupt vector whose handler calls {@link TlbShootdown.flushHere} */
  constructor(
    current: Current,
    cpus: readonly Cpu[],
    interrupts: InterruptController,
    vector: number,
    kernelRoot: PhysAddr,
  ) {
    this.#current = current;
    this.#cpus = cpus;
    this.#interrupts = interrupts;
    this.#vector = vector;
    this.#kernelRoot = kernelRoot;
  }

  /** Kernel mappings, which are global: every CPU may hold them. */
  kernelRange(start: VirtAddr, pageCount: number, pageBytes: number): void {
    this.#flush(start, pageCount, pageBytes, 0, ALL_CPUS);
  }

  /**
   * Mappings of one address space. A CPU may hold them even while it runs another (PCIDs).
   * @param cpuMask - CPUs that have ever run the space
   */
  userRange(pcid: number, start: VirtAddr, pageCount: number, cpuMask: number): void {
    this.#flush(start, pageCount, PAGE_BYTES, pcid, cpuMask);
  }

  /**
   * Everything of an address space that ends. A CPU that idles with its root still in CR3 takes the
   * kernel's instead: the tables are about to be given away.
   */
  userAll(pcid: number, root: PhysAddr, cpuMask: number): void {
    this.#dyingRoot = root;
    this.#flush(0, FLUSH_CEILING_PAGES + 1, PAGE_BYTES, pcid, cpuMask);
    this.#dyingRoot = NIL;
  }

  /** The IPI's handler, and the local half: flushes the last asked range on `cpu`. */
  flushHere(cpu: Cpu): void {
    if (cpu.mmu.root === this.#dyingRoot) cpu.mmu.setRoot(this.#kernelRoot, 0, true);
    if (this.#pageCount > FLUSH_CEILING_PAGES) {
      if (this.#pcid === 0) cpu.mmu.invalidateContext(INVPCID_ALL_GLOBAL, 0, 0);
      else cpu.mmu.invalidateContext(INVPCID_CONTEXT, this.#pcid, 0);
      return;
    }
    for (let page = 0; page < this.#pageCount; page++) {
      const address = this.#start + page * this.#pageBytes;
      if (this.#pcid === 0) cpu.mmu.invalidate(address);
      else cpu.mmu.invalidateContext(INVPCID_ADDRESS, this.#pcid, address);
    }
  }

  #flush(
    start: VirtAddr,
    pageCount: number,
    pageBytes: number,
    pcid: number,
    cpuMask: number,
  ): void {
    this.#start = start;
    this.#pageCount = pageCount;
    this.#pageBytes = pageBytes;
    this.#pcid = pcid;
    this.flushCount += 1;
    const { cpu } = this.#current;
    this.flushHere(cpu);
    let mask = 0;
    for (const other of this.#cpus) {
      if (other === cpu || ((cpuMask >>> other.id) & 1) === 0) continue;
      mask |= 1 << other.id;
      this.remoteCount += 1;
    }
    if (mask === 0) return;
    this.#interrupts.callRemote(cpu, this.#vector, mask);
  }
}
