/** How inodes begin and end. */
import { EROFS, isErrno, OK } from '@hotpath/hw-x86';
import type { Operation, Wait } from '../vfs/file-system.js';
import type { BlockAllocator } from './block-allocator.js';
import { type BlockMap, CUT_DONE } from './block-map.js';
import { get32, put32 } from './bytes.js';
import type { Changes } from './changes.js';
import type { FileData } from './file-data.js';
import type { Inode } from './inode.js';
import type { InodeAllocator } from './inode-allocator.js';
import type { InodeTable } from './inode-table.js';
import {
  ATTRIBUTE_MAGIC,
  ATTRIBUTE_REFERENCES,
  TYPE_DIRECTORY,
  TYPE_MASK,
  TYPE_REGULAR,
  TYPE_SYMLINK,
} from './layout.js';
import type { Orphans } from './orphans.js';
import type { Volume } from './volume.js';

/** What the life of inodes works on. */
export interface InodeLifeParts {
  readonly volume: Volume;
  readonly changes: Changes;
  readonly table: InodeTable;
  readonly inodes: InodeAllocator;
  readonly allocator: BlockAllocator;
  readonly map: BlockMap;
  readonly orphans: Orphans;
  readonly data: FileData;
}

/** Makes and removes inodes of one volume. */
export class InodeLife {
  readonly #parts: InodeLifeParts;
  #generation = 1;

  constructor(parts: InodeLifeParts) {
    this.#parts = parts;
  }

  /** A new inode, in `table.loaded`: OK or ENOSPC. In a change; the caller stores it. */
  *make(wait: Wait, parent: Inode, mode: number, now: number): Operation {
    const { table, inodes } = this.#parts;
    const isDirectory = (mode & TYPE_MASK) === TYPE_DIRECTORY;
    const number = yield* inodes.allocate(wait, parent, isDirectory);
    if (isErrno(number)) return number;
    const known = table.find(number);
    if (known !== undefined) {
      return this.#parts.volume.corrupt(`inode ${number} is in use; its bitmap says it is free`);
    }
    const made = yield* table.make(wait, number, now);
    if (isErrno(made)) return made;
    const inode = table.loaded;
    inode.mode = mode;
    inode.links = 1;
    inode.accessed = now;
    inode.modified = now;
    inode.changed = now;
    inode.created = now;
    inode.generation = this.#generation;
    this.#generation = (this.#generation + 1) >>> 0;
    inode.nextBlock = inodes.goal(inode);
    return OK;
  }

  /** Whether an inode's pointers are numbers of blocks, and not a target or a device. */
  hasBlocks(inode: Inode): boolean {
    if (inode.type === TYPE_SYMLINK) return !this.isFastSymlink(inode);
    return inode.type === TYPE_REGULAR || inode.type === TYPE_DIRECTORY;
  }

  /** Whether a symbolic link's target lies in its pointers. */
  isFastSymlink(inode: Inode): boolean {
    const attributes = inode.attributes === 0 ? 0 : this.#parts.volume.geometry.blockBytes / 512;
    return inode.sectors - attributes === 0;
  }

  /** Nobody refers to it in memory any more: without links it is removed, with its blocks. */
  *end(wait: Wait, inode: Inode): Operation {
    const { data, table, changes } = this.#parts;
    inode.held = false;
    data.release(inode);
    if (inode.links > 0) return OK;
    if (changes.readOnly) return EROFS;
    for (let done = false; !done; ) {
      const status = yield* changes.run(wait, () =>
        this.#removePart(wait, inode, (finished) => {
          done = finished;
        }),
      );
      if (isErrno(status)) return status;
    }
    table.drop(inode);
    return OK;
  }

  *#removePart(wait: Wait, inode: Inode, tell: (finished: boolean) => void): Operation {
    const { table, map, orphans, inodes } = this.#parts;
    table.change(inode);
    const isDirectory = inode.isDirectory;
    const cut = this.hasBlocks(inode) ? yield* map.cut(wait, inode, 0) : CUT_DONE;
    if (isErrno(cut)) return cut;
    tell(cut === CUT_DONE);
    if (cut !== CUT_DONE) {
      const added = yield* orphans.add(wait, inode);
      if (isErrno(added)) return added;
      return yield* table.store(wait, inode);
    }
    if (inode.attributes !== 0) {
      const status = yield* this.#dropAttributes(wait, inode);
      if (isErrno(status)) return status;
    }
    if (inode.orphan) {
      const status = yield* orphans.remove(wait, inode);
      if (isErrno(status)) return status;
    }
    inode.size = 0;
    // e2fsck takes a time below the count of inodes for a link of the list of orphans.
    const { inodeCount } = this.#parts.volume.geometry;
    inode.deleted = Math.max(inodeCount, Math.floor(inode.changed / 1e9) % 2 ** 32);
    const freed = yield* inodes.free(wait, inode, isDirectory);
    if (isErrno(freed)) return freed;
    return yield* table.store(wait, inode);
  }

  /** One reference less to a block of extended attributes; several inodes may share it. */
  *#dropAttributes(wait: Wait, inode: Inode): Operation {
    const { volume, changes, allocator } = this.#parts;
    const block = inode.attributes;
    if (!volume.isUsable(block)) {
      return volume.corrupt(`inode ${inode.number}: its attributes are in block ${block}`);
    }
    const slot = yield* changes.write(wait, block);
    if (isErrno(slot)) return slot;
    const view = volume.view(slot);
    const references = get32(view, ATTRIBUTE_REFERENCES);
    if (get32(view, 0) !== ATTRIBUTE_MAGIC || references === 0) {
      return volume.corrupt(`inode ${inode.number}: block ${block} holds no attributes`);
    }
    inode.attributes = 0;
    inode.sectors = Math.max(0, inode.sectors - volume.geometry.blockBytes / 512);
    if (references > 1) {
      put32(view, ATTRIBUTE_REFERENCES, references - 1);
      return OK;
    }
    changes.drop(block);
    return yield* allocator.free(wait, block, 1);
  }

  /**
   * After a crash: inodes of the list of orphans are removed, or cut to their size. How many there
   * were. The list is walked with care: each inode once.
   */
  *endOrphans(wait: Wait): Operation {
    const { orphans, table, volume, data } = this.#parts;
    const chain: Inode[] = [];
    for (let number = orphans.first; number !== 0; ) {
      const loaded = yield* table.load(wait, number);
      if (isErrno(loaded)) return loaded;
      const inode = table.loaded;
      if (inode.orphan) return volume.corrupt(`orphans: inode ${number} is in the list twice`);
      inode.orphan = true;
      chain.push(inode);
      number = inode.deleted;
    }
    for (const inode of chain) {
      let status: number;
      if (inode.links > 0) {
        const keep = Math.ceil(inode.size / volume.geometry.blockBytes);
        status = yield* data.finishCut(wait, inode, keep);
        inode.mapped.cut(0);
      } else status = yield* this.end(wait, inode);
      if (isErrno(status)) return status;
    }
    return chain.length;
  }
}
