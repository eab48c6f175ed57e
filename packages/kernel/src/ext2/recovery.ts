/**
 * Replay of the journal after a power cut, as JBD does it: find the end of the log, read what was
 * revoked, write home every committed block that was not revoked later.
 */
import { assert, isErrno, NIL, OK } from '@hotpath/hw-x86';
import type { Operation, Wait } from '../vfs/file-system.js';
import { getBig32, putBig32 } from './bytes.js';
import { ImageError } from './image-error.js';
import type { JournalArea } from './journal-area.js';
import {
  JH_SEQUENCE,
  JH_TYPE,
  JOURNAL_COMMIT,
  JOURNAL_DESCRIPTOR,
  JOURNAL_HEADER_BYTES,
  JOURNAL_MAGIC,
  JOURNAL_REVOKE,
  REVOKE_HEADER_BYTES,
  TAG_BYTES,
  TAG_DELETED,
  TAG_ESCAPED,
  TAG_LAST,
  TAG_SAME_UUID,
} from './layout.js';
import type { Volume } from './volume.js';

/** What a replay did. */
export interface RecoveryReport {
  /** Transactions found complete. */
  transactions: number;
  /** Blocks written home, and those left out because they were revoked. */
  replayed: number;
  revoked: number;
  /** Number for the next transaction. */
  nextSequence: number;
}

interface Tag {
  readonly block: number;
  readonly flags: number;
}

/** Replays one journal. */
export class Recovery {
  readonly report: RecoveryReport;
  readonly #volume: Volume;
  readonly #area: JournalArea;
  /** Revoked block: last transaction that revoked it. */
  readonly #revoked = new Map<number, number>();
  readonly #wait: Wait;
  /** First transaction that is not complete. */
  #end = 0;

  constructor(volume: Volume, area: JournalArea, wait: Wait) {
    this.#volume = volume;
    this.#area = area;
    this.#wait = wait;
    this.report = { transactions: 0, replayed: 0, revoked: 0, nextSequence: area.sequence };
  }

  /**
   * Everything committed is home and durable, and the log is empty.
   * @throws ImageError `ERR_IO`, `ERR_JOURNAL`
   */
  *run(): Operation {
    const area = this.#area;
    if (area.start === 0) return OK;
    yield* this.#walk(false);
    // The first incomplete transaction may lie there in part: its number is not used again.
    this.report.nextSequence = this.#end + 1;
    this.report.transactions = this.#end - area.sequence;
    yield* this.#walk(true);
    const { cache, device } = this.#volume.ports;
    const flushed = yield* this.#wait.settle(cache.flush(device, this.#wait, 0));
    if (isErrno(flushed)) throw new ImageError('ERR_IO', `journal: the replay failed: ${flushed}`);
    const written = yield* area.writeSuperblock(this.#wait, this.report.nextSequence, 0);
    if (isErrno(written)) throw new ImageError('ERR_IO', `journal: the tail failed: ${written}`);
    return OK;
  }

  /** The log is not to be replayed: only its end is sought, so that no number is used twice. */
  *skip(): Operation {
    yield* this.#walk(false);
    this.report.nextSequence = this.#end + 1;
    return OK;
  }

  /** One pass: finds the end and what is revoked; or, then, writes home. */
  *#walk(replay: boolean): Operation {
    const area = this.#area;
    let sequence = area.sequence;
    let at = area.start;
    let revoked: number[] = [];
    for (let seen = 0; seen < area.logBlocks; ) {
      if (replay && sequence >= this.#end) return OK;
      const block = yield* this.#read(at);
      const view = this.#block;
      if (block !== OK || getBig32(view, 0) !== JOURNAL_MAGIC) break;
      if (getBig32(view, JH_SEQUENCE) !== sequence) break;
      const type = getBig32(view, JH_TYPE);
      at = area.next(at);
      seen += 1;
      if (type === JOURNAL_DESCRIPTOR) {
        const tags = readTags(view);
        if (tags === null) break;
        if (replay) yield* this.#replay(tags, at, sequence);
        for (let i = 0; i < tags.length; i++) at = area.next(at);
        seen += tags.length;
      } else if (type === JOURNAL_REVOKE) {
        revoked.push(...readRevokes(view));
      } else if (type === JOURNAL_COMMIT) {
        if (!replay) for (const one of revoked) this.#revoked.set(one, sequence);
        revoked = [];
        sequence = (sequence + 1) >>> 0;
      } else break;
    }
    this.#end = sequence;
    return OK;
  }

  /** Last block that was read: a copy. */
  #block = new Uint8Array(0);

  *#read(index: number): Operation {
    const slot = yield* this.#volume.get(this.#wait, this.#area.blocks[index], 64);
    if (isErrno(slot)) {
      throw new ImageError('ERR_IO', `journal: log block ${index} cannot be read: ${slot}`);
    }
    this.#block = this.#volume.view(slot).slice();
    this.#volume.ports.cache.release(slot);
    return OK;
  }

  *#replay(tags: readonly Tag[], first: number, sequence: number): Operation {
    const { cache, device } = this.#volume.ports;
    let at = first;
    for (const { block, flags } of tags) {
      const from = at;
      at = this.#area.next(at);
      if ((flags & TAG_DELETED) !== 0) continue;
      if (block >= this.#volume.geometry.blockCount) {
        throw new ImageError('ERR_JOURNAL', `journal: transaction ${sequence} has block ${block}`);
      }
      const revokedIn = this.#revoked.get(block);
      if (revokedIn !== undefined && revokedIn >= sequence) {
        this.report.revoked += 1;
        continue;
      }
      yield* this.#read(from);
      const slot = yield* this.#wait.settle(cache.getNew(device, block, this.#wait, 0, 64));
      if (isErrno(slot)) throw new ImageError('ERR_IO', `block ${block} cannot be had: ${slot}`);
      assert(slot !== NIL, 'ext2: a block without a slot');
      this.#volume.view(slot).set(this.#block);
      if ((flags & TAG_ESCAPED) !== 0) putBig32(this.#volume.view(slot), 0, JOURNAL_MAGIC);
      cache.markDirty(slot);
      cache.release(slot);
      this.report.replayed += 1;
    }
    return OK;
  }
}

/** The tags of a descriptor block; null when it does not end. */
function readTags(view: Uint8Array): Tag[] | null {
  const tags: Tag[] = [];
  for (let at = JOURNAL_HEADER_BYTES; at + TAG_BYTES <= view.length; ) {
    // The upper half of the word is a checksum in later formats.
    const flags = getBig32(view, at + 4) & 0xffff;
    tags.push({ block: getBig32(view, at), flags });
    at += TAG_BYTES;
    if ((flags & TAG_SAME_UUID) === 0) at += 16;
    if ((flags & TAG_LAST) !== 0) return tags;
  }
  return null;
}

function readRevokes(view: Uint8Array): number[] {
  const end = Math.min(getBig32(view, JOURNAL_HEADER_BYTES), view.length);
  const blocks: number[] = [];
  for (let at = REVOKE_HEADER_BYTES; at + 4 <= end; at += 4) blocks.push(getBig32(view, at));
  return blocks;
}
