/**
 * On-disk format of the extent file layer: one flat directory, files as up to five extents. The
 * small default until a real file system is mounted.
 *
 * ```
 * block 0        superblock: magic, version, block bytes, blocks (low, high), table blocks
 * block 1..T     inode table, 32 inodes of 128 bytes a block
 * block T+1..    data
 *
 * inode  +0 mode (bits 7:0: 0 free, 1 file; above: generation)  +4 name bytes  +8 size (low, high)  +16 extents: 5 x
 *        (first page, first block, count)  +76 name, 52 bytes
 * ```
 * Free space is not stored: it is what no inode names, found at mount, so it cannot disagree. A power
 * cut in a rename may leave two inodes with one name: the one of the later generation has it.
 */
import { ArgumentError, type PhysAddr } from '@hotpath/hw-x86';
import { FS_BLOCK_BYTES } from '../params.js';

/** "HPXT", little-endian. */
export const EXTENT_MAGIC = 0x54585048;
/** Version of the format. */
export const EXTENT_VERSION = 1;
/** Blocks of the inode table. */
export const TABLE_BLOCKS = 8;
/** Bytes of an inode on disk. */
export const INODE_BYTES = 128;
/** Inodes of the file layer. */
export const INODE_COUNT = (TABLE_BLOCKS * FS_BLOCK_BYTES) / INODE_BYTES;
/** Extents of one inode. */
export const EXTENT_LIMIT = 5;
/** Bytes of a name. */
export const NAME_BYTES = 52;

const TWO_32 = 4294967296;
const OFFSET_EXTENTS = 16;
const OFFSET_NAME = 76;

/** Aligned 32-bit accesses to a block in memory. */
export interface WordMemory {
  load32(address: PhysAddr): number;
  store32(address: PhysAddr, value: number): void;
}

/** One inode, decoded. `extents` has EXTENT_LIMIT rows of (page, block, count); unused ones are 0. */
export interface InodeImage {
  used: boolean;
  /** Counts the names given, 24 bits. */
  generation: number;
  size: number;
  readonly extents: Uint32Array;
  readonly name: Uint8Array;
  nameBytes: number;
}

/** An empty image to decode into. */
export function createInodeImage(): InodeImage {
  return {
    used: false,
    generation: 0,
    size: 0,
    extents: new Uint32Array(EXTENT_LIMIT * 3),
    name: new Uint8Array(NAME_BYTES),
    nameBytes: 0,
  };
}

/** Writes the superblock of an empty file layer. */
export function writeSuperblock(memory: WordMemory, address: PhysAddr, blockCount: number): void {
  memory.store32(address, EXTENT_MAGIC);
  memory.store32(address + 4, EXTENT_VERSION);
  memory.store32(address + 8, FS_BLOCK_BYTES);
  memory.store32(address + 12, blockCount % TWO_32);
  memory.store32(address + 16, Math.floor(blockCount / TWO_32));
  memory.store32(address + 20, TABLE_BLOCKS);
}

/**
 * Checks a superblock against the device.
 * @throws ArgumentError `ERR_SUPERBLOCK` naming the field, its value and what was expected
 */
export function checkSuperblock(memory: WordMemory, address: PhysAddr, blockCount: number): void {
  const expected = [
    ['magic', 0, EXTENT_MAGIC],
    ['version', 4, EXTENT_VERSION],
    ['block bytes', 8, FS_BLOCK_BYTES],
    ['table blocks', 20, TABLE_BLOCKS],
  ] as const;
  for (const [field, offset, wanted] of expected) {
    const found = memory.load32(address + offset);
    if (found === wanted) continue;
    throw new ArgumentError('ERR_SUPERBLOCK', `${field} is ${found}; allowed: ${wanted}`);
  }
  const blocks = memory.load32(address + 12) + memory.load32(address + 16) * TWO_32;
  if (blocks > blockCount) {
    throw new ArgumentError('ERR_SUPERBLOCK', `blocks is ${blocks}; allowed: up to ${blockCount}`);
  }
}

/** Decodes the inode at `address`. */
export function readInode(memory: WordMemory, address: PhysAddr, image: InodeImage): void {
  const mode = memory.load32(address);
  image.used = (mode & 255) === 1;
  image.generation = mode >>> 8;
  image.nameBytes = Math.min(memory.load32(address + 4), NAME_BYTES);
  image.size = memory.load32(address + 8) + memory.load32(address + 12) * TWO_32;
  for (let i = 0; i < image.extents.length; i++) {
    image.extents[i] = memory.load32(address + OFFSET_EXTENTS + i * 4);
  }
  for (let i = 0; i < NAME_BYTES; i += 4) {
    const word = memory.load32(address + OFFSET_NAME + i);
    for (let byte = 0; byte < 4; byte++) image.name[i + byte] = (word >>> (byte * 8)) & 255;
  }
}

/** Encodes an inode to `address`. */
export function writeInode(memory: WordMemory, address: PhysAddr, image: InodeImage): void {
  memory.store32(address, ((image.generation << 8) | (image.used ? 1 : 0)) >>> 0);
  memory.store32(address + 4, image.nameBytes);
  memory.store32(address + 8, image.size % TWO_32);
  memory.store32(address + 12, Math.floor(image.size / TWO_32));
  for (let i = 0; i < image.extents.length; i++) {
    memory.store32(address + OFFSET_EXTENTS + i * 4, image.extents[i]);
  }
  for (let i = 0; i < NAME_BYTES; i += 4) {
    const { name } = image;
    const word = name[i] | (name[i + 1] << 8) | (name[i + 2] << 16) | (name[i + 3] << 24);
    memory.store32(address + OFFSET_NAME + i, word >>> 0);
  }
}
