import { PTE_PRESENT, PTE_USER, PTE_WRITE } from '../architecture.js';
import type { PhysicalMemory } from '../memory.js';
import { PAGE_BYTES, type PhysAddr, type VirtAddr } from '../units.js';

/** Page tables of 4 KiB pages that the suite builds in the memory of the machine under test. */
export class SuiteTables {
  readonly root: PhysAddr;
  readonly #memory: PhysicalMemory;
  #next: PhysAddr;

  constructor(memory: PhysicalMemory, firstFrame: PhysAddr) {
    this.#memory = memory;
    this.#next = firstFrame;
    this.root = this.#frame();
  }

  /** Writes the leaf of an address; every entry above it allows everything. Answers its address. */
  map(address: VirtAddr, frame: PhysAddr, flags = PTE_WRITE | PTE_USER): PhysAddr {
    const leaf = this.leaf(address);
    this.#memory.store32(leaf, frame + (PTE_PRESENT | flags));
    this.#memory.store32(leaf + 4, 0);
    return leaf;
  }

  /** Physical address of the leaf entry of an address. */
  leaf(address: VirtAddr): PhysAddr {
    let table = this.root;
    for (let level = 4; level > 1; level--) {
      const at = table + indexOf(address, level) * 8;
      let entry = this.#memory.load32(at);
      if ((entry & PTE_PRESENT) === 0) {
        entry = this.#frame() + (PTE_PRESENT | PTE_WRITE | PTE_USER);
        this.#memory.store32(at, entry);
      }
      table = (entry & -PAGE_BYTES) >>> 0;
    }
    return table + indexOf(address, 1) * 8;
  }

  #frame(): PhysAddr {
    const frame = this.#next;
    this.#next += PAGE_BYTES;
    this.#memory.fill(frame, PAGE_BYTES, 0);
    return frame;
  }
}

function indexOf(address: VirtAddr, level: number): number {
  const index = Math.floor(address / 2 ** (12 + 9 * (level - 1))) % 512;
  return index < 0 ? index + 512 : index;
}
