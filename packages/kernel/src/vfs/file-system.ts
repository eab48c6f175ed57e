/**
 * What a mounted file system is to the kernel: the port between the virtual file system, which knows
 * names, mounts, descriptors and the page cache, and a driver, which knows a format (ext2, tmpfs,
 * procfs, the extent layer).
 *
 * An operation that may have to wait is a generator: it yields where a request of its own answered
 * PENDING, and is stepped again when that request is complete. Whoever runs it (a system call that is
 * entered again, a write-back that no task stands behind, a host program whose device answers at
 * once) drives it through its {@link Wait}. A hit in the page cache meets none of this.
 *
 * Names are byte strings: one character, 0 to 255, for each byte, so that any name of a real disk
 * image survives. UTF-8 is made and read where programs are.
 *
 * Locks: the virtual file system lets one changing operation at a time into a directory (both, in a
 * rename, and one rename at a time in a file system) and never changes a directory while it is read.
 * Everything else that two operations share (bitmaps, the journal, an inode's block map) is the
 * driver's to protect; what it does between two yields is atomic.
 */
import { type Completion, NIL, PENDING } from '@hotpath/hw-x86';

/** Number of an inode within its file system. */
export type InodeNumber = number;

/** An operation under way: ends with a value >= 0 or an errno. */
export type Operation = Generator<undefined, number, undefined>;

/** The one outstanding request of an operation: the sink it gives away, and what came back. */
export class Wait implements Completion {
  /** Result of the last request that answered PENDING. */
  result: number = PENDING;
  /** Told when the request is complete; the runner sets it before it steps the operation. */
  runner: Completion;
  /** The tag that the runner is told. */
  tag: number;
  /** The task whose call it is, or NIL. */
  readonly task: number;

  /** @param task - whose call the operation is; default NIL: nobody's */
  constructor(runner: Completion, tag: number, task: number = NIL) {
    this.runner = runner;
    this.tag = tag;
    this.task = task;
  }

  /**
   * The final status of a request that was given this object as sink:
   * `yield* wait.settle(cache.get(device, block, wait, 0))`.
   */
  *settle(status: number): Operation {
    if (status !== PENDING) return status;
    this.result = PENDING;
    yield;
    return this.result;
  }

  completed(_tag: number, result: number): void {
    this.result = result;
    this.runner.completed(this.tag, result);
  }
}

/** What `stat` tells. Times are nanoseconds since 1970 (of the kernel's virtual wall clock). */
export interface Attributes {
  inode: InodeNumber;
  /** Type (S_IFMT) and permission bits. */
  mode: number;
  links: number;
  owner: number;
  group: number;
  /** Bytes. */
  size: number;
  /** 512-byte units really in use. */
  blocks: number;
  accessed: number;
  modified: number;
  changed: number;
  /** Device number of a device file: major * 256 + minor. */
  device: number;
}

/** An empty record for what `stat` tells. */
export function createAttributes(): Attributes {
  return {
    inode: 0,
    mode: 0,
    links: 0,
    owner: 0,
    group: 0,
    size: 0,
    blocks: 0,
    accessed: 0,
    modified: 0,
    changed: 0,
    device: 0,
  };
}

/** Bits of the fields that {@link FileSystem.setAttributes} is to take over. */
export const SET_MODE = 1;
export const SET_OWNER = 2;
export const SET_TIMES = 4;

/** One entry of a directory, as {@link FileSystem.readDirectory} fills it in. */
export interface DirectoryEntry {
  name: string;
  inode: InodeNumber;
  /** File type as in a mode (S_IFMT bits), or 0 when only the inode tells. */
  type: number;
}

/** Sizes of a whole file system, as statfs tells them, in blocks and inodes. */
export interface VolumeStatus {
  blockBytes: number;
  blocks: number;
  freeBlocks: number;
  inodes: number;
  freeInodes: number;
}

/**
 * A mounted file system. Every operation answers OK, a value >= 0 or an errno; on an errno nothing
 * of it has happened. `now` is the time to stamp.
 */
export interface FileSystem {
  /** As in the mount table: `ext2`, `ext3`, `tmpfs`, `proc`. */
  readonly typeName: string;
  readonly root: InodeNumber;
  readonly readOnly: boolean;
  /** Longest name, in bytes. */
  readonly nameBytesMax: number;
  /** True if `punch` works. */
  readonly canPunch: boolean;
  /**
   * True if the page cache is the only place that has the pages (tmpfs): they never leave it before a
   * truncate, `writePages` is never called, and an inode with links is never forgotten.
   */
  readonly keepsPages: boolean;
  /** True if names come and go by themselves (procfs): every look-up asks again. */
  readonly volatileNames: boolean;

  /** Brings an inode into memory: OK, EIO. Paired with {@link forget}. */
  load(wait: Wait, inode: InodeNumber): Operation;
  /** What stat tells of a loaded inode; no wait. */
  attributes(inode: InodeNumber, into: Attributes): void;
  /**
   * The last reference in memory is gone: an inode without links gives up its blocks and itself.
   * Its pages have left the page cache before.
   */
  forget(wait: Wait, inode: InodeNumber): Operation;

  /** Inode of a name, or ENOENT. `.` and `..` never get here. */
  lookup(wait: Wait, directory: InodeNumber, name: string): Operation;
  /** A new regular, device, FIFO or socket file (by the type bits of `mode`): its inode. EEXIST, ENOSPC. */
  create(
    wait: Wait,
    directory: InodeNumber,
    name: string,
    mode: number,
    device: number,
    now: number,
  ): Operation;
  mkdir(wait: Wait, directory: InodeNumber, name: string, mode: number, now: number): Operation;
  symlink(wait: Wait, directory: InodeNumber, name: string, target: string, now: number): Operation;
  /** The target of a symbolic link into `into.name`: OK, EINVAL. */
  readlink(wait: Wait, inode: InodeNumber, into: { name: string }): Operation;
  link(
    wait: Wait,
    inode: InodeNumber,
    directory: InodeNumber,
    name: string,
    now: number,
  ): Operation;
  unlink(wait: Wait, directory: InodeNumber, name: string, now: number): Operation;
  /** ENOTEMPTY when there is more than `.` and `..`. */
  rmdir(wait: Wait, directory: InodeNumber, name: string, now: number): Operation;
  /**
   * Moves a name, replacing what stands at the new one in the same step. The virtual file system has
   * checked that types agree and that no directory moves below itself.
   */
  rename(
    wait: Wait,
    from: InodeNumber,
    fromName: string,
    to: InodeNumber,
    toName: string,
    now: number,
  ): Operation;
  /**
   * The entry at `cookie` (0: the first) into `into`: the next cookie, or 0 behind the last, when
   * `into` was left alone. `.` and `..` are among the entries. Cookies survive removals.
   */
  readDirectory(
    wait: Wait,
    directory: InodeNumber,
    cookie: number,
    into: DirectoryEntry,
  ): Operation;
  /** Takes over the fields of `from` that `fields` names (SET_*). The size is set by `truncate`. */
  setAttributes(wait: Wait, inode: InodeNumber, from: Attributes, fields: number): Operation;

  /**
   * Pages into frames, holes as zeros. As `BackingStore.readPages` of the page cache, for whole pages
   * within the file's size.
   */
  readPages(
    wait: Wait,
    inode: InodeNumber,
    page: number,
    frames: Float64Array,
    count: number,
  ): Operation;
  /** Writes pages; not durable before a sync. `byteCount` as in `BackingStore.writePages`. */
  writePages(
    wait: Wait,
    inode: InodeNumber,
    page: number,
    frames: Float64Array,
    count: number,
    byteCount: number,
  ): Operation;
  /**
   * Sees to it that the page, and as many behind it as there is room for, can be written later:
   * ENOSPC, EFBIG, EDQUOT are answers of write, not of write-back. An errno: not even the page.
   */
  reserve(wait: Wait, inode: InodeNumber, page: number, count: number): Operation;
  /** True without a wait if `reserve` of the page would answer OK at once and change nothing. */
  isReserved(inode: InodeNumber, page: number): boolean;
  /**
   * Optional: what a regular file holds, written at this moment (procfs). Such a file has no pages;
   * each open file keeps the text that it was opened with.
   */
  contents?(inode: InodeNumber): Uint8Array;
  /** Sets the size; what is cut off is free. */
  truncate(wait: Wait, inode: InodeNumber, size: number, now: number): Operation;
  /** Whole pages become holes; ENOSYS where holes cannot be. */
  punch(wait: Wait, inode: InodeNumber, page: number, count: number): Operation;
  /** The page in this frame has left the page cache. */
  forgetFrame(frame: number): void;

  /** Everything that has been written of this inode, and the way to find it, is on the medium. */
  syncInode(wait: Wait, inode: InodeNumber, dataOnly: boolean): Operation;
  /** Likewise everything of the file system. */
  sync(wait: Wait): Operation;
  /** Sizes for statfs. */
  status(into: VolumeStatus): void;
  /** Optional: asserts what must hold in memory; for tests. */
  checkInvariants?(): void;
  /**
   * Leaves the disk clean. Nothing is open. On an errno it stays mounted, though perhaps only to be
   * read: the call may be tried again.
   */
  unmount(wait: Wait): Operation;
  /** Optional: lets go of a medium that `unmount` cannot leave clean; nothing is written. */
  abandon?(): void;
}
