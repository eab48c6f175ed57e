/** Calls on files: open, close, read, write, lseek, fsync. */
import {
  BLOCKED,
  EBADF,
  EFAULT,
  EINVAL,
  EMFILE,
  ENAMETOOLONG,
  ENFILE,
  isErrno,
  NIL,
  OK,
  PENDING,
  type VirtAddr,
} from '@hotpath/hw-x86';
import { COPY_FAULT, type PageCache, PageIo } from '@hotpath/pagecache';
import type { Current } from '../current.js';
import type { Files } from '../fs/files.js';
import type { OpenFiles } from '../fs/open-files.js';
import { isUserAddress } from '../memory/memory-map.js';
import { DESCRIPTOR_LIMIT, TASK_LIMIT } from '../params.js';
import type { Tasks } from '../task/tasks.js';
import type { UserAccess } from '../task/user-access.js';
import type { TaskWaits } from '../task/waits.js';
import type { Call } from './call.js';
import type { Handler } from './entry.js';
import { O_APPEND, O_RDONLY, O_TRUNC, O_WRONLY, SEEK_CUR, SEEK_END, SEEK_SET } from './flags.js';
import { SYS_CLOSE, SYS_FSYNC, SYS_LSEEK, SYS_OPEN, SYS_READ, SYS_WRITE } from './numbers.js';
import { UserCopy } from './user-copy.js';

/** Largest path that open takes, as POSIX's PATH_MAX without the zero. */
const PATH_BYTES = 255;
const ACCESS_MODE = 3;
/** Linux reads and writes at most so much in one call (MAX_RW_COUNT). */
const COUNT_MAX = 0x7ffff000;

/** What these calls work on. */
export interface FileCallPorts {
  readonly current: Current;
  readonly tasks: Tasks;
  readonly pages: PageCache;
  readonly files: Files;
  readonly open: OpenFiles;
  readonly waits: TaskWaits;
  readonly access: UserAccess;
}

/** The handlers, and the transfer record of each task. */
export class FileCalls {
  readonly #ports: FileCallPorts;
  readonly #copy: UserCopy;
  /** Made when a task first reads or writes; reused by whoever has the slot next. */
  readonly #transfers: (PageIo | undefined)[] = new Array<PageIo | undefined>(TASK_LIMIT);
  readonly #decoder = new TextDecoder();
  readonly #path = new Uint8Array(PATH_BYTES);

  constructor(ports: FileCallPorts) {
    this.#ports = ports;
    this.#copy = new UserCopy(ports.current, ports.files);
  }

  /** Puts the handlers into the table. */
  install(table: (Handler | undefined)[]): void {
    table[SYS_OPEN] = (call) => this.#open(call);
    table[SYS_CLOSE] = (call) => this.#close(call.task, call.a);
    table[SYS_READ] = (call) => this.#transfer(call, false);
    table[SYS_WRITE] = (call) => this.#transfer(call, true);
    table[SYS_LSEEK] = (call) => this.#seek(call);
    table[SYS_FSYNC] = (call) => this.#fsync(call);
  }

  /** Gives up the transfer of a thread that ends. */
  endThread(task: number): void {
    this.#transfers[task]?.cancel();
  }

  /** Closes whatever a process that ends has open. */
  closeAll(task: number): void {
    for (let fd = 0; fd < DESCRIPTOR_LIMIT; fd++) {
      if (this.#ports.tasks.openFile(task, fd) !== NIL) this.#close(task, fd);
    }
  }

  /** A forked child has its parent's descriptors, and shares their offsets. */
  inherit(parent: number, child: number): void {
    const { open, tasks } = this.#ports;
    for (let fd = 0; fd < DESCRIPTOR_LIMIT; fd++) {
      const row = tasks.descriptors[parent * DESCRIPTOR_LIMIT + fd];
      tasks.descriptors[child * DESCRIPTOR_LIMIT + fd] = row;
      if (row !== NIL) open.share(row);
    }
  }

  /** Stage 0 finds or creates the file, stage 1 is behind an O_TRUNC that had to wait. */
  #open(call: Call): number {
    const { files, pages, tasks, waits } = this.#ports;
    if (call.stage === 1) return this.#describe(call, call.done, call.brought);
    const flags = call.c;
    if ((flags & ACCESS_MODE) === ACCESS_MODE) return EINVAL;
    if (tasks.freeDescriptor(call.task) === NIL) return EMFILE;
    const path = this.#copyPath(call, call.a, call.b);
    if (typeof path === 'number') return path;
    const inode = files.find(path, flags);
    if (isErrno(inode)) return inode;
    const truncates = (flags & O_TRUNC) !== 0 && (flags & ACCESS_MODE) !== O_RDONLY;
    if (!truncates) return this.#describe(call, inode, OK);
    call.stage = 1;
    call.done = inode;
    const status = pages.truncate(files.fileOf(inode), 0, waits, waits.begin(call));
    return status === PENDING ? BLOCKED : this.#describe(call, inode, status);
  }

  #describe(call: Call, inode: number, status: number): number {
    if (isErrno(status)) return status;
    const { files, open, pages, tasks } = this.#ports;
    const fd = tasks.freeDescriptor(call.task);
    if (fd === NIL) return EMFILE;
    const handle = pages.openHandle(files.fileOf(inode));
    const row = open.take(inode, handle, call.c);
    if (row === NIL) {
      pages.closeHandle(handle);
      return ENFILE;
    }
    tasks.descriptors[tasks.leader[call.task] * DESCRIPTOR_LIMIT + fd] = row;
    return fd;
  }

  /** The path in user memory as text, or EFAULT, ENAMETOOLONG, BLOCKED. */
  #copyPath(call: Call, address: VirtAddr, length: number): string | number {
    if (!(length >= 0 && length <= PATH_BYTES)) return ENAMETOOLONG;
    const { access, current } = this.#ports;
    const { mmu } = current.cpu;
    for (let at = 0; at < length; at++) {
      if (!isUserAddress(address + at)) return EFAULT;
      mmu.setAlignmentCheck(true);
      const byte = mmu.load8(address + at);
      mmu.setAlignmentCheck(false);
      if (byte !== NIL) this.#path[at] = byte;
      else {
        const brought = access.bringIn(call);
        if (brought !== OK) return brought;
        at -= 1;
      }
    }
    return this.#decoder.decode(this.#path.subarray(0, length));
  }

  #close(task: number, fd: number): number {
    const { open, pages, tasks } = this.#ports;
    const row = tasks.openFile(task, fd);
    if (row === NIL) return EBADF;
    tasks.descriptors[tasks.leader[task] * DESCRIPTOR_LIMIT + fd] = NIL;
    const handle = open.release(row);
    if (handle !== NIL) pages.closeHandle(handle);
    return OK;
  }

  #seek(call: Call): number {
    const { open, pages, files, tasks } = this.#ports;
    const row = tasks.openFile(call.task, call.a);
    if (row === NIL) return EBADF;
    let base = NIL;
    if (call.c === SEEK_SET) base = 0;
    else if (call.c === SEEK_CUR) base = open.offset[row];
    else if (call.c === SEEK_END) base = pages.size(files.fileOf(open.inode[row]));
    const offset = base + call.b;
    if (base === NIL || !Number.isSafeInteger(offset) || offset < 0) return EINVAL;
    open.offset[row] = offset;
    return offset;
  }

  #fsync(call: Call): number {
    if (call.stage === 1) return call.brought;
    const { open, pages, tasks, waits } = this.#ports;
    const row = tasks.openFile(call.task, call.a);
    if (row === NIL) return EBADF;
    call.stage = 1;
    const status = pages.fsync(open.handle[row], waits, waits.begin(call));
    return status === PENDING ? BLOCKED : status;
  }

  /** Read or write. Stage 0 begins, stage 1 goes on after a wait, with the bytes done kept. */
  #transfer(call: Call, write: boolean): number {
    const { open, tasks } = this.#ports;
    const row = tasks.openFile(call.task, call.a);
    if (call.stage === 0) {
      const refused = this.#refuse(call, row, write);
      if (refused !== OK) return refused;
      this.#begin(call, row, write);
      call.stage = 1;
    }
    const transfer = this.#transferOf(call.task);
    const status = this.#advance(call, transfer, open.inode[row]);
    if (status === BLOCKED) return BLOCKED;
    if (isErrno(status)) return status;
    open.offset[row] = transfer.offset + transfer.done;
    return transfer.done;
  }

  #refuse(call: Call, row: number, write: boolean): number {
    if (row === NIL) return EBADF;
    const mode = this.#ports.open.flags[row] & ACCESS_MODE;
    if (mode === (write ? O_RDONLY : O_WRONLY)) return EBADF;
    if (!Number.isInteger(call.c) || call.c < 0) return EINVAL;
    if (!isUserAddress(call.b) || !isUserAddress(call.b + call.c)) return EFAULT;
    this.#ports.open.charge(row);
    return OK;
  }

  #begin(call: Call, row: number, write: boolean): void {
    const { files, open, waits } = this.#ports;
    const file = files.fileOf(open.inode[row]);
    const transfer = this.#transferOf(call.task);
    const count = Math.min(call.c, COUNT_MAX);
    if (!write) transfer.read(file, open.handle[row], open.offset[row], count);
    else if ((open.flags[row] & O_APPEND) !== 0) transfer.append(file, open.handle[row], count);
    else transfer.write(file, open.handle[row], open.offset[row], count);
    waits.begin(call);
  }

  /** Steps the transfer until it ends or waits; a fault of the buffer is brought in on the way. */
  #advance(call: Call, transfer: PageIo, inode: number): number {
    const { access, waits } = this.#ports;
    const copy = this.#copy;
    for (;;) {
      copy.aim(call.b, inode, transfer);
      const status = transfer.step(copy, waits, waits.again(call));
      if (status === PENDING) return BLOCKED;
      if (status !== COPY_FAULT) return status;
      const error = copy.error !== OK ? copy.error : access.bringIn(call);
      if (error === OK) continue;
      if (error === BLOCKED) return BLOCKED;
      transfer.cancel();
      return transfer.done > 0 ? OK : error;
    }
  }

  #transferOf(task: number): PageIo {
    let transfer = this.#transfers[task];
    if (transfer === undefined) {
      transfer = new PageIo(this.#ports.pages);
      this.#transfers[task] = transfer;
    }
    return transfer;
  }
}
