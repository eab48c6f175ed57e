import { DISCARD, FLUSH, WRITE } from '../../block-device.js';
import { assert } from '../../errors.js';
import { OK } from '../../status.js';
import type { SparseBlocks } from './sparse-blocks.js';
import { LOG_DONE, type LogEntry, type WriteLog } from './write-log.js';

/** A write (or discard) that a power cut may still undo. */
export interface PendingWrite {
  /** Index of its entry in the log. */
  readonly entry: number;
  readonly block: number;
  readonly blockCount: number;
  /** One byte a block: 0 where a durable write has superseded it. */
  readonly live: Uint8Array;
  /** Data of the write; zeros for a discard. */
  readonly data: Uint8Array;
  completed: boolean;
}

/**
 * Replays a log entry by entry and knows at each point what is durable and what is pending.
 *
 * A write is pending from its submit until it is durable: by completing with `fua`, or when a FLUSH
 * that was submitted after its completion completes. A failed write stays pending until a later
 * durable write covers it: nobody knows what it has done.
 *
 * `pending` is in the order of application: completed ones by completion, then those in flight by
 * submission. A write that becomes durable supersedes what stands before it.
 */
export class PendingWrites {
  /** What is durable. */
  readonly base: SparseBlocks;
  readonly pending: PendingWrite[] = [];
  readonly #log: WriteLog;
  /** Writes that failed: no FLUSH makes them durable. */
  readonly #indeterminate = new Set<PendingWrite>();
  /** Entries of discards that found nothing to discard. */
  readonly #empty = new Set<number>();
  /** For each FLUSH in flight, by entry: the writes it will make durable. */
  readonly #flushes = new Map<number, PendingWrite[]>();

  constructor(log: WriteLog, base: SparseBlocks) {
    assert(log.blockBytes === base.blockBytes, 'log and image have the same block size');
    this.#log = log;
    this.base = base;
  }

  /** Takes the entry with this index. Answers the write that it added, if it did. */
  take(index: number): PendingWrite | null {
    const entry = this.#log.entries[index];
    if (entry.kind === WRITE || entry.kind === DISCARD) return this.#submit(index, entry);
    if (entry.kind === FLUSH) {
      this.#flushes.set(
        index,
        this.pending.filter((write) => write.completed),
      );
    } else if (entry.kind === LOG_DONE) {
      this.#finish(entry);
    }
    return null;
  }

  #submit(index: number, entry: LogEntry): PendingWrite | null {
    const range = entry.kind === WRITE ? entry : this.#discarded(entry);
    if (range === null) {
      this.#empty.add(index);
      return null;
    }
    const { block, blockCount } = range;
    const byteCount = blockCount * this.#log.blockBytes;
    const write: PendingWrite = {
      entry: index,
      block,
      blockCount,
      live: new Uint8Array(blockCount).fill(1),
      data: entry.kind === WRITE ? entry.data : new Uint8Array(byteCount),
      completed: false,
    };
    this.pending.push(write);
    return write;
  }

  /** The part of a discard that may hold data: whole devices are discarded before they are used. */
  #discarded(entry: LogEntry): { block: number; blockCount: number } | null {
    const { block, blockCount } = entry;
    const stored = this.base.writtenWithin(block, blockCount);
    let first = stored === null ? Infinity : stored.first;
    let last = stored === null ? -1 : stored.last;
    for (const write of this.pending) {
      const from = Math.max(write.block, block);
      const to = Math.min(write.block + write.blockCount, block + blockCount) - 1;
      if (from > to) continue;
      first = Math.min(first, from);
      last = Math.max(last, to);
    }
    return last < 0 ? null : { block: first, blockCount: last - first + 1 };
  }

  #finish(done: LogEntry): void {
    const request = this.#log.entries[done.request];
    if (request.kind === FLUSH) {
      const writes = this.#flushes.get(done.request) ?? [];
      this.#flushes.delete(done.request);
      if (done.status === OK) for (const write of writes) this.#makeDurable(write);
      return;
    }
    if (this.#empty.has(done.request)) return;
    const at = this.pending.findIndex((write) => write.entry === done.request);
    assert(at >= 0, 'what finishes was submitted and is not yet durable');
    const [write] = this.pending.splice(at, 1);
    const firstOpen = this.pending.findIndex((other) => !other.completed);
    this.pending.splice(firstOpen < 0 ? this.pending.length : firstOpen, 0, write);
    // A failed write counts as completed for the order, but a FLUSH promises nothing about it.
    write.completed = true;
    if (done.status !== OK) this.#indeterminate.add(write);
    else if (request.fua) this.#makeDurable(write);
  }

  #makeDurable(write: PendingWrite): void {
    const at = this.pending.indexOf(write);
    if (at < 0 || this.#indeterminate.has(write)) return;
    const size = this.base.blockBytes;
    for (let i = 0; i < write.blockCount; i++) {
      if (write.live[i] === 0) continue;
      this.base.write(write.block + i, write.data, i * size);
      for (let before = 0; before < at; before++) supersede(this.pending[before], write.block + i);
    }
    this.pending.splice(at, 1);
    for (let i = this.pending.length - 1; i >= 0; i--) {
      if (this.pending[i].live.every((alive) => alive === 0)) this.pending.splice(i, 1);
    }
  }

  /** Throws InvariantError unless the order of `pending` holds. */
  checkInvariants(): void {
    let open = false;
    for (const write of this.pending) {
      assert(write.live.includes(1), 'a pending write has a live block');
      assert(!(open && write.completed), 'completed writes stand before those in flight');
      open = !write.completed;
    }
  }
}

function supersede(write: PendingWrite, block: number): void {
  const i = block - write.block;
  if (i >= 0 && i < write.blockCount) write.live[i] = 0;
}
