/** What a program asks of its memory, and its own accesses to it. */
import type { VirtAddr } from '@hotpath/hw-x86';
import {
  type Call,
  OPERATION_LOAD,
  OPERATION_LOAD_BYTES,
  OPERATION_LOAD8,
  OPERATION_LOAD64,
  OPERATION_STORE,
  OPERATION_STORE_BYTES,
  OPERATION_STORE8,
  OPERATION_STORE64,
} from './call.js';
import { FileRequests } from './file-requests.js';
import { FUTEX_WAIT, FUTEX_WAKE } from './flags.js';
import {
  SYS_BRK,
  SYS_FUTEX,
  SYS_MADVISE,
  SYS_MINCORE,
  SYS_MMAP,
  SYS_MPROTECT,
  SYS_MSYNC,
  SYS_MUNMAP,
} from './numbers.js';

/** Calls on memory. */
export class MemoryRequests extends FileRequests {
  /** Moves the end of the heap: the new end, or the old one if `address` is 0 or cannot be. */
  brk(address: VirtAddr): Call {
    return this.arm(SYS_BRK, address);
  }

  /**
   * Maps a file, or memory without one: the address; or EINVAL, EBADF, EACCES, ENOMEM, EEXIST, EPERM.
   * @param address - where, for MAP_FIXED; otherwise a hint, 0: anywhere
   * @param protection - PROT_READ, PROT_WRITE, PROT_EXEC, or PROT_NONE
   * @param flags - MAP_SHARED or MAP_PRIVATE, and MAP_ANONYMOUS, MAP_FIXED, MAP_POPULATE
   * @param fd - of a file opened for reading, and for writing too if stores are to reach it
   * @param offset - a multiple of 4,096; accesses beyond the file's end are SIGBUS
   */
  mmap(
    address: VirtAddr,
    length: number,
    protection: number,
    flags: number,
    fd = -1,
    offset = 0,
  ): Call {
    return this.arm(SYS_MMAP, address, length, protection, flags, fd, offset);
  }

  /** Takes a range of mappings out, or a part of one: OK, EINVAL, ENOMEM. */
  munmap(address: VirtAddr, length: number): Call {
    return this.arm(SYS_MUNMAP, address, length);
  }

  /** Changes the rights of a range: OK, EINVAL, EACCES, ENOMEM if a part is not mapped. */
  mprotect(address: VirtAddr, length: number, protection: number): Call {
    return this.arm(SYS_MPROTECT, address, length, protection);
  }

  /** With MS_SYNC what was stored to shared mappings is on the medium: OK, EINVAL, ENOMEM, EIO. */
  msync(address: VirtAddr, length: number, flags: number): Call {
    return this.arm(SYS_MSYNC, address, length, flags);
  }

  /** Says how a range will be used (MADV_*): OK, EINVAL, ENOMEM. */
  madvise(address: VirtAddr, length: number, advice: number): Call {
    return this.arm(SYS_MADVISE, address, length, advice);
  }

  /** Stores a byte for each page at `vector`, 1 where it is in memory: OK, EINVAL, EFAULT, ENOMEM. */
  mincore(address: VirtAddr, length: number, vector: VirtAddr): Call {
    return this.arm(SYS_MINCORE, address, length, vector);
  }

  /**
   * Waits until the word is woken, if it holds `expected`: OK, EAGAIN if not, ETIMEDOUT, EINTR, EFAULT.
   * @param timeoutNs - 0: for ever
   */
  futexWait(address: VirtAddr, expected: number, timeoutNs = 0): Call {
    return this.arm(SYS_FUTEX, address, FUTEX_WAIT, expected, timeoutNs);
  }

  /** Wakes up to `count` threads that wait on the word: how many. */
  futexWake(address: VirtAddr, count = 1): Call {
    return this.arm(SYS_FUTEX, address, FUTEX_WAKE, count);
  }

  /** Loads 32 bits of the program's memory; faults are handled, a bad address kills (SIGSEGV). */
  load32(address: VirtAddr): Call {
    return this.start(OPERATION_LOAD, 0, address, 0, 0);
  }

  /** Stores 32 bits, likewise. */
  store32(address: VirtAddr, value: number): Call {
    return this.start(OPERATION_STORE, 0, address, value, 0);
  }

  /** Loads one byte, likewise. */
  load8(address: VirtAddr): Call {
    return this.start(OPERATION_LOAD8, 0, address, 0, 0);
  }

  /** Stores the low 8 bits, likewise. */
  store8(address: VirtAddr, value: number): Call {
    return this.start(OPERATION_STORE8, 0, address, value, 0);
  }

  /** Loads 64 bits, likewise: the low word; the other is then in {@link MemoryRequests.high}. */
  load64(address: VirtAddr): Call {
    return this.start(OPERATION_LOAD64, 0, address, 0, 0);
  }

  /** Bits 63:32 of the last `load64`. */
  get high(): number {
    return this.call.high;
  }

  /** Stores two words, likewise. */
  store64(address: VirtAddr, low: number, high: number): Call {
    return this.start(OPERATION_STORE64, 0, address, low, high);
  }

  /**
   * Copies memory at `address` into an array of the program's own, across as many pages as it takes:
   * OK. Charged as a copy, line by line on both sides; faults are handled on the way, a bad address
   * kills (SIGSEGV) with what lies before it copied.
   */
  loadBytes(address: VirtAddr, into: Uint8Array): Call {
    const call = this.start(OPERATION_LOAD_BYTES, 0, address, 0, 0);
    call.bytes = into;
    return call;
  }

  /** Copies an array of the program's own to memory at `address`, likewise. */
  storeBytes(address: VirtAddr, bytes: Uint8Array): Call {
    const call = this.start(OPERATION_STORE_BYTES, 0, address, 0, 0);
    call.bytes = bytes;
    return call;
  }

  /**
   * `load32` without `yield*`: the value, or NIL when the page must be brought in or the slice
   * is over. On NIL do a plain `yield` and try again.
   */
  tryLoad32(address: VirtAddr): number {
    return this.memory.tryLoad32(address);
  }

  /** `store32` likewise: OK or NIL. */
  tryStore32(address: VirtAddr, value: number): number {
    return this.memory.tryStore32(address, value);
  }
}
