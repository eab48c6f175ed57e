/** ext2 and ext3 as one file system of the kernel's port. */
import { assert, isErrno, OK } from '@hotpath/hw-x86';
import {
  type Attributes,
  type DirectoryEntry,
  type FileSystem,
  type InodeNumber,
  type Operation,
  SET_MODE,
  SET_OWNER,
  SET_TIMES,
  type VolumeStatus,
  type Wait,
} from '../vfs/file-system.js';
import { BlockAllocator } from './block-allocator.js';
import { BlockMap } from './block-map.js';
import { get16, put16 } from './bytes.js';
import type { Changes } from './changes.js';
import { Directories } from './directories.js';
import { FileData } from './file-data.js';
import type { Inode } from './inode.js';
import { InodeAllocator } from './inode-allocator.js';
import { InodeLife } from './inode-life.js';
import { InodeTable } from './inode-table.js';
import type { JournalArea } from './journal-area.js';
import {
  INCOMPATIBLE_RECOVER,
  NAME_MAX,
  ROOT_INODE,
  SB_FREE_BLOCKS,
  SB_FREE_INODES,
  SB_INCOMPATIBLE,
  SB_STATE,
  STATE_CLEAN,
  STATE_ERRORS,
  TYPE_MASK,
} from './layout.js';
import { Names } from './names.js';
import { Orphans } from './orphans.js';
import type { RecoveryReport } from './recovery.js';
import type { Volume } from './volume.js';

/** What a mounted file system consists of; made by `mountExt2`. */
export interface Ext2Parts {
  readonly volume: Volume;
  readonly changes: Changes;
  /** The journal's blocks; null on ext2. */
  readonly area: JournalArea | null;
  /** What the mount replayed; null where nothing was to be replayed. */
  readonly recovery: RecoveryReport | null;
  /** The disk says that the volume is in use, which unmounting takes back. */
  readonly writable: boolean;
  /** The volume was unmounted cleanly before. */
  readonly wasClean: boolean;
}

/** A mounted ext2 or ext3 volume. */
export class Ext2 implements FileSystem {
  readonly typeName: string;
  readonly root: InodeNumber = ROOT_INODE;
  readonly nameBytesMax = NAME_MAX;
  readonly canPunch = true;
  readonly keepsPages = false;
  readonly volatileNames = false;
  /** What the mount replayed; null where nothing was to be replayed. */
  readonly recovery: RecoveryReport | null;
  readonly #parts: Ext2Parts;
  readonly #table: InodeTable;
  readonly #names: Names;
  readonly #directories: Directories;
  readonly #data: FileData;
  readonly #life: InodeLife;
  #logClosed = false;

  constructor(parts: Ext2Parts) {
    const { volume, changes } = parts;
    this.#parts = parts;
    this.typeName = parts.area === null ? 'ext2' : 'ext3';
    this.recovery = parts.recovery;
    const table = new InodeTable(volume, changes);
    const allocator = new BlockAllocator(volume, changes);
    const inodes = new InodeAllocator(volume, changes);
    const map = new BlockMap(volume, changes, allocator);
    const directories = new Directories(volume, changes, map);
    const orphans = new Orphans(volume, changes, table);
    const data = new FileData({ volume, changes, table, map, allocator, orphans });
    const life = new InodeLife({
      volume,
      changes,
      table,
      inodes,
      allocator,
      map,
      orphans,
      data,
    });
    this.#table = table;
    this.#directories = directories;
    this.#data = data;
    this.#life = life;
    this.#names = new Names({ volume, changes, table, map, directories, life, orphans });
  }

  get readOnly(): boolean {
    return this.#parts.changes.readOnly;
  }

  /** What was found wrong on the disk, in words; at most 100. */
  get problems(): readonly string[] {
    return this.#parts.volume.problems;
  }

  /** Largest size of a file in bytes. */
  get fileBytesMax(): number {
    return this.#data.bytesMax;
  }

  /** Inodes in memory, for inspection. */
  get inodesInMemory(): number {
    return this.#table.size;
  }

  *load(wait: Wait, inode: InodeNumber): Operation {
    const status = yield* this.#table.load(wait, inode);
    if (isErrno(status)) return status;
    this.#table.loaded.held = true;
    return OK;
  }

  attributes(inode: InodeNumber, into: Attributes): void {
    const known = this.#table.find(inode);
    assert(known !== undefined, 'ext2: attributes of an inode that is not loaded');
    known.describe(into);
  }

  /** What stat tells of an inode that need not be loaded. */
  *describe(wait: Wait, inode: InodeNumber, into: Attributes): Operation {
    const status = yield* this.#table.load(wait, inode);
    if (!isErrno(status)) this.#table.loaded.describe(into);
    return status;
  }

  *forget(wait: Wait, inode: InodeNumber): Operation {
    const known = this.#table.find(inode);
    return known === undefined ? OK : yield* this.#life.end(wait, known);
  }

  lookup(wait: Wait, directory: InodeNumber, name: string): Operation {
    return this.#names.lookup(wait, directory, name);
  }

  create(
    wait: Wait,
    directory: InodeNumber,
    name: string,
    mode: number,
    device: number,
    now: number,
  ): Operation {
    return this.#names.create(wait, directory, name, mode, device, now);
  }

  mkdir(wait: Wait, directory: InodeNumber, name: string, mode: number, now: number): Operation {
    return this.#names.mkdir(wait, directory, name, mode, now);
  }

  symlink(
    wait: Wait,
    directory: InodeNumber,
    name: string,
    target: string,
    now: number,
  ): Operation {
    return this.#names.symlink(wait, directory, name, target, now);
  }

  readlink(wait: Wait, inode: InodeNumber, into: { name: string }): Operation {
    return this.#names.readlink(wait, inode, into);
  }

  link(
    wait: Wait,
    inode: InodeNumber,
    directory: InodeNumber,
    name: string,
    now: number,
  ): Operation {
    return this.#names.link(wait, inode, directory, name, now);
  }

  unlink(wait: Wait, directory: InodeNumber, name: string, now: number): Operation {
    return this.#names.unlink(wait, directory, name, now);
  }

  rmdir(wait: Wait, directory: InodeNumber, name: string, now: number): Operation {
    return this.#names.rmdir(wait, directory, name, now);
  }

  rename(
    wait: Wait,
    from: InodeNumber,
    fromName: string,
    to: InodeNumber,
    toName: string,
    now: number,
  ): Operation {
    return this.#names.rename(wait, from, fromName, to, toName, now);
  }

  *readDirectory(
    wait: Wait,
    directory: InodeNumber,
    cookie: number,
    into: DirectoryEntry,
  ): Operation {
    const status = yield* this.#table.load(wait, directory);
    if (isErrno(status)) return status;
    return yield* this.#directories.read(wait, this.#table.loaded, cookie, into);
  }

  *setAttributes(wait: Wait, number: InodeNumber, from: Attributes, fields: number): Operation {
    const status = yield* this.#table.load(wait, number);
    if (isErrno(status)) return status;
    const inode = this.#table.loaded;
    return yield* this.#parts.changes.run(wait, () => {
      this.#table.change(inode);
      takeOver(inode, from, fields);
      return this.#table.store(wait, inode);
    });
  }

  *readPages(
    wait: Wait,
    inode: InodeNumber,
    page: number,
    frames: Float64Array,
    count: number,
  ): Operation {
    const status = yield* this.#table.load(wait, inode);
    if (isErrno(status)) return status;
    return yield* this.#data.readPages(wait, this.#table.loaded, page, frames, count);
  }

  *writePages(
    wait: Wait,
    inode: InodeNumber,
    page: number,
    frames: Float64Array,
    count: number,
    byteCount: number,
  ): Operation {
    const status = yield* this.#table.load(wait, inode);
    if (isErrno(status)) return status;
    return yield* this.#data.writePages(wait, this.#table.loaded, page, frames, count, byteCount);
  }

  *reserve(wait: Wait, inode: InodeNumber, page: number, count: number): Operation {
    const status = yield* this.#table.load(wait, inode);
    if (isErrno(status)) return status;
    return yield* this.#data.reserve(wait, this.#table.loaded, page, count);
  }

  isReserved(inode: InodeNumber, page: number): boolean {
    const known = this.#table.find(inode);
    return known !== undefined && this.#data.isReserved(known, page);
  }

  *truncate(wait: Wait, inode: InodeNumber, size: number, now: number): Operation {
    const status = yield* this.#table.load(wait, inode);
    if (isErrno(status)) return status;
    return yield* this.#data.truncate(wait, this.#table.loaded, size, now);
  }

  *punch(wait: Wait, inode: InodeNumber, page: number, count: number): Operation {
    const status = yield* this.#table.load(wait, inode);
    if (isErrno(status)) return status;
    return yield* this.#data.punch(wait, this.#table.loaded, page, count);
  }

  forgetFrame(frame: number): void {
    this.#data.forgetFrame(frame);
  }

  *syncInode(wait: Wait, inode: InodeNumber, _dataOnly: boolean): Operation {
    const { log } = this.#parts.changes;
    const known = this.#table.find(inode);
    if (known !== undefined && known.changedIn > log.committed) return yield* this.sync(wait);
    return yield* this.#flushDevice(wait);
  }

  *sync(wait: Wait): Operation {
    const { changes } = this.#parts;
    if (changes.readOnly) return yield* this.#flushDevice(wait);
    const { barriers } = changes.log;
    const status = yield* changes.log.commit(wait);
    // A commit that was under way may have flushed before data of the caller reached the device.
    if (isErrno(status) || changes.log.barriers !== barriers) return status;
    return yield* this.#flushDevice(wait);
  }

  /** What was written before, data for instance, is on the medium. */
  *#flushDevice(wait: Wait): Operation {
    const { cache, device } = this.#parts.volume.ports;
    return yield* wait.settle(cache.flushRange(device, 0, 0, wait, 0));
  }

  status(into: VolumeStatus): void {
    const { volume } = this.#parts;
    into.blockBytes = volume.geometry.blockBytes;
    into.blocks = volume.geometry.blockCount;
    into.freeBlocks = volume.superField(SB_FREE_BLOCKS);
    into.inodes = volume.geometry.inodeCount;
    into.freeInodes = volume.superField(SB_FREE_INODES);
  }

  /** After the mount: finishes what a crash interrupted. Damage in the list makes the volume read-only. */
  *endOrphans(wait: Wait): Operation {
    const { changes } = this.#parts;
    if (changes.readOnly) return OK;
    const status = yield* this.#life.endOrphans(wait);
    if (isErrno(status)) changes.readOnly = true;
    return status;
  }

  *unmount(wait: Wait): Operation {
    const { changes, writable } = this.#parts;
    if (writable) {
      const closed = this.#logClosed ? OK : yield* changes.log.close(wait);
      if (isErrno(closed)) return closed;
      // The log says that there is nothing to replay: nothing may be written before another mount.
      this.#logClosed = true;
      changes.readOnly = true;
      const marked = yield* this.#markClean(wait);
      if (isErrno(marked)) return marked;
    }
    this.#letGo();
    return OK;
  }

  /** As `FileSystem.abandon`: what is not home stays in the log, or, uncommitted, is lost. */
  abandon(): void {
    this.#parts.changes.log.abandon();
    this.#letGo();
  }

  #letGo(): void {
    const { changes, volume, area } = this.#parts;
    changes.readOnly = true;
    volume.detach();
    area?.close();
  }

  *#markClean(wait: Wait): Operation {
    const { volume, area, wasClean } = this.#parts;
    const { cache, device } = volume.ports;
    const superblock = volume.superblock;
    const before = superblock.slice();
    let state = get16(superblock, SB_STATE);
    if (area === null && wasClean) state |= STATE_CLEAN;
    if (volume.problemCount > 0) state = (state | STATE_ERRORS) & ~STATE_CLEAN;
    put16(superblock, SB_STATE, state);
    const features = volume.superField(SB_INCOMPATIBLE);
    if (area !== null) volume.setSuperField(SB_INCOMPATIBLE, features & ~INCOMPATIBLE_RECOVER);
    cache.markDirty(volume.fixedSlots[0]);
    const status = yield* wait.settle(cache.flush(device, wait, 0));
    if (isErrno(status)) superblock.set(before);
    return status;
  }

  /** Asserts what holds between operations. */
  checkInvariants(): void {
    this.#parts.changes.checkInvariants();
  }
}

function takeOver(inode: Inode, from: Attributes, fields: number): void {
  if ((fields & SET_MODE) !== 0) inode.mode = inode.type | (from.mode & ~TYPE_MASK);
  if ((fields & SET_OWNER) !== 0) {
    inode.owner = from.owner;
    inode.group = from.group;
  }
  if ((fields & SET_TIMES) !== 0) {
    inode.accessed = from.accessed;
    inode.modified = from.modified;
  }
  inode.changed = from.changed;
}
