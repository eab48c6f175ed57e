/**
 * Directories: look-up, and entries put in, taken out and redirected. A hash tree (dir_index) is read
 * as the list that it also is; the first new name makes it a plain list, as ext2 in Linux does.
 */
import { assert, EEXIST, EMLINK, ENOENT, isErrno, OK } from '@hotpath/hw-x86';
import type { DirectoryEntry, Operation, Wait } from '../vfs/file-system.js';
import type { BlockMap } from './block-map.js';
import { getName, put16, put32 } from './bytes.js';
import type { Changes } from './changes.js';
import {
  ENTRY_HEAD,
  entryBytes,
  entryInode,
  entryLength,
  entryNameLength,
  entryProblem,
  entrySlack,
  entryType,
  putEntry,
} from './directory-entry.js';
import type { Inode } from './inode.js';
import { FLAG_INDEXED, LINK_MAX, MODE_OF_ENTRY } from './layout.js';
import { NameIndex } from './name-index.js';
import type { Volume } from './volume.js';

/** Entries of the directories of one volume. */
export class Directories {
  readonly #volume: Volume;
  readonly #changes: Changes;
  readonly #map: BlockMap;
  readonly #blockBytes: number;

  constructor(volume: Volume, changes: Changes, map: BlockMap) {
    this.#volume = volume;
    this.#changes = changes;
    this.#map = map;
    this.#blockBytes = volume.geometry.blockBytes;
  }

  /** Pinned slot of a directory's block, or an errno: a directory has no holes. */
  *#block(wait: Wait, directory: Inode, index: number, write: boolean): Operation {
    const block = yield* this.#map.lookup(wait, directory, index);
    if (isErrno(block)) return block;
    if (block === 0) {
      return this.#volume.corrupt(`directory ${directory.number}: block ${index} is a hole`);
    }
    if (write) return yield* this.#changes.write(wait, block);
    return yield* this.#volume.get(wait, block, this.#changes.log.pins);
  }

  #bad(directory: Inode, index: number, at: number, problem: string): number {
    const place = index * this.#blockBytes + at;
    return this.#volume.corrupt(
      `directory ${directory.number}, entry at byte ${place}: ${problem}`,
    );
  }

  /** Reads the names of a directory, once. */
  *#index(wait: Wait, directory: Inode): Operation {
    if (directory.names !== null) return OK;
    const names = new NameIndex();
    const { cache } = this.#volume.ports;
    const count = directory.size / this.#blockBytes;
    for (let index = 0; index < count; index++) {
      const slot = yield* this.#block(wait, directory, index, false);
      if (isErrno(slot)) return slot;
      const status = this.#indexBlock(directory, names, index, this.#volume.view(slot));
      cache.release(slot);
      if (isErrno(status)) return status;
    }
    directory.names = names;
    return OK;
  }

  #indexBlock(directory: Inode, names: NameIndex, index: number, view: Uint8Array): number {
    const { inodeCount } = this.#volume.geometry;
    let room = 0;
    for (let at = 0; at < view.length; at += entryLength(view, at)) {
      const problem = entryProblem(view, at, inodeCount);
      if (problem !== null) return this.#bad(directory, index, at, problem);
      room = Math.max(room, entrySlack(view, at));
      if (entryInode(view, at) === 0) continue;
      const name = getName(view, at + ENTRY_HEAD, entryNameLength(view, at));
      // Of two equal names the first counts.
      if (!names.places.has(name)) names.places.set(name, index * this.#blockBytes + at);
    }
    names.room.push(room);
    return OK;
  }

  /** Inode of a name, ENOENT, or another errno. */
  *find(wait: Wait, directory: Inode, name: string): Operation {
    const status = yield* this.#index(wait, directory);
    if (isErrno(status)) return status;
    const place = directory.names?.places.get(name);
    if (place === undefined) return ENOENT;
    const index = Math.floor(place / this.#blockBytes);
    const slot = yield* this.#block(wait, directory, index, false);
    if (isErrno(slot)) return slot;
    const inode = entryInode(this.#volume.view(slot), place % this.#blockBytes);
    this.#volume.ports.cache.release(slot);
    return inode;
  }

  /** Whether there is nothing but `.` and `..`: 1, 0 or an errno. */
  *isEmpty(wait: Wait, directory: Inode): Operation {
    const status = yield* this.#index(wait, directory);
    if (isErrno(status)) return status;
    for (const name of directory.names?.places.keys() ?? []) {
      if (name !== '.' && name !== '..') return 0;
    }
    return 1;
  }

  #typeByte(mode: number): number {
    if (!this.#volume.geometry.hasFileTypes) return 0;
    return MODE_OF_ENTRY.indexOf(mode & 0o170000);
  }

  /**
   * Puts a name in: OK, EEXIST, ENOSPC. In a change; the caller has said that the directory changes and
   * stores it.
   */
  *add(wait: Wait, directory: Inode, name: string, inode: number, mode: number): Operation {
    const status = yield* this.#index(wait, directory);
    if (isErrno(status)) return status;
    const names = directory.names as NameIndex;
    if (names.places.has(name)) return EEXIST;
    directory.flags &= ~FLAG_INDEXED;
    const need = entryBytes(name.length);
    let index = names.blockWithRoom(need);
    if (index < 0) {
      index = directory.size / this.#blockBytes;
      const grown = yield* this.#grow(wait, directory, names, index);
      if (isErrno(grown)) return grown;
    }
    const slot = yield* this.#block(wait, directory, index, true);
    if (isErrno(slot)) return slot;
    const at = this.#insert(this.#volume.view(slot), name, inode, this.#typeByte(mode));
    assert(at >= 0, 'ext2: a block has less room than its index says');
    names.places.set(name, index * this.#blockBytes + at);
    this.#changes.onUndo(() => names.places.delete(name));
    this.#updateRoom(names, index, this.#volume.view(slot));
    return OK;
  }

  /** One more block, a single empty record. */
  *#grow(wait: Wait, directory: Inode, names: NameIndex, index: number): Operation {
    // A pointer block may keep what a failed growth left; the map knows of no block there.
    const got = yield* this.#map.allocate(wait, directory, index, 1);
    if (isErrno(got)) return got;
    const block = directory.mapped.get(index);
    const slot = yield* this.#changes.fresh(wait, block);
    if (isErrno(slot)) return slot;
    put16(this.#volume.view(slot), 4, this.#blockBytes);
    directory.size += this.#blockBytes;
    names.room.push(this.#blockBytes);
    this.#changes.onUndo(() => names.room.pop());
    return OK;
  }

  /** Puts a record into the first piece that is large enough: its place, or -1. */
  #insert(view: Uint8Array, name: string, inode: number, type: number): number {
    const need = entryBytes(name.length);
    for (let at = 0; at < view.length; ) {
      const length = entryLength(view, at);
      if (entrySlack(view, at) >= need) {
        if (entryInode(view, at) === 0) {
          putEntry(view, at, inode, length, name, type);
          return at;
        }
        const used = entryBytes(entryNameLength(view, at));
        put16(view, at + 4, used);
        putEntry(view, at + used, inode, length - used, name, type);
        return at + used;
      }
      at += length;
    }
    return -1;
  }

  #updateRoom(names: NameIndex, index: number, view: Uint8Array): void {
    let room = 0;
    for (let at = 0; at < view.length; at += entryLength(view, at)) {
      room = Math.max(room, entrySlack(view, at));
    }
    const before = names.room[index];
    names.setRoom(index, room);
    this.#changes.onUndo(() => names.setRoom(index, before));
  }

  /** Takes a name out: OK or ENOENT. In a change, as {@link Directories.add}. */
  *remove(wait: Wait, directory: Inode, name: string): Operation {
    const status = yield* this.#index(wait, directory);
    if (isErrno(status)) return status;
    const names = directory.names as NameIndex;
    const place = names.places.get(name);
    if (place === undefined) return ENOENT;
    const index = Math.floor(place / this.#blockBytes);
    const slot = yield* this.#block(wait, directory, index, true);
    if (isErrno(slot)) return slot;
    const view = this.#volume.view(slot);
    const target = place % this.#blockBytes;
    let before = -1;
    for (let at = 0; at < target; at += entryLength(view, at)) before = at;
    put32(view, target, 0);
    if (before >= 0) put16(view, before + 4, entryLength(view, before) + entryLength(view, target));
    names.places.delete(name);
    this.#changes.onUndo(() => names.places.set(name, place));
    this.#updateRoom(names, index, view);
    return OK;
  }

  /** Lets a name that is there mean another inode. In a change. */
  *redirect(wait: Wait, directory: Inode, name: string, inode: number, mode: number): Operation {
    const status = yield* this.#index(wait, directory);
    if (isErrno(status)) return status;
    const place = directory.names?.places.get(name);
    if (place === undefined) {
      return this.#volume.corrupt(`directory ${directory.number}: it has no entry '${name}'`);
    }
    const index = Math.floor(place / this.#blockBytes);
    const slot = yield* this.#block(wait, directory, index, true);
    if (isErrno(slot)) return slot;
    const view = this.#volume.view(slot);
    put32(view, place % this.#blockBytes, inode);
    view[(place % this.#blockBytes) + 7] = this.#typeByte(mode);
    return OK;
  }

  /** Gives a new directory its first block, with `.` and `..`. In a change. */
  *start(wait: Wait, directory: Inode, parent: number): Operation {
    const got = yield* this.#map.allocate(wait, directory, 0, 1);
    if (isErrno(got)) return got;
    const slot = yield* this.#changes.fresh(wait, directory.blocks[0]);
    if (isErrno(slot)) return slot;
    const type = this.#typeByte(directory.mode);
    const view = this.#volume.view(slot);
    putEntry(view, 0, directory.number, 12, '.', type);
    putEntry(view, 12, parent, this.#blockBytes - 12, '..', type);
    directory.size = this.#blockBytes;
    return OK;
  }

  /** OK, or EMLINK when a directory may not have one more below it. */
  mayHaveChild(directory: Inode): number {
    return directory.links >= LINK_MAX ? EMLINK : OK;
  }

  /** The entry at or behind byte `cookie`: as `FileSystem.readDirectory`. */
  *read(wait: Wait, directory: Inode, cookie: number, into: DirectoryEntry): Operation {
    const { cache } = this.#volume.ports;
    for (let from = cookie; from < directory.size; ) {
      const index = Math.floor(from / this.#blockBytes);
      const slot = yield* this.#block(wait, directory, index, false);
      if (isErrno(slot)) return slot;
      const next = this.#readBlock(directory, index, from, this.#volume.view(slot), into);
      cache.release(slot);
      if (next !== 0) return next;
      from = (index + 1) * this.#blockBytes;
    }
    return 0;
  }

  /** Byte behind the first entry of a block at or behind `from`; 0 when there is none; or an errno. */
  #readBlock(
    directory: Inode,
    index: number,
    from: number,
    view: Uint8Array,
    into: DirectoryEntry,
  ): number {
    const { inodeCount, hasFileTypes } = this.#volume.geometry;
    // Records before the cookie may have been merged since: only a walk from the start finds borders.
    for (let at = 0; at < view.length; at += entryLength(view, at)) {
      const problem = entryProblem(view, at, inodeCount);
      if (problem !== null) return this.#bad(directory, index, at, problem);
      if (index * this.#blockBytes + at < from || entryInode(view, at) === 0) continue;
      into.name = getName(view, at + ENTRY_HEAD, entryNameLength(view, at));
      into.inode = entryInode(view, at);
      into.type = hasFileTypes ? (MODE_OF_ENTRY[entryType(view, at)] ?? 0) : 0;
      return index * this.#blockBytes + at + entryLength(view, at);
    }
    return 0;
  }
}
