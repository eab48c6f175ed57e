/**
 * The extent file layer as a file system: one flat directory, without links and permissions. The
 * small default until ext2 is asked for. Times are kept while it is mounted.
 */
import { assert, EEXIST, ENOENT, ENOSPC, ENOSYS, EPERM, isErrno, NIL, OK } from '@hotpath/hw-x86';
import { FS_BLOCK_BYTES } from '../params.js';
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
import { isRegular, S_IFDIR, S_IFREG } from '../vfs/modes.js';
import { INODE_COUNT, NAME_BYTES } from './extent-layout.js';
import type { ExtentMap } from './extent-map.js';
import type { ExtentStore, InodeWrite } from './extent-store.js';

const ROOT = INODE_COUNT;
const FILE_MODE = S_IFREG | 0o644;
const ROOT_MODE = S_IFDIR | 0o755;
/** `.` and `..` come before the files. */
const DOTS = 2;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The extent layer behind the port. */
export class ExtentFileSystem implements FileSystem {
  readonly typeName = 'extents';
  readonly root: InodeNumber = ROOT;
  readonly readOnly = false;
  readonly nameBytesMax = NAME_BYTES;
  readonly canPunch = false;
  readonly keepsPages = false;
  readonly volatileNames = false;
  readonly #map: ExtentMap;
  readonly #store: ExtentStore;
  readonly #blocks: number;
  readonly #accessed = new Float64Array(INODE_COUNT + 1);
  readonly #modified = new Float64Array(INODE_COUNT + 1);
  readonly #changed = new Float64Array(INODE_COUNT + 1);

  /** @param blocks - blocks of the device */
  constructor(map: ExtentMap, store: ExtentStore, blocks: number) {
    this.#map = map;
    this.#store = store;
    this.#blocks = blocks;
  }

  // biome-ignore lint/correctness/useYield: all inodes are in memory since the mount
  *load(_wait: Wait, inode: InodeNumber): Operation {
    return inode === ROOT || this.#map.isFile(inode) ? OK : ENOENT;
  }

  attributes(inode: InodeNumber, into: Attributes): void {
    const directory = inode === ROOT;
    into.inode = inode;
    into.mode = directory ? ROOT_MODE : FILE_MODE;
    into.links = directory ? 2 : Number(this.#map.isNamed(inode));
    into.owner = 0;
    into.group = 0;
    into.size = directory ? 0 : this.#map.size[inode];
    into.blocks = directory ? 0 : (this.#map.blockCount(inode) * FS_BLOCK_BYTES) / 512;
    into.accessed = this.#accessed[inode];
    into.modified = this.#modified[inode];
    into.changed = this.#changed[inode];
    into.device = 0;
  }

  // biome-ignore lint/correctness/useYield: only memory changes; the next sync tells the disk
  *forget(_wait: Wait, inode: InodeNumber): Operation {
    if (inode === ROOT || this.#map.isNamed(inode)) return OK;
    this.#map.leave(inode);
    this.#store.inodeChanged(inode);
    return OK;
  }

  // biome-ignore lint/correctness/useYield: all names are in memory since the mount
  *lookup(_wait: Wait, _directory: InodeNumber, name: string): Operation {
    const inode = this.#map.lookup(textOf(name));
    return inode === NIL ? ENOENT : inode;
  }

  *create(
    wait: Wait,
    _directory: InodeNumber,
    name: string,
    mode: number,
    _device: number,
    now: number,
  ): Operation {
    if (!isRegular(mode)) return EPERM;
    const text = textOf(name);
    if (this.#map.lookup(text) !== NIL) return EEXIST;
    let inode = this.#map.create(text);
    if (inode === ENOSPC && this.#map.leftInodes().length > 0) {
      const status = yield* this.sync(wait);
      if (isErrno(status)) return status;
      inode = this.#map.create(text);
    }
    if (isErrno(inode)) return inode;
    this.#store.inodeChanged(inode);
    this.#accessed[inode] = now;
    this.#modified[inode] = now;
    this.#changed[inode] = now;
    this.#stampRoot(now);
    return inode;
  }

  // biome-ignore lint/correctness/useYield: refused at once, as other file systems without it do
  *mkdir(): Operation {
    return EPERM;
  }

  // biome-ignore lint/correctness/useYield: refused at once
  *symlink(): Operation {
    return EPERM;
  }

  // biome-ignore lint/correctness/useYield: refused at once
  *readlink(): Operation {
    return EPERM;
  }

  // biome-ignore lint/correctness/useYield: refused at once
  *link(): Operation {
    return EPERM;
  }

  // biome-ignore lint/correctness/useYield: only memory changes; the next sync tells the disk
  *unlink(_wait: Wait, _directory: InodeNumber, name: string, now: number): Operation {
    const inode = this.#map.lookup(textOf(name));
    if (inode === NIL) return ENOENT;
    this.#map.unname(inode);
    this.#store.inodeChanged(inode);
    this.#changed[inode] = now;
    this.#stampRoot(now);
    return OK;
  }

  // biome-ignore lint/correctness/useYield: there is nothing to remove
  *rmdir(): Operation {
    return EPERM;
  }

  // biome-ignore lint/correctness/useYield: only memory changes; the next sync tells the disk
  *rename(
    _wait: Wait,
    _from: InodeNumber,
    fromName: string,
    _to: InodeNumber,
    toName: string,
    now: number,
  ): Operation {
    const inode = this.#map.lookup(textOf(fromName));
    if (inode === NIL) return ENOENT;
    const replaced = this.#map.lookup(textOf(toName));
    if (replaced !== NIL) {
      this.#map.unname(replaced);
      this.#store.inodeChanged(replaced);
      this.#changed[replaced] = now;
    }
    this.#map.rename(inode, textOf(toName));
    this.#store.inodeChanged(inode);
    this.#changed[inode] = now;
    this.#stampRoot(now);
    return OK;
  }

  // biome-ignore lint/correctness/useYield: all names are in memory since the mount
  *readDirectory(
    _wait: Wait,
    _directory: InodeNumber,
    cookie: number,
    into: DirectoryEntry,
  ): Operation {
    if (cookie < DOTS) {
      into.name = cookie === 0 ? '.' : '..';
      into.inode = ROOT;
      into.type = S_IFDIR;
      return cookie + 1;
    }
    for (let inode = cookie - DOTS; inode < INODE_COUNT; inode++) {
      if (!this.#map.isNamed(inode)) continue;
      into.name = bytesOf(this.#map.nameOf(inode));
      into.inode = inode;
      into.type = S_IFREG;
      return inode + DOTS + 1;
    }
    return 0;
  }

  // biome-ignore lint/correctness/useYield: only memory changes
  *setAttributes(_wait: Wait, inode: InodeNumber, from: Attributes, fields: number): Operation {
    if ((fields & (SET_MODE | SET_OWNER)) !== 0) return EPERM;
    if ((fields & SET_TIMES) !== 0) {
      this.#accessed[inode] = from.accessed;
      this.#modified[inode] = from.modified;
      this.#changed[inode] = from.changed;
    }
    return OK;
  }

  *readPages(
    wait: Wait,
    inode: InodeNumber,
    page: number,
    frames: Float64Array,
    count: number,
  ): Operation {
    return yield* wait.settle(this.#store.readPages(inode, page, frames, count, wait, 0));
  }

  *writePages(
    wait: Wait,
    inode: InodeNumber,
    page: number,
    frames: Float64Array,
    count: number,
    byteCount: number,
  ): Operation {
    return yield* wait.settle(
      this.#store.writePages(inode, page, frames, count, byteCount, wait, 0),
    );
  }

  /** Blocks that were given up come back by a sync, when nothing else is left. */
  *reserve(wait: Wait, inode: InodeNumber, page: number, count: number): Operation {
    for (let i = 0; i < count; i++) {
      if (this.isReserved(inode, page + i)) continue;
      let block = this.#map.allocate(inode, page + i);
      if (block === ENOSPC && i === 0 && this.#map.givenUpCount > 0) {
        const status = yield* this.sync(wait);
        if (isErrno(status)) return status;
        block = this.#map.allocate(inode, page);
      }
      if (isErrno(block)) return i === 0 ? block : OK;
      this.#store.inodeChanged(inode);
    }
    return OK;
  }

  isReserved(inode: InodeNumber, page: number): boolean {
    return this.#map.blockOf(inode, page) !== NIL;
  }

  // biome-ignore lint/correctness/useYield: only memory changes; the next sync tells the disk
  *truncate(_wait: Wait, inode: InodeNumber, size: number, now: number): Operation {
    this.#store.truncate(inode, size);
    this.#modified[inode] = now;
    this.#changed[inode] = now;
    return OK;
  }

  // biome-ignore lint/correctness/useYield: refused at once
  *punch(): Operation {
    return ENOSYS;
  }

  forgetFrame(frame: number): void {
    this.#store.forgetFrame(frame);
  }

  *syncInode(wait: Wait, inode: InodeNumber): Operation {
    if (inode === ROOT) return yield* this.sync(wait);
    return yield* wait.settle(this.#store.sync(inode, wait, 0));
  }

  /** Files first, what is gone afterwards: a file that replaced another is never missing. */
  *sync(wait: Wait): Operation {
    let status = yield* wait.settle(this.#store.flush(wait, 0));
    if (!isErrno(status)) status = yield* this.#syncImages(wait, true);
    if (!isErrno(status)) status = yield* this.#syncImages(wait, false);
    return status;
  }

  /** All changed inodes that have a name, or that have none, by one flush. */
  *#syncImages(wait: Wait, named: boolean): Operation {
    const written: InodeWrite[] = [];
    const left: number[] = [];
    for (let inode = 0; inode < INODE_COUNT; inode++) {
      if (this.#map.isNamed(inode) !== named || !this.#store.isChanged(inode)) continue;
      written.push(this.#store.writeImage(inode));
      if (!this.#map.isFile(inode)) left.push(inode);
    }
    if (written.length === 0) return OK;
    const status = yield* wait.settle(this.#store.flushTable(wait, 0));
    if (isErrno(status)) return status;
    for (const each of written) this.#store.settleImage(each);
    // Another sync may have been quicker.
    for (const inode of left) if (this.#map.isLeft(inode)) this.#map.freeInode(inode);
    return OK;
  }

  status(into: VolumeStatus): void {
    into.blockBytes = FS_BLOCK_BYTES;
    into.blocks = this.#blocks;
    into.freeBlocks = this.#map.freeBlocks;
    into.inodes = INODE_COUNT;
    into.freeInodes = this.#map.freeInodes;
  }

  *unmount(wait: Wait): Operation {
    const status = yield* this.sync(wait);
    if (!isErrno(status)) this.#store.releaseTable();
    return status;
  }

  abandon(): void {
    this.#store.releaseTable();
  }

  /** Asserts what the map says of blocks and names. */
  checkInvariants(): void {
    assert(this.#map.freeInodes <= INODE_COUNT, 'there are more free inodes than inodes');
    this.#map.checkInvariants();
  }

  #stampRoot(now: number): void {
    this.#modified[ROOT] = now;
    this.#changed[ROOT] = now;
  }
}

/** A byte string as the text that the layout encodes. */
function textOf(name: string): string {
  return decoder.decode(Uint8Array.from(name, (each) => each.charCodeAt(0)));
}

function bytesOf(text: string): string {
  return String.fromCharCode(...encoder.encode(text));
}
