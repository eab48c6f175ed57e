import {
  HUGE_PAGE_BYTES,
  LARGE_PAGE_BYTES,
  PAGE_BYTES,
  type PhysAddr,
  type PhysicalMemory,
  PTE_LARGE,
  PTE_PRESENT,
  PTE_USER,
  PTE_WRITE,
  type VirtAddr,
} from '@hotpath/hw-x86';

/** Builds page tables in a machine's memory, from frames handed out in order. For tests only. */
export class PageTables {
  readonly root: PhysAddr;
  readonly #memory: PhysicalMemory;
  #next: PhysAddr;

  constructor(memory: PhysicalMemory, firstFrame: PhysAddr = 0x100000) {
    this.#memory = memory;
    this.#next = firstFrame;
    this.root = this.frame();
  }

  /** A zeroed 4 KiB frame. */
  frame(): PhysAddr {
    const frame = this.#next;
    this.#next += PAGE_BYTES;
    this.#memory.fill(frame, PAGE_BYTES, 0);
    return frame;
  }

  /** Maps one page; every entry above the leaf allows everything. */
  map(
    address: VirtAddr,
    frame: PhysAddr,
    flags = PTE_WRITE | PTE_USER,
    bytes: number = PAGE_BYTES,
    noExecute = false,
  ): PhysAddr {
    const leaf = this.entry(address, bytes);
    const large = bytes === PAGE_BYTES ? 0 : PTE_LARGE;
    this.#memory.store32(leaf, (frame % 2 ** 32) + (PTE_PRESENT | flags | large));
    this.#memory.store32(leaf + 4, Math.floor(frame / 2 ** 32) + (noExecute ? 2 ** 31 : 0));
    return leaf;
  }

  /** Physical address of the leaf entry of an address, with the tables on the way to it. */
  entry(address: VirtAddr, bytes: number = PAGE_BYTES): PhysAddr {
    const leafLevel = bytes === HUGE_PAGE_BYTES ? 3 : bytes === LARGE_PAGE_BYTES ? 2 : 1;
    let table = this.root;
    for (let level = 4; level > leafLevel; level--) {
      const at = table + indexOf(address, level) * 8;
      let low = this.#memory.load32(at);
      if ((low & PTE_PRESENT) === 0) {
        const frame = this.frame();
        low = (frame % 2 ** 32) + (PTE_PRESENT | PTE_WRITE | PTE_USER);
        this.#memory.store32(at, low);
        this.#memory.store32(at + 4, Math.floor(frame / 2 ** 32));
      }
      const high = this.#memory.load32(at + 4) & 0xfffff;
      table = high * 2 ** 32 + ((low & -4096) >>> 0);
    }
    return table + indexOf(address, leafLevel) * 8;
  }

  /** Makes the page not present. */
  unmap(address: VirtAddr, bytes: number = PAGE_BYTES): void {
    this.#memory.store32(this.entry(address, bytes), 0);
  }
}

function indexOf(address: VirtAddr, level: number): number {
  const reach = [0, 2 ** 12, 2 ** 21, 2 ** 30, 2 ** 39][level];
  const index = Math.floor(address / reach) % 512;
  return index < 0 ? index + 512 : index;
}
