/** read, write, pread and pwrite: of files through the page cache, of everything else by its kind. */
import {
  BLOCKED,
  EBADF,
  EFAULT,
  EINVAL,
  EISDIR,
  ESPIPE,
  isErrno,
  NIL,
  OK,
  PAGE_BYTES,
  PENDING,
} from '@hotpath/hw-x86';
import { COPY_FAULT, PageIo } from '@hotpath/pagecache';
import type { Current } from '../current.js';
import {
  type KernelPaths,
  PATH_FILE_READ,
  PATH_FILE_WRITE,
  PATH_PAGE_READ,
  PATH_PAGE_WRITE,
  PATH_STREAM,
} from '../kernel-paths.js';
import { isUserAddress } from '../memory/memory-map.js';
import { TASK_LIMIT } from '../params.js';
import { type CallStack, frameNamed } from '../task/call-stack.js';
import type { UserAccess } from '../task/user-access.js';
import type { TaskWaits } from '../task/waits.js';
import type { Descriptors } from '../vfs/descriptors.js';
import type { Operation } from '../vfs/file-system.js';
import { KIND_DEVICE, KIND_DIRECTORY, KIND_FILE, KIND_PIPE, KIND_TEXT } from '../vfs/open-files.js';
import { mayRead, mayWrite } from '../vfs/opening.js';
import type { Vfs } from '../vfs/vfs.js';
import type { Call } from './call.js';
import type { Handler } from './entry.js';
import { O_APPEND, O_NONBLOCK } from './flags.js';
import { type IoVectors, VectorArguments } from './io-vectors.js';
import { SYS_PREAD, SYS_PWRITE, SYS_READ, SYS_READV, SYS_WRITE, SYS_WRITEV } from './numbers.js';
import type { UserBytes } from './user-bytes.js';
import { clipToLargest, UserCopy } from './user-copy.js';

/** Linux reads and writes at most so much in one call (MAX_RW_COUNT). */
const COUNT_MAX = 0x7ffff000;
/** Pages that a write asks a file system for at once. */
const RESERVE_PAGES = 64;

const FRAME_TRANSFER = frameNamed('page_transfer');

/** Stages of a call. */
const MOVING = 1;
const RESERVING = 2;
/** It waits for the lock of the open file's offset, or of the file's contents. */
const TAKING_POSITION = 3;
const TAKING_CONTENTS = 4;

/** What transfers work on. */
export interface FileTransferPorts {
  readonly current: Current;
  readonly vfs: Vfs;
  readonly descriptors: Descriptors;
  readonly waits: TaskWaits;
  readonly stack: CallStack;
  readonly paths: KernelPaths;
  readonly access: UserAccess;
  readonly bytes: UserBytes;
  /** Of a leader: threads of its process. */
  readonly threadCount: Int32Array;
  /** Largest file that the task's process may write (RLIMIT_FSIZE). */
  fileLimit(task: number): number;
  /** A write met that limit: SIGXFSZ. */
  tooLarge(task: number): void;
}

/** The handlers, and the transfer record of each task. */
export class FileTransfers {
  readonly #ports: FileTransferPorts;
  readonly #copy: UserCopy;
  /** Made when a task first reads or writes; reused by whoever has the slot next. */
  readonly #transfers: (PageIo | undefined)[] = new Array<PageIo | undefined>(TASK_LIMIT);
  /** Open file that a call which waits holds, so that a close meanwhile does not take it away. */
  readonly #held = new Int32Array(TASK_LIMIT).fill(NIL);
  /** Open file and inode whose locks each task's call has, or waits for; NIL: none. */
  readonly #position = new Int32Array(TASK_LIMIT).fill(NIL);
  readonly #contents = new Int32Array(TASK_LIMIT).fill(NIL);

  readonly #vectors: VectorArguments;

  constructor(ports: FileTransferPorts) {
    this.#ports = ports;
    this.#vectors = new VectorArguments(ports.bytes);
    this.#copy = new UserCopy(ports.current);
  }

  /** Puts the handlers into the table. */
  install(table: (Handler | undefined)[]): void {
    table[SYS_READ] = (call) => this.#transfer(call, false, false);
    table[SYS_WRITE] = (call) => this.#transfer(call, true, false);
    table[SYS_READV] = (call) => this.#vector(call, false);
    table[SYS_WRITEV] = (call) => this.#vector(call, true);
    table[SYS_PREAD] = (call) => this.#transfer(call, false, true);
    table[SYS_PWRITE] = (call) => this.#transfer(call, true, true);
  }

  /** A task ends in the middle of a transfer. */
  cancel(task: number): void {
    this.#transfers[task]?.cancel();
    this.#vectors.drop(task);
    this.#unlock(task);
    const row = this.#held[task];
    this.#held[task] = NIL;
    if (row !== NIL) this.#ports.vfs.opening.release(row);
  }

  #transfer(call: Call, write: boolean, positioned: boolean): number {
    const held = this.#held[call.task];
    const row = held !== NIL ? held : this.#ports.descriptors.openFile(call.task, call.a);
    if (held === NIL && call.stage === 0) {
      const refused = this.#refuse(call, row, write, positioned);
      if (refused !== OK) return refused;
    }
    const kind = this.#ports.vfs.open.kind[row];
    const vectors = this.#vectors.of(call.task);
    const status =
      kind === KIND_FILE
        ? this.#file(call, row, write, positioned)
        : vectors === null
          ? this.#stream(call, row, kind, write, positioned, true)
          : this.#streamVectors(call, row, kind, write, vectors);
    if (status === BLOCKED) {
      if (held === NIL) {
        this.#held[call.task] = row;
        this.#ports.vfs.open.share(row);
      }
      return BLOCKED;
    }
    this.#unlock(call.task);
    if (held !== NIL) {
      this.#held[call.task] = NIL;
      this.#ports.vfs.opening.release(held);
      this.#ports.vfs.retireInBackground();
    }
    return status;
  }

  /** readv and writev: one transfer over several buffers. A signal may begin it again as it was. */
  #vector(call: Call, write: boolean): number {
    const vectors = this.#vectors;
    if (vectors.of(call.task) === null) {
      const row = this.#ports.descriptors.openFile(call.task, call.a);
      if (row === NIL) return EBADF;
      const total = vectors.take(call, call.b, call.c);
      if (total < 0) return total;
      call.e = call.b;
      call.f = call.c;
      call.b = 0;
      call.c = total;
    }
    const status = this.#transfer(call, write, false);
    if (status === BLOCKED) return BLOCKED;
    call.b = call.e;
    call.c = call.f;
    vectors.drop(call.task);
    return status;
  }

  /** The buffers one by one; a read goes on only with what is there. */
  #streamVectors(call: Call, row: number, kind: number, write: boolean, all: IoVectors): number {
    while (all.index < all.length.length) {
      call.b = all.address[all.index];
      call.c = all.length[all.index];
      const status = this.#stream(call, row, kind, write, false, write || all.done === 0);
      if (status === BLOCKED) return BLOCKED;
      if (status < 0) return all.done > 0 ? all.done : status;
      all.done += status;
      call.done = 0;
      if (status < all.length[all.index]) break;
      all.index += 1;
    }
    return all.done;
  }

  #refuse(call: Call, row: number, write: boolean, positioned: boolean): number {
    const { open } = this.#ports.vfs;
    if (row === NIL) return EBADF;
    const flags = open.flags[row];
    if (!(write ? mayWrite(flags) : mayRead(flags))) return EBADF;
    if (!Number.isInteger(call.c) || call.c < 0) return EINVAL;
    const vectors = this.#vectors.of(call.task) !== null;
    if (vectors && !this.#vectors.areUserAddresses(call.task)) return EFAULT;
    if (!vectors && !(isUserAddress(call.b) && isUserAddress(call.b + call.c))) return EFAULT;
    const kind = open.kind[row];
    if (kind === KIND_DIRECTORY) return EISDIR;
    if (positioned) {
      if (kind === KIND_PIPE || kind === KIND_DEVICE) return ESPIPE;
      if (!Number.isSafeInteger(call.d) || call.d < 0) return EINVAL;
    }
    open.charge(row);
    return OK;
  }

  #stream(
    call: Call,
    row: number,
    kind: number,
    write: boolean,
    positioned: boolean,
    mayWait: boolean,
  ): number {
    const { devices, open, pipes } = this.#ports.vfs;
    const waits = mayWait && (open.flags[row] & O_NONBLOCK) === 0;
    const count = Math.min(call.c, COUNT_MAX);
    if (call.stage === 0) this.#ports.paths.pass(PATH_STREAM);
    call.stage = MOVING;
    if (kind === KIND_PIPE) {
      const pipe = open.handle[row];
      return write
        ? pipes.write(call, pipe, call.b, count, waits)
        : pipes.read(call, pipe, call.b, count, waits);
    }
    if (kind === KIND_TEXT) return write ? EBADF : this.#text(call, row, count, positioned);
    const device = devices.get(open.handle[row]);
    if (device === undefined) return EBADF;
    return write ? device.write(call, call.b, count) : device.read(call, call.b, count, waits);
  }

  #text(call: Call, row: number, count: number, positioned: boolean): number {
    const { open } = this.#ports.vfs;
    const text = open.text[row] ?? new Uint8Array(0);
    const offset = positioned ? call.d : open.offset[row];
    const length = Math.max(0, Math.min(count, text.length - offset));
    const status = this.#ports.bytes.store(call, call.b, text, offset, length);
    if (status !== OK) return status;
    if (!positioned) open.offset[row] = offset + length;
    return length;
  }

  /** A read or write through the page cache; entered again after a wait, with the bytes done kept. */
  #file(call: Call, row: number, write: boolean, positioned: boolean): number {
    const { inodes, now, open } = this.#ports.vfs;
    const inode = open.inode[row];
    const transfer = this.#transferOf(call.task);
    if (call.stage !== MOVING && call.stage !== RESERVING) {
      if (!this.#lock(call, row, inode, write, positioned)) return BLOCKED;
      const begun = this.#begin(call, row, inode, write, positioned);
      if (begun !== OK) return begun;
      call.stage = MOVING;
    }
    const status = this.#advance(call, transfer, inode);
    if (status === BLOCKED) return BLOCKED;
    if (isErrno(status)) return status;
    if (!positioned) open.offset[row] = transfer.offset + transfer.done;
    if (transfer.done > 0) {
      const pages = Math.ceil(((transfer.offset % PAGE_BYTES) + transfer.done) / PAGE_BYTES);
      this.#ports.paths.pass(pages * (write ? PATH_PAGE_WRITE : PATH_PAGE_READ));
      if (write) inodes.contentsChanged(inode, now());
      else inodes.contentsRead(inode, now());
    }
    return transfer.done;
  }

  /**
   * The offset's lock, where others could use it meanwhile (Linux: fdget_pos), and for a write the
   * file's. False: the call waits, and goes on here when it has the lock.
   */
  #lock(call: Call, row: number, inode: number, write: boolean, positioned: boolean): boolean {
    const { contents, leader, open, positions } = this.#ports.vfs;
    const { task } = call;
    if (call.stage === 0) {
      call.stage = TAKING_POSITION;
      const alone = open.references[row] === 1 && this.#ports.threadCount[leader[task]] === 1;
      if (!positioned && !alone) {
        this.#position[task] = row;
        if (!positions.take(call, row, true)) return false;
      }
    }
    if (call.stage === TAKING_POSITION && write) {
      call.stage = TAKING_CONTENTS;
      this.#contents[task] = inode;
      if (!contents.take(call, inode, true)) return false;
    }
    return true;
  }

  #unlock(task: number): void {
    const { contents, positions } = this.#ports.vfs;
    const inode = this.#contents[task];
    const row = this.#position[task];
    this.#contents[task] = NIL;
    this.#position[task] = NIL;
    if (inode !== NIL) contents.release(inode, task);
    if (row !== NIL) positions.release(row, task);
  }

  #begin(call: Call, row: number, inode: number, write: boolean, positioned: boolean): number {
    const { inodes, open, pages } = this.#ports.vfs;
    const { waits } = this.#ports;
    const file = inodes.fileOf(inode);
    const transfer = this.#transferOf(call.task);
    const handle = open.handle[row];
    const offset = positioned ? call.d : open.offset[row];
    const count = Math.min(call.c, COUNT_MAX);
    this.#ports.paths.pass(write ? PATH_FILE_WRITE : PATH_FILE_READ);
    waits.begin(call);
    if (!write) {
      transfer.read(file, handle, offset, count);
      return OK;
    }
    // Linux appends with pwrite, too, where O_APPEND is set.
    const append = (open.flags[row] & O_APPEND) !== 0;
    const from = append ? pages.size(file) : offset;
    const fits = clipToLargest(from, count, this.#ports.fileLimit(call.task));
    if (isErrno(fits)) {
      if (from >= this.#ports.fileLimit(call.task)) this.#ports.tooLarge(call.task);
      return fits;
    }
    if (append) transfer.append(file, handle, fits);
    else transfer.write(file, handle, offset, fits);
    return OK;
  }

  /** Steps the transfer until it ends or waits; what a copy lacks is brought in on the way. */
  #advance(call: Call, transfer: PageIo, inode: number): number {
    const { access, stack, vfs, waits } = this.#ports;
    const fileSystem = vfs.mounts.at(vfs.inodes.mount[inode]);
    const copy = this.#copy;
    for (;;) {
      let lacking: number = OK;
      if (call.stage === RESERVING) {
        lacking = vfs.operations.resume(call);
      } else {
        copy.aim(
          call.b,
          fileSystem,
          vfs.inodes.number[inode],
          transfer,
          this.#vectors.of(call.task),
        );
        const depth = stack.push(FRAME_TRANSFER);
        const status = transfer.step(copy, waits, waits.again(call));
        stack.cut(depth);
        if (status === PENDING) return BLOCKED;
        if (status !== COPY_FAULT) return status;
        if (copy.unreserved === NIL) lacking = access.bringIn(call);
        else lacking = this.#startReserve(call, transfer, inode, copy.unreserved);
      }
      if (lacking === BLOCKED) return BLOCKED;
      call.stage = MOVING;
      if (!isErrno(lacking)) continue;
      transfer.cancel();
      return transfer.done > 0 ? OK : lacking;
    }
  }

  #startReserve(call: Call, transfer: PageIo, inode: number, page: number): number {
    const left = transfer.offset + transfer.count - page * PAGE_BYTES;
    const count = Math.min(Math.ceil(left / PAGE_BYTES), RESERVE_PAGES);
    call.stage = RESERVING;
    return this.#ports.vfs.operations.start(call, this.#reserve(call.task, inode, page, count));
  }

  /** Many pages at once, or, where these are too many, the one that is needed now. */
  *#reserve(task: number, inode: number, page: number, count: number): Operation {
    const { inodes, mounts, operations } = this.#ports.vfs;
    const fileSystem = mounts.at(inodes.mount[inode]);
    const wait = operations.waitOf(task);
    const status = yield* fileSystem.reserve(wait, inodes.number[inode], page, count);
    if (!isErrno(status) || count === 1) return status;
    return yield* fileSystem.reserve(wait, inodes.number[inode], page, 1);
  }

  #transferOf(task: number): PageIo {
    let transfer = this.#transfers[task];
    if (transfer === undefined) {
      transfer = new PageIo(this.#ports.vfs.pages);
      this.#transfers[task] = transfer;
    }
    return transfer;
  }
}
