import {
  ArgumentError,
  GIB,
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
import type { MemoryTrace } from '../traces/memory-trace.js';

/** Page tables lie below, mapped frames above. */
const FRAMES_START: PhysAddr = 4 * GIB;
const LEAF_LEVEL = new Map<number, number>([
  [PAGE_BYTES, 1],
  [LARGE_PAGE_BYTES, 2],
  [HUGE_PAGE_BYTES, 3],
]);
/** Bytes that one entry of a level covers. */
const REACH = [0, 2 ** 12, 2 ** 21, 2 ** 30, 2 ** 39];
const ENTRY_BYTES = 8;
const ALLOW_ALL = PTE_PRESENT | PTE_WRITE | PTE_USER;

/** Page tables in modelled memory that map each page of a recording, all of one size. */
export class EagerTables {
  readonly root: PhysAddr;
  private readonly memory: PhysicalMemory;
  private readonly pageBytes: number;
  private readonly leafLevel: number;
  private readonly mapped = new Set<number>();
  private nextTable: PhysAddr = PAGE_BYTES;

  /** @throws ArgumentError ERR_PAGE_BYTES unless 4 KiB, 2 MiB or 1 GiB */
  constructor(memory: PhysicalMemory, pageBytes: number) {
    const leafLevel = LEAF_LEVEL.get(pageBytes);
    if (leafLevel === undefined) {
      throw new ArgumentError('ERR_PAGE_BYTES', `page is ${pageBytes}; allowed: 4K, 2M, 1G`);
    }
    this.memory = memory;
    this.pageBytes = pageBytes;
    this.leafLevel = leafLevel;
    this.root = this.newTable();
  }

  /** Pages mapped. */
  get pageCount(): number {
    return this.mapped.size;
  }

  /** Maps every page that the recording touches, in order of first touch. */
  mapAll({ referenceCount, address, size }: MemoryTrace): void {
    for (let index = 0; index < referenceCount; index++) {
      const end = address[index] + Math.max(size[index], 1) - 1;
      const last = Math.floor(end / this.pageBytes);
      for (let page = Math.floor(address[index] / this.pageBytes); page <= last; page++) {
        if (!this.mapped.has(page)) this.map(page);
      }
    }
  }

  private map(page: number): void {
    const frame = FRAMES_START + this.mapped.size * this.pageBytes;
    this.mapped.add(page);
    const address = page * this.pageBytes;
    let table = this.root;
    for (let level = 4; level > this.leafLevel; level--) table = this.below(table, address, level);
    const large = this.leafLevel > 1 ? PTE_LARGE : 0;
    this.writeEntry(entryOf(table, address, this.leafLevel), frame, ALLOW_ALL | large);
  }

  /** The table that an entry points to; made when there is none. */
  private below(table: PhysAddr, address: VirtAddr, level: number): PhysAddr {
    const entry = entryOf(table, address, level);
    const low = this.memory.load32(entry);
    if ((low & PTE_PRESENT) !== 0) return low - (low % PAGE_BYTES);
    const below = this.newTable();
    this.writeEntry(entry, below, ALLOW_ALL);
    return below;
  }

  private newTable(): PhysAddr {
    const table = this.nextTable;
    this.nextTable += PAGE_BYTES;
    this.memory.fill(table, PAGE_BYTES, 0);
    return table;
  }

  private writeEntry(entry: PhysAddr, target: PhysAddr, flags: number): void {
    this.memory.store32(entry, (target % 2 ** 32) + flags);
    this.memory.store32(entry + 4, Math.floor(target / 2 ** 32));
  }
}

function entryOf(table: PhysAddr, address: VirtAddr, level: number): PhysAddr {
  return table + (Math.floor(address / REACH[level]) % 512) * ENTRY_BYTES;
}
