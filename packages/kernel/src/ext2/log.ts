/**
 * What makes changes durable: the journal of ext3, or, on ext2, nothing but order at a sync. Both
 * keep what was freed from being used again before the freeing is durable.
 */
import type { BlockCache } from '@hotpath/blockcache';
import { isErrno, NIL, OK } from '@hotpath/hw-x86';
import type { Operation, Wait } from '../vfs/file-system.js';
import type { Turnstile } from './turnstile.js';
import type { Volume } from './volume.js';

/** Port of {@link Changes} to what lies behind it. */
export interface Log {
  /** True when blocks may not go home before {@link Log.commit}. */
  readonly journaled: boolean;
  /** OK, or the errno that ended all writing. */
  readonly aborted: number;
  /** Number of the transaction that takes the changes now. */
  readonly sequence: number;
  /** Last one whose changes are durable. */
  readonly committed: number;
  /** Flushes of the device that commits have begun: who sees one begin need not ask for another. */
  readonly barriers: number;
  /** Slots that this log keeps pinned. */
  readonly pins: number;
  /** Slot of a block that the running transaction holds, or NIL. */
  slotOf(block: number): number;
  /** Takes over a changed, pinned slot. Not for one that it holds already. */
  take(block: number, slot: number): void;
  /** A block of metadata was freed: it must not go home, nor come back in a replay. */
  drop(block: number): void;
  /** Blocks were freed, whatever they held. */
  freed(start: number, count: number): void;
  /** Whether a block was freed and the freeing is not durable. */
  isHeldBack(block: number): boolean;
  /** Blocks that are held back. */
  readonly heldBack: number;
  /** Data is about to be written that the running transaction names; a ticket for `dataDone`. */
  dataBegins(): number;
  dataDone(ticket: number): void;
  /** False when a change must not begin before {@link Log.makeRoom}. */
  hasRoom(): boolean;
  /** Commits or checkpoints until there is room; outside of changes. */
  makeRoom(wait: Wait): Operation;
  /** Everything changed so far is durable. */
  commit(wait: Wait): Operation;
  /** Everything is home; the journal is empty. No change is under way afterwards. */
  close(wait: Wait): Operation;
  /** Gives back every pin, as a power cut would: nothing is written. */
  abandon(): void;
}

/** Blocks freed of which the freeing is not durable, by the transaction that freed them. */
export class HeldBack {
  readonly #blocks = new Map<number, number>();

  get size(): number {
    return this.#blocks.size;
  }

  has(block: number): boolean {
    return this.#blocks.size > 0 && this.#blocks.has(block);
  }

  add(start: number, count: number, sequence: number): void {
    for (let block = start; block < start + count; block++) this.#blocks.set(block, sequence);
  }

  /** The transactions up to this one are durable. */
  release(sequence: number): void {
    for (const [block, freedIn] of this.#blocks) {
      if (freedIn <= sequence) this.#blocks.delete(block);
    }
  }
}

/** Blocks held back beyond which an ext2 volume is synced, to have them again. */
const HELD_BACK_MAX = 32_768;

/** ext2: changed blocks go home whenever the cache likes; a sync waits for all. */
export class PlainLog implements Log {
  readonly journaled = false;
  readonly aborted = OK;
  readonly pins = 0;
  sequence = 1;
  committed = 0;
  barriers = 0;
  readonly #volume: Volume;
  readonly #cache: BlockCache;
  readonly #lock: Turnstile;
  readonly #heldBack = new HeldBack();

  constructor(volume: Volume, lock: Turnstile) {
    this.#volume = volume;
    this.#cache = volume.ports.cache;
    this.#lock = lock;
  }

  get heldBack(): number {
    return this.#heldBack.size;
  }

  slotOf(): number {
    return NIL;
  }

  take(_block: number, slot: number): void {
    this.#cache.markDirty(slot);
    this.#cache.release(slot);
  }

  drop(block: number): void {
    const slot = this.#cache.tryGet(this.#volume.ports.device, block);
    if (slot === NIL) return;
    this.#cache.takeDirty(slot);
    this.#cache.release(slot);
  }

  freed(start: number, count: number): void {
    this.#heldBack.add(start, count, this.sequence);
  }

  isHeldBack(block: number): boolean {
    return this.#heldBack.has(block);
  }

  dataBegins(): number {
    return 0;
  }

  dataDone(): void {}

  hasRoom(): boolean {
    return this.#heldBack.size <= HELD_BACK_MAX;
  }

  makeRoom(wait: Wait): Operation {
    return this.commit(wait);
  }

  *commit(wait: Wait): Operation {
    const entered = yield* wait.settle(this.#lock.enter(wait));
    if (isErrno(entered)) return entered;
    const { sequence } = this;
    this.sequence += 1;
    this.#lock.leave();
    this.barriers += 1;
    const status = yield* wait.settle(this.#cache.flush(this.#volume.ports.device, wait, 0));
    if (isErrno(status)) return status;
    this.committed = Math.max(this.committed, sequence);
    this.#heldBack.release(sequence);
    return OK;
  }

  close(wait: Wait): Operation {
    return this.commit(wait);
  }

  abandon(): void {}
}
