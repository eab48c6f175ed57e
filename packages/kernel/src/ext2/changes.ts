/**
 * One change at a time: each operation that writes metadata runs inside {@link Changes.run}. It
 * opens blocks for writing, and at its end either all of them are taken over by the log or, on an
 * errno, all are as before. So a full disk or a failed read half way leaves nothing behind.
 */
import { assert, ENOSPC, EROFS, isErrno, NIL, OK } from '@hotpath/hw-x86';
import type { Operation, Wait } from '../vfs/file-system.js';
import type { Log } from './log.js';
import type { Turnstile } from './turnstile.js';
import type { Volume } from './volume.js';

/** A block that the operation under way has opened. */
interface Opened {
  readonly slot: number;
  readonly before: Uint8Array;
  /** Pinned by this operation; else by the running transaction. */
  readonly own: boolean;
  /** Must be marked dirty again should the operation fail. */
  dirty: boolean;
}

/** Blocks that one operation may open, those aside that a loop can put off: see `isLong`. */
export const OPERATION_BLOCKS = 40;
/** Opened blocks after which a loop ends its operation and goes on in another. */
const LONG_OPERATION = 20;

/** The changes of one volume. */
export class Changes {
  readonly #volume: Volume;
  readonly #lock: Turnstile;
  #log: Log | null = null;
  readonly #opened = new Map<number, Opened>();
  readonly #dropped = new Set<number>();
  readonly #freed: number[] = [];
  readonly #undo: (() => void)[] = [];
  readonly #buffers: Uint8Array[] = [];
  #ownPins = 0;
  #active = false;
  /** Set on a volume that must not be written. */
  readOnly = false;

  constructor(volume: Volume, lock: Turnstile) {
    this.#volume = volume;
    this.#lock = lock;
  }

  /** The log behind; once, before the first change. */
  connect(log: Log): void {
    this.#log = log;
  }

  get log(): Log {
    assert(this.#log !== null, 'ext2: a change without a log');
    return this.#log;
  }

  /** Whether the operation has opened so much that it should end and go on in a further one. */
  get isLong(): boolean {
    return this.#opened.size >= LONG_OPERATION;
  }

  /**
   * Runs `body` as one change. Its errno is the answer, and then nothing has happened. What is full
   * only because of blocks held back is tried again after a commit.
   */
  *run(wait: Wait, body: () => Operation): Operation {
    if (this.readOnly) return EROFS;
    for (let attempt = 0; ; attempt++) {
      const begun = yield* this.#begin(wait);
      if (isErrno(begun)) return begun;
      const result = yield* body();
      const again = result === ENOSPC && attempt === 0 && this.log.heldBack > 0;
      this.#end(!isErrno(result));
      if (!again) return result;
      const committed = yield* this.log.commit(wait);
      if (isErrno(committed)) return committed;
    }
  }

  *#begin(wait: Wait): Operation {
    for (;;) {
      const entered = yield* wait.settle(this.#lock.enter(wait));
      if (isErrno(entered)) return entered;
      if (this.log.aborted !== OK) {
        this.#lock.leave();
        return EROFS;
      }
      if (this.log.hasRoom()) break;
      this.#lock.leave();
      const status = yield* this.log.makeRoom(wait);
      if (isErrno(status)) return status;
    }
    assert(!this.#active && this.#opened.size === 0, 'ext2: two changes at once');
    this.#active = true;
    return OK;
  }

  /** Opens a block for writing: a pinned slot, until the change ends, or an errno. */
  *write(wait: Wait, block: number): Operation {
    assert(this.#active, 'ext2: a block is opened outside of a change');
    const known = this.#opened.get(block);
    if (known !== undefined) return known.slot;
    const shared = this.log.slotOf(block);
    if (shared !== NIL) return this.#open(block, shared, false, false);
    const slot = yield* this.#volume.get(wait, block, this.#pins());
    if (isErrno(slot)) return slot;
    return yield* this.#opening(wait, block, slot);
  }

  /** Opens a newly allocated block: filled with zeros, not read. */
  *fresh(wait: Wait, block: number): Operation {
    assert(this.#active && !this.#opened.has(block), 'ext2: a fresh block is open already');
    assert(this.log.slotOf(block) === NIL, 'ext2: a fresh block is in the running transaction');
    const { cache, device } = this.#volume.ports;
    const slot = yield* wait.settle(cache.getNew(device, block, wait, 0, this.#pins()));
    if (isErrno(slot)) return slot;
    const opened = yield* this.#opening(wait, block, slot);
    // What lay there before is nobody's: an undone change need not write it.
    const entry = this.#opened.get(block);
    if (entry !== undefined) entry.dirty = false;
    if (!isErrno(opened)) this.#volume.view(slot).fill(0);
    return opened;
  }

  #pins(): number {
    return this.log.pins + this.#ownPins + this.#volume.fixedSlots.length;
  }

  *#opening(wait: Wait, block: number, slot: number): Operation {
    const { cache } = this.#volume.ports;
    this.#ownPins += 1;
    if (!this.log.journaled) return this.#open(block, slot, true, false);
    // A write that is under way may still read the memory: it would carry home what is not committed.
    for (;;) {
      const status = cache.awaitWrite(slot, wait, 0);
      if (status === OK) break;
      yield* wait.settle(status);
    }
    return this.#open(block, slot, true, cache.takeDirty(slot));
  }

  #open(block: number, slot: number, own: boolean, dirty: boolean): number {
    const before = this.#buffers.pop() ?? new Uint8Array(this.#volume.geometry.blockBytes);
    before.set(this.#volume.view(slot));
    this.#opened.set(block, { slot, before, own, dirty });
    return slot;
  }

  /** The committed contents of a block are in the journal and must go home: false if it is open here. */
  putOff(block: number): boolean {
    const entry = this.#opened.get(block);
    if (entry === undefined) return false;
    entry.dirty = true;
    return true;
  }

  /** A block of metadata was freed by this change. */
  drop(block: number): void {
    this.#dropped.add(block);
  }

  /** Blocks were freed by this change: nobody gets them before that is durable. */
  freed(start: number, count: number): void {
    this.#freed.push(start, count);
  }

  /** What to do should this change fail: in reverse order. */
  onUndo(undo: () => void): void {
    assert(this.#active, 'ext2: something to undo outside of a change');
    this.#undo.push(undo);
  }

  #end(succeeded: boolean): void {
    assert(this.#active, 'ext2: a change ends that did not begin');
    if (succeeded) this.#finish();
    else this.#revert();
    for (const entry of this.#opened.values()) this.#buffers.push(entry.before);
    this.#opened.clear();
    this.#dropped.clear();
    this.#freed.length = 0;
    this.#undo.length = 0;
    this.#ownPins = 0;
    this.#active = false;
    this.#lock.leave();
  }

  #finish(): void {
    const { cache } = this.#volume.ports;
    for (const [block, entry] of this.#opened) {
      if (!entry.own) continue;
      if (this.#dropped.has(block)) {
        cache.takeDirty(entry.slot);
        cache.release(entry.slot);
      } else this.log.take(block, entry.slot);
    }
    for (const block of this.#dropped) this.log.drop(block);
    const freed = this.#freed;
    for (let i = 0; i < freed.length; i += 2) this.log.freed(freed[i], freed[i + 1]);
  }

  #revert(): void {
    const { cache } = this.#volume.ports;
    for (let i = this.#undo.length - 1; i >= 0; i--) this.#undo[i]();
    for (const entry of this.#opened.values()) {
      this.#volume.view(entry.slot).set(entry.before);
      if (!entry.own) continue;
      // Unjournaled, a write in flight may have carried what is taken back here.
      if (entry.dirty || !this.log.journaled) cache.markDirty(entry.slot);
      cache.release(entry.slot);
    }
  }

  /** Asserts what holds between operations. */
  checkInvariants(): void {
    assert(this.#active || this.#opened.size === 0, 'ext2: blocks are open outside of a change');
  }
}
