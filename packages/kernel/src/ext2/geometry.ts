/** What the superblock says, checked: everything later is computed from these numbers. */
import { get16, get32 } from './bytes.js';
import { ImageError } from './image-error.js';
import {
  COMPATIBLE_HAS_JOURNAL,
  EXT2_MAGIC,
  FIRST_INODE,
  GROUP_DESCRIPTOR_BYTES,
  INCOMPATIBLE_FILETYPE,
  INCOMPATIBLE_NAMES,
  INCOMPATIBLE_RECOVER,
  JOURNAL_INODE,
  READ_ONLY_NAMES,
  READ_ONLY_SPARSE_SUPER,
  SB_BLOCKS,
  SB_BLOCKS_PER_GROUP,
  SB_COMPATIBLE,
  SB_FIRST_BLOCK,
  SB_FIRST_INODE,
  SB_FREE_BLOCKS,
  SB_FREE_INODES,
  SB_INCOMPATIBLE,
  SB_INODE_BYTES,
  SB_INODES,
  SB_INODES_PER_GROUP,
  SB_JOURNAL_INODE,
  SB_LOG_BLOCK_BYTES,
  SB_MAGIC,
  SB_READ_ONLY,
  SB_RESERVED_GDT_BLOCKS,
  SB_REVISION,
  SUPPORTED_INCOMPATIBLE,
  SUPPORTED_READ_ONLY,
} from './layout.js';

/** Sizes and places, constant while mounted. */
export interface Geometry {
  readonly blockBytes: number;
  readonly blockCount: number;
  /** Block of group 0's superblock: 1 where blocks are 1 KiB, else 0. */
  readonly firstBlock: number;
  readonly inodeCount: number;
  readonly inodeBytes: number;
  /** First inode that may be a user's. */
  readonly firstInode: number;
  readonly groupCount: number;
  readonly blocksPerGroup: number;
  readonly inodesPerGroup: number;
  readonly inodesPerBlock: number;
  /** Blocks of one group's part of the inode table. */
  readonly tableBlocks: number;
  /** Blocks of the group descriptors, and those kept free behind them for growth. */
  readonly descriptorBlocks: number;
  readonly reservedDescriptorBlocks: number;
  readonly hasFileTypes: boolean;
  readonly sparseSuper: boolean;
  /** Inode of the journal, or 0. */
  readonly journalInode: number;
  readonly needsRecovery: boolean;
  /** Names of features that allow reading only; empty when all are known. */
  readonly readOnlyFeatures: readonly string[];
}

function refuse(what: string): never {
  throw new ImageError('ERR_SUPERBLOCK', `superblock: ${what}`);
}

/** Names of the bits that are set. */
export function featureNames(bits: number, names: readonly string[]): string[] {
  const found: string[] = [];
  for (let i = 0; i < 32; i++) {
    if (((bits >>> i) & 1) !== 0) found.push(names[i] ?? `bit ${i}`);
  }
  return found;
}

/**
 * Reads and checks the 1,024 bytes of a superblock.
 * @param deviceBytes - bytes of the device, which the file system may not exceed
 * @throws ImageError `ERR_SUPERBLOCK` for contradictions, `ERR_FEATURE` with the names of features that
 *   forbid mounting
 */
export function readGeometry(bytes: Uint8Array, deviceBytes: number): Geometry {
  const magic = get16(bytes, SB_MAGIC);
  if (magic !== EXT2_MAGIC) refuse(`magic number is 0x${magic.toString(16)}; expected 0xef53`);
  const revision = get32(bytes, SB_REVISION);
  if (revision > 1) refuse(`revision is ${revision}; allowed: 0 or 1`);
  const logBlock = get32(bytes, SB_LOG_BLOCK_BYTES);
  if (logBlock > 2) refuse(`block size is 2^${10 + logBlock}; allowed: 1, 2 or 4 KiB`);
  const blockBytes = 1024 << logBlock;
  const dynamic = revision === 1;
  const incompatible = dynamic ? get32(bytes, SB_INCOMPATIBLE) : 0;
  const unknown = incompatible & ~SUPPORTED_INCOMPATIBLE;
  if (unknown !== 0) {
    const names = featureNames(unknown >>> 0, INCOMPATIBLE_NAMES).join(', ');
    throw new ImageError(
      'ERR_FEATURE',
      `the file system needs features that are not here: ${names}`,
    );
  }
  const readOnly = dynamic ? get32(bytes, SB_READ_ONLY) : 0;
  const compatible = dynamic ? get32(bytes, SB_COMPATIBLE) : 0;
  const hasJournal = (compatible & COMPATIBLE_HAS_JOURNAL) !== 0;
  const journalInode = hasJournal ? get32(bytes, SB_JOURNAL_INODE) : 0;
  if (hasJournal && journalInode !== JOURNAL_INODE) {
    throw new ImageError(
      'ERR_FEATURE',
      `the journal is inode ${journalInode}; allowed: ${JOURNAL_INODE} (no journal on another device)`,
    );
  }
  return {
    ...readSizes(bytes, blockBytes, dynamic, deviceBytes),
    hasFileTypes: (incompatible & INCOMPATIBLE_FILETYPE) !== 0,
    sparseSuper: (readOnly & READ_ONLY_SPARSE_SUPER) !== 0,
    journalInode,
    needsRecovery: (incompatible & INCOMPATIBLE_RECOVER) !== 0,
    readOnlyFeatures: featureNames((readOnly & ~SUPPORTED_READ_ONLY) >>> 0, READ_ONLY_NAMES),
  };
}

function readSizes(bytes: Uint8Array, blockBytes: number, dynamic: boolean, deviceBytes: number) {
  const blockCount = get32(bytes, SB_BLOCKS);
  const firstBlock = get32(bytes, SB_FIRST_BLOCK);
  const blocksPerGroup = get32(bytes, SB_BLOCKS_PER_GROUP);
  const inodesPerGroup = get32(bytes, SB_INODES_PER_GROUP);
  const inodeCount = get32(bytes, SB_INODES);
  const inodeBytes = dynamic ? get16(bytes, SB_INODE_BYTES) : 128;
  const firstInode = dynamic ? get32(bytes, SB_FIRST_INODE) : FIRST_INODE;
  const bitsPerBlock = blockBytes * 8;
  if (firstBlock !== (blockBytes === 1024 ? 1 : 0)) refuse(`first block is ${firstBlock}`);
  if (blockCount <= firstBlock + 1) refuse(`there are ${blockCount} blocks`);
  if (blockCount * blockBytes > deviceBytes) {
    refuse(`${blockCount} blocks of ${blockBytes} bytes do not fit the device of ${deviceBytes}`);
  }
  if (blocksPerGroup < 256 || blocksPerGroup > bitsPerBlock || blocksPerGroup % 8 !== 0) {
    refuse(`${blocksPerGroup} blocks in a group; allowed: a multiple of 8, 256..${bitsPerBlock}`);
  }
  if (!isPowerOfTwo(inodeBytes) || inodeBytes < 128 || inodeBytes > blockBytes) {
    refuse(`inodes have ${inodeBytes} bytes; allowed: a power of two 128..${blockBytes}`);
  }
  const inodesPerBlock = blockBytes / inodeBytes;
  if (inodesPerGroup < inodesPerBlock || inodesPerGroup > bitsPerBlock) {
    refuse(`${inodesPerGroup} inodes in a group; allowed: ${inodesPerBlock}..${bitsPerBlock}`);
  }
  const groupCount = Math.ceil((blockCount - firstBlock) / blocksPerGroup);
  if (inodeCount !== groupCount * inodesPerGroup) {
    refuse(`${inodeCount} inodes, but ${groupCount} groups of ${inodesPerGroup}`);
  }
  if (firstInode < FIRST_INODE || firstInode > inodesPerGroup) {
    refuse(`first inode is ${firstInode}; allowed: ${FIRST_INODE}..${inodesPerGroup}`);
  }
  if (get32(bytes, SB_FREE_BLOCKS) > blockCount) refuse('more blocks are free than there are');
  if (get32(bytes, SB_FREE_INODES) > inodeCount) refuse('more inodes are free than there are');
  const descriptorBlocks = Math.ceil((groupCount * GROUP_DESCRIPTOR_BYTES) / blockBytes);
  const reservedDescriptorBlocks = dynamic ? get16(bytes, SB_RESERVED_GDT_BLOCKS) : 0;
  if (1 + descriptorBlocks + reservedDescriptorBlocks >= blocksPerGroup) {
    refuse(`${reservedDescriptorBlocks} blocks reserved for group descriptors do not fit a group`);
  }
  return {
    blockBytes,
    blockCount,
    firstBlock,
    inodeCount,
    inodeBytes,
    firstInode,
    groupCount,
    blocksPerGroup,
    inodesPerGroup,
    inodesPerBlock,
    tableBlocks: Math.ceil(inodesPerGroup / inodesPerBlock),
    descriptorBlocks,
    reservedDescriptorBlocks,
  };
}

function isPowerOfTwo(value: number): boolean {
  return value > 0 && (value & (value - 1)) === 0;
}

/** Whether a group has a copy of superblock and descriptors: all, or 0, 1 and powers of 3, 5, 7. */
export function hasSuperblock(geometry: Geometry, group: number): boolean {
  if (!geometry.sparseSuper || group <= 1) return true;
  return isPower(group, 3) || isPower(group, 5) || isPower(group, 7);
}

function isPower(value: number, base: number): boolean {
  let power = base;
  while (power < value) power *= base;
  return power === value;
}

/** First block of a group. */
export function groupStart(geometry: Geometry, group: number): number {
  return geometry.firstBlock + group * geometry.blocksPerGroup;
}

/** Blocks of a group: the last may be short. */
export function groupBlocks(geometry: Geometry, group: number): number {
  return Math.min(geometry.blocksPerGroup, geometry.blockCount - groupStart(geometry, group));
}
