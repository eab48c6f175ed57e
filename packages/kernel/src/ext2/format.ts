/** Making a file system: ext2, or ext3 with a journal. What `mke2fs` makes by default, as far as it matters. */
import type { BlockCache } from '@hotpath/blockcache';
import { isErrno, OK, type PhysicalMemory } from '@hotpath/hw-x86';
import type { Operation, Wait } from '../vfs/file-system.js';
import { put16, put32, putBig32, putName } from './bytes.js';
import { putEntry } from './directory-entry.js';
import {
  defaultInodes,
  defaultJournalBlocks,
  type FormatSettings,
  type GroupPlan,
  type Plan,
  planFormat,
} from './format-plan.js';
import { hasSuperblock } from './geometry.js';
import { ImageError } from './image-error.js';
import { clearRecord, Inode, writeInode } from './inode.js';
import {
  COMPATIBLE_EXT_ATTR,
  COMPATIBLE_HAS_JOURNAL,
  DIRECT_BLOCKS,
  EXT2_MAGIC,
  FIRST_INODE,
  GD_BLOCK_BITMAP,
  GD_DIRECTORIES,
  GD_FREE_BLOCKS,
  GD_FREE_INODES,
  GD_INODE_BITMAP,
  GD_INODE_TABLE,
  GROUP_DESCRIPTOR_BYTES,
  INCOMPATIBLE_FILETYPE,
  JH_TYPE,
  JOURNAL_INODE,
  JOURNAL_MAGIC,
  JOURNAL_SUPERBLOCK_V2,
  JS_BLOCK_BYTES,
  JS_FIRST,
  JS_LENGTH,
  JS_SEQUENCE,
  JS_USERS,
  JS_UUID,
  READ_ONLY_LARGE_FILE,
  READ_ONLY_SPARSE_SUPER,
  ROOT_INODE,
  SB_BLOCKS,
  SB_BLOCKS_PER_GROUP,
  SB_CHECK_TIME,
  SB_COMPATIBLE,
  SB_ERRORS,
  SB_FIRST_BLOCK,
  SB_FIRST_INODE,
  SB_FRAGMENTS_PER_GROUP,
  SB_FREE_BLOCKS,
  SB_FREE_INODES,
  SB_GROUP,
  SB_INCOMPATIBLE,
  SB_INODE_BYTES,
  SB_INODES,
  SB_INODES_PER_GROUP,
  SB_JOURNAL_BACKUP_TYPE,
  SB_JOURNAL_BLOCKS,
  SB_JOURNAL_INODE,
  SB_LABEL,
  SB_LOG_BLOCK_BYTES,
  SB_LOG_FRAGMENT_BYTES,
  SB_MADE_AT,
  SB_MAGIC,
  SB_MIN_EXTRA_BYTES,
  SB_MOUNT_COUNT_MAX,
  SB_READ_ONLY,
  SB_REVISION,
  SB_STATE,
  SB_UUID,
  SB_WANT_EXTRA_BYTES,
  SB_WRITE_TIME,
  STATE_CLEAN,
  TYPE_DIRECTORY,
  TYPE_REGULAR,
} from './layout.js';

/** What to make a file system with; all but the device have defaults. */
export interface FormatOptions {
  /** A cache whose `blockBytes`, 1, 2 or 4 KiB, becomes the file system's. */
  readonly cache: BlockCache;
  readonly device: number;
  readonly memory: PhysicalMemory;
  /** `ext2` or `ext3`; default `ext2`. */
  readonly type?: 'ext2' | 'ext3';
  /** Inodes in all; default one for 16 KiB, or for 4 KiB on a device below 512 MiB. */
  readonly inodes?: number;
  /** 128 or 256; default 256. */
  readonly inodeBytes?: number;
  /** Blocks of the journal, at least 1,024; default by size as mke2fs has it. */
  readonly journalBlocks?: number;
  /** Up to 16 bytes; default none. */
  readonly label?: string;
  /** 16 bytes; default: made of the sizes and `now`, so that the same options make the same image. */
  readonly uuid?: Uint8Array;
  /** Nanoseconds since 1970; default 0. */
  readonly now?: number;
}

/**
 * Makes an empty file system over a whole device: `/` and `/lost+found`. OK or an errno of the device.
 * @throws ImageError `ERR_FORMAT` for sizes that make none; nothing is written then
 */
export function* formatExt2(wait: Wait, options: FormatOptions): Operation {
  const { cache, device } = options;
  const blockCount = Math.min(cache.blockCount(device), 2 ** 32 - 1);
  const settings: FormatSettings = {
    blockBytes: cache.blockBytes,
    blockCount,
    inodes: options.inodes ?? defaultInodes(cache.blockBytes, blockCount),
    inodeBytes: options.inodeBytes ?? 256,
    journalBlocks:
      options.type === 'ext3' ? (options.journalBlocks ?? defaultJournalBlocks(blockCount)) : 0,
  };
  if ((options.label ?? '').length > 16) {
    throw new ImageError('ERR_FORMAT', `label '${options.label}' is too long; allowed: 16 bytes`);
  }
  const plan = planFormat(settings);
  const writer = new FormatWriter(wait, options, plan);
  return yield* writer.run();
}

class FormatWriter {
  readonly #wait: Wait;
  readonly #options: FormatOptions;
  readonly #plan: Plan;
  readonly #seconds: number;
  readonly #uuid: Uint8Array;

  constructor(wait: Wait, options: FormatOptions, plan: Plan) {
    this.#wait = wait;
    this.#options = options;
    this.#plan = plan;
    this.#seconds = Math.floor((options.now ?? 0) / 1e9);
    this.#uuid = options.uuid ?? makeUuid(plan, options.now ?? 0);
  }

  *run(): Operation {
    const { groups, geometry, root, lostFound, journal } = this.#plan;
    for (const group of groups) {
      const status = yield* this.#writeGroup(group);
      if (isErrno(status)) return status;
    }
    const rootType = this.#entryType();
    const rootStatus = yield* this.#block(root, (view) => {
      putEntry(view, 0, ROOT_INODE, 12, '.', rootType);
      putEntry(view, 12, ROOT_INODE, 12, '..', rootType);
      putEntry(view, 24, FIRST_INODE, geometry.blockBytes - 24, 'lost+found', rootType);
    });
    if (isErrno(rootStatus)) return rootStatus;
    const lostStatus = yield* this.#block(lostFound, (view) => {
      putEntry(view, 0, FIRST_INODE, 12, '.', rootType);
      putEntry(view, 12, ROOT_INODE, geometry.blockBytes - 12, '..', rootType);
    });
    if (isErrno(lostStatus)) return lostStatus;
    if (journal !== null) {
      const status = yield* this.#writeJournal();
      if (isErrno(status)) return status;
    }
    const { cache, device } = this.#options;
    return yield* this.#wait.settle(cache.flush(device, this.#wait, 0));
  }

  #entryType(): number {
    return 2;
  }

  /** Fills one block, which begins as zeros. */
  *#block(block: number, fill: (view: Uint8Array) => void): Operation {
    const { cache, device, memory } = this.#options;
    const throttled = yield* this.#wait.settle(cache.throttle(this.#wait, 0));
    if (isErrno(throttled)) return throttled;
    const slot = yield* this.#wait.settle(cache.getNew(device, block, this.#wait, 0));
    if (isErrno(slot)) return slot;
    const address = cache.address(slot);
    const start = address % memory.chunkBytes;
    const view = memory.bytes(address).subarray(start, start + cache.blockBytes);
    view.fill(0);
    fill(view);
    cache.markDirty(slot);
    cache.release(slot);
    return OK;
  }

  *#writeGroup(group: GroupPlan): Operation {
    const { geometry } = this.#plan;
    if (hasSuperblock(geometry, group.number)) {
      const status = yield* this.#writeSuperblock(group);
      if (isErrno(status)) return status;
    }
    const bits = geometry.blockBytes * 8;
    const blockStatus = yield* this.#block(group.blockBitmap, (view) => {
      setBits(view, 0, group.usedAtStart);
      for (const [first, count] of group.usedRuns) setBits(view, first - group.start, count);
      setBits(view, group.blocks, bits - group.blocks);
    });
    if (isErrno(blockStatus)) return blockStatus;
    const inodeStatus = yield* this.#block(group.inodeBitmap, (view) => {
      if (group.number === 0) setBits(view, 0, FIRST_INODE);
      setBits(view, geometry.inodesPerGroup, bits - geometry.inodesPerGroup);
    });
    if (isErrno(inodeStatus)) return inodeStatus;
    for (let i = 0; i < geometry.tableBlocks; i++) {
      const status = yield* this.#block(group.inodeTable + i, (view) => {
        if (group.number === 0) this.#fillTable(view, i * geometry.inodesPerBlock + 1);
      });
      if (isErrno(status)) return status;
    }
    return OK;
  }

  /** Superblock and descriptors of one group; in a block of more than 1 KiB the first lies at 1,024. */
  *#writeSuperblock(group: GroupPlan): Operation {
    const { geometry, groups } = this.#plan;
    const superblock = yield* this.#block(group.start, (view) => {
      const at = group.number === 0 && geometry.blockBytes > 1024 ? 1024 : 0;
      this.#fillSuperblock(view.subarray(at, at + 1024), group.number);
    });
    if (isErrno(superblock)) return superblock;
    const perBlock = geometry.blockBytes / GROUP_DESCRIPTOR_BYTES;
    for (let i = 0; i < geometry.descriptorBlocks; i++) {
      const status = yield* this.#block(group.start + 1 + i, (view) => {
        const part = groups.slice(i * perBlock, (i + 1) * perBlock);
        for (const [k, one] of part.entries()) {
          fillDescriptor(view, k * GROUP_DESCRIPTOR_BYTES, one);
        }
      });
      if (isErrno(status)) return status;
    }
    return OK;
  }

  #fillSuperblock(view: Uint8Array, group: number): void {
    const { geometry, freeBlocks, freeInodes, journal } = this.#plan;
    const log = Math.log2(geometry.blockBytes) - 10;
    put32(view, SB_INODES, geometry.inodeCount);
    put32(view, SB_BLOCKS, geometry.blockCount);
    put32(view, SB_FREE_BLOCKS, freeBlocks);
    put32(view, SB_FREE_INODES, freeInodes);
    put32(view, SB_FIRST_BLOCK, geometry.firstBlock);
    put32(view, SB_LOG_BLOCK_BYTES, log);
    put32(view, SB_LOG_FRAGMENT_BYTES, log);
    put32(view, SB_BLOCKS_PER_GROUP, geometry.blocksPerGroup);
    put32(view, SB_FRAGMENTS_PER_GROUP, geometry.blocksPerGroup);
    put32(view, SB_INODES_PER_GROUP, geometry.inodesPerGroup);
    put32(view, SB_WRITE_TIME, this.#seconds);
    put32(view, SB_CHECK_TIME, this.#seconds);
    put32(view, SB_MADE_AT, this.#seconds);
    put16(view, SB_MOUNT_COUNT_MAX, 0xffff);
    put16(view, SB_MAGIC, EXT2_MAGIC);
    put16(view, SB_STATE, STATE_CLEAN);
    put16(view, SB_ERRORS, 1);
    put32(view, SB_REVISION, 1);
    put32(view, SB_FIRST_INODE, FIRST_INODE);
    put16(view, SB_INODE_BYTES, geometry.inodeBytes);
    put16(view, SB_GROUP, group);
    const journalBit = journal === null ? 0 : COMPATIBLE_HAS_JOURNAL;
    put32(view, SB_COMPATIBLE, COMPATIBLE_EXT_ATTR | journalBit);
    put32(view, SB_INCOMPATIBLE, INCOMPATIBLE_FILETYPE);
    put32(view, SB_READ_ONLY, READ_ONLY_SPARSE_SUPER | READ_ONLY_LARGE_FILE);
    view.set(this.#uuid, SB_UUID);
    putName(view, SB_LABEL, this.#options.label ?? '');
    if (geometry.inodeBytes > 128) {
      put16(view, SB_MIN_EXTRA_BYTES, 32);
      put16(view, SB_WANT_EXTRA_BYTES, 32);
    }
    if (journal === null) return;
    put32(view, SB_JOURNAL_INODE, JOURNAL_INODE);
    // A copy of the journal's pointers and size, for when its inode is lost.
    view[SB_JOURNAL_BACKUP_TYPE] = 1;
    for (let i = 0; i < 15; i++) put32(view, SB_JOURNAL_BLOCKS + i * 4, journal.pointers[i]);
    put32(view, SB_JOURNAL_BLOCKS + 64, journal.blocks.length * geometry.blockBytes);
  }

  #fillTable(view: Uint8Array, firstInode: number): void {
    const { geometry, root, lostFound, journal } = this.#plan;
    const sectors = geometry.blockBytes / 512;
    const put = (
      number: number,
      mode: number,
      links: number,
      set: (inode: Inode) => void,
    ): void => {
      const index = number - firstInode;
      if (index < 0 || index >= geometry.inodesPerBlock) return;
      const inode = new Inode(number);
      inode.mode = mode;
      inode.links = links;
      const now = this.#options.now ?? 0;
      Object.assign(inode, { accessed: now, modified: now, changed: now });
      set(inode);
      const at = index * geometry.inodeBytes;
      clearRecord(view, at, geometry.inodeBytes, now);
      writeInode(inode, view, at, geometry.inodeBytes);
    };
    put(ROOT_INODE, TYPE_DIRECTORY | 0o755, 3, (inode) => {
      inode.size = geometry.blockBytes;
      inode.sectors = sectors;
      inode.blocks[0] = root;
    });
    put(FIRST_INODE, TYPE_DIRECTORY | 0o700, 2, (inode) => {
      inode.size = geometry.blockBytes;
      inode.sectors = sectors;
      inode.blocks[0] = lostFound;
    });
    if (journal === null) return;
    put(JOURNAL_INODE, TYPE_REGULAR | 0o600, 1, (inode) => {
      inode.size = journal.blocks.length * geometry.blockBytes;
      inode.sectors = (journal.blocks.length + journal.pointerBlocks.size) * sectors;
      inode.blocks.set(journal.pointers);
    });
  }

  *#writeJournal(): Operation {
    const { geometry, journal } = this.#plan;
    if (journal === null) return OK;
    for (const [block, entries] of journal.pointerBlocks) {
      const status = yield* this.#block(block, (view) => {
        for (let i = 0; i < entries.length; i++) put32(view, i * 4, entries[i]);
      });
      if (isErrno(status)) return status;
    }
    for (let i = 0; i < journal.blocks.length; i++) {
      const status = yield* this.#block(journal.blocks[i], (view) => {
        if (i === 0) this.#fillJournal(view, journal.blocks.length, geometry.blockBytes);
      });
      if (isErrno(status)) return status;
    }
    return OK;
  }

  #fillJournal(view: Uint8Array, length: number, blockBytes: number): void {
    putBig32(view, 0, JOURNAL_MAGIC);
    putBig32(view, JH_TYPE, JOURNAL_SUPERBLOCK_V2);
    putBig32(view, JS_BLOCK_BYTES, blockBytes);
    putBig32(view, JS_LENGTH, length);
    putBig32(view, JS_FIRST, 1);
    putBig32(view, JS_SEQUENCE, 1);
    view.set(this.#uuid, JS_UUID);
    putBig32(view, JS_USERS, 1);
    view.set(this.#uuid, 256);
  }
}

function setBits(view: Uint8Array, first: number, count: number): void {
  for (let bit = first; bit < first + count; bit++) view[bit >>> 3] |= 1 << (bit & 7);
}

function fillDescriptor(view: Uint8Array, at: number, group: GroupPlan): void {
  put32(view, at + GD_BLOCK_BITMAP, group.blockBitmap);
  put32(view, at + GD_INODE_BITMAP, group.inodeBitmap);
  put32(view, at + GD_INODE_TABLE, group.inodeTable);
  put16(view, at + GD_FREE_BLOCKS, group.freeBlocks);
  put16(view, at + GD_FREE_INODES, group.freeInodes);
  put16(view, at + GD_DIRECTORIES, group.number === 0 ? 2 : 0);
}

/** A version 4 UUID, the same for the same sizes and time. */
function makeUuid(plan: Plan, now: number): Uint8Array {
  const uuid = new Uint8Array(16);
  const { blockCount, blockBytes, inodeCount } = plan.geometry;
  let state = 0x811c9dc5;
  for (let i = 0; i < 16; i++) {
    for (const word of [blockCount, blockBytes, inodeCount, now % 2 ** 32, i + DIRECT_BLOCKS]) {
      state = Math.imul(state ^ (word | 0), 0x01000193);
      state ^= state >>> 15;
    }
    uuid[i] = state;
  }
  uuid[6] = (uuid[6] & 0x0f) | 0x40;
  uuid[8] = (uuid[8] & 0x3f) | 0x80;
  return uuid;
}
