/**
 * Pipes: a ring of pages between those who write and those who read. A write of up to
 * PIPE_ATOMIC_BYTES never mixes with another.
 *
 *   0 <= used[p] <= PIPE_BYTES;  the bytes are at start[p], start[p]+1, ... modulo PIPE_BYTES
 */
import {
  assert,
  BLOCKED,
  EAGAIN,
  EINTR,
  ENOMEM,
  EPIPE,
  type FrameSource,
  NIL,
  OK,
  PAGE_BYTES,
  type VirtAddr,
} from '@hotpath/hw-x86';
import type { Current } from '../current.js';
import { PIPE_ATOMIC_BYTES, PIPE_BYTES, PIPE_LIMIT } from '../params.js';
import { type Call, RESTART } from '../syscall/call.js';
import type { UserAccess } from '../task/user-access.js';
import type { TaskWaits } from '../task/waits.js';
import { WaitingCalls } from './waiting-calls.js';

const PIPE_PAGES = PIPE_BYTES / PAGE_BYTES;

/** What pipes work on. */
export interface PipePorts {
  readonly current: Current;
  readonly frames: FrameSource;
  readonly access: UserAccess;
  readonly waits: TaskWaits;
  /** A task has written where nobody reads (SIGPIPE). */
  brokenPipe(task: number): void;
}

/** All pipes and FIFOs. */
export class Pipes {
  /** Open ends. */
  readonly readers = new Int32Array(PIPE_LIMIT);
  readonly writers = new Int32Array(PIPE_LIMIT);
  /** Bytes in each. */
  readonly used = new Int32Array(PIPE_LIMIT);
  readonly #start = new Int32Array(PIPE_LIMIT);
  /** Ends that were ever opened, so that an opener sees one that has come and gone. */
  readonly #readerCount = new Float64Array(PIPE_LIMIT);
  readonly #writerCount = new Float64Array(PIPE_LIMIT);
  readonly #taken = new Uint8Array(PIPE_LIMIT);
  /** Inode of a FIFO. */
  readonly #inode = new Int32Array(PIPE_LIMIT).fill(NIL);
  readonly #pages = new Float64Array(PIPE_LIMIT * PIPE_PAGES).fill(NIL);
  readonly #reading: WaitingCalls[] = [];
  readonly #writing: WaitingCalls[] = [];
  readonly #opening: WaitingCalls[] = [];
  readonly #ports: PipePorts;
  /** Told when a pipe can be read or written that could not be; poll listens. */
  changed: () => void = () => {};

  constructor(ports: PipePorts) {
    this.#ports = ports;
  }

  /** Pipes in use. */
  get liveCount(): number {
    return this.#taken.reduce((sum, taken) => sum + taken, 0);
  }

  /** A pipe without ends, or NIL when all are in use; of a FIFO, the one that is open already. */
  take(inode: number): number {
    const known = inode === NIL ? NIL : this.#inode.indexOf(inode);
    if (known !== NIL) return known;
    const pipe = this.#taken.indexOf(0);
    if (pipe < 0) return NIL;
    this.#taken[pipe] = 1;
    this.#inode[pipe] = inode;
    this.used[pipe] = 0;
    this.#start[pipe] = 0;
    const { waits } = this.#ports;
    this.#reading[pipe] ??= new WaitingCalls(waits);
    this.#writing[pipe] ??= new WaitingCalls(waits);
    this.#opening[pipe] ??= new WaitingCalls(waits);
    return pipe;
  }

  /** An open file is an end: of one side, or of both. */
  openEnd(pipe: number, reads: boolean, writes: boolean): void {
    if (reads) {
      this.readers[pipe] += 1;
      this.#readerCount[pipe] += 1;
    }
    if (writes) {
      this.writers[pipe] += 1;
      this.#writerCount[pipe] += 1;
    }
    this.#opening[pipe].wakeAll(OK);
  }

  /** An end is closed. Nobody writes: readers see the end. Nobody reads: writers see EPIPE. */
  closeEnd(pipe: number, reads: boolean, writes: boolean): void {
    if (reads) this.readers[pipe] -= 1;
    if (writes) this.writers[pipe] -= 1;
    assert(this.readers[pipe] >= 0 && this.writers[pipe] >= 0, 'a pipe is closed too often');
    if (this.writers[pipe] === 0) this.#reading[pipe].wakeAll(OK);
    if (this.readers[pipe] === 0) this.#writing[pipe].wakeAll(OK);
    this.changed();
    if (this.readers[pipe] + this.writers[pipe] === 0) this.#give(pipe);
  }

  /** Ends of the other side that were ever opened: what {@link Pipes.awaitPeer} waits to change. */
  peerCount(pipe: number, reads: boolean): number {
    return reads ? this.#writerCount[pipe] : this.#readerCount[pipe];
  }

  /** An opener of a FIFO waits for the other side. */
  awaitPeer(call: Call, pipe: number): number {
    return this.#opening[pipe].block(call);
  }

  /** read: bytes, 0 at the end, EAGAIN, EFAULT, RESTART, or BLOCKED. */
  read(call: Call, pipe: number, buffer: VirtAddr, count: number, waits: boolean): number {
    if (count === 0) return 0;
    if (call.brought === EINTR) return RESTART;
    if (this.used[pipe] === 0 && call.done === 0) {
      if (this.writers[pipe] === 0) return 0;
      return waits ? this.#reading[pipe].block(call) : EAGAIN;
    }
    while (call.done < count && this.used[pipe] > 0) {
      const length = Math.min(count - call.done, this.used[pipe]);
      const moved = this.#copy(pipe, this.#start[pipe], buffer + call.done, length, false);
      this.#start[pipe] = (this.#start[pipe] + moved) % PIPE_BYTES;
      this.used[pipe] -= moved;
      call.done += moved;
      if (moved === length) continue;
      const status = this.#ports.access.bringIn(call);
      if (status === OK) continue;
      if (call.done === 0 || status === BLOCKED) return status;
      break;
    }
    if (this.used[pipe] === 0) this.#freePages(pipe);
    this.#writing[pipe].wakeOne(OK);
    if (this.used[pipe] > 0) this.#reading[pipe].wakeOne(OK);
    this.changed();
    return call.done;
  }

  /** write: bytes, EPIPE, EAGAIN, RESTART, EFAULT, ENOMEM, or BLOCKED with what is done kept. */
  write(call: Call, pipe: number, buffer: VirtAddr, count: number, waits: boolean): number {
    const status = this.#writeSome(call, pipe, buffer, count, waits);
    if (this.used[pipe] > 0) this.#reading[pipe].wakeOne(OK);
    if (this.used[pipe] < PIPE_BYTES && call.done === count) this.#writing[pipe].wakeOne(OK);
    this.changed();
    return status;
  }

  /** Asserts that ends, bytes and pages fit. */
  checkInvariants(): void {
    for (let pipe = 0; pipe < PIPE_LIMIT; pipe++) {
      const ends = this.readers[pipe] + this.writers[pipe];
      assert(ends === 0 || this.#taken[pipe] === 1, 'a free pipe is open');
      assert(this.used[pipe] >= 0 && this.used[pipe] <= PIPE_BYTES, 'a pipe ran over');
    }
  }

  #writeSome(call: Call, pipe: number, buffer: VirtAddr, count: number, waits: boolean): number {
    if (call.brought === EINTR) return call.done > 0 ? call.done : RESTART;
    while (call.done < count) {
      if (this.readers[pipe] === 0) {
        this.#ports.brokenPipe(call.task);
        return call.done > 0 ? call.done : EPIPE;
      }
      const rest = count - call.done;
      const room = PIPE_BYTES - this.used[pipe];
      if (room < (count <= PIPE_ATOMIC_BYTES ? rest : 1)) {
        if (!waits) return call.done > 0 ? call.done : EAGAIN;
        return this.#writing[pipe].block(call);
      }
      const status = this.#put(call, pipe, buffer, Math.min(rest, room));
      if (status === BLOCKED) return BLOCKED;
      if (status !== OK) return call.done > 0 ? call.done : status;
    }
    return call.done;
  }

  /** Copies so many bytes in and only then lets them be seen: all of them, or those before a fault. */
  #put(call: Call, pipe: number, buffer: VirtAddr, length: number): number {
    const end = (this.#start[pipe] + this.used[pipe]) % PIPE_BYTES;
    if (!this.#makePages(pipe, end, length)) return ENOMEM;
    for (let moved = 0; ; ) {
      const at = (end + moved) % PIPE_BYTES;
      moved += this.#copy(pipe, at, buffer + call.done + moved, length - moved, true);
      const status = moved === length ? OK : this.#ports.access.bringIn(call);
      if (status === OK && moved < length) continue;
      // Nothing has been let seen: the same bytes are copied again when the page is there.
      if (status === BLOCKED) return BLOCKED;
      this.used[pipe] += moved;
      call.done += moved;
      return moved > 0 ? OK : status;
    }
  }

  /** Bytes moved between the ring at `at` and the program, page by page; fewer at a fault. */
  #copy(pipe: number, at: number, address: VirtAddr, count: number, write: boolean): number {
    const { mmu } = this.#ports.current.cpu;
    let moved = 0;
    mmu.setAlignmentCheck(true);
    while (moved < count) {
      const position = (at + moved) % PIPE_BYTES;
      const offset = position % PAGE_BYTES;
      const length = Math.min(count - moved, PAGE_BYTES - offset);
      const page = pipe * PIPE_PAGES + Math.floor(position / PAGE_BYTES);
      const frame = this.#pages[page] + offset;
      const copied = write
        ? mmu.copyFrom(address + moved, frame, length)
        : mmu.copyTo(address + moved, frame, length);
      moved += copied;
      if (copied < length) break;
    }
    mmu.setAlignmentCheck(false);
    return moved;
  }

  /** Frames for the ring's bytes from `at` on; false when memory is used up. */
  #makePages(pipe: number, at: number, count: number): boolean {
    const first = Math.floor(at / PAGE_BYTES);
    const last = Math.floor((at + count - 1) / PAGE_BYTES);
    for (let page = first; page <= last; page++) {
      const row = pipe * PIPE_PAGES + (page % PIPE_PAGES);
      if (this.#pages[row] !== NIL) continue;
      const frame = this.#ports.frames.allocate();
      if (frame === NIL) return false;
      this.#pages[row] = frame;
    }
    return true;
  }

  #freePages(pipe: number): void {
    for (let row = pipe * PIPE_PAGES; row < (pipe + 1) * PIPE_PAGES; row++) {
      if (this.#pages[row] !== NIL) this.#ports.frames.free(this.#pages[row]);
      this.#pages[row] = NIL;
    }
    this.#start[pipe] = 0;
  }

  #give(pipe: number): void {
    this.#freePages(pipe);
    this.used[pipe] = 0;
    this.#taken[pipe] = 0;
    this.#inode[pipe] = NIL;
  }
}
