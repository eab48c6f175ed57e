/** One transaction of the journal: the blocks it holds pinned, and its image in the log. */
import { assert } from '@hotpath/hw-x86';
import { getBig32, put32, putBig32 } from './bytes.js';
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
  TAG_ESCAPED,
  TAG_LAST,
  TAG_SAME_UUID,
} from './layout.js';
import type { Volume } from './volume.js';

/** Changes that become durable together. */
export class Transaction {
  readonly sequence: number;
  /** Pinned slot of each changed block. */
  readonly blocks = new Map<number, number>();
  /** Freed blocks whose older contents in the log must not be replayed. */
  readonly revoked = new Set<number>();
  /** Writes of data that must end before the commit. */
  dataInFlight = 0;
  /** Told when there are none left. */
  whenWritten: (() => void) | null = null;

  constructor(sequence: number) {
    this.sequence = sequence;
  }

  get isEmpty(): boolean {
    return this.blocks.size === 0 && this.revoked.size === 0;
  }
}

/** Tags that a descriptor block holds: the first carries a UUID of 16 bytes. */
export function tagsPerBlock(blockBytes: number): number {
  return Math.floor((blockBytes - JOURNAL_HEADER_BYTES - 16) / TAG_BYTES);
}

/** Block numbers that a revoke block holds. */
export function revokesPerBlock(blockBytes: number): number {
  return Math.floor((blockBytes - REVOKE_HEADER_BYTES) / 4);
}

/** Log blocks that a transaction takes: with descriptors, revoke blocks and the commit. */
export function logBlocksOf(blocks: number, revokes: number, blockBytes: number): number {
  const descriptors = Math.ceil(blocks / tagsPerBlock(blockBytes));
  return blocks + descriptors + Math.ceil(revokes / revokesPerBlock(blockBytes)) + 1;
}

function putHeader(view: Uint8Array, type: number, sequence: number): void {
  view.fill(0);
  putBig32(view, 0, JOURNAL_MAGIC);
  putBig32(view, JH_TYPE, type);
  putBig32(view, JH_SEQUENCE, sequence);
}

/**
 * Copies a transaction into buffers, in the order of the log: revoke blocks, then descriptors each
 * followed by its blocks. The commit block is not among them. Null when there is no memory.
 */
export function encodeTransaction(
  volume: Volume,
  area: JournalArea,
  transaction: Transaction,
): number[] | null {
  const addresses: number[] = [];
  const take = (): number => {
    const address = area.takeBuffer();
    if (address >= 0) addresses.push(address);
    return address;
  };
  const complete =
    encodeRevokes(volume, transaction, take) && encodeBlocks(volume, area, transaction, take);
  if (complete) return addresses;
  for (const address of addresses) area.giveBuffer(address);
  return null;
}

function encodeRevokes(volume: Volume, transaction: Transaction, take: () => number): boolean {
  const perBlock = revokesPerBlock(volume.geometry.blockBytes);
  const revoked = [...transaction.revoked];
  for (let from = 0; from < revoked.length; from += perBlock) {
    const address = take();
    if (address < 0) return false;
    const view = volume.viewAt(address);
    const count = Math.min(perBlock, revoked.length - from);
    putHeader(view, JOURNAL_REVOKE, transaction.sequence);
    putBig32(view, JOURNAL_HEADER_BYTES, REVOKE_HEADER_BYTES + count * 4);
    for (let i = 0; i < count; i++) putBig32(view, REVOKE_HEADER_BYTES + i * 4, revoked[from + i]);
  }
  return true;
}

function encodeBlocks(
  volume: Volume,
  area: JournalArea,
  transaction: Transaction,
  take: () => number,
): boolean {
  const perBlock = tagsPerBlock(volume.geometry.blockBytes);
  const blocks = [...transaction.blocks];
  for (let from = 0; from < blocks.length; from += perBlock) {
    const descriptor = take();
    if (descriptor < 0) return false;
    const view = volume.viewAt(descriptor);
    putHeader(view, JOURNAL_DESCRIPTOR, transaction.sequence);
    const count = Math.min(perBlock, blocks.length - from);
    let at = JOURNAL_HEADER_BYTES;
    for (let i = 0; i < count; i++) {
      const copy = take();
      if (copy < 0) return false;
      const [block, slot] = blocks[from + i];
      let flags = i === 0 ? 0 : TAG_SAME_UUID;
      if (i === count - 1) flags |= TAG_LAST;
      if (copyEscaped(volume.viewAt(copy), volume.view(slot))) flags |= TAG_ESCAPED;
      putBig32(view, at, block);
      putBig32(view, at + 4, flags);
      at += TAG_BYTES;
      if (i > 0) continue;
      view.set(area.uuid, at);
      at += area.uuid.length;
    }
    assert(at <= view.length, 'ext2: more tags than a descriptor holds');
  }
  return true;
}

/** A block that begins like the journal's own must not be taken for one: its first word is left out. */
function copyEscaped(to: Uint8Array, from: Uint8Array): boolean {
  to.set(from);
  if (getBig32(from, 0) !== JOURNAL_MAGIC) return false;
  put32(to, 0, 0);
  return true;
}

/** The block that ends a transaction. */
export function encodeCommit(view: Uint8Array, sequence: number): void {
  putHeader(view, JOURNAL_COMMIT, sequence);
}
