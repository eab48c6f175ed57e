/**
 * The journal of ext3 (JBD) in ordered mode: whole blocks of metadata, committed in groups. A commit
 * writes, in this order: the data that the transaction names; its blocks into the log; a barrier; the
 * commit block, forced. Only then may the blocks go home, and only when they are there durably does
 * the log's tail move.
 *
 * One copy is made of each block when its transaction closes, so that the next transaction may change
 * it while the commit writes.
 *
 * For every block b in the log: home(b) is older than log(b) => b is dirty in the cache, or pinned by
 * the running transaction, or open in the change under way.
 */
import type { BlockCache } from '@hotpath/blockcache';
import { assert, EIO, ENOMEM, isErrno, NIL, OK, PENDING } from '@hotpath/hw-x86';
import type { Operation, Wait } from '../vfs/file-system.js';
import { type Changes, OPERATION_BLOCKS } from './changes.js';
import type { JournalArea } from './journal-area.js';
import { HeldBack, type Log } from './log.js';
import { encodeCommit, encodeTransaction, logBlocksOf, Transaction } from './transaction.js';
import { Gathering, type Turnstile } from './turnstile.js';
import type { Volume } from './volume.js';

/** Blocks of one transaction at most, however long the log. */
const TRANSACTION_BLOCKS_MAX = 512;

/** The running and the committing transaction of one volume. */
export class Journal implements Log {
  readonly journaled = true;
  aborted: number = OK;
  committed: number;
  barriers = 0;
  readonly #volume: Volume;
  readonly #cache: BlockCache;
  readonly #area: JournalArea;
  readonly #lock: Turnstile;
  readonly #changes: Changes;
  readonly #heldBack = new HeldBack();
  /** Blocks with contents in the log since its tail. */
  readonly #logged = new Set<number>();
  readonly #ended = new Gathering();
  readonly #tickets = new Map<number, Transaction>();
  #lastTicket = 0;
  #running: Transaction;
  #committing: Transaction | null = null;
  readonly #failed: Transaction[] = [];
  /** A commit or a checkpoint is under way. */
  #busy = false;
  /** Log block where the next transaction begins; blocks in use behind the tail. */
  #head: number;
  #used = 0;
  readonly #limit: number;

  /** @param sequence - number of the first transaction */
  constructor(
    volume: Volume,
    area: JournalArea,
    lock: Turnstile,
    changes: Changes,
    sequence: number,
  ) {
    this.#volume = volume;
    this.#cache = volume.ports.cache;
    this.#area = area;
    this.#lock = lock;
    this.#changes = changes;
    this.#head = area.first;
    this.committed = sequence - 1;
    this.#running = new Transaction(sequence);
    this.#limit = Journal.limit(volume, area);
  }

  /** Log blocks of one transaction at most: a quarter of the log, and of the cache, which pins them. */
  static limit(volume: Volume, area: JournalArea): number {
    const quarter = Math.floor(Math.min(area.logBlocks, volume.ports.cache.capacity) / 4);
    return Math.min(quarter, TRANSACTION_BLOCKS_MAX);
  }

  get sequence(): number {
    return this.#running.sequence;
  }

  get pins(): number {
    return this.#running.blocks.size + (this.#committing?.blocks.size ?? 0);
  }

  get heldBack(): number {
    return this.#heldBack.size;
  }

  slotOf(block: number): number {
    return this.#running.blocks.get(block) ?? NIL;
  }

  take(block: number, slot: number): void {
    assert(!this.#running.blocks.has(block), 'ext2: a transaction takes a block twice');
    this.#running.blocks.set(block, slot);
  }

  drop(block: number): void {
    const slot = this.slotOf(block);
    if (slot !== NIL) {
      this.#running.blocks.delete(block);
      this.#cache.takeDirty(slot);
      this.#cache.release(slot);
    }
    const here = this.#cache.tryGet(this.#volume.ports.device, block);
    if (here !== NIL) {
      this.#cache.takeDirty(here);
      this.#cache.release(here);
    }
    if (this.#logged.has(block)) this.#running.revoked.add(block);
  }

  freed(start: number, count: number): void {
    this.#heldBack.add(start, count, this.sequence);
  }

  isHeldBack(block: number): boolean {
    return this.#heldBack.has(block);
  }

  dataBegins(): number {
    this.#lastTicket += 1;
    this.#running.dataInFlight += 1;
    this.#tickets.set(this.#lastTicket, this.#running);
    return this.#lastTicket;
  }

  dataDone(ticket: number): void {
    const transaction = this.#tickets.get(ticket);
    assert(transaction !== undefined, 'ext2: data ends that did not begin');
    this.#tickets.delete(ticket);
    transaction.dataInFlight -= 1;
    if (transaction.dataInFlight > 0) return;
    const tell = transaction.whenWritten;
    transaction.whenWritten = null;
    tell?.();
  }

  hasRoom(): boolean {
    const { blocks, revoked } = this.#running;
    const { blockBytes } = this.#volume.geometry;
    if (this.#running.isEmpty) return this.#free >= this.#limit;
    const size = logBlocksOf(blocks.size + OPERATION_BLOCKS, revoked.size, blockBytes);
    return size <= this.#limit;
  }

  get #free(): number {
    // One block stays free, so that a full log is not taken for an empty one.
    return this.#area.logBlocks - this.#used - 1;
  }

  *makeRoom(wait: Wait): Operation {
    if (!this.#running.isEmpty) return yield* this.commit(wait);
    return yield* this.#checkpoint(wait);
  }

  *commit(wait: Wait): Operation {
    const target = this.#running.isEmpty ? this.sequence - 1 : this.sequence;
    while (this.committed < target) {
      if (this.aborted !== OK) return EIO;
      if (this.#busy) yield* wait.settle(this.#ended.join(wait));
      else {
        const status = yield* this.#commitRunning(wait);
        if (isErrno(status)) return status;
      }
    }
    return this.aborted === OK ? OK : EIO;
  }

  *#commitRunning(wait: Wait): Operation {
    this.#busy = true;
    yield* wait.settle(this.#lock.enter(wait));
    const transaction = this.#running;
    const images = encodeTransaction(this.#volume, this.#area, transaction);
    if (images === null) {
      this.#lock.leave();
      this.#rest();
      return ENOMEM;
    }
    const { blocks, revoked, sequence } = transaction;
    const length = images.length + 1;
    const { blockBytes } = this.#volume.geometry;
    assert(length === logBlocksOf(blocks.size, revoked.size, blockBytes), 'ext2: log length');
    assert(length <= this.#free, 'ext2: a transaction does not fit the log');
    for (const block of blocks.keys()) this.#logged.add(block);
    this.#used += length;
    this.#committing = transaction;
    this.#running = new Transaction(sequence + 1);
    this.#lock.leave();
    const status = yield* this.#writeLog(wait, transaction, images);
    for (const address of images) this.#area.giveBuffer(address);
    if (isErrno(status)) this.#abort(status);
    else this.#committedNow(transaction, length);
    this.#committing = null;
    this.#rest();
    return isErrno(status) ? EIO : OK;
  }

  *#writeLog(wait: Wait, transaction: Transaction, images: readonly number[]): Operation {
    const area = this.#area;
    const { cache, device } = this.#volume.ports;
    if (transaction.dataInFlight > 0) {
      transaction.whenWritten = () => wait.completed(0, OK);
      yield* wait.settle(PENDING);
    }
    const written = yield* area.write(wait, this.#head, images, false);
    if (isErrno(written)) return written;
    let at = this.#head;
    for (let i = 0; i < images.length; i++) at = area.next(at);
    this.barriers += 1;
    const flushed = yield* wait.settle(cache.flushRange(device, 0, 0, wait, 0));
    if (isErrno(flushed)) return flushed;
    const commit = area.takeBuffer();
    if (commit === NIL) return ENOMEM;
    encodeCommit(this.#volume.viewAt(commit), transaction.sequence);
    const status = yield* area.write(wait, at, [commit], true);
    area.giveBuffer(commit);
    if (!isErrno(status)) this.#head = area.next(at);
    return status;
  }

  #committedNow(transaction: Transaction, length: number): void {
    assert(length > 1 && length <= this.#used, 'ext2: a transaction of no length');
    for (const [block, slot] of transaction.blocks) {
      // What is changed again already goes home with the transaction that changes it.
      if (!this.#running.blocks.has(block) && !this.#changes.putOff(block)) {
        if (!this.#running.revoked.has(block)) this.#cache.markDirty(slot);
      }
      this.#cache.release(slot);
    }
    this.committed = transaction.sequence;
    this.#heldBack.release(transaction.sequence);
  }

  /** The log cannot be written: nothing more goes home, and what is there stays to be replayed. */
  #abort(errno: number): void {
    this.aborted = errno;
    this.#volume.corrupt(`journal: a commit failed with errno ${-errno}; no more writing`);
    // Its blocks stay pinned, so that what is read goes on to agree with itself.
    if (this.#committing !== null) this.#failed.push(this.#committing);
  }

  #unpin(transaction: Transaction): void {
    for (const slot of transaction.blocks.values()) this.#cache.release(slot);
    transaction.blocks.clear();
  }

  #rest(): void {
    this.#busy = false;
    this.#ended.release();
  }

  /** Brings everything home and empties the log. Nobody changes meanwhile. */
  *#checkpoint(wait: Wait): Operation {
    for (;;) {
      const committed = yield* this.commit(wait);
      if (isErrno(committed)) return committed;
      if (this.#busy) {
        yield* wait.settle(this.#ended.join(wait));
        continue;
      }
      this.#busy = true;
      yield* wait.settle(this.#lock.enter(wait));
      if (this.#running.isEmpty) break;
      this.#lock.leave();
      this.#rest();
    }
    const status = this.#used === 0 ? OK : yield* this.#bringHome(wait);
    this.#lock.leave();
    this.#rest();
    return status;
  }

  *#bringHome(wait: Wait): Operation {
    const { cache, device } = this.#volume.ports;
    const status = yield* wait.settle(cache.flush(device, wait, 0));
    if (isErrno(status)) return status;
    const moved = yield* this.#area.writeSuperblock(wait, this.sequence, this.#head);
    if (isErrno(moved)) return moved;
    this.#used = 0;
    this.#logged.clear();
    return OK;
  }

  *close(wait: Wait): Operation {
    const status = this.aborted === OK ? yield* this.#checkpoint(wait) : EIO;
    if (isErrno(status)) return status;
    return yield* this.#area.writeSuperblock(wait, this.sequence, 0);
  }

  abandon(): void {
    for (const transaction of this.#failed) this.#unpin(transaction);
    this.#unpin(this.#running);
  }
}
