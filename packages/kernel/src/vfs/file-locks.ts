import { EAGAIN, EINTR, NIL, OK } from '@hotpath/hw-x86';
import { OPEN_FILE_LIMIT } from '../params.js';
import { type Call, RESTART } from '../syscall/call.js';
import type { TaskWaits } from '../task/waits.js';
import { WaitingCalls } from './waiting-calls.js';

interface FileLock {
  /** Open files that hold it; one, if it is exclusive. */
  readonly holders: Set<number>;
  exclusive: boolean;
  readonly waiting: WaitingCalls;
}

/**
 * flock: advisory locks on whole files, held by open files, not by processes. As on Linux, changing
 * shared to exclusive gives the lock up in between.
 */
export class FileLocks {
  readonly #waits: TaskWaits;
  readonly #byInode = new Map<number, FileLock>();
  /** Inode on which each open file holds a lock. */
  readonly #inodeOf = new Int32Array(OPEN_FILE_LIMIT).fill(NIL);

  constructor(waits: TaskWaits) {
    this.#waits = waits;
  }

  /** Files that are locked or waited for. */
  get count(): number {
    return this.#byInode.size;
  }

  /** Takes the lock for an open file: OK, EAGAIN without `waits`, RESTART, or BLOCKED: enter again. */
  lock(call: Call, row: number, inode: number, exclusive: boolean, waits: boolean): number {
    if (call.brought === EINTR) return RESTART;
    const lock = this.#of(inode);
    const held = lock.holders.has(row);
    if (held && lock.exclusive === exclusive) return OK;
    if (held) this.release(row);
    const wanted = this.#of(inode);
    const free = wanted.holders.size === 0 || (!exclusive && !wanted.exclusive);
    if (!free) return waits ? wanted.waiting.block(call) : EAGAIN;
    wanted.holders.add(row);
    wanted.exclusive = exclusive;
    this.#inodeOf[row] = inode;
    return OK;
  }

  /** Gives up what an open file holds, if anything; at its close at the latest. */
  release(row: number): void {
    const inode = this.#inodeOf[row];
    if (inode === NIL) return;
    this.#inodeOf[row] = NIL;
    const lock = this.#of(inode);
    lock.holders.delete(row);
    if (lock.holders.size > 0) return;
    this.#byInode.delete(inode);
    lock.waiting.wakeAll(OK);
  }

  #of(inode: number): FileLock {
    let lock = this.#byInode.get(inode);
    if (lock === undefined) {
      lock = { holders: new Set(), exclusive: false, waiting: new WaitingCalls(this.#waits) };
      this.#byInode.set(inode, lock);
    }
    return lock;
  }
}
