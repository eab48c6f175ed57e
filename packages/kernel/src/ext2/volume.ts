/** A mounted volume's fixed parts: its blocks through the cache, superblock and group descriptors. */
import type { BlockCache } from '@hotpath/blockcache';
import { EUCLEAN, type FrameSource, isErrno, NIL, type PhysicalMemory } from '@hotpath/hw-x86';
import type { Operation, Wait } from '../vfs/file-system.js';
import { get16, get32, put16, put32 } from './bytes.js';
import { type Geometry, groupBlocks, groupStart, hasSuperblock } from './geometry.js';
import { ImageError } from './image-error.js';
import {
  GD_BLOCK_BITMAP,
  GD_INODE_BITMAP,
  GD_INODE_TABLE,
  GROUP_DESCRIPTOR_BYTES,
  SUPERBLOCK_AT,
  SUPERBLOCK_BYTES,
} from './layout.js';

/** What a mounted file system works on. */
export interface VolumePorts {
  /** Its `blockBytes` is the file system's; at least 256 slots to write. */
  readonly cache: BlockCache;
  /** Number that `addDevice` answered. */
  readonly device: number;
  /** The memory of cache and frames. */
  readonly memory: PhysicalMemory;
  /** Frames for the journal's copies. */
  readonly frames: FrameSource;
  /** Told of each contradiction found on the disk, in words. */
  readonly onProblem?: (problem: string) => void;
}

/** Problems remembered; further ones are counted by {@link Volume.problemCount} only. */
const PROBLEMS_KEPT = 100;

/** Blocks, superblock and group descriptors of one mounted file system. */
export class Volume {
  readonly ports: VolumePorts;
  readonly geometry: Geometry;
  /** Pins that will not end before unmount: superblock and descriptors, in order of their blocks. */
  readonly fixedSlots: number[] = [];
  /** What was found wrong on the disk. */
  readonly problems: string[] = [];
  problemCount = 0;
  readonly #views = new Map<number, Uint8Array>();
  #superblock: Uint8Array = new Uint8Array(0);
  readonly #descriptors: Uint8Array[] = [];
  readonly #blockBitmaps: Uint32Array;
  readonly #inodeBitmaps: Uint32Array;
  readonly #tables: Uint32Array;

  constructor(ports: VolumePorts, geometry: Geometry) {
    this.ports = ports;
    this.geometry = geometry;
    this.#blockBitmaps = new Uint32Array(geometry.groupCount);
    this.#inodeBitmaps = new Uint32Array(geometry.groupCount);
    this.#tables = new Uint32Array(geometry.groupCount);
  }

  /** The block in a pinned slot, as a view of its own. */
  view(slot: number): Uint8Array {
    return this.viewAt(this.ports.cache.address(slot));
  }

  /** A block of this volume's size in memory. */
  viewAt(address: number): Uint8Array {
    let view = this.#views.get(address);
    if (view === undefined) {
      const { memory } = this.ports;
      const start = address % memory.chunkBytes;
      view = memory.bytes(address).subarray(start, start + this.geometry.blockBytes);
      this.#views.set(address, view);
    }
    return view;
  }

  /** A pinned slot, or an errno. The block must be one of the volume. */
  *get(wait: Wait, block: number, heldByAsker = 0): Operation {
    const { cache, device } = this.ports;
    const here = cache.tryGet(device, block);
    if (here !== NIL) return here;
    return yield* wait.settle(cache.get(device, block, wait, 0, heldByAsker));
  }

  /** Notes what contradicts itself on the disk; answers EUCLEAN. */
  corrupt(problem: string): number {
    this.problemCount += 1;
    if (this.problems.length < PROBLEMS_KEPT) this.problems.push(problem);
    this.ports.onProblem?.(problem);
    return EUCLEAN;
  }

  /** Whether a block may hold data or a file's metadata: it exists and is no part of the fixed layout. */
  isUsable(block: number): boolean {
    const { geometry } = this;
    if (block <= geometry.firstBlock || block >= geometry.blockCount) return false;
    const group = this.groupOf(block);
    const inside = block - groupStart(geometry, group);
    if (inside < this.#headBlocks(group)) return false;
    if (block === this.#blockBitmaps[group] || block === this.#inodeBitmaps[group]) return false;
    const table = this.#tables[group];
    return block < table || block >= table + geometry.tableBlocks;
  }

  /** Group of a block. */
  groupOf(block: number): number {
    const { firstBlock, blocksPerGroup } = this.geometry;
    return Math.floor((block - firstBlock) / blocksPerGroup);
  }

  #headBlocks(group: number): number {
    const { geometry } = this;
    if (!hasSuperblock(geometry, group)) return 0;
    return 1 + geometry.descriptorBlocks + geometry.reservedDescriptorBlocks;
  }

  /** The 1,024 bytes of the superblock, in its pinned slot. */
  get superblock(): Uint8Array {
    return this.#superblock;
  }

  /** Block of the superblock. */
  get superblockBlock(): number {
    return this.geometry.firstBlock;
  }

  /** Block that holds a group's descriptor. */
  descriptorBlock(group: number): number {
    const perBlock = this.geometry.blockBytes / GROUP_DESCRIPTOR_BYTES;
    return this.geometry.firstBlock + 1 + Math.floor(group / perBlock);
  }

  /** 16-bit field of a group's descriptor. */
  groupField(group: number, field: number): number {
    const perBlock = this.geometry.blockBytes / GROUP_DESCRIPTOR_BYTES;
    const view = this.#descriptors[Math.floor(group / perBlock)];
    return get16(view, (group % perBlock) * GROUP_DESCRIPTOR_BYTES + field);
  }

  /** Adds to a 16-bit field of a group's descriptor; its block must have been opened for writing. */
  addToGroup(group: number, field: number, amount: number): void {
    const perBlock = this.geometry.blockBytes / GROUP_DESCRIPTOR_BYTES;
    const view = this.#descriptors[Math.floor(group / perBlock)];
    const at = (group % perBlock) * GROUP_DESCRIPTOR_BYTES + field;
    put16(view, at, get16(view, at) + amount);
  }

  /** 32-bit field of the superblock. */
  superField(field: number): number {
    return get32(this.#superblock, field);
  }

  /** Sets a 32-bit field of the superblock; its block must have been opened for writing. */
  setSuperField(field: number, value: number): void {
    put32(this.#superblock, field, value);
  }

  /** Block of a group's block bitmap. */
  blockBitmap(group: number): number {
    return this.#blockBitmaps[group];
  }

  /** Block of a group's inode bitmap. */
  inodeBitmap(group: number): number {
    return this.#inodeBitmaps[group];
  }

  /** First block of a group's inodes. */
  inodeTable(group: number): number {
    return this.#tables[group];
  }

  /**
   * Pins superblock and descriptors and checks where they say that bitmaps and tables are.
   * @throws ImageError `ERR_IO`, `ERR_GROUP`
   */
  *attach(wait: Wait): Operation {
    const { geometry } = this;
    const { cache } = this.ports;
    const last = geometry.firstBlock + geometry.descriptorBlocks;
    for (let block = geometry.firstBlock; block <= last; block++) {
      const slot = yield* this.get(wait, block, this.fixedSlots.length);
      if (isErrno(slot)) {
        throw new ImageError(
          'ERR_IO',
          `block ${block} (superblock, groups) cannot be read: ${slot}`,
        );
      }
      cache.setUnmovable(slot, true);
      this.fixedSlots.push(slot);
      const view = this.view(slot);
      if (block > geometry.firstBlock) this.#descriptors.push(view);
      else {
        const at = geometry.blockBytes === SUPERBLOCK_AT ? 0 : SUPERBLOCK_AT;
        this.#superblock = view.subarray(at, at + SUPERBLOCK_BYTES);
      }
    }
    for (let group = 0; group < geometry.groupCount; group++) this.#checkGroup(group);
    return 0;
  }

  #checkGroup(group: number): void {
    const { geometry } = this;
    const perBlock = geometry.blockBytes / GROUP_DESCRIPTOR_BYTES;
    const view = this.#descriptors[Math.floor(group / perBlock)];
    const at = (group % perBlock) * GROUP_DESCRIPTOR_BYTES;
    const start = groupStart(geometry, group);
    const places: readonly [string, number, number][] = [
      ['block bitmap', get32(view, at + GD_BLOCK_BITMAP), 1],
      ['inode bitmap', get32(view, at + GD_INODE_BITMAP), 1],
      ['inode table', get32(view, at + GD_INODE_TABLE), geometry.tableBlocks],
    ];
    const low = start + this.#headBlocks(group);
    const high = start + groupBlocks(geometry, group);
    for (const [what, block, count] of places) {
      if (block >= low && block + count <= high) continue;
      throw new ImageError(
        'ERR_GROUP',
        `group ${group}: ${what} at ${block}, ${count} blocks; allowed: ${low}..${high - 1}`,
      );
    }
    const [blocks, inodes, table] = places.map((place) => place[1]);
    const inTable = (block: number): boolean =>
      block >= table && block < table + geometry.tableBlocks;
    if (blocks === inodes || inTable(blocks) || inTable(inodes)) {
      throw new ImageError('ERR_GROUP', `group ${group}: bitmaps and inode table overlap`);
    }
    this.#blockBitmaps[group] = blocks;
    this.#inodeBitmaps[group] = inodes;
    this.#tables[group] = table;
  }

  /** Gives the pins back. */
  detach(): void {
    const { cache } = this.ports;
    for (const slot of this.fixedSlots) {
      cache.setUnmovable(slot, false);
      cache.release(slot);
    }
    this.fixedSlots.length = 0;
    this.#views.clear();
  }
}
