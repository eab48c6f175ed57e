/** Where everything of a new file system lies, before anything is written. */
import { type Geometry, groupBlocks, groupStart, hasSuperblock } from './geometry.js';
import { ImageError } from './image-error.js';
import { BLOCK_POINTERS, DIRECT_BLOCKS, FIRST_INODE, GROUP_DESCRIPTOR_BYTES } from './layout.js';

/** Sizes to plan with. */
export interface FormatSettings {
  readonly blockBytes: number;
  readonly blockCount: number;
  readonly inodes: number;
  readonly inodeBytes: number;
  /** 0: no journal. */
  readonly journalBlocks: number;
}

/** One block group. */
export interface GroupPlan {
  readonly number: number;
  readonly start: number;
  readonly blocks: number;
  readonly blockBitmap: number;
  readonly inodeBitmap: number;
  readonly inodeTable: number;
  /** Blocks in use from the group's first on: superblock, descriptors, bitmaps, table. */
  readonly usedAtStart: number;
  /** Further runs in use: first block and count. */
  readonly usedRuns: [number, number][];
  freeBlocks: number;
  freeInodes: number;
}

/** The journal's blocks, and the pointer blocks that name them. */
export interface JournalPlan {
  readonly blocks: readonly number[];
  readonly pointers: Uint32Array;
  readonly pointerBlocks: ReadonlyMap<number, readonly number[]>;
}

/** A whole file system. */
export interface Plan {
  readonly geometry: Geometry;
  readonly groups: readonly GroupPlan[];
  readonly root: number;
  readonly lostFound: number;
  readonly journal: JournalPlan | null;
  readonly freeBlocks: number;
  readonly freeInodes: number;
}

/** Blocks beyond its own metadata that a last, short group must have. */
const LAST_GROUP_ROOM = 50;
const JOURNAL_BLOCKS_MIN = 1024;

function refuse(what: string): never {
  throw new ImageError('ERR_FORMAT', what);
}

/** One inode for 4 KiB on devices below 512 MiB, for 16 KiB on larger ones: as mke2fs.conf has it. */
export function defaultInodes(blockBytes: number, blockCount: number): number {
  const bytes = blockBytes * blockCount;
  return Math.max(16, Math.floor(bytes / (bytes < 512 * 2 ** 20 ? 4096 : 16_384)));
}

/** Blocks of a journal by the blocks of the volume, as mke2fs has it. */
export function defaultJournalBlocks(blockCount: number): number {
  if (blockCount < 32_768) return JOURNAL_BLOCKS_MIN;
  if (blockCount < 262_144) return 4096;
  return blockCount < 524_288 ? 8192 : 16_384;
}

/**
 * Plans a file system.
 * @throws ImageError `ERR_FORMAT`, with the value and what would be right
 */
export function planFormat(settings: FormatSettings): Plan {
  const geometry = planGeometry(settings);
  const groups: GroupPlan[] = [];
  for (let number = 0; number < geometry.groupCount; number++)
    groups.push(planGroup(geometry, number));
  const places = new Places(geometry, groups);
  const root = places.take();
  const lostFound = places.take();
  const journal =
    settings.journalBlocks === 0 ? null : planJournal(geometry, places, settings.journalBlocks);
  let freeBlocks = 0;
  let freeInodes = 0;
  for (const group of groups) {
    freeBlocks += group.freeBlocks;
    freeInodes += group.freeInodes;
  }
  return { geometry, groups, root, lostFound, journal, freeBlocks, freeInodes };
}

function planGeometry(settings: FormatSettings): Geometry {
  const { blockBytes, inodeBytes, journalBlocks } = settings;
  if (![1024, 2048, 4096].includes(blockBytes)) {
    refuse(`blocks have ${blockBytes} bytes; allowed: 1,024, 2,048 or 4,096`);
  }
  if (inodeBytes !== 128 && inodeBytes !== 256)
    refuse(`inodes have ${inodeBytes} bytes; allowed: 128, 256`);
  if (journalBlocks !== 0 && !(journalBlocks >= JOURNAL_BLOCKS_MIN && journalBlocks <= 1_024_000)) {
    refuse(`the journal has ${journalBlocks} blocks; allowed: ${JOURNAL_BLOCKS_MIN}..1,024,000`);
  }
  const firstBlock = blockBytes === 1024 ? 1 : 0;
  const blocksPerGroup = blockBytes * 8;
  const inodesPerBlock = blockBytes / inodeBytes;
  let { blockCount } = settings;
  for (;;) {
    if (blockCount < firstBlock + 32)
      refuse(`the device has ${settings.blockCount} blocks of ${blockBytes} bytes; too few`);
    const groupCount = Math.ceil((blockCount - firstBlock) / blocksPerGroup);
    const wanted = Math.ceil(settings.inodes / groupCount);
    // Whole bytes of the bitmap and whole blocks of the table.
    const step = Math.max(8, inodesPerBlock);
    const inodesPerGroup = Math.max(step, 16, Math.ceil(wanted / step) * step);
    if (!(settings.inodes >= FIRST_INODE) || inodesPerGroup > blocksPerGroup) {
      refuse(`${settings.inodes} inodes; allowed: ${FIRST_INODE}..${groupCount * blocksPerGroup}`);
    }
    const geometry: Geometry = {
      blockBytes,
      blockCount,
      firstBlock,
      inodeCount: groupCount * inodesPerGroup,
      inodeBytes,
      firstInode: FIRST_INODE,
      groupCount,
      blocksPerGroup,
      inodesPerGroup,
      inodesPerBlock,
      tableBlocks: inodesPerGroup / inodesPerBlock,
      descriptorBlocks: Math.ceil((groupCount * GROUP_DESCRIPTOR_BYTES) / blockBytes),
      reservedDescriptorBlocks: 0,
      hasFileTypes: true,
      sparseSuper: true,
      journalInode: 0,
      needsRecovery: false,
      readOnlyFeatures: [],
    };
    const last = groupCount - 1;
    const room = groupBlocks(geometry, last) - headOf(geometry, last) - 2 - geometry.tableBlocks;
    if (room >= LAST_GROUP_ROOM || (last === 0 && room >= 4)) return geometry;
    if (last === 0) refuse(`${settings.inodes} inodes leave no room on ${blockCount} blocks`);
    // A last group too small for its own metadata is left out.
    blockCount = groupStart(geometry, last);
  }
}

function headOf(geometry: Geometry, group: number): number {
  return hasSuperblock(geometry, group) ? 1 + geometry.descriptorBlocks : 0;
}

function planGroup(geometry: Geometry, number: number): GroupPlan {
  const start = groupStart(geometry, number);
  const head = headOf(geometry, number);
  const blocks = groupBlocks(geometry, number);
  const usedAtStart = head + 2 + geometry.tableBlocks;
  return {
    number,
    start,
    blocks,
    blockBitmap: start + head,
    inodeBitmap: start + head + 1,
    inodeTable: start + head + 2,
    usedAtStart,
    usedRuns: [],
    freeBlocks: blocks - usedAtStart,
    freeInodes: geometry.inodesPerGroup - (number === 0 ? FIRST_INODE : 0),
  };
}

/** Hands out free blocks in order, from the first group on. */
class Places {
  readonly #groups: readonly GroupPlan[];
  #group = 0;
  #next: number;
  readonly #blockCount: number;

  constructor(geometry: Geometry, groups: readonly GroupPlan[]) {
    this.#groups = groups;
    this.#blockCount = geometry.blockCount;
    this.#next = groups[0].start + groups[0].usedAtStart;
  }

  take(): number {
    let group = this.#groups[this.#group];
    if (this.#next === group.start + group.blocks) {
      this.#group += 1;
      if (this.#group === this.#groups.length) {
        refuse(`${this.#blockCount} blocks are too few for the journal`);
      }
      group = this.#groups[this.#group];
      this.#next = group.start + group.usedAtStart;
    }
    const block = this.#next;
    this.#next += 1;
    group.freeBlocks -= 1;
    const runs = group.usedRuns;
    const last = runs[runs.length - 1];
    if (last !== undefined && last[0] + last[1] === block) last[1] += 1;
    else runs.push([block, 1]);
    return block;
  }
}

function planJournal(geometry: Geometry, places: Places, count: number): JournalPlan {
  const perBlock = geometry.blockBytes / 4;
  const pointers = new Uint32Array(BLOCK_POINTERS);
  const pointerBlocks = new Map<number, number[]>();
  const blocks: number[] = [];
  let left = count;
  const data = (): number => {
    const block = places.take();
    blocks.push(block);
    left -= 1;
    return block;
  };
  const tree = (depth: number): number => {
    const block = places.take();
    const entries: number[] = [];
    pointerBlocks.set(block, entries);
    while (entries.length < perBlock && left > 0)
      entries.push(depth === 1 ? data() : tree(depth - 1));
    return block;
  };
  for (let i = 0; i < DIRECT_BLOCKS && left > 0; i++) pointers[i] = data();
  for (let depth = 1; depth <= 3 && left > 0; depth++) {
    pointers[DIRECT_BLOCKS + depth - 1] = tree(depth);
  }
  return { blocks, pointers, pointerBlocks };
}
