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
  NIL,
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
import { Directory } from './directory.js';

interface Node {
  readonly number: InodeNumber;
  readonly attributes: Attributes;
  /** Names of a directory. */
  readonly directory: Directory | null;
  /** Target of a symbolic link. */
  readonly target: string;
  /** Pages that a file may have written. */
  readonly reserved: Set<number>;
}

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
  readonly #nodes = new Map<InodeNumber, Node>();
  #nextNumber = 1;
  #usedPages = 0;

  constructor(options: TmpfsOptions) {
    this.typeName = options.typeName;
    this.#options = options;
    const root = this.#newNode(S_IFDIR | options.rootMode, 0, '', options.now);
    root.attributes.links = 2;
    this.#directoryOf(root).add('.', root.number);
    this.#directoryOf(root).add('..', root.number);
    this.root = root.number;
  }

  /** Pages in use. */
  get usedPages(): number {
    return this.#usedPages;
  }

  // biome-ignore lint/correctness/useYield: it never has to wait
  *load(_wait: Wait, inode: InodeNumber): Operation {
    return this.#nodes.has(inode) ? OK : ENOENT;
  }

  attributes(inode: InodeNumber, into: Attributes): void {
    Object.assign(into, this.#node(inode).attributes);
    into.blocks = this.#node(inode).reserved.size * (PAGE_BYTES / 512);
  }

  // biome-ignore lint/correctness/useYield: it never has to wait
  *forget(_wait: Wait, inode: InodeNumber): Operation {
    const node = this.#node(inode);
    if (node.attributes.links > 0) return OK;
    this.#cut(node, 0);
    this.#nodes.delete(inode);
    return OK;
  }

  // biome-ignore lint/correctness/useYield: it never has to wait
  *lookup(_wait: Wait, directory: InodeNumber, name: string): Operation {
    return this.#directoryOf(this.#node(directory)).get(name) ?? ENOENT;
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
    const node = this.#node(made);
    node.attributes.links = 2;
    this.#directoryOf(node).add('.', made);
    this.#directoryOf(node).add('..', directory);
    this.#node(directory).attributes.links += 1;
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
    const node = this.#node(inode);
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
    const node = this.#node(inode);
    if (isDirectory(node.attributes.mode)) return EPERM;
    if (this.#directoryOf(this.#node(directory)).get(name) !== undefined) return EEXIST;
    this.#enter(directory, name, inode, now);
    node.attributes.links += 1;
    node.attributes.changed = now;
    return OK;
  }

  // biome-ignore lint/correctness/useYield: it never has to wait
  *unlink(_wait: Wait, directory: InodeNumber, name: string, now: number): Operation {
    const inode = this.#leave(directory, name, now);
    if (isErrno(inode)) return inode;
    const { attributes } = this.#node(inode);
    attributes.links -= 1;
    attributes.changed = now;
    return OK;
  }

  // biome-ignore lint/correctness/useYield: it never has to wait
  *rmdir(_wait: Wait, directory: InodeNumber, name: string, now: number): Operation {
    const inode = this.#directoryOf(this.#node(directory)).get(name);
    if (inode === undefined) return ENOENT;
    if (this.#directoryOf(this.#node(inode)).count > 2) return ENOTEMPTY;
    this.#leave(directory, name, now);
    this.#dropDirectory(inode, now);
    this.#node(directory).attributes.links -= 1;
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
    const moved = this.#directoryOf(this.#node(from)).get(fromName);
    if (moved === undefined) return ENOENT;
    const movesDirectory = isDirectory(this.#node(moved).attributes.mode);
    const replaced = this.#directoryOf(this.#node(to)).get(toName);
    if (replaced !== undefined) {
      if (movesDirectory && this.#directoryOf(this.#node(replaced)).count > 2) return ENOTEMPTY;
      this.#leave(to, toName, now);
      const { attributes } = this.#node(replaced);
      attributes.changed = now;
      if (movesDirectory) {
        this.#dropDirectory(replaced, now);
        this.#node(to).attributes.links -= 1;
      } else {
        attributes.links -= 1;
      }
    }
    this.#leave(from, fromName, now);
    this.#enter(to, toName, moved, now);
    this.#node(moved).attributes.changed = now;
    if (movesDirectory && from !== to) {
      this.#directoryOf(this.#node(moved)).replace('..', to);
      this.#node(from).attributes.links -= 1;
      this.#node(to).attributes.links += 1;
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
    const next = this.#directoryOf(this.#node(directory)).read(cookie, into);
    if (next > 0) into.type = this.#node(into.inode).attributes.mode & S_IFMT;
    return next;
  }

  // biome-ignore lint/correctness/useYield: it never has to wait
  *setAttributes(_wait: Wait, inode: InodeNumber, from: Attributes, fields: number): Operation {
    const { attributes } = this.#node(inode);
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
    const { reserved } = this.#node(inode);
    let wanted = 0;
    for (let i = 0; i < count; i++) if (!reserved.has(page + i)) wanted += 1;
    if (this.#usedPages + wanted > this.#options.pageLimit) return ENOSPC;
    for (let i = 0; i < count; i++) reserved.add(page + i);
    this.#usedPages += wanted;
    return OK;
  }

  isReserved(inode: InodeNumber, page: number): boolean {
    return this.#node(inode).reserved.has(page);
  }

  // biome-ignore lint/correctness/useYield: it never has to wait
  *truncate(_wait: Wait, inode: InodeNumber, size: number, now: number): Operation {
    const node = this.#node(inode);
    this.#cut(node, Math.ceil(size / PAGE_BYTES));
    node.attributes.size = size;
    node.attributes.modified = now;
    node.attributes.changed = now;
    return OK;
  }

  // biome-ignore lint/correctness/useYield: it never has to wait
  *punch(_wait: Wait, inode: InodeNumber, page: number, count: number): Operation {
    const { reserved } = this.#node(inode);
    for (const each of reserved) {
      if (each < page || each >= page + count) continue;
      reserved.delete(each);
      this.#usedPages -= 1;
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
    into.freeBlocks = pageLimit - this.#usedPages;
    into.inodes = inodeLimit;
    into.freeInodes = inodeLimit - this.#nodes.size;
  }

  // biome-ignore lint/correctness/useYield: it never has to wait
  *unmount(): Operation {
    return OK;
  }

  /** Asserts that pages, names and links add up. */
  checkInvariants(): void {
    let pages = 0;
    const links = new Map<InodeNumber, number>();
    for (const node of this.#nodes.values()) {
      pages += node.reserved.size;
      for (const child of node.directory?.inodes() ?? []) {
        links.set(child, (links.get(child) ?? 0) + 1);
      }
    }
    assert(pages === this.#usedPages, 'pages of a tmpfs do not add up');
    for (const { number, attributes } of this.#nodes.values()) {
      const named = links.get(number) ?? 0;
      // The root's second name is its own `..`; a removed directory keeps its dots until it goes.
      const dead = attributes.links === 0;
      assert(dead || named === attributes.links, 'names and links of a tmpfs do not add up');
    }
  }

  #make(
    directory: InodeNumber,
    name: string,
    mode: number,
    device: number,
    target: string,
    now: number,
  ): number {
    if (this.#directoryOf(this.#node(directory)).get(name) !== undefined) return EEXIST;
    if (this.#nodes.size >= this.#options.inodeLimit) return ENOSPC;
    const node = this.#newNode(mode, device, target, now);
    this.#enter(directory, name, node.number, now);
    return node.number;
  }

  #newNode(mode: number, device: number, target: string, now: number): Node {
    const number = this.#nextNumber;
    this.#nextNumber += 1;
    const attributes: Attributes = {
      inode: number,
      mode,
      links: 1,
      owner: 0,
      group: 0,
      size: target.length,
      blocks: 0,
      accessed: now,
      modified: now,
      changed: now,
      device,
    };
    const directory = isDirectory(mode) ? new Directory() : null;
    const node = { number, attributes, directory, target, reserved: new Set<number>() };
    this.#nodes.set(number, node);
    return node;
  }

  #enter(directory: InodeNumber, name: string, inode: InodeNumber, now: number): void {
    this.#directoryOf(this.#node(directory)).add(name, inode);
    this.#stamp(directory, now);
  }

  #leave(directory: InodeNumber, name: string, now: number): number {
    const inode = this.#directoryOf(this.#node(directory)).remove(name);
    if (inode === NIL) return ENOENT;
    this.#stamp(directory, now);
    return inode;
  }

  #stamp(directory: InodeNumber, now: number): void {
    const { attributes } = this.#node(directory);
    attributes.modified = now;
    attributes.changed = now;
  }

  #dropDirectory(inode: InodeNumber, now: number): void {
    const node = this.#node(inode);
    node.attributes.links = 0;
    node.attributes.changed = now;
    this.#directoryOf(node).remove('.');
    this.#directoryOf(node).remove('..');
  }

  /** Gives back the pages from `firstPage` on. */
  #cut(node: Node, firstPage: number): void {
    for (const page of node.reserved) {
      if (page < firstPage) continue;
      node.reserved.delete(page);
      this.#usedPages -= 1;
    }
  }

  #node(inode: InodeNumber): Node {
    const node = this.#nodes.get(inode);
    assert(node !== undefined, 'a tmpfs is asked for an inode that it does not have');
    return node;
  }

  #directoryOf(node: Node): Directory {
    assert(node.directory !== null, 'names are asked of what is no directory');
    return node.directory;
  }
}
