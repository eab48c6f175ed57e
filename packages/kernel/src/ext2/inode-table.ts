/** Inodes in memory, read from and written to the table. */
import { assert, isErrno, OK } from '@hotpath/hw-x86';
import type { Operation, Wait } from '../vfs/file-system.js';
import type { Changes } from './changes.js';
import { clearRecord, Inode, readInode, writeInode } from './inode.js';
import {
  FLAG_EXTENTS,
  FLAG_INLINE_DATA,
  MODE_OF_ENTRY,
  ROOT_INODE,
  TYPE_REGULAR,
} from './layout.js';
import type { Volume } from './volume.js';

/** Inodes kept that nobody holds: the one least recently asked for goes first. */
const IDLE_MAX = 4096;

/** The inodes of one volume. */
export class InodeTable {
  readonly #volume: Volume;
  readonly #changes: Changes;
  readonly #inodes = new Map<number, Inode>();
  /** What {@link InodeTable.load} brought in. */
  loaded: Inode;

  constructor(volume: Volume, changes: Changes) {
    this.#volume = volume;
    this.#changes = changes;
    this.loaded = new Inode(0);
  }

  /** The inode if it is in memory. */
  find(number: number): Inode | undefined {
    return this.#inodes.get(number);
  }

  /** Inodes in memory. */
  get size(): number {
    return this.#inodes.size;
  }

  /** Block of the table and byte in it where an inode's record lies. */
  #place(number: number): { block: number; at: number; group: number } {
    const { inodesPerGroup, inodesPerBlock, inodeBytes } = this.#volume.geometry;
    const group = Math.floor((number - 1) / inodesPerGroup);
    const inside = (number - 1) % inodesPerGroup;
    const block = this.#volume.inodeTable(group) + Math.floor(inside / inodesPerBlock);
    return { block, at: (inside % inodesPerBlock) * inodeBytes, group };
  }

  /** Brings an inode into memory: OK, and it is `loaded`. EUCLEAN for one that is free or makes no sense. */
  *load(wait: Wait, number: number): Operation {
    const known = this.#inodes.get(number);
    if (known !== undefined) {
      this.loaded = known;
      return OK;
    }
    const volume = this.#volume;
    const { inodeCount, inodeBytes, firstInode } = volume.geometry;
    if (!(number >= 1 && number <= inodeCount))
      return volume.corrupt(`inode ${number} does not exist`);
    if (number < firstInode && number !== ROOT_INODE) {
      return volume.corrupt(`inode ${number} is reserved`);
    }
    const { block, at } = this.#place(number);
    const slot = yield* volume.get(wait, block);
    if (isErrno(slot)) return slot;
    const inode = this.#inodes.get(number) ?? new Inode(number);
    if (this.#inodes.get(number) === undefined) readInode(inode, volume.view(slot), at, inodeBytes);
    volume.ports.cache.release(slot);
    const status = this.#check(inode);
    if (status !== OK) return status;
    this.#keep(inode);
    this.loaded = inode;
    return OK;
  }

  #check(inode: Inode): number {
    const { number, mode } = inode;
    const { blockBytes, blockCount } = this.#volume.geometry;
    const problem = (what: string): number => this.#volume.corrupt(`inode ${number}: ${what}`);
    if (mode === 0 && inode.links === 0) return problem('it is free');
    if (inode.type === 0 || !MODE_OF_ENTRY.includes(inode.type)) {
      return problem(`its type is 0${(inode.type >>> 12).toString(8)}`);
    }
    if ((inode.flags & (FLAG_EXTENTS | FLAG_INLINE_DATA)) !== 0) {
      return problem('it has extents or inline data');
    }
    if (inode.type !== TYPE_REGULAR && inode.size > blockCount * blockBytes) {
      return problem(`its size is ${inode.size}`);
    }
    if (inode.isDirectory && (inode.size === 0 || inode.size % blockBytes !== 0)) {
      return problem(`it is a directory of ${inode.size} bytes`);
    }
    if (inode.attributes !== 0 && !this.#volume.isUsable(inode.attributes)) {
      return problem(`its attributes are in block ${inode.attributes}`);
    }
    return OK;
  }

  #keep(inode: Inode): void {
    this.#inodes.set(inode.number, inode);
    if (this.#inodes.size <= IDLE_MAX) return;
    for (const [number, idle] of this.#inodes) {
      if (idle.held || idle.orphan || idle === inode || number === ROOT_INODE) continue;
      if (idle.mapped.reserved > 0 || idle.changedIn >= this.#changes.log.sequence) continue;
      this.#inodes.delete(number);
      break;
    }
  }

  /** Forgets an inode in memory. */
  drop(inode: Inode): void {
    this.#inodes.delete(inode.number);
  }

  /** Says that the operation under way changes this inode: on failure it is as before. */
  change(inode: Inode): void {
    this.#changes.onUndo(inode.snapshot());
  }

  /** Writes the record of an inode that the operation under way has changed. */
  *store(wait: Wait, inode: Inode): Operation {
    const { block, at } = this.#place(inode.number);
    const slot = yield* this.#changes.write(wait, block);
    if (isErrno(slot)) return slot;
    writeInode(inode, this.#volume.view(slot), at, this.#volume.geometry.inodeBytes);
    const before = inode.changedIn;
    inode.changedIn = this.#changes.log.sequence;
    if (before !== inode.changedIn) {
      this.#changes.onUndo(() => {
        inode.changedIn = before;
      });
    }
    return OK;
  }

  /** A new inode over a cleared record; its number was allocated in the same operation. */
  *make(wait: Wait, number: number, now: number): Operation {
    assert(!this.#inodes.has(number), 'ext2: a new inode is in memory already');
    const { block, at } = this.#place(number);
    const slot = yield* this.#changes.write(wait, block);
    if (isErrno(slot)) return slot;
    clearRecord(this.#volume.view(slot), at, this.#volume.geometry.inodeBytes, now);
    const inode = new Inode(number);
    this.#inodes.set(number, inode);
    this.#changes.onUndo(() => this.#inodes.delete(number));
    this.loaded = inode;
    return OK;
  }

  /** Group of an inode. */
  groupOf(inode: Inode): number {
    return this.#place(inode.number).group;
  }
}
