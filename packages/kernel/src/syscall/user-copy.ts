import { assert, EFBIG, NIL, PAGE_BYTES, type PhysAddr, type VirtAddr } from '@hotpath/hw-x86';
import { type CopyPort, FILE_BYTES_MAX, type PageIo } from '@hotpath/pagecache';
import type { Current } from '../current.js';
import type { FileSystem, InodeNumber } from '../vfs/file-system.js';
import type { IoVectors } from './io-vectors.js';

/**
 * Copies between page-cache frames and the buffer of a read or write, with SMAP lifted for exactly
 * the copy (STAC and CLAC). A write asks for the page's place before it takes a byte, so that a full
 * disk is an answer of write and not a loss at write-back.
 */
export class UserCopy implements CopyPort {
  /** Page whose place is to be reserved before the copy can go on, or NIL. */
  unreserved = NIL;
  readonly #current: Current;
  #buffer: VirtAddr = 0;
  #fileSystem: FileSystem | null = null;
  #inode: InodeNumber = 0;
  #transfer: PageIo | null = null;
  #vectors: IoVectors | null = null;

  constructor(current: Current) {
    this.#current = current;
  }

  /** Aims at the buffer of a call. An append's offset is known only when its turn has come. */
  aim(
    buffer: VirtAddr,
    fileSystem: FileSystem,
    inode: InodeNumber,
    transfer: PageIo,
    vectors: IoVectors | null,
  ): void {
    this.#vectors = vectors;
    this.#buffer = buffer;
    this.#fileSystem = fileSystem;
    this.#inode = inode;
    this.#transfer = transfer;
    this.unreserved = NIL;
  }

  copyOut(from: PhysAddr, at: number, count: number): number {
    if (this.#vectors !== null) return this.#copyVectors(this.#vectors, from, at, count, false);
    const { mmu } = this.#current.cpu;
    mmu.setAlignmentCheck(true);
    const moved = mmu.copyTo(this.#buffer + at, from, count);
    mmu.setAlignmentCheck(false);
    return moved;
  }

  copyIn(to: PhysAddr, at: number, count: number): number {
    assert(this.#transfer !== null && this.#fileSystem !== null, 'a copy without an aim');
    const page = Math.floor((this.#transfer.offset + at) / PAGE_BYTES);
    if (!this.#fileSystem.isReserved(this.#inode, page)) {
      this.unreserved = page;
      return 0;
    }
    if (this.#vectors !== null) return this.#copyVectors(this.#vectors, to, at, count, true);
    const { mmu } = this.#current.cpu;
    mmu.setAlignmentCheck(true);
    const moved = mmu.copyFrom(this.#buffer + at, to, count);
    mmu.setAlignmentCheck(false);
    return moved;
  }

  /** The same for several buffers: bytes moved up to a fault. */
  #copyVectors(
    vectors: IoVectors,
    frame: PhysAddr,
    at: number,
    count: number,
    write: boolean,
  ): number {
    const { mmu } = this.#current.cpu;
    let moved = 0;
    let start = 0;
    mmu.setAlignmentCheck(true);
    for (let i = 0; i < vectors.length.length && moved < count; i++) {
      const end = start + vectors.length[i];
      const from = at + moved;
      if (from < end) {
        const address = vectors.address[i] + from - start;
        const length = Math.min(count - moved, end - from);
        const copied = write
          ? mmu.copyFrom(address, frame + moved, length)
          : mmu.copyTo(address, frame + moved, length);
        moved += copied;
        if (copied < length) break;
      }
      start = end;
    }
    mmu.setAlignmentCheck(false);
    return moved;
  }
}

/** Bytes of a write that fit below the largest offset and the process's limit, or EFBIG when none does. */
export function clipToLargest(offset: number, count: number, limit: number): number {
  const end = Math.min(FILE_BYTES_MAX, limit);
  if (count > 0 && offset >= end) return EFBIG;
  return Math.min(count, end - offset);
}
