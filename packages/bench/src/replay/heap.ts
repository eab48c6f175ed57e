import { type ByteCount, type Meter, MIB, PAGE_BYTES } from '@hotpath/hw-x86';
import { ArenaMemory } from '@hotpath/hw-x86/host';
import { GenericMalloc, Kmalloc, PageAllocator, SlabAllocator } from '@hotpath/slab';

/** What a recording of allocations is replayed on. Addresses are offsets in `bytes`; 0 is none. */
export interface Heap {
  readonly bytes: Uint8Array;
  malloc(byteCount: ByteCount): number;
  calloc(byteCount: ByteCount): number;
  realloc(address: number, byteCount: ByteCount): number;
  memalign(align: ByteCount, byteCount: ByteCount): number;
  free(address: number): void;
  /** Bytes that the heap occupies now: pages taken, or the highest byte ever used. */
  footprintBytes(): ByteCount;
  /** Walks the heap's structures; throws InvariantError. */
  checkInvariants(): void;
}

/** Makes a heap of at least `byteCount` bytes. */
export type HeapMaker = (byteCount: ByteCount, meter?: Meter | null) => Heap;

/** Slab caches over page frames: `Kmalloc` of `@hotpath/slab`. */
export const slabHeap: HeapMaker = (byteCount, meter = null) => {
  const size = Math.ceil(byteCount / PAGE_BYTES) * PAGE_BYTES;
  // One page more: address 0 must be no object.
  const memory = new ArenaMemory(new ArrayBuffer(size + PAGE_BYTES));
  const pages = new PageAllocator({ ranges: [{ start: PAGE_BYTES, byteCount: size }], meter });
  const slabs = new SlabAllocator({ pages, memory, none: 0, meter });
  const kmalloc = new Kmalloc(slabs);
  return {
    bytes: memory.bytes(0),
    malloc: (count) => kmalloc.malloc(count),
    calloc: (count) => kmalloc.calloc(1, count),
    realloc: (address, count) => kmalloc.realloc(address, count),
    memalign: (align, count) => kmalloc.memalign(align, count),
    free: (address) => kmalloc.free(address),
    footprintBytes: () => pages.usedPages * PAGE_BYTES,
    checkInvariants: () => {
      pages.checkInvariants();
    },
  };
};

/** The baseline: a generic malloc (TLSF) of `@hotpath/slab` over the same kind of memory. */
export const genericHeap: HeapMaker = (byteCount, meter = null) => {
  const size = Math.ceil(byteCount / PAGE_BYTES) * PAGE_BYTES;
  const buffer = new ArrayBuffer(size);
  const bytes = new Uint8Array(buffer);
  const heap = new GenericMalloc({ byteCount: size, buffer, meter });
  /** By aligned address: the block that it lies in. */
  const blockOf = new Map<number, number>();
  return {
    bytes,
    malloc: (count) => heap.malloc(count),
    calloc: (count) => {
      const address = heap.malloc(count);
      if (address !== 0) bytes.fill(0, address, address + count);
      return address;
    },
    realloc: (address, count) => heap.realloc(address, count),
    memalign: (align, count) => {
      const block = heap.malloc(count + align);
      if (block === 0) return 0;
      const address = Math.ceil(block / align) * align;
      if (address !== block) blockOf.set(address, block);
      return address;
    },
    free: (address) => {
      const block = blockOf.size === 0 ? undefined : blockOf.get(address);
      if (block === undefined) return heap.free(address);
      blockOf.delete(address);
      heap.free(block);
    },
    footprintBytes: () => heap.peakExtent,
    checkInvariants: () => heap.checkInvariants(),
  };
};

/** Bytes of heap for a recording whose live bytes peak at `peakLiveBytes`: room for any waste. */
export function heapBytesFor(peakLiveBytes: ByteCount): ByteCount {
  return Math.min(1024 * MIB, Math.max(16 * MIB, peakLiveBytes * 4));
}
