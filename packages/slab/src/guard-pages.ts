import { type ByteCount, NIL, PAGE_BYTES } from '@hotpath/hw-x86';
import { checkSpan } from './byte-span.js';
import type { PageAllocator } from './page-allocator.js';
import type { ObjectMemory } from './slab-allocator.js';
import { GUARD_FILL, type SlabReport } from './slab-debug.js';

/**
 * Sampled guards (after KFENCE): now and then an object lies alone in a page whose other bytes are
 * filled, by turns at the page's start and end, so that an overrun of any length either way is seen.
 */
export class GuardPages {
  /** Object to its page. */
  private readonly pageOf = new Map<number, number>();
  private turn = 0;
  private readonly cacheName: string;
  private readonly objectBytes: ByteCount;
  private readonly align: ByteCount;
  private readonly pages: PageAllocator;
  private readonly memory: ObjectMemory;

  constructor(
    cacheName: string,
    objectBytes: ByteCount,
    align: ByteCount,
    pages: PageAllocator,
    memory: ObjectMemory,
  ) {
    this.cacheName = cacheName;
    this.objectBytes = objectBytes;
    this.align = align;
    this.pages = pages;
    this.memory = memory;
  }

  get count(): number {
    return this.pageOf.size;
  }

  /** An object in a page of its own, or NIL when there is no page. */
  allocate(): number {
    const page = this.pages.allocateLow(0);
    if (page === NIL) return NIL;
    this.memory.fill(page, PAGE_BYTES, GUARD_FILL);
    this.turn = 1 - this.turn;
    const last = Math.floor((PAGE_BYTES - this.objectBytes) / this.align) * this.align;
    const address = page + (this.turn === 1 ? last : 0);
    this.pageOf.set(address, page);
    return address;
  }

  /** Takes an object back after checking its page; false where the address is none of these. */
  free(address: number, reports: SlabReport[]): boolean {
    const page = this.pageOf.get(address);
    if (page === undefined) return false;
    this.check(address, page, reports);
    this.pageOf.delete(address);
    this.pages.free(page);
    return true;
  }

  checkAll(reports: SlabReport[]): void {
    for (const [address, page] of this.pageOf) this.check(address, page, reports);
  }

  forEach(visit: (address: number) => void): void {
    for (const address of this.pageOf.keys()) visit(address);
  }

  private check(address: number, page: number, reports: SlabReport[]): void {
    const owner = { cache: this.cacheName, damage: 'guard' as const, address, site: null };
    const behind = address + this.objectBytes;
    checkSpan(this.memory, page, address - page, GUARD_FILL, owner, reports);
    checkSpan(this.memory, behind, page + PAGE_BYTES - behind, GUARD_FILL, owner, reports);
  }
}
