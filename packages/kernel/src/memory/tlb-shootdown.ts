/**
 * Invalidation of translations on every CPU that may hold them (Intel SDM vol. 3, 4.10.5; Linux:
 * flush_tlb_range). CPUs that run the space are reached by one IPI whose handler flushes for itself,
 * and both sides pay. CPUs that have run it before, or idle with its root still in CR3, are left
 * alone: the space counts its flushes, and a CPU that comes back having missed some drops the whole
 * context (Linux: tlb_gen and lazy TLB mode). Ranges longer than FLUSH_CEILING_PAGES take the whole
 * context at once.
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

/** What a flush needs to know of an address space. */
export interface FlushedSpace {
  readonly root: PhysAddr;
  readonly pcid: number;
  /** Flushes of it so far. */
  flushCount: number;
  /** `flushCount` up to which each CPU has flushed; -1: it has never run the space. */
  readonly seenFlush: Float64Array;
}

/** The part of a kernel that flushes; one instance, its fields are the message of the IPI. */
export class TlbShootdown {
  /** Flushes asked for, IPIs' worth of other CPUs reached by them, and CPUs spared the IPI. */
  flushCount = 0;
  remoteCount = 0;
  lazyCount = 0;
  /** 1 while a CPU idles or runs a kernel thread: it uses no user address. */
  readonly #lazy: Uint8Array;
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
    this.#lazy = new Uint8Array(cpus.length).fill(1);
  }

  /** Kernel mappings, which are global: every CPU may hold them. */
  kernelRange(start: VirtAddr, pageCount: number, pageBytes: number): void {
    this.flushCount += 1;
    this.#aim(start, pageCount, pageBytes, 0);
    const { cpu } = this.#current;
    this.flushHere(cpu);
    let mask = 0;
    for (const other of this.#cpus) if (other !== cpu) mask |= 1 << other.id;
    this.#tell(mask);
  }

  /** A CPU takes up a task of the space: its root goes into CR3, and what was missed is flushed. */
  activate(cpu: Cpu, space: FlushedSpace): void {
    this.#lazy[cpu.id] = 0;
    const fresh = space.seenFlush[cpu.id] === space.flushCount;
    if (fresh && cpu.mmu.root === space.root) return;
    space.seenFlush[cpu.id] = space.flushCount;
    cpu.mmu.setRoot(space.root, space.pcid, fresh);
  }

  /** A CPU goes idle or takes up a kernel thread: whatever root is in CR3 stays there. */
  rest(cpu: Cpu): void {
    this.#lazy[cpu.id] = 1;
  }

  /** `pageCount` pages from `start` of one space have lost an entry or a right. */
  userRange(
    space: FlushedSpace,
    start: VirtAddr,
    pageCount: number,
    pageBytes: number = PAGE_BYTES,
  ): void {
    space.flushCount += 1;
    this.flushCount += 1;
    this.#aim(start, pageCount, pageBytes, space.pcid);
    const { cpu } = this.#current;
    let mask = 0;
    for (const each of this.#cpus) {
      if (space.seenFlush[each.id] !== space.flushCount - 1) continue;
      if (each.mmu.root !== space.root || this.#lazy[each.id] === 1) {
        this.lazyCount += 1;
        continue;
      }
      space.seenFlush[each.id] = space.flushCount;
      if (each === cpu) this.flushHere(cpu);
      else mask |= 1 << each.id;
    }
    this.#tell(mask);
  }

  /** Everything of one space: rights have gone all over. */
  userSpace(space: FlushedSpace): void {
    this.userRange(space, 0, FLUSH_CEILING_PAGES + 1);
  }

  /**
   * The space ends and its tables are about to be given away. A CPU that idles with its root still in
   * CR3 takes the kernel's; entries in TLBs stay until the PCID's next owner drops them.
   */
  leaveSpace(space: FlushedSpace): void {
    this.#dyingRoot = space.root;
    this.#aim(0, 0, PAGE_BYTES, space.pcid);
    const { cpu } = this.#current;
    let mask = 0;
    for (const each of this.#cpus) {
      if (each.mmu.root !== space.root) continue;
      if (each === cpu) this.flushHere(cpu);
      else mask |= 1 << each.id;
    }
    this.#tell(mask);
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

  #aim(start: VirtAddr, pageCount: number, pageBytes: number, pcid: number): void {
    this.#start = start;
    this.#pageCount = pageCount;
    this.#pageBytes = pageBytes;
    this.#pcid = pcid;
  }

  #tell(mask: number): void {
    if (mask === 0) return;
    for (let left = mask; left !== 0; left &= left - 1) this.remoteCount += 1;
    this.#interrupts.callRemote(this.#current.cpu, this.#vector, mask);
  }
}
