/**
 * The backing store of the page cache: finds the inode that a file of the page cache is, and runs its
 * file system's operation, in the background where it has to wait.
 */
import {
  assert,
  type Completion,
  type FrameSource,
  isErrno,
  NIL,
  OK,
  type PhysAddr,
} from '@hotpath/hw-x86';
import type { BackingStore } from '@hotpath/pagecache';
import type { Current } from '../current.js';
import type { SpinLock } from '../locks/spin-lock.js';
import { frameNamed } from '../task/call-stack.js';
import type { FileSystem, Operation, Wait } from './file-system.js';
import type { Inodes } from './inodes.js';
import type { Mounts } from './mounts.js';
import type { BackgroundOperations } from './operation-runners.js';

const FRAME_READ = frameNamed('read_pages');
const FRAME_WRITE = frameNamed('write_pages');
const FRAME_SYNC = frameNamed('sync_pages');
const FRAME_TRUNCATE = frameNamed('truncate_pages');
const FRAME_PUNCH = frameNamed('punch_pages');

/** What the store works on; the inodes come later, since they need the page cache. */
export interface PageStorePorts {
  readonly mounts: Mounts;
  readonly background: BackgroundOperations;
  readonly frames: FrameSource;
  readonly current: Current;
  /** Of the page cache's index: a frame is asked for when a page enters it, and comes back when it leaves. */
  readonly lock: SpinLock;
  /** Time to stamp, in nanoseconds. */
  now(): number;
}

/** Pages of all mounted file systems. */
export class PageStore implements BackingStore, FrameSource {
  /** Whether a file system can is asked before (FileSystem.canPunch). */
  readonly canPunch = true;
  readonly #ports: PageStorePorts;
  /** Inode of each file of the page cache. */
  readonly #inodeOf: number[] = [];
  #inodes!: Inodes;

  constructor(ports: PageStorePorts) {
    this.#ports = ports;
  }

  /** Wires the inode cache; once, at boot. */
  connect(inodes: Inodes): void {
    this.#inodes = inodes;
  }

  /** A file of the page cache is this inode's from now on. */
  bind(file: number, inode: number): void {
    this.#inodeOf[file] = inode;
  }

  /** Inode of a file of the page cache. */
  inodeOf(file: number): number {
    return this.#inodeOf[file] ?? NIL;
  }

  /** A frame for the page cache. */
  allocate(): PhysAddr {
    const { current, frames, lock } = this.#ports;
    const { cpu } = current;
    lock.acquire(cpu);
    const frame = frames.allocate();
    lock.release(cpu);
    return frame;
  }

  /** A frame comes back. */
  free(frame: PhysAddr): void {
    const { current, frames, lock } = this.#ports;
    const { cpu } = current;
    lock.acquire(cpu);
    frames.free(frame);
    lock.release(cpu);
  }

  /** A page has left its frame: nobody may find its block there any more. */
  forgetFrame(frame: PhysAddr): void {
    for (const fileSystem of this.#ports.mounts.fileSystem) fileSystem?.forgetFrame(frame);
  }

  readPages(
    file: number,
    page: number,
    frames: Float64Array,
    count: number,
    sink: Completion,
    tag: number,
  ): number {
    const runner = this.#ports.background.take();
    const inode = this.#inodeOf[file];
    const operation = this.#system(inode).readPages(
      this.#wait(runner),
      this.#inodes.number[inode],
      page,
      frames,
      count,
    );
    return this.#ports.background.start(runner, operation, sink, tag, FRAME_READ);
  }

  writePages(
    file: number,
    page: number,
    frames: Float64Array,
    count: number,
    byteCount: number,
    sink: Completion,
    tag: number,
  ): number {
    const runner = this.#ports.background.take();
    const inode = this.#inodeOf[file];
    const operation = this.#system(inode).writePages(
      this.#wait(runner),
      this.#inodes.number[inode],
      page,
      frames,
      count,
      byteCount,
    );
    return this.#ports.background.start(runner, operation, sink, tag, FRAME_WRITE);
  }

  truncate(file: number, size: number, sink: Completion, tag: number): number {
    const runner = this.#ports.background.take();
    const inode = this.#inodeOf[file];
    const operation = this.#truncate(this.#wait(runner), inode, size);
    return this.#ports.background.start(runner, operation, sink, tag, FRAME_TRUNCATE);
  }

  punch(file: number, page: number, count: number, sink: Completion, tag: number): number {
    const runner = this.#ports.background.take();
    const inode = this.#inodeOf[file];
    const operation = this.#system(inode).punch(
      this.#wait(runner),
      this.#inodes.number[inode],
      page,
      count,
    );
    return this.#ports.background.start(runner, operation, sink, tag, FRAME_PUNCH);
  }

  sync(file: number, sink: Completion, tag: number): number {
    const runner = this.#ports.background.take();
    const operation = this.#sync(this.#wait(runner), this.#inodeOf[file]);
    return this.#ports.background.start(runner, operation, sink, tag, FRAME_SYNC);
  }

  *#truncate(wait: Wait, inode: number, size: number): Operation {
    const now = this.#ports.now();
    const number = this.#inodes.number[inode];
    const status = yield* this.#system(inode).truncate(wait, number, size, now);
    if (!isErrno(status)) this.#inodes.contentsChanged(inode, now);
    return isErrno(status) ? status : OK;
  }

  /** Times first, so that what is durable is one state of the inode. */
  *#sync(wait: Wait, inode: number): Operation {
    const told = yield* this.#inodes.writeTimes(wait, inode);
    const number = this.#inodes.number[inode];
    const status = yield* this.#system(inode).syncInode(wait, number, false);
    return isErrno(status) ? status : Math.min(told, OK);
  }

  #wait(runner: number): Wait {
    return this.#ports.background.waitOf(runner);
  }

  #system(inode: number): FileSystem {
    assert(inode !== undefined, 'the page cache asks for a file that is no inode');
    return this.#ports.mounts.at(this.#inodes.mount[inode]);
  }
}
