/**
 * Bytes between a system call and its program's memory: paths in, records and texts out. With SMAP
 * lifted for exactly the access (STAC and CLAC). Each answers OK, EFAULT, ENOMEM, or BLOCKED where a
 * page of the program's has to be brought in first: then the handler answers BLOCKED with its stage
 * as it is and does the same again.
 */
import {
  BLOCKED,
  EFAULT,
  ENAMETOOLONG,
  NIL,
  OK,
  PAGE_BYTES,
  type PhysAddr,
  type PhysicalMemory,
  type VirtAddr,
} from '@hotpath/hw-x86';
import type { Current } from '../current.js';
import { isUserAddress } from '../memory/memory-map.js';
import { PATH_BYTES } from '../params.js';
import type { UserAccess } from '../task/user-access.js';
import type { Walk } from '../vfs/path-walk.js';
import type { Call } from './call.js';

/** What the copies work on. */
export interface UserBytesPorts {
  readonly current: Current;
  readonly access: UserAccess;
  readonly memory: PhysicalMemory;
  /** A frame of the kernel's own; what is copied out stands there for the length of a copy. */
  readonly frame: PhysAddr;
}

/** Copies for handlers. */
export class UserBytes {
  readonly #ports: UserBytesPorts;

  constructor(ports: UserBytesPorts) {
    this.#ports = ports;
  }

  /** Copies `bytes[from .. from+count-1]` to the program's memory. */
  store(call: Call, address: VirtAddr, bytes: Uint8Array, from: number, count: number): number {
    const { access, current, frame } = this.#ports;
    if (count > 0 && !(isUserAddress(address) && isUserAddress(address + count - 1))) return EFAULT;
    const { mmu } = current.cpu;
    for (let done = 0; done < count; ) {
      const length = Math.min(count - done, PAGE_BYTES);
      this.#place(bytes, from + done, length);
      mmu.setAlignmentCheck(true);
      const moved = mmu.copyTo(address + done, frame, length);
      mmu.setAlignmentCheck(false);
      done += moved;
      const status = moved === length ? OK : access.bringIn(call);
      if (status !== OK) return status;
    }
    return OK;
  }

  /** Copies `count` bytes, a page at most, of the program's memory to `into`. */
  load(call: Call, address: VirtAddr, into: Uint8Array, count: number): number {
    const { access, current, frame, memory } = this.#ports;
    if (count > 0 && !(isUserAddress(address) && isUserAddress(address + count - 1))) return EFAULT;
    const { mmu } = current.cpu;
    for (let done = 0; done < count; ) {
      mmu.setAlignmentCheck(true);
      const moved = mmu.copyFrom(address + done, frame + done, count - done);
      mmu.setAlignmentCheck(false);
      done += moved;
      const status = done === count ? OK : access.bringIn(call);
      if (status !== OK) return status;
    }
    const from = frame % memory.chunkBytes;
    into.set(memory.bytes(frame).subarray(from, from + count));
    return OK;
  }

  /** What a call answers whose copy stopped: BLOCKED, the bytes done before, or the errno. */
  settle(call: Call, status: number): number {
    return status === BLOCKED || call.done === 0 ? status : call.done;
  }

  /** The zero-ended path at `address` into a walk: as above, and ENAMETOOLONG. */
  loadPath(call: Call, address: VirtAddr, walk: Walk): number {
    const { access, current } = this.#ports;
    const { mmu } = current.cpu;
    for (let at = 0; at < PATH_BYTES; ) {
      if (!isUserAddress(address + at)) return EFAULT;
      // Word by word where that cannot cross into a page behind the string's end.
      const word = (address + at) % 8 === 0;
      mmu.setAlignmentCheck(true);
      const low = word ? mmu.load64(address + at) : mmu.load8(address + at);
      mmu.setAlignmentCheck(false);
      if (low === NIL) {
        const status = access.bringIn(call);
        if (status !== OK) return status;
        continue;
      }
      const high = word ? mmu.high : 0;
      for (let byte = 0; byte < (word ? 8 : 1) && at < PATH_BYTES; byte++, at++) {
        const value = ((byte < 4 ? low : high) >>> ((byte % 4) * 8)) & 255;
        if (value === 0) {
          walk.length = at;
          return OK;
        }
        walk.bytes[at] = value;
      }
    }
    return ENAMETOOLONG;
  }

  #place(bytes: Uint8Array, from: number, count: number): void {
    const { frame, memory } = this.#ports;
    const chunk = memory.bytes(frame);
    chunk.set(bytes.subarray(from, from + count), frame % memory.chunkBytes);
  }
}
