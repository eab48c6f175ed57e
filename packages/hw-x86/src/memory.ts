import type { ByteCount, PhysAddr } from './units.js';

/**
 * Memory that the processor and devices share. The model's is sparse and made of chunks; on the
 * host it is one arena and an address is an offset into it. No call allocates except the first
 * touch of a chunk.
 */
export interface PhysicalMemory {
  /** Addresses run from 0 to `byteCount - 1`; there may be holes, which read as faults of the caller. */
  readonly byteCount: ByteCount;
  /** A power of two, at least 4,096. No page, block or segment may straddle a chunk. */
  readonly chunkBytes: ByteCount;

  /** The chunk that holds `address`, as bytes; the byte itself is at `address % chunkBytes`. */
  bytes(address: PhysAddr): Uint8Array;
  /** The chunk that holds `address`, as 32-bit words; the word is at `(address % chunkBytes) / 4`. */
  words(address: PhysAddr): Int32Array;

  /** One byte, 0..255. */
  load8(address: PhysAddr): number;
  /** One aligned 32-bit word, unsigned: `0 <= value < 2**32`. */
  load32(address: PhysAddr): number;
  /** Stores the low 8 bits. */
  store8(address: PhysAddr, value: number): void;
  /** Stores the low 32 bits at an aligned address. */
  store32(address: PhysAddr, value: number): void;

  /** Copies inside this memory; the ranges may overlap and may cross chunks. */
  copy(to: PhysAddr, from: PhysAddr, byteCount: ByteCount): void;
  /** Sets every byte of the range to `value`; may cross chunks. */
  fill(address: PhysAddr, byteCount: ByteCount, value: number): void;
  /** Copies out into a buffer of the host's: `target[offset ..]`. */
  read(from: PhysAddr, target: Uint8Array, offset: number, byteCount: ByteCount): void;
  /** Copies in from a buffer of the host's: `source[offset ..]`. */
  write(to: PhysAddr, source: Uint8Array, offset: number, byteCount: ByteCount): void;
}

/**
 * Port: where a subsystem gets 4 KiB frames from. The slab package's page allocator is one; so is
 * a plain array of addresses in a test.
 */
export interface FrameSource {
  /** A frame aligned to 4 KiB with undefined contents, or NIL. */
  allocate(): PhysAddr;
  /** Gives back what `allocate` returned. */
  free(frame: PhysAddr): void;
}
