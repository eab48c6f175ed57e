import { assert, isErrno, OK, PAGE_BYTES, type PhysAddr, type VirtAddr } from '@hotpath/hw-x86';
import type { CopyPort, PageIo } from '@hotpath/pagecache';
import type { Current } from '../current.js';
import type { Files } from '../fs/files.js';

/**
 * Copies between page-cache frames and the buffer of a read or write, with SMAP lifted for exactly
 * the copy (STAC and CLAC). A write asks for a block before it takes a byte, so that a full disk is
 * an answer of write and not a loss at write-back.
 */
export class UserCopy implements CopyPort {
  /** Why the last copy stopped, if not for a fault: an errno, else OK. */
  error: number = OK;
  readonly #current: Current;
  readonly #files: Files;
  #buffer: VirtAddr = 0;
  #inode = 0;
  #transfer: PageIo | null = null;

  constructor(current: Current, files: Files) {
    this.#current = current;
    this.#files = files;
  }

  /** Aims at the buffer of a call. An append's offset is known only when its turn has come. */
  aim(buffer: VirtAddr, inode: number, transfer: PageIo): void {
    this.#buffer = buffer;
    this.#inode = inode;
    this.#transfer = transfer;
    this.error = OK;
  }

  copyOut(from: PhysAddr, at: number, count: number): number {
    const { mmu } = this.#current.cpu;
    mmu.setAlignmentCheck(true);
    const moved = mmu.copyTo(this.#buffer + at, from, count);
    mmu.setAlignmentCheck(false);
    return moved;
  }

  copyIn(to: PhysAddr, at: number, count: number): number {
    assert(this.#transfer !== null, 'a copy without an aim');
    const page = Math.floor((this.#transfer.offset + at) / PAGE_BYTES);
    const reserved = this.#files.reserve(this.#inode, page);
    if (isErrno(reserved)) {
      this.error = reserved;
      return 0;
    }
    const { mmu } = this.#current.cpu;
    mmu.setAlignmentCheck(true);
    const moved = mmu.copyFrom(this.#buffer + at, to, count);
    mmu.setAlignmentCheck(false);
    return moved;
  }
}
