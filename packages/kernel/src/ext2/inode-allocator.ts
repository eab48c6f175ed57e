/**
 * Which inode a new file gets: files near their directory, directories spread over the volume by
 * Orlov's rule (as Linux's `fs/ext2/ialloc.c` describes it: top-level directories apart, others near
 * their parent unless its group is too full).
 */
import { ENOSPC, isErrno, OK } from '@hotpath/hw-x86';
import type { Operation, Wait } from '../vfs/file-system.js';
import type { Changes } from './changes.js';
import { groupBlocks } from './geometry.js';
import type { Inode } from './inode.js';
import {
  GD_DIRECTORIES,
  GD_FREE_BLOCKS,
  GD_FREE_INODES,
  ROOT_INODE,
  SB_FREE_BLOCKS,
  SB_FREE_INODES,
} from './layout.js';
import type { Volume } from './volume.js';

/** What one inode and one directory weigh against blocks in Orlov's rule. */
const INODE_COST = 64;
const BLOCK_COST = 256;

/** Allocates and frees inodes of one volume. */
export class InodeAllocator {
  readonly #volume: Volume;
  readonly #changes: Changes;
  /** Directories that a group has taken more than files, at most 255. */
  readonly #debts: Uint8Array;

  constructor(volume: Volume, changes: Changes) {
    this.#volume = volume;
    this.#changes = changes;
    this.#debts = new Uint8Array(volume.geometry.groupCount);
  }

  /** Number of a new inode; ENOSPC. In a change. */
  *allocate(wait: Wait, parent: Inode, isDirectory: boolean): Operation {
    const { groupCount, inodesPerGroup } = this.#volume.geometry;
    const home = Math.floor((parent.number - 1) / inodesPerGroup);
    const first = isDirectory
      ? this.#groupForDirectory(parent, home)
      : this.#groupForFile(parent, home);
    for (let i = 0; i < groupCount; i++) {
      const group = (first + i) % groupCount;
      if (this.#volume.groupField(group, GD_FREE_INODES) === 0) continue;
      const number = yield* this.#take(wait, group, isDirectory);
      if (number !== 0) return number;
    }
    return ENOSPC;
  }

  #field(group: number, field: number): number {
    return this.#volume.groupField(group, field);
  }

  #groupForFile(parent: Inode, home: number): number {
    const { groupCount } = this.#volume.geometry;
    const fits = (group: number): boolean =>
      this.#field(group, GD_FREE_INODES) > 0 && this.#field(group, GD_FREE_BLOCKS) > 0;
    if (fits(home)) return home;
    // Other directories of a full group should not all meet in the next one.
    let group = (home + parent.number) % groupCount;
    for (let step = 1; step < groupCount; step *= 2) {
      group = (group + step) % groupCount;
      if (fits(group)) return group;
    }
    return home;
  }

  #groupForDirectory(parent: Inode, home: number): number {
    const { geometry } = this.#volume;
    const { groupCount, inodesPerGroup, blocksPerGroup } = geometry;
    const freeInodes = this.#volume.superField(SB_FREE_INODES);
    const freeBlocks = this.#volume.superField(SB_FREE_BLOCKS);
    const inodesEach = Math.floor(freeInodes / groupCount);
    const blocksEach = Math.floor(freeBlocks / groupCount);
    let directories = 0;
    for (let group = 0; group < groupCount; group++)
      directories += this.#field(group, GD_DIRECTORIES);
    if (parent.number === ROOT_INODE) {
      const best = this.#emptiest(directories % groupCount, inodesEach, blocksEach);
      if (best >= 0) return best;
    } else {
      const used = geometry.blockCount - freeBlocks;
      const blocksPerDirectory = Math.max(Math.floor(used / Math.max(directories, 1)), BLOCK_COST);
      const debt = Math.min(Math.floor(blocksPerGroup / blocksPerDirectory), 255);
      const debtMax = Math.max(1, Math.min(debt, Math.floor(inodesPerGroup / INODE_COST)));
      const directoriesMax = directories / groupCount + inodesPerGroup / 16;
      for (let i = 0; i < groupCount; i++) {
        const group = (home + i) % groupCount;
        if (this.#debts[group] >= debtMax) continue;
        if (this.#field(group, GD_FREE_INODES) === 0) continue;
        if (this.#field(group, GD_DIRECTORIES) >= directoriesMax) continue;
        if (this.#field(group, GD_FREE_INODES) < inodesEach - inodesPerGroup / 4) continue;
        if (this.#field(group, GD_FREE_BLOCKS) < blocksEach - blocksPerGroup / 4) continue;
        return group;
      }
    }
    for (let i = 0; i < groupCount; i++) {
      const group = (home + i) % groupCount;
      const free = this.#field(group, GD_FREE_INODES);
      if (free > 0 && free >= inodesEach) return group;
    }
    return home;
  }

  /** The group with the fewest directories among those of more than the average room. */
  #emptiest(first: number, inodesEach: number, blocksEach: number): number {
    const { groupCount, inodesPerGroup } = this.#volume.geometry;
    let best = -1;
    let fewest = inodesPerGroup;
    for (let i = 0; i < groupCount; i++) {
      const group = (first + i) % groupCount;
      const free = this.#field(group, GD_FREE_INODES);
      if (free === 0 || free < inodesEach) continue;
      if (this.#field(group, GD_FREE_BLOCKS) < blocksEach) continue;
      const directories = this.#field(group, GD_DIRECTORIES);
      if (directories >= fewest) continue;
      fewest = directories;
      best = group;
    }
    return best;
  }

  /** An inode of this group; 0 when its bitmap has none after all. */
  *#take(wait: Wait, group: number, isDirectory: boolean): Operation {
    const volume = this.#volume;
    const { inodesPerGroup, firstInode } = volume.geometry;
    const slot = yield* this.#open(wait, group);
    if (isErrno(slot)) return slot;
    const bitmap = volume.view(slot);
    let bit = group === 0 ? firstInode - 1 : 0;
    while (bit < inodesPerGroup && (bitmap[bit >>> 3] & (1 << (bit & 7))) !== 0) {
      bit += (bit & 7) === 0 && bitmap[bit >>> 3] === 0xff ? 8 : 1;
    }
    if (bit >= inodesPerGroup) {
      return volume.corrupt(`group ${group}: its inode bitmap is full, its descriptor says not`);
    }
    bitmap[bit >>> 3] |= 1 << (bit & 7);
    const status = this.#count(group, -1, isDirectory);
    if (isErrno(status)) return status;
    const debt = this.#debts[group];
    if (isDirectory) this.#debts[group] = Math.min(debt + 1, 255);
    else if (debt > 0) this.#debts[group] = debt - 1;
    return group * inodesPerGroup + bit + 1;
  }

  *#open(wait: Wait, group: number): Operation {
    const descriptor = yield* this.#changes.write(wait, this.#volume.descriptorBlock(group));
    if (isErrno(descriptor)) return descriptor;
    const superblock = yield* this.#changes.write(wait, this.#volume.superblockBlock);
    if (isErrno(superblock)) return superblock;
    return yield* this.#changes.write(wait, this.#volume.inodeBitmap(group));
  }

  #count(group: number, amount: number, isDirectory: boolean): number {
    const volume = this.#volume;
    const inodes = volume.groupField(group, GD_FREE_INODES) + amount;
    const all = volume.superField(SB_FREE_INODES) + amount;
    const directories = volume.groupField(group, GD_DIRECTORIES) - (isDirectory ? amount : 0);
    const { inodesPerGroup, inodeCount } = volume.geometry;
    if (inodes < 0 || inodes > inodesPerGroup || all < 0 || all > inodeCount) {
      return volume.corrupt(`group ${group}: counts of free inodes contradict the bitmap`);
    }
    if (directories < 0 || directories > inodesPerGroup) {
      return volume.corrupt(`group ${group}: ${directories - amount} directories cannot be`);
    }
    volume.addToGroup(group, GD_FREE_INODES, amount);
    if (isDirectory) volume.addToGroup(group, GD_DIRECTORIES, -amount);
    volume.setSuperField(SB_FREE_INODES, all);
    return OK;
  }

  /** Frees an inode's number; EUCLEAN when it is free already. In a change. */
  *free(wait: Wait, inode: Inode, isDirectory: boolean): Operation {
    const volume = this.#volume;
    const { inodesPerGroup, firstInode } = volume.geometry;
    if (inode.number < firstInode)
      return volume.corrupt(`inode ${inode.number} is freed; it is reserved`);
    const group = Math.floor((inode.number - 1) / inodesPerGroup);
    const bit = (inode.number - 1) % inodesPerGroup;
    const slot = yield* this.#open(wait, group);
    if (isErrno(slot)) return slot;
    const bitmap = volume.view(slot);
    if ((bitmap[bit >>> 3] & (1 << (bit & 7))) === 0) {
      return volume.corrupt(`inode ${inode.number} is freed twice`);
    }
    bitmap[bit >>> 3] &= ~(1 << (bit & 7));
    return this.#count(group, 1, isDirectory);
  }

  /** First block of an inode's group: where its data is sought at first. */
  goal(inode: Inode): number {
    const { geometry } = this.#volume;
    const group = Math.floor((inode.number - 1) / geometry.inodesPerGroup);
    // Files of one directory begin at different places of the group, in the manner of Linux's colours.
    const colour = (inode.number % 16) * Math.floor(groupBlocks(geometry, group) / 16);
    return geometry.firstBlock + group * geometry.blocksPerGroup + colour;
  }
}
