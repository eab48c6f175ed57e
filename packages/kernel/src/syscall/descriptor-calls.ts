/** Calls on descriptors: open, close, dup, fcntl, pipe, flock, ioctl. */
import {
  BLOCKED,
  EBADF,
  EINTR,
  EINVAL,
  EMFILE,
  ENFILE,
  ENOTTY,
  ENXIO,
  isErrno,
  NIL,
  OK,
} from '@hotpath/hw-x86';
import { DESCRIPTOR_LIMIT } from '../params.js';
import type { Descriptors } from '../vfs/descriptors.js';
import { MODE_BITS } from '../vfs/modes.js';
import { KIND_DEVICE, KIND_PIPE } from '../vfs/open-files.js';
import { ACCESS_MODE, mayRead, mayWrite, NEED_OPERATION } from '../vfs/opening.js';
import { FOLLOW_ALWAYS, FOLLOW_NEVER } from '../vfs/path-walk.js';
import type { Vfs } from '../vfs/vfs.js';
import { type Call, RESTART } from './call.js';
import type { Handler } from './entry.js';
import {
  F_DUPFD,
  F_DUPFD_CLOEXEC,
  F_GETFD,
  F_GETFL,
  F_SETFD,
  F_SETFL,
  FD_CLOEXEC,
  LOCK_EX,
  LOCK_NB,
  LOCK_SH,
  LOCK_UN,
  O_APPEND,
  O_CLOEXEC,
  O_CREAT,
  O_EXCL,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_RDONLY,
  O_WRONLY,
} from './flags.js';
import {
  SYS_CLOSE,
  SYS_DUP,
  SYS_DUP2,
  SYS_DUP3,
  SYS_FCNTL,
  SYS_FLOCK,
  SYS_IOCTL,
  SYS_OPEN,
  SYS_PIPE,
  SYS_PIPE2,
} from './numbers.js';
import type { PathArguments } from './path-arguments.js';
import type { UserBytes } from './user-bytes.js';

/** Flags that F_SETFL changes. */
const SETTABLE = O_APPEND | O_NONBLOCK;
/** Stages of open: the path's operation; a FIFO that waits for its other side. */
const OPENING = 1;
const MEETING = 2;

/** What these calls work on. */
export interface DescriptorCallPorts {
  readonly vfs: Vfs;
  readonly paths: PathArguments;
  readonly descriptors: Descriptors;
  readonly bytes: UserBytes;
}

/** The handlers. */
export class DescriptorCalls {
  readonly #ports: DescriptorCallPorts;

  constructor(ports: DescriptorCallPorts) {
    this.#ports = ports;
  }

  /** Puts the handlers into the table. */
  install(table: (Handler | undefined)[]): void {
    table[SYS_OPEN] = (call) => this.#open(call);
    table[SYS_CLOSE] = (call) => this.#close(call);
    table[SYS_DUP] = (call) => this.#duplicate(call, 0, false);
    table[SYS_DUP2] = (call) => this.#duplicateTo(call, true, 0);
    table[SYS_DUP3] = (call) => this.#duplicateTo(call, false, call.c);
    table[SYS_FCNTL] = (call) => this.#control(call);
    table[SYS_PIPE] = (call) => this.#pipe(call, 0);
    table[SYS_PIPE2] = (call) => this.#pipe(call, call.b);
    table[SYS_FLOCK] = (call) => this.#lock(call);
    table[SYS_IOCTL] = (call) => this.#ioctl(call);
  }

  /** Gives a child the descriptors, working directory and mask of its parent. */
  inherit(parent: number, child: number): void {
    const { descriptors, vfs } = this.#ports;
    for (let fd = 0; fd < DESCRIPTOR_LIMIT; fd++) {
      const row = descriptors.openFile(parent, fd);
      descriptors.set(child, fd, row, descriptors.isClosedByExec(parent, fd));
      if (row !== NIL) vfs.open.share(row);
    }
    const directory = vfs.workingDirectory[parent];
    if (directory !== NIL) vfs.dentries.hold(directory);
    vfs.workingDirectory[child] = directory;
    vfs.umask[child] = vfs.umask[parent];
  }

  /** Closes what exec does not leave open. */
  closeForExec(task: number): void {
    for (let fd = 0; fd < DESCRIPTOR_LIMIT; fd++) {
      if (this.#ports.descriptors.isClosedByExec(task, fd)) this.#release(task, fd);
    }
    this.#ports.vfs.retireInBackground();
  }

  /** Closes whatever a process that ends has open. */
  closeAll(task: number): void {
    const { vfs } = this.#ports;
    for (let fd = 0; fd < DESCRIPTOR_LIMIT; fd++) this.#release(task, fd);
    const directory = vfs.workingDirectory[task];
    if (directory !== NIL) vfs.dentries.put(directory);
    vfs.workingDirectory[task] = NIL;
    vfs.umask[task] = 0o022;
    vfs.retireInBackground();
  }

  #open(call: Call): number {
    const { paths, vfs } = this.#ports;
    if (call.stage === OPENING) return this.#describe(call, vfs.operations.resume(call));
    if (call.stage === MEETING) return this.#meet(call, call.done);
    const flags = call.b;
    if ((flags & ACCESS_MODE) === ACCESS_MODE) return EINVAL;
    const exclusive = (flags & O_CREAT) !== 0 && (flags & O_EXCL) !== 0;
    const follow = exclusive || (flags & O_NOFOLLOW) !== 0 ? FOLLOW_NEVER : FOLLOW_ALWAYS;
    const begun = paths.begin(call, call.a, 0, follow);
    if (begun !== OK) return begun;
    if (!this.#ports.descriptors.hasRoom(call.task)) return EMFILE;
    const walk = paths.walkOf(call, 0);
    const cached = vfs.opening.openCached(walk, flags);
    if (cached !== NEED_OPERATION) {
      if (!isErrno(cached)) vfs.dentries.hold(cached);
      return this.#describe(call, cached);
    }
    call.stage = OPENING;
    const wait = vfs.operations.waitOf(call.task);
    const mode = call.c & MODE_BITS & ~vfs.umask[vfs.leader[call.task]];
    const status = vfs.operations.start(call, vfs.opening.open(wait, walk, flags, mode));
    return this.#describe(call, status);
  }

  /** A descriptor for a held dentry. */
  #describe(call: Call, dentry: number): number {
    if (dentry === BLOCKED || isErrno(dentry)) return dentry;
    const { vfs } = this.#ports;
    const row = vfs.opening.describe(dentry, call.b);
    if (isErrno(row)) return row;
    if (vfs.open.kind[row] === KIND_PIPE) return this.#meetFirst(call, row);
    return this.#enter(call, row);
  }

  #enter(call: Call, row: number): number {
    const { descriptors, vfs } = this.#ports;
    const fd = descriptors.take(call.task, row, (call.b & O_CLOEXEC) !== 0);
    if (isErrno(fd)) vfs.opening.release(row);
    return fd;
  }

  /** FIFO: both sides open before either goes on (POSIX); O_NONBLOCK to write needs a reader. */
  #meetFirst(call: Call, row: number): number {
    const { open, opening, pipes } = this.#ports.vfs;
    const flags = open.flags[row];
    const pipe = open.handle[row];
    const reads = mayRead(flags);
    const both = reads && mayWrite(flags);
    const peers = reads ? pipes.writers[pipe] : pipes.readers[pipe];
    if (both || peers > 0 || (reads && (flags & O_NONBLOCK) !== 0)) return this.#enter(call, row);
    if ((flags & O_NONBLOCK) !== 0) {
      opening.release(row);
      return ENXIO;
    }
    call.stage = MEETING;
    call.done = row;
    call.c = pipes.peerCount(pipe, reads);
    return pipes.awaitPeer(call, pipe);
  }

  #meet(call: Call, row: number): number {
    const { open, opening, pipes } = this.#ports.vfs;
    const pipe = open.handle[row];
    if (call.brought === EINTR) {
      opening.release(row);
      return RESTART;
    }
    // Its other side may have come and gone: that counts.
    if (pipes.peerCount(pipe, mayRead(open.flags[row])) === call.c) {
      return pipes.awaitPeer(call, pipe);
    }
    return this.#enter(call, row);
  }

  #release(task: number, fd: number): void {
    const { descriptors, vfs } = this.#ports;
    const row = descriptors.openFile(task, fd);
    if (row === NIL) return;
    descriptors.set(task, fd, NIL, false);
    vfs.opening.release(row);
  }

  /** The last name and descriptor of a file may go here: then its blocks are freed before the answer. */
  #close(call: Call): number {
    const { operations } = this.#ports.vfs;
    if (call.stage === 1) return operations.resume(call);
    if (this.#ports.descriptors.openFile(call.task, call.a) === NIL) return EBADF;
    this.#release(call.task, call.a);
    return this.#retire(call);
  }

  #retire(call: Call): number {
    const { inodes, operations } = this.#ports.vfs;
    if (!inodes.hasDying) return OK;
    call.stage = 1;
    return operations.start(call, inodes.retireDying(operations.waitOf(call.task)));
  }

  #duplicate(call: Call, from: number, closedByExec: boolean): number {
    const { descriptors, vfs } = this.#ports;
    const row = descriptors.openFile(call.task, call.a);
    if (row === NIL) return EBADF;
    const fd = descriptors.take(call.task, row, closedByExec, from);
    if (!isErrno(fd)) vfs.open.share(row);
    return fd;
  }

  #duplicateTo(call: Call, sameAllowed: boolean, flags: number): number {
    const { descriptors, vfs } = this.#ports;
    const to = call.b;
    const row = descriptors.openFile(call.task, call.a);
    if (row === NIL || !Number.isInteger(to)) return EBADF;
    if (to < 0 || to >= descriptors.limitOf(call.task)) return EBADF;
    if ((flags & ~O_CLOEXEC) !== 0) return EINVAL;
    if (call.a === to) return sameAllowed ? to : EINVAL;
    vfs.open.share(row);
    this.#release(call.task, to);
    descriptors.set(call.task, to, row, (flags & O_CLOEXEC) !== 0);
    vfs.retireInBackground();
    return to;
  }

  #control(call: Call): number {
    const { descriptors, vfs } = this.#ports;
    const row = descriptors.openFile(call.task, call.a);
    if (row === NIL) return EBADF;
    const argument = call.c;
    switch (call.b) {
      case F_DUPFD:
      case F_DUPFD_CLOEXEC: {
        const limit = descriptors.limitOf(call.task);
        const fits = Number.isInteger(argument) && argument >= 0 && argument < limit;
        return fits ? this.#duplicate(call, argument, call.b === F_DUPFD_CLOEXEC) : EINVAL;
      }
      case F_GETFD:
        return descriptors.isClosedByExec(call.task, call.a) ? FD_CLOEXEC : 0;
      case F_SETFD:
        descriptors.set(call.task, call.a, row, (argument & FD_CLOEXEC) !== 0);
        return OK;
      case F_GETFL:
        return vfs.open.flags[row] & (ACCESS_MODE | SETTABLE);
      case F_SETFL:
        vfs.open.flags[row] = (vfs.open.flags[row] & ~SETTABLE) | (argument & SETTABLE);
        return OK;
      default:
        return EINVAL;
    }
  }

  /** Two descriptors, 32 bits each, at the program's address. */
  #pipe(call: Call, flags: number): number {
    const { descriptors, vfs } = this.#ports;
    if ((flags & ~(O_CLOEXEC | O_NONBLOCK)) !== 0) return EINVAL;
    const pipe = vfs.pipes.take(NIL);
    if (pipe === NIL) return ENFILE;
    const kept = flags & O_NONBLOCK;
    vfs.pipes.openEnd(pipe, true, true);
    const reading = vfs.open.take(KIND_PIPE, NIL, NIL, pipe, O_RDONLY | kept);
    const writing = vfs.open.take(KIND_PIPE, NIL, NIL, pipe, O_WRONLY | kept);
    const status =
      reading === NIL || writing === NIL ? ENFILE : this.#storePair(call, reading, writing, flags);
    if (status === OK) return OK;
    for (let fd = 0; fd < DESCRIPTOR_LIMIT; fd++) {
      const row = descriptors.openFile(call.task, fd);
      if (row !== NIL && (row === reading || row === writing)) {
        descriptors.set(call.task, fd, NIL, false);
      }
    }
    if (reading === NIL) vfs.pipes.closeEnd(pipe, true, false);
    else vfs.opening.release(reading);
    if (writing === NIL) vfs.pipes.closeEnd(pipe, false, true);
    else vfs.opening.release(writing);
    return status;
  }

  #storePair(call: Call, reading: number, writing: number, flags: number): number {
    const { bytes, descriptors } = this.#ports;
    const closedByExec = (flags & O_CLOEXEC) !== 0;
    const from = descriptors.take(call.task, reading, closedByExec);
    if (isErrno(from)) return from;
    const to = descriptors.take(call.task, writing, closedByExec);
    if (isErrno(to)) return to;
    const pair = new Uint8Array(8);
    new DataView(pair.buffer).setInt32(0, from, true);
    new DataView(pair.buffer).setInt32(4, to, true);
    return bytes.store(call, call.a, pair, 0, pair.length);
  }

  #lock(call: Call): number {
    const { locks, open } = this.#ports.vfs;
    const row = this.#ports.descriptors.openFile(call.task, call.a);
    if (row === NIL) return EBADF;
    const inode = open.inode[row];
    const operation = call.b & ~LOCK_NB;
    if (inode === NIL) return EINVAL;
    if (operation === LOCK_UN) {
      locks.release(row);
      return OK;
    }
    if (operation !== LOCK_SH && operation !== LOCK_EX) return EINVAL;
    return locks.lock(call, row, inode, operation === LOCK_EX, (call.b & LOCK_NB) === 0);
  }

  #ioctl(call: Call): number {
    const { devices, open } = this.#ports.vfs;
    const row = this.#ports.descriptors.openFile(call.task, call.a);
    if (row === NIL) return EBADF;
    if (open.kind[row] !== KIND_DEVICE) return ENOTTY;
    const device = devices.get(open.handle[row]);
    return device?.control?.(call, call.b, call.c) ?? ENOTTY;
  }
}
