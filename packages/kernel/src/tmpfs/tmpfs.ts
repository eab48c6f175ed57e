/**
 * A file system without a disk: names and attributes here, pages nowhere but in the page cache, which
 * keeps them until they are truncated away. Also the tree of device files (devtmpfs).
 *
 *   usedPages = sum over all files of the pages that were reserved
 */
import {
  assert,
  EEXIST,
  EINVAL,
  ENOENT,
  ENOSPC,
  ENOTEMPTY,
  EPERM,
  isErrno,
  OK,
  PAGE_BYTES,
  type PhysicalMemory,
} from '@hotpath/hw-x86';
import { NAME_BYTES_MAX } from '../params.js';
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
import { isDirectory, isSymbolicLink, S_IFDIR, S_IFLNK, S_IFMT } from '../vfs/modes.js';
import { NodeTable } from './node-table.js';

/** What a tmpfs is made with. */
export interface TmpfsOptions {
  readonly typeName: string;
  readonly memory: PhysicalMemory;
  /** Most pages of all files together. */
  readonly pageLimit: number;
  /** Most inodes. */
  readonly inodeLimit: number;
  /** Permission bits of the root. */
  readonly rootMode: number;
  readonly now: number;
}

/** One tmpfs. */
export class Tmpfs implements FileSystem {
  readonly typeName: string;
  readonly root: InodeNumber;
  readonly readOnly = false;
  readonly nameBytesMax = NAME_BYTES_MAX;
  readonly canPunch = true;
  readonly keepsPages = true;
  readonly volatileNames = false;
  readonly #options: TmpfsOptions;
  readonly #nodes = new NodeTable();

  constructor(options: TmpfsOptions) {
    this.typeName = options.typeName;
    this.#options = options;
    const root = this.#nodes.create(S_IFDIR | options.rootMode, 0, '', options.now);
    root.attributes.links = 2;
    this.#nodes.directoryOf(root).add('.', root.number);
    this.#nodes.directoryOf(root).add('..', root.number);
    this.root = root.number;
  }

  /** Pages in use. */
  get usedPages(): number {
    return this.#nodes.usedPages;
  }

  // biome-ignore lint/correctness/useYield: it never has to wait
  *load(_wait: Wait, inode: InodeNumber): Operation {
    return this.#nodes.has(inode) ? OK : ENOENT;
  }

  attributes(inode: InodeNumber, into: Attributes): void {
    Object.assign(into, this.#nodes.at(inode).attributes);
    into.blocks = this.#nodes.at(inode).reserved.size * (PAGE_BYTES / 512);
  }

  // biome-ignore lint/correctness/useYield: it never has to wait
  *forget(_wait: Wait, inode: InodeNumber): Operation {
    const node = this.#nodes.at(inode);
    if (node.attributes.links > 0) return OK;
    this.#nodes.cut(node, 0);
    this.#nodes.delete(inode);
    return OK;
  }

  // biome-ignore lint/correctness/useYield: it never has to wait
  *lookup(_wait: Wait, directory: InodeNumber, name: string): Operation {
    return this.#nodes.directoryOf(this.#nodes.at(directory)).get(name) ?? ENOENT;
  }

  // biome-ignore lint/correctness/useYield: it never has to wait
  *create(
    _wait: Wait,
    directory: InodeNumber,
    name: string,
    mode: number,
    device: number,
    now: number,
  ): Operation {
    return this.#make(directory, name, mode, device, '', now);
  }

  // biome-ignore lint/correctness/useYield: it never has to wait
  *mkdir(_wait: Wait, directory: InodeNumber, name: string, mode: number, now: number): Operation {
    const made = this.#make(directory, name, (mode & ~S_IFMT) | S_IFDIR, 0, '', now);
    if (isErrno(made)) return made;
    const node = this.#nodes.at(made);
    node.attributes.links = 2;
    this.#nodes.directoryOf(node).add('.', made);
    this.#nodes.directoryOf(node).add('..', directory);
    this.#nodes.at(directory).attributes.links += 1;
    return made;
  }

  // biome-ignore lint/correctness/useYield: it never has to wait
  *symlink(
    _wait: Wait,
    directory: InodeNumber,
    name: string,
    target: string,
    now: number,
  ): Operation {
    return this.#make(directory, name, S_IFLNK | 0o777, 0, target, now);
  }

  // biome-ignore lint/correctness/useYield: it never has to wait
  *readlink(_wait: Wait, inode: InodeNumber, into: { name: string }): Operation {
    const node = this.#nodes.at(inode);
    if (!isSymbolicLink(node.attributes.mode)) return EINVAL;
    into.name = node.target;
    return OK;
  }

  // biome-ignore lint/correctness/useYield: it never has to wait
  *link(
    _wait: Wait,
    inode: InodeNumber,
    directory: InodeNumber,
    name: string,
    now: number,
  ): Operation {
    const node = this.#nodes.at(inode);
    if (isDirectory(node.attributes.mode)) return EPERM;
    if (this.#nodes.directoryOf(this.#nodes.at(directory)).get(name) !== undefined) return EEXIST;
    this.#nodes.enter(directory, name, inode, now);
    node.attributes.links += 1;
    node.attributes.changed = now;
    return OK;
  }

  // biome-ignore lint/correctness/useYield: it never has to wait
  *unlink(_wait: Wait, directory: InodeNumber, name: string, now: number): Operation {
    const inode = this.#nodes.leave(directory, name, now);
    if (isErrno(inode)) return inode;
    const { attributes } = this.#nodes.at(inode);
    attributes.links -= 1;
    attributes.changed = now;
    return OK;
  }

  // biome-ignore lint/correctness/useYield: it never has to wait
  *rmdir(_wait: Wait, directory: InodeNumber, name: string, now: number): Operation {
    const inode = this.#nodes.directoryOf(this.#nodes.at(directory)).get(name);
    if (inode === undefined) return ENOENT;
    if (this.#nodes.directoryOf(this.#nodes.at(inode)).count > 2) return ENOTEMPTY;
    this.#nodes.leave(directory, name, now);
    this.#nodes.dropDirectory(inode, now);
    this.#nodes.at(directory).attributes.links -= 1;
    return OK;
  }

  // biome-ignore lint/correctness/useYield: it never has to wait
  *rename(
    _wait: Wait,
    from: InodeNumber,
    fromName: string,
    to: InodeNumber,
    toName: string,
    now: number,
  ): Operation {
    const moved = this.#nodes.directoryOf(this.#nodes.at(from)).get(fromName);
    if (moved === undefined) return ENOENT;
    const movesDirectory = isDirectory(this.#nodes.at(moved).attributes.mode);
    const replaced = this.#nodes.directoryOf(this.#nodes.at(to)).get(toName);
    if (replaced !== undefined) {
      if (movesDirectory && this.#nodes.directoryOf(this.#nodes.at(replaced)).count > 2)
        return ENOTEMPTY;
      this.#nodes.leave(to, toName, now);
      const { attributes } = this.#nodes.at(replaced);
      attributes.changed = now;
      if (movesDirectory) {
        this.#nodes.dropDirectory(replaced, now);
        this.#nodes.at(to).attributes.links -= 1;
      } else {
        attributes.links -= 1;
      }
    }
    this.#nodes.leave(from, fromName, now);
    this.#nodes.enter(to, toName, moved, now);
    this.#nodes.at(moved).attributes.changed = now;
    if (movesDirectory && from !== to) {
      this.#nodes.directoryOf(this.#nodes.at(moved)).replace('..', to);
      this.#nodes.at(from).attributes.links -= 1;
      this.#nodes.at(to).attributes.links += 1;
    }
    return OK;
  }

  // biome-ignore lint/correctness/useYield: it never has to wait
  *readDirectory(
    _wait: Wait,
    directory: InodeNumber,
    cookie: number,
    into: DirectoryEntry,
  ): Operation {
    const next = this.#nodes.directoryOf(this.#nodes.at(directory)).read(cookie, into);
    if (next > 0) into.type = this.#nodes.at(into.inode).attributes.mode & S_IFMT;
    return next;
  }

  // biome-ignore lint/correctness/useYield: it never has to wait
  *setAttributes(_wait: Wait, inode: InodeNumber, from: Attributes, fields: number): Operation {
    const { attributes } = this.#nodes.at(inode);
    if ((fields & SET_MODE) !== 0) attributes.mode = from.mode;
    if ((fields & SET_OWNER) !== 0) {
      attributes.owner = from.owner;
      attributes.group = from.group;
    }
    if ((fields & SET_TIMES) !== 0) {
      attributes.accessed = from.accessed;
      attributes.modified = from.modified;
    }
    attributes.changed = from.changed;
    return OK;
  }

  /** Only pages that were never written are asked for: the others do not leave the cache. */
  // biome-ignore lint/correctness/useYield: it never has to wait
  *readPages(
    _wait: Wait,
    _inode: InodeNumber,
    _page: number,
    frames: Float64Array,
    count: number,
  ): Operation {
    for (let i = 0; i < count; i++) this.#options.memory.fill(frames[i], PAGE_BYTES, 0);
    return OK;
  }

  // biome-ignore lint/correctness/useYield: it never has to wait
  *writePages(): Operation {
    assert(false, 'the pages of a tmpfs are written nowhere');
    return OK;
  }

  // biome-ignore lint/correctness/useYield: it never has to wait
  *reserve(_wait: Wait, inode: InodeNumber, page: number, count: number): Operation {
    const { reserved } = this.#nodes.at(inode);
    let wanted = 0;
    for (let i = 0; i < count; i++) if (!reserved.has(page + i)) wanted += 1;
    if (this.#nodes.usedPages + wanted > this.#options.pageLimit) return ENOSPC;
    for (let i = 0; i < count; i++) reserved.add(page + i);
    this.#nodes.usedPages += wanted;
    return OK;
  }

  isReserved(inode: InodeNumber, page: number): boolean {
    return this.#nodes.at(inode).reserved.has(page);
  }

  // biome-ignore lint/correctness/useYield: it never has to wait
  *truncate(_wait: Wait, inode: InodeNumber, size: number, now: number): Operation {
    const node = this.#nodes.at(inode);
    this.#nodes.cut(node, Math.ceil(size / PAGE_BYTES));
    node.attributes.size = size;
    node.attributes.modified = now;
    node.attributes.changed = now;
    return OK;
  }

  // biome-ignore lint/correctness/useYield: it never has to wait
  *punch(_wait: Wait, inode: InodeNumber, page: number, count: number): Operation {
    const { reserved } = this.#nodes.at(inode);
    for (const each of reserved) {
      if (each < page || each >= page + count) continue;
      reserved.delete(each);
      this.#nodes.usedPages -= 1;
    }
    return OK;
  }

  forgetFrame(): void {}

  // biome-ignore lint/correctness/useYield: it never has to wait
  *syncInode(): Operation {
    return OK;
  }

  // biome-ignore lint/correctness/useYield: it never has to wait
  *sync(): Operation {
    return OK;
  }

  status(into: VolumeStatus): void {
    const { inodeLimit, pageLimit } = this.#options;
    into.blockBytes = PAGE_BYTES;
    into.blocks = pageLimit;
    into.freeBlocks = pageLimit - this.#nodes.usedPages;
    into.inodes = inodeLimit;
    into.freeInodes = inodeLimit - this.#nodes.size;
  }

  // biome-ignore lint/correctness/useYield: it never has to wait
  *unmount(): Operation {
    return OK;
  }

  /** Asserts that pages, names and links add up. */
  checkInvariants(): void {
    this.#nodes.checkInvariants();
  }

  #make(
    directory: InodeNumber,
    name: string,
    mode: number,
    device: number,
    target: string,
    now: number,
  ): number {
    if (this.#nodes.directoryOf(this.#nodes.at(directory)).get(name) !== undefined) return EEXIST;
    if (this.#nodes.size >= this.#options.inodeLimit) return ENOSPC;
    const node = this.#nodes.create(mode, device, target, now);
    this.#nodes.enter(directory, name, node.number, now);
    return node.number;
  }
}
