/**
 * Inodes that must be dealt with after a crash: without a name but open, or being cut. A list on
 * disk: the superblock names the first, the time of deletion of each the next.
 */
import { assert, isErrno, OK } from '@hotpath/hw-x86';
import type { Operation, Wait } from '../vfs/file-system.js';
import type { Changes } from './changes.js';
import type { Inode } from './inode.js';
import type { InodeTable } from './inode-table.js';
import { SB_LAST_ORPHAN } from './layout.js';
import type { Volume } from './volume.js';

/** The list of orphans of one volume. All in changes; the caller has said that the inode changes. */
export class Orphans {
  readonly #volume: Volume;
  readonly #changes: Changes;
  readonly #table: InodeTable;

  constructor(volume: Volume, changes: Changes, table: InodeTable) {
    this.#volume = volume;
    this.#changes = changes;
    this.#table = table;
  }

  /** First inode of the list, or 0. */
  get first(): number {
    return this.#volume.superField(SB_LAST_ORPHAN);
  }

  /** Puts an inode in; the caller stores it. */
  *add(wait: Wait, inode: Inode): Operation {
    if (inode.orphan) return OK;
    const slot = yield* this.#changes.write(wait, this.#volume.superblockBlock);
    if (isErrno(slot)) return slot;
    inode.orphan = true;
    inode.deleted = this.first;
    this.#volume.setSuperField(SB_LAST_ORPHAN, inode.number);
    return OK;
  }

  /** Takes an inode out; the caller stores it. */
  *remove(wait: Wait, inode: Inode): Operation {
    assert(inode.orphan, 'ext2: an inode leaves the orphans that is not one');
    const next = inode.deleted;
    if (this.first === inode.number) {
      const slot = yield* this.#changes.write(wait, this.#volume.superblockBlock);
      if (isErrno(slot)) return slot;
      this.#volume.setSuperField(SB_LAST_ORPHAN, next);
    } else {
      const before = this.#before(inode);
      if (before === null) {
        return this.#volume.corrupt(`orphans: inode ${inode.number} is not in the list`);
      }
      this.#table.change(before);
      before.deleted = next;
      const status = yield* this.#table.store(wait, before);
      if (isErrno(status)) return status;
    }
    inode.orphan = false;
    inode.deleted = 0;
    return OK;
  }

  /** Orphans are in memory as long as they are orphans. */
  #before(inode: Inode): Inode | null {
    let at = this.#table.find(this.first);
    for (let steps = 0; at?.orphan && steps <= this.#table.size; steps++) {
      if (at.deleted === inode.number) return at;
      at = this.#table.find(at.deleted);
    }
    return null;
  }
}
