/** What changes names: each operation is one change, from the look at the directory to the last link count. */
import {
  EEXIST,
  EINVAL,
  EISDIR,
  EMLINK,
  ENAMETOOLONG,
  ENOENT,
  ENOTDIR,
  ENOTEMPTY,
  EPERM,
  isErrno,
  OK,
} from '@hotpath/hw-x86';
import type { Operation, Wait } from '../vfs/file-system.js';
import type { BlockMap } from './block-map.js';
import { getName, putName } from './bytes.js';
import type { Changes } from './changes.js';
import type { Directories } from './directories.js';
import { encodeDevice, type Inode } from './inode.js';
import type { InodeLife } from './inode-life.js';
import type { InodeTable } from './inode-table.js';
import {
  entryTypeOf,
  FAST_SYMLINK_BYTES,
  LINK_MAX,
  NAME_MAX,
  TYPE_DIRECTORY,
  TYPE_MASK,
  TYPE_REGULAR,
  TYPE_SYMLINK,
} from './layout.js';
import type { Orphans } from './orphans.js';
import type { Volume } from './volume.js';

/** What names work on. */
export interface NamesParts {
  readonly volume: Volume;
  readonly changes: Changes;
  readonly table: InodeTable;
  readonly map: BlockMap;
  readonly directories: Directories;
  readonly life: InodeLife;
  readonly orphans: Orphans;
}

function checkName(name: string): number {
  if (name.length > NAME_MAX) return ENAMETOOLONG;
  if (name.length === 0 || name.includes('/') || name.includes('\0')) return EINVAL;
  return name === '.' || name === '..' ? EEXIST : OK;
}

/** Operations on the names of one volume. */
export class Names {
  readonly #parts: NamesParts;

  constructor(parts: NamesParts) {
    this.#parts = parts;
  }

  /** Brings in a directory: OK and `table.loaded`, ENOTDIR, or ENOENT for one that was removed. */
  *#directory(wait: Wait, number: number): Operation {
    const { table } = this.#parts;
    const status = yield* table.load(wait, number);
    if (isErrno(status)) return status;
    if (!table.loaded.isDirectory) return ENOTDIR;
    return table.loaded.links === 0 ? ENOENT : OK;
  }

  /** Inode of a name, or an errno. */
  *lookup(wait: Wait, directory: number, name: string): Operation {
    if (name.length > NAME_MAX) return ENAMETOOLONG;
    const status = yield* this.#directory(wait, directory);
    if (isErrno(status)) return status;
    return yield* this.#parts.directories.find(wait, this.#parts.table.loaded, name);
  }

  /** Runs a change of one directory with a name that is fit for it. */
  *#inDirectory(
    wait: Wait,
    number: number,
    name: string,
    body: (directory: Inode) => Operation,
  ): Operation {
    const named = checkName(name);
    if (isErrno(named)) return named;
    const status = yield* this.#directory(wait, number);
    if (isErrno(status)) return status;
    const directory = this.#parts.table.loaded;
    return yield* this.#parts.changes.run(wait, () => {
      this.#parts.table.change(directory);
      return body(directory);
    });
  }

  *#touch(wait: Wait, directory: Inode, now: number): Operation {
    directory.modified = now;
    directory.changed = now;
    return yield* this.#parts.table.store(wait, directory);
  }

  /** A new inode with a name, of which `fill` makes what it is to be; its number. */
  *#make(
    wait: Wait,
    number: number,
    name: string,
    mode: number,
    now: number,
    fill: (inode: Inode, directory: Inode) => Operation,
  ): Operation {
    const { directories, life, table } = this.#parts;
    const self = this;
    return yield* this.#inDirectory(wait, number, name, function* (directory) {
      const found = yield* directories.find(wait, directory, name);
      if (found !== ENOENT) return isErrno(found) ? found : EEXIST;
      const made = yield* life.make(wait, directory, mode, now);
      if (isErrno(made)) return made;
      const inode = table.loaded;
      const filled = yield* fill(inode, directory);
      if (isErrno(filled)) return filled;
      const added = yield* directories.add(wait, directory, name, inode.number, mode);
      if (isErrno(added)) return added;
      const stored = yield* table.store(wait, inode);
      if (isErrno(stored)) return stored;
      const touched = yield* self.#touch(wait, directory, now);
      return isErrno(touched) ? touched : inode.number;
    });
  }

  /** As `FileSystem.create`. */
  *create(
    wait: Wait,
    directory: number,
    name: string,
    mode: number,
    device: number,
    now: number,
  ): Operation {
    const full = (mode & TYPE_MASK) === 0 ? mode | TYPE_REGULAR : mode;
    const type = full & TYPE_MASK;
    if (entryTypeOf(full) === 0 || type === TYPE_DIRECTORY || type === TYPE_SYMLINK) return EINVAL;
    // biome-ignore lint/correctness/useYield: an operation that need not wait
    return yield* this.#make(wait, directory, name, full, now, function* (inode) {
      if (inode.isDevice) encodeDevice(inode.blocks, device);
      return OK;
    });
  }

  /** As `FileSystem.mkdir`. */
  *mkdir(wait: Wait, directory: number, name: string, mode: number, now: number): Operation {
    const { directories } = this.#parts;
    const full = (mode & ~TYPE_MASK) | TYPE_DIRECTORY;
    return yield* this.#make(wait, directory, name, full, now, function* (inode, parent) {
      const allowed = directories.mayHaveChild(parent);
      if (isErrno(allowed)) return allowed;
      const started = yield* directories.start(wait, inode, parent.number);
      if (isErrno(started)) return started;
      inode.links = 2;
      parent.links += 1;
      return OK;
    });
  }

  /** As `FileSystem.symlink`. */
  *symlink(wait: Wait, directory: number, name: string, target: string, now: number): Operation {
    const { map, volume, changes } = this.#parts;
    if (target.length === 0 || target.includes('\0')) return ENOENT;
    if (target.length >= volume.geometry.blockBytes) return ENAMETOOLONG;
    const mode = TYPE_SYMLINK | 0o777;
    return yield* this.#make(wait, directory, name, mode, now, function* (inode) {
      inode.size = target.length;
      if (target.length < FAST_SYMLINK_BYTES) {
        putName(pointerBytes(inode), 0, target);
        return OK;
      }
      const got = yield* map.allocate(wait, inode, 0, 1);
      if (isErrno(got)) return got;
      const slot = yield* changes.fresh(wait, inode.blocks[0]);
      if (!isErrno(slot)) putName(volume.view(slot), 0, target);
      return isErrno(slot) ? slot : OK;
    });
  }

  /** As `FileSystem.readlink`. */
  *readlink(wait: Wait, number: number, into: { name: string }): Operation {
    const { table, volume, life, map } = this.#parts;
    const status = yield* table.load(wait, number);
    if (isErrno(status)) return status;
    const inode = table.loaded;
    if (inode.type !== TYPE_SYMLINK) return EINVAL;
    const fast = life.isFastSymlink(inode);
    const most = fast ? FAST_SYMLINK_BYTES : volume.geometry.blockBytes;
    if (inode.size === 0 || inode.size >= most) {
      return volume.corrupt(`inode ${number}: its target has ${inode.size} bytes`);
    }
    if (fast) {
      into.name = getName(pointerBytes(inode), 0, inode.size);
      return OK;
    }
    const block = yield* map.lookup(wait, inode, 0);
    if (isErrno(block)) return block;
    if (block === 0) return volume.corrupt(`inode ${number}: its target has no block`);
    const slot = yield* volume.get(wait, block);
    if (isErrno(slot)) return slot;
    into.name = getName(volume.view(slot), 0, inode.size);
    volume.ports.cache.release(slot);
    return OK;
  }

  /** As `FileSystem.link`. */
  *link(wait: Wait, number: number, directory: number, name: string, now: number): Operation {
    const { table, directories } = this.#parts;
    const status = yield* table.load(wait, number);
    if (isErrno(status)) return status;
    const inode = table.loaded;
    if (inode.isDirectory) return EPERM;
    if (inode.links === 0) return ENOENT;
    if (inode.links >= LINK_MAX) return EMLINK;
    const self = this;
    return yield* this.#inDirectory(wait, directory, name, function* (parent) {
      table.change(inode);
      const added = yield* directories.add(wait, parent, name, number, inode.mode);
      if (isErrno(added)) return added;
      inode.links += 1;
      inode.changed = now;
      const stored = yield* table.store(wait, inode);
      return isErrno(stored) ? stored : yield* self.#touch(wait, parent, now);
    });
  }

  /** As `FileSystem.unlink`. What nobody holds and nothing names is removed at once. */
  *unlink(wait: Wait, directory: number, name: string, now: number): Operation {
    let gone: Inode | null = null;
    const { table, directories } = this.#parts;
    const self = this;
    const status = yield* this.#inDirectory(wait, directory, name, function* (parent) {
      const found = yield* directories.find(wait, parent, name);
      if (isErrno(found)) return found;
      const loaded = yield* table.load(wait, found);
      if (isErrno(loaded)) return loaded;
      const inode = table.loaded;
      if (inode.isDirectory) return EISDIR;
      const removed = yield* directories.remove(wait, parent, name);
      if (isErrno(removed)) return removed;
      gone = inode;
      const dropped = yield* self.#dropLink(wait, inode, 1, now);
      return isErrno(dropped) ? dropped : yield* self.#touch(wait, parent, now);
    });
    return isErrno(status) ? status : yield* this.#endUnheld(wait, gone);
  }

  /** `count` links less; without any it is an orphan. */
  *#dropLink(wait: Wait, inode: Inode, count: number, now: number): Operation {
    const { table, orphans, volume } = this.#parts;
    table.change(inode);
    if (inode.links < count)
      return volume.corrupt(`inode ${inode.number}: it has ${inode.links} links`);
    inode.links -= count;
    inode.changed = now;
    if (inode.links === 0) {
      const added = yield* orphans.add(wait, inode);
      if (isErrno(added)) return added;
    }
    return yield* table.store(wait, inode);
  }

  /** The name is gone whatever becomes of the inode: what fails here the next mount finishes. */
  *#endUnheld(wait: Wait, inode: Inode | null): Operation {
    if (inode !== null && inode.links === 0 && !inode.held)
      yield* this.#parts.life.end(wait, inode);
    return OK;
  }

  /** As `FileSystem.rmdir`. */
  *rmdir(wait: Wait, directory: number, name: string, now: number): Operation {
    let gone: Inode | null = null;
    const { table, directories } = this.#parts;
    const self = this;
    const status = yield* this.#inDirectory(wait, directory, name, function* (parent) {
      const found = yield* directories.find(wait, parent, name);
      if (isErrno(found)) return found;
      const loaded = yield* table.load(wait, found);
      if (isErrno(loaded)) return loaded;
      const inode = table.loaded;
      if (!inode.isDirectory) return ENOTDIR;
      const removable = yield* self.#checkRemovable(wait, inode);
      if (isErrno(removable)) return removable;
      const removed = yield* directories.remove(wait, parent, name);
      if (isErrno(removed)) return removed;
      gone = inode;
      parent.links = Math.max(1, parent.links - 1);
      const dropped = yield* self.#dropLink(wait, inode, inode.links, now);
      return isErrno(dropped) ? dropped : yield* self.#touch(wait, parent, now);
    });
    return isErrno(status) ? status : yield* this.#endUnheld(wait, gone);
  }

  *#checkRemovable(wait: Wait, inode: Inode): Operation {
    const empty = yield* this.#parts.directories.isEmpty(wait, inode);
    if (isErrno(empty)) return empty;
    return empty === 1 ? OK : ENOTEMPTY;
  }

  /** As `FileSystem.rename`. Two names of one file: nothing happens, as POSIX wants it. */
  *rename(
    wait: Wait,
    from: number,
    fromName: string,
    to: number,
    toName: string,
    now: number,
  ): Operation {
    const { table } = this.#parts;
    const named = checkName(toName);
    if (isErrno(named)) return named;
    const loaded = yield* this.#directory(wait, to);
    if (isErrno(loaded)) return loaded;
    const target = table.loaded;
    let gone: Inode | null = null;
    const status = yield* this.#inDirectory(wait, from, fromName, (source) => {
      table.change(target);
      return this.#move(wait, source, fromName, target, toName, now, (replaced) => {
        gone = replaced;
      });
    });
    return isErrno(status) ? status : yield* this.#endUnheld(wait, gone);
  }

  *#move(
    wait: Wait,
    source: Inode,
    fromName: string,
    target: Inode,
    toName: string,
    now: number,
    tell: (replaced: Inode) => void,
  ): Operation {
    const { table, directories } = this.#parts;
    const found = yield* directories.find(wait, source, fromName);
    if (isErrno(found)) return found;
    const loaded = yield* table.load(wait, found);
    if (isErrno(loaded)) return loaded;
    const inode = table.loaded;
    const existing = yield* directories.find(wait, target, toName);
    if (isErrno(existing) && existing !== ENOENT) return existing;
    if (existing === inode.number) return OK;
    table.change(inode);
    if (existing !== ENOENT) {
      const replaced = yield* this.#replace(wait, inode, target, toName, existing, now, tell);
      if (isErrno(replaced)) return replaced;
    } else {
      if (inode.isDirectory && source !== target) {
        const allowed = directories.mayHaveChild(target);
        if (isErrno(allowed)) return allowed;
      }
      const added = yield* directories.add(wait, target, toName, inode.number, inode.mode);
      if (isErrno(added)) return added;
    }
    const removed = yield* directories.remove(wait, source, fromName);
    if (isErrno(removed)) return removed;
    if (inode.isDirectory) {
      // The replaced directory's link to the target was taken back where it was dropped.
      source.links = Math.max(1, source.links - 1);
      target.links += 1;
      if (source !== target) {
        const parent = yield* directories.redirect(wait, inode, '..', target.number, target.mode);
        if (isErrno(parent)) return parent;
      }
    }
    inode.changed = now;
    const stored = yield* table.store(wait, inode);
    if (isErrno(stored)) return stored;
    const touched = yield* this.#touch(wait, source, now);
    if (isErrno(touched) || source === target) return touched;
    return yield* this.#touch(wait, target, now);
  }

  /** Lets the name of another inode mean this one. */
  *#replace(
    wait: Wait,
    inode: Inode,
    target: Inode,
    name: string,
    existing: number,
    now: number,
    tell: (replaced: Inode) => void,
  ): Operation {
    const { table, directories } = this.#parts;
    const loaded = yield* table.load(wait, existing);
    if (isErrno(loaded)) return loaded;
    const old = table.loaded;
    if (old.isDirectory !== inode.isDirectory) return old.isDirectory ? EISDIR : ENOTDIR;
    if (old.isDirectory) {
      const removable = yield* this.#checkRemovable(wait, old);
      if (isErrno(removable)) return removable;
      target.links = Math.max(1, target.links - 1);
    }
    const redirected = yield* directories.redirect(wait, target, name, inode.number, inode.mode);
    if (isErrno(redirected)) return redirected;
    tell(old);
    return yield* this.#dropLink(wait, old, old.isDirectory ? old.links : 1, now);
  }
}

/** The 60 bytes of an inode's pointers as they lie on the disk: little-endian, as typed arrays are. */
function pointerBytes(inode: Inode): Uint8Array {
  return new Uint8Array(inode.blocks.buffer, inode.blocks.byteOffset, inode.blocks.byteLength);
}
