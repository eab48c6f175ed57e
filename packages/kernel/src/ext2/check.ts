/**
 * A checker that reads and changes nothing: it names what contradicts itself, in the order of e2fsck's
 * passes: inodes and their blocks, directories, link counts, bitmaps and counts, journal.
 */
import type { BlockSource } from './block-source.js';
import { get16, get32, getBig32 } from './bytes.js';
import { DirectoryCheck } from './check-directories.js';
import { type Geometry, groupBlocks, groupStart, hasSuperblock, readGeometry } from './geometry.js';
import { ImageError } from './image-error.js';
import { Inode, readInode } from './inode.js';
import {
  ATTRIBUTE_MAGIC,
  ATTRIBUTE_REFERENCES,
  DIRECT_BLOCKS,
  FAST_SYMLINK_BYTES,
  GD_BLOCK_BITMAP,
  GD_DIRECTORIES,
  GD_FREE_BLOCKS,
  GD_FREE_INODES,
  GD_INODE_BITMAP,
  GD_INODE_TABLE,
  GROUP_DESCRIPTOR_BYTES,
  I_DELETED,
  I_LINKS,
  I_MODE,
  JOURNAL_INODE,
  JOURNAL_MAGIC,
  JS_LENGTH,
  JS_START,
  MODE_OF_ENTRY,
  RESIZE_INODE,
  ROOT_INODE,
  SB_FREE_BLOCKS,
  SB_FREE_INODES,
  SB_LAST_ORPHAN,
  SUPERBLOCK_AT,
  SUPERBLOCK_BYTES,
  TYPE_DIRECTORY,
  TYPE_REGULAR,
  TYPE_SYMLINK,
} from './layout.js';

/** One contradiction. */
export interface CheckProblem {
  /**
   * Stable: `superblock`, `feature`, `group`, `inode`, `block-range`, `block-twice`, `block-count`,
   * `size`, `directory`, `unattached`, `links`, `block-bitmap`, `inode-bitmap`, `free-count`, `orphan`,
   * `attributes`, `journal`.
   */
  readonly code: string;
  readonly message: string;
}

/** What {@link checkExt2} found. */
export interface CheckReport {
  readonly problems: readonly CheckProblem[];
  /** There were more than the limit. */
  readonly truncated: boolean;
  readonly inodesUsed: number;
  readonly blocksUsed: number;
  readonly directories: number;
}

const PROBLEMS_MAX = 200;

/**
 * Checks a whole file system. O(blocks in use). Never throws for what lies on the disk.
 * @throws ImageError `ERR_IO` from a medium that cannot be read
 */
export function checkExt2(source: BlockSource): CheckReport {
  const check = new Check(source);
  check.run();
  return check.report();
}

/** Reads whole blocks of the file system from a medium with smaller or equal ones. */
function readWhole(source: BlockSource, block: number, target: Uint8Array): void {
  const factor = target.length / source.blockBytes;
  for (let i = 0; i < factor; i++) {
    source.readBlock(block * factor + i, target, i * source.blockBytes);
  }
}

function readSuperblock(source: BlockSource): Uint8Array {
  const first = Math.floor(SUPERBLOCK_AT / source.blockBytes);
  const count = Math.max(1, SUPERBLOCK_BYTES / source.blockBytes);
  const bytes = new Uint8Array(count * source.blockBytes);
  if (first + count > source.blockCount) return bytes.subarray(0, SUPERBLOCK_BYTES);
  for (let i = 0; i < count; i++) source.readBlock(first + i, bytes, i * source.blockBytes);
  const at = SUPERBLOCK_AT % source.blockBytes;
  return bytes.slice(at, at + SUPERBLOCK_BYTES);
}

/** One check of one medium. */
export class Check {
  geometry!: Geometry;
  /** Inodes in use, by number. */
  readonly inodes = new Map<number, Inode>();
  /** Blocks of each directory, in order. */
  readonly directoryBlocks = new Map<number, number[]>();
  readonly #source: BlockSource;
  readonly #problems: CheckProblem[] = [];
  #truncated = false;
  #superblock: Uint8Array = new Uint8Array(0);
  #descriptors = new Uint8Array(0);
  /** Inode that a block belongs to; for the fixed layout SYSTEM, 0: nobody. */
  #owners = new Uint32Array(0);
  #blocksUsed = 0;
  /** Blocks of attributes: how many inodes name each. */
  readonly #attributes = new Map<number, number>();
  /** Of the inode being walked. */
  #counted = 0;
  #lastIndex = -1;

  constructor(source: BlockSource) {
    this.#source = source;
  }

  report(): CheckReport {
    return {
      problems: this.#problems,
      truncated: this.#truncated,
      inodesUsed: this.inodes.size,
      blocksUsed: this.#blocksUsed,
      directories: this.directoryBlocks.size,
    };
  }

  note(code: string, message: string): void {
    if (this.#problems.length < PROBLEMS_MAX) this.#problems.push({ code, message });
    else this.#truncated = true;
  }

  readBlock(block: number): Uint8Array {
    const bytes = new Uint8Array(this.geometry.blockBytes);
    readWhole(this.#source, block, bytes);
    return bytes;
  }

  run(): void {
    if (!this.#open()) return;
    this.#owners = new Uint32Array(this.geometry.blockCount);
    if (!this.#claimLayout()) return;
    const { groupCount } = this.geometry;
    for (let group = 0; group < groupCount; group++) this.#checkTable(group);
    this.#checkAttributes();
    new DirectoryCheck(this).run();
    this.#checkBitmaps();
    this.#checkJournal();
    const orphan = get32(this.#superblock, SB_LAST_ORPHAN);
    if (orphan !== 0) this.note('orphan', `inode ${orphan} heads a list of orphans`);
  }

  #open(): boolean {
    this.#superblock = readSuperblock(this.#source);
    const bytes = this.#source.blockBytes * this.#source.blockCount;
    try {
      this.geometry = readGeometry(this.#superblock, bytes);
    } catch (error) {
      if (!(error instanceof ImageError)) throw error;
      this.note(error.code === 'ERR_FEATURE' ? 'feature' : 'superblock', error.message);
      return false;
    }
    const { geometry } = this;
    if (geometry.blockBytes % this.#source.blockBytes !== 0) {
      this.note('superblock', `the device's blocks are larger than ${geometry.blockBytes} bytes`);
      return false;
    }
    if (geometry.needsRecovery) this.note('journal', 'the journal must be replayed first');
    this.#descriptors = new Uint8Array(geometry.descriptorBlocks * geometry.blockBytes);
    for (let i = 0; i < geometry.descriptorBlocks; i++) {
      this.#descriptors.set(this.readBlock(geometry.firstBlock + 1 + i), i * geometry.blockBytes);
    }
    return true;
  }

  #descriptor(group: number, field: number): number {
    return get32(this.#descriptors, group * GROUP_DESCRIPTOR_BYTES + field);
  }

  #groupCount(group: number, field: number): number {
    return get16(this.#descriptors, group * GROUP_DESCRIPTOR_BYTES + field);
  }

  /** Superblocks, descriptors, bitmaps and tables are nobody's data. */
  #claimLayout(): boolean {
    const { geometry } = this;
    let sound = true;
    for (let group = 0; group < geometry.groupCount; group++) {
      const start = groupStart(geometry, group);
      const end = start + groupBlocks(geometry, group);
      const places: readonly [string, number, number][] = [
        ['superblock', start, hasSuperblock(geometry, group) ? this.#headBlocks() : 0],
        ['block bitmap', this.#descriptor(group, GD_BLOCK_BITMAP), 1],
        ['inode bitmap', this.#descriptor(group, GD_INODE_BITMAP), 1],
        ['inode table', this.#descriptor(group, GD_INODE_TABLE), geometry.tableBlocks],
      ];
      for (const [what, block, count] of places) {
        if (block < start || block + count > end) {
          this.note('group', `group ${group}: ${what} at ${block} lies outside of the group`);
          sound = false;
          continue;
        }
        for (let i = 0; i < count; i++) {
          if (this.#owners[block + i] !== 0) {
            this.note('group', `group ${group}: ${what} overlaps at block ${block + i}`);
            sound = false;
          }
          this.#owners[block + i] = SYSTEM;
        }
      }
    }
    return sound;
  }

  #headBlocks(): number {
    return 1 + this.geometry.descriptorBlocks + this.geometry.reservedDescriptorBlocks;
  }

  #checkTable(group: number): void {
    const { inodesPerGroup, inodesPerBlock, inodeBytes, tableBlocks, firstInode } = this.geometry;
    const table = this.#descriptor(group, GD_INODE_TABLE);
    for (let block = 0; block < tableBlocks; block++) {
      const view = this.readBlock(table + block);
      for (let i = 0; i < inodesPerBlock; i++) {
        const inside = block * inodesPerBlock + i;
        if (inside >= inodesPerGroup) return;
        const number = group * inodesPerGroup + inside + 1;
        const at = i * inodeBytes;
        const reserved = number < firstInode && number !== ROOT_INODE;
        if (reserved && number !== JOURNAL_INODE && number !== RESIZE_INODE) continue;
        if (get16(view, at + I_LINKS) === 0) {
          if (!reserved && get16(view, at + I_MODE) !== 0 && get32(view, at + I_DELETED) === 0) {
            this.note('orphan', `inode ${number} has no links, and was not deleted`);
          }
          continue;
        }
        const inode = new Inode(number);
        readInode(inode, view, at, inodeBytes);
        if (!reserved) this.inodes.set(number, inode);
        this.#checkInode(inode);
      }
    }
  }

  #checkInode(inode: Inode): void {
    const { number } = inode;
    const type = inode.type;
    this.#counted = 0;
    this.#lastIndex = -1;
    if (number === RESIZE_INODE) {
      this.#checkResizeInode(inode);
      return;
    }
    if (type === 0 || !MODE_OF_ENTRY.includes(type)) {
      this.note('inode', `inode ${number}: its mode is 0${inode.mode.toString(8)}`);
      return;
    }
    const attributes = inode.attributes === 0 ? 0 : 1;
    if (attributes === 1) this.#claimAttributes(inode);
    const sectors = this.geometry.blockBytes / 512;
    const isFast = type === TYPE_SYMLINK && inode.sectors - attributes * sectors === 0;
    if (isFast) {
      if (inode.size === 0 || inode.size >= FAST_SYMLINK_BYTES) {
        this.note('size', `inode ${number}: a target of ${inode.size} bytes in its pointers`);
      }
      return;
    }
    if (type !== TYPE_REGULAR && type !== TYPE_DIRECTORY && type !== TYPE_SYMLINK) return;
    if (type === TYPE_DIRECTORY) this.directoryBlocks.set(number, []);
    this.#walk(inode);
    const found = (this.#counted + attributes) * sectors;
    if (found !== inode.sectors) {
      this.note(
        'block-count',
        `inode ${number}: it has ${found} sectors, and says ${inode.sectors}`,
      );
    }
    const end = (this.#lastIndex + 1) * this.geometry.blockBytes;
    const isDirectory = type === TYPE_DIRECTORY;
    const wrong = isDirectory ? end !== inode.size : end - inode.size >= this.geometry.blockBytes;
    if (wrong)
      this.note('size', `inode ${number}: blocks up to byte ${end}, its size is ${inode.size}`);
  }

  /** Blocks kept for growth: descriptors' copies, named through one double tree; claimed as they are. */
  #checkResizeInode(inode: Inode): void {
    const top = inode.blocks[DIRECT_BLOCKS + 1];
    if (top === 0) return;
    this.#claim(top, inode, 'double indirect block');
  }

  #walk(inode: Inode): void {
    for (let i = 0; i < DIRECT_BLOCKS; i++) {
      if (inode.blocks[i] !== 0) this.#data(inode, inode.blocks[i], i);
    }
    const perBlock = this.geometry.blockBytes / 4;
    let base = DIRECT_BLOCKS;
    for (let depth = 1; depth <= 3; depth++) {
      const block = inode.blocks[DIRECT_BLOCKS + depth - 1];
      if (block !== 0) this.#walkTree(inode, block, depth, base);
      base += perBlock ** depth;
    }
  }

  #walkTree(inode: Inode, block: number, depth: number, base: number): void {
    // A block that somebody has already is not walked again: no damage makes this endless.
    if (!this.#claim(block, inode, 'pointer block')) return;
    const view = this.readBlock(block);
    const perBlock = view.length / 4;
    const span = perBlock ** (depth - 1);
    for (let i = 0; i < perBlock; i++) {
      const child = get32(view, i * 4);
      if (child === 0) continue;
      if (depth === 1) this.#data(inode, child, base + i);
      else this.#walkTree(inode, child, depth - 1, base + i * span);
    }
  }

  #data(inode: Inode, block: number, index: number): void {
    if (!this.#claim(block, inode, `block ${index}`)) return;
    this.#lastIndex = Math.max(this.#lastIndex, index);
    const blocks = this.directoryBlocks.get(inode.number);
    if (blocks === undefined) return;
    if (blocks.length !== index) {
      this.note('directory', `directory ${inode.number}: block ${blocks.length} is a hole`);
      while (blocks.length < index && blocks.length < 65_536) blocks.push(0);
    }
    blocks.push(block);
  }

  #claim(block: number, inode: Inode, what: string): boolean {
    if (block <= this.geometry.firstBlock || block >= this.geometry.blockCount) {
      this.note('block-range', `inode ${inode.number}: ${what} at ${block}, outside of the volume`);
      return false;
    }
    const owner = this.#owners[block];
    this.#counted += 1;
    if (owner !== 0) {
      const other = owner === SYSTEM ? 'the fixed layout' : `inode ${owner}`;
      this.note(
        'block-twice',
        `block ${block} is used by inode ${inode.number} (${what}) and ${other}`,
      );
      return false;
    }
    this.#owners[block] = inode.number;
    return true;
  }

  #claimAttributes(inode: Inode): void {
    const block = inode.attributes;
    const known = this.#attributes.get(block);
    if (known === undefined && !this.#claim(block, inode, 'attributes')) return;
    this.#counted = 0;
    this.#attributes.set(block, (known ?? 0) + 1);
  }

  #checkAttributes(): void {
    for (const [block, count] of this.#attributes) {
      const view = this.readBlock(block);
      if (get32(view, 0) !== ATTRIBUTE_MAGIC) {
        this.note('attributes', `block ${block} holds no attributes`);
      } else if (get32(view, ATTRIBUTE_REFERENCES) !== count) {
        const said = get32(view, ATTRIBUTE_REFERENCES);
        this.note('attributes', `block ${block}: ${count} inodes name it, it says ${said}`);
      }
    }
  }

  #checkBitmaps(): void {
    const { geometry } = this;
    let freeBlocks = 0;
    let freeInodes = 0;
    for (let group = 0; group < geometry.groupCount; group++) {
      freeBlocks += this.#checkBlockBitmap(group);
      freeInodes += this.#checkInodeBitmap(group);
    }
    this.#blocksUsed = geometry.blockCount - geometry.firstBlock - freeBlocks;
    this.#compare('superblock: free blocks', freeBlocks, get32(this.#superblock, SB_FREE_BLOCKS));
    this.#compare('superblock: free inodes', freeInodes, get32(this.#superblock, SB_FREE_INODES));
  }

  #compare(what: string, found: number, said: number): void {
    if (found !== said) this.note('free-count', `${what}: ${found}, and it says ${said}`);
  }

  #checkBlockBitmap(group: number): number {
    const { geometry } = this;
    const start = groupStart(geometry, group);
    const count = groupBlocks(geometry, group);
    const view = this.readBlock(this.#descriptor(group, GD_BLOCK_BITMAP));
    let free = 0;
    for (let i = 0; i < count; i++) {
      const marked = ((view[i >>> 3] >>> (i & 7)) & 1) === 1;
      const used = this.#owners[start + i] !== 0;
      if (!used) free += 1;
      if (marked === used) continue;
      const who = used ? `in use (${this.#ownerName(start + i)})` : 'nobody has it';
      this.note('block-bitmap', `block ${start + i} is marked ${marked ? 'used' : 'free'}: ${who}`);
    }
    for (let i = count; i < geometry.blockBytes * 8; i++) {
      if (((view[i >>> 3] >>> (i & 7)) & 1) === 1) continue;
      this.note('block-bitmap', `group ${group}: bits behind its last block are not set`);
      break;
    }
    this.#compare(`group ${group}: free blocks`, free, this.#groupCount(group, GD_FREE_BLOCKS));
    return free;
  }

  #ownerName(block: number): string {
    const owner = this.#owners[block];
    return owner === SYSTEM ? 'the fixed layout' : `inode ${owner}`;
  }

  #checkInodeBitmap(group: number): number {
    const { inodesPerGroup, firstInode, blockBytes } = this.geometry;
    const view = this.readBlock(this.#descriptor(group, GD_INODE_BITMAP));
    let free = 0;
    let directories = 0;
    for (let i = 0; i < inodesPerGroup; i++) {
      const number = group * inodesPerGroup + i + 1;
      const marked = ((view[i >>> 3] >>> (i & 7)) & 1) === 1;
      const inode = this.inodes.get(number);
      const used = number < firstInode || inode !== undefined;
      if (!used) free += 1;
      if (inode?.isDirectory) directories += 1;
      if (marked !== used) {
        const what = `inode ${number} is marked ${marked ? 'used' : 'free'}`;
        this.note('inode-bitmap', `${what}, and is ${used ? 'in use' : 'not in use'}`);
      }
    }
    for (let i = inodesPerGroup; i < blockBytes * 8; i++) {
      if (((view[i >>> 3] >>> (i & 7)) & 1) === 1) continue;
      this.note('inode-bitmap', `group ${group}: bits behind its last inode are not set`);
      break;
    }
    this.#compare(`group ${group}: free inodes`, free, this.#groupCount(group, GD_FREE_INODES));
    this.#compare(
      `group ${group}: directories`,
      directories,
      this.#groupCount(group, GD_DIRECTORIES),
    );
    return free;
  }

  #checkJournal(): void {
    const { geometry } = this;
    if (geometry.journalInode === 0) return;
    const inside = geometry.journalInode - 1;
    const table = this.#descriptor(0, GD_INODE_TABLE);
    const view = this.readBlock(table + Math.floor(inside / geometry.inodesPerBlock));
    const inode = new Inode(geometry.journalInode);
    readInode(
      inode,
      view,
      (inside % geometry.inodesPerBlock) * geometry.inodeBytes,
      geometry.inodeBytes,
    );
    const first = inode.blocks[0];
    if (!inode.isRegular || first <= geometry.firstBlock || first >= geometry.blockCount) {
      this.note('journal', `the journal's inode is damaged: mode 0${inode.mode.toString(8)}`);
      return;
    }
    const superblock = this.readBlock(first);
    if (getBig32(superblock, 0) !== JOURNAL_MAGIC)
      this.note('journal', 'its superblock has no magic');
    else if (getBig32(superblock, JS_START) !== 0 && !geometry.needsRecovery) {
      this.note('journal', 'it has something to replay, and the superblock says it has not');
    } else if (getBig32(superblock, JS_LENGTH) * geometry.blockBytes > inode.size) {
      this.note(
        'journal',
        `it says ${getBig32(superblock, JS_LENGTH)} blocks, its inode has fewer`,
      );
    }
  }
}

const SYSTEM = 0xffff_ffff;
