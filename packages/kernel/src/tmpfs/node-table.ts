import { assert, ENOENT, NIL } from '@hotpath/hw-x86';
import type { Attributes, InodeNumber } from '../vfs/file-system.js';
import { isDirectory } from '../vfs/modes.js';
import { Directory } from './directory.js';

/** One inode. */
export interface Node {
  readonly number: InodeNumber;
  readonly attributes: Attributes;
  /** Names of a directory. */
  readonly directory: Directory | null;
  /** Target of a symbolic link. */
  readonly target: string;
  /** Pages that a file may have written. */
  readonly reserved: Set<number>;
}

/** Inodes of a tmpfs, their names, and the pages that they may write. */
export class NodeTable {
  /** Pages reserved by all files together. */
  usedPages = 0;
  readonly #nodes = new Map<InodeNumber, Node>();
  #nextNumber = 1;

  /** Inodes there are. */
  get size(): number {
    return this.#nodes.size;
  }

  /** True for an inode that exists. */
  has(inode: InodeNumber): boolean {
    return this.#nodes.has(inode);
  }

  /** Forgets an inode. */
  delete(inode: InodeNumber): void {
    this.#nodes.delete(inode);
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
    assert(pages === this.usedPages, 'pages of a tmpfs do not add up');
    for (const { number, attributes } of this.#nodes.values()) {
      const named = links.get(number) ?? 0;
      // The root's second name is its own `..`; a removed directory keeps its dots until it goes.
      const dead = attributes.links === 0;
      assert(dead || named === attributes.links, 'names and links of a tmpfs do not add up');
    }
  }

  /** A new inode with one link. */
  create(mode: number, device: number, target: string, now: number): Node {
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

  /** A name in a directory. */
  enter(directory: InodeNumber, name: string, inode: InodeNumber, now: number): void {
    this.directoryOf(this.at(directory)).add(name, inode);
    this.stamp(directory, now);
  }

  /** Takes a name out: the inode that it led to, or ENOENT. */
  leave(directory: InodeNumber, name: string, now: number): number {
    const inode = this.directoryOf(this.at(directory)).remove(name);
    if (inode === NIL) return ENOENT;
    this.stamp(directory, now);
    return inode;
  }

  /** A directory has changed. */
  stamp(directory: InodeNumber, now: number): void {
    const { attributes } = this.at(directory);
    attributes.modified = now;
    attributes.changed = now;
  }

  /** A directory has lost its last name. */
  dropDirectory(inode: InodeNumber, now: number): void {
    const node = this.at(inode);
    node.attributes.links = 0;
    node.attributes.changed = now;
    this.directoryOf(node).remove('.');
    this.directoryOf(node).remove('..');
  }

  /** Gives back the pages from `firstPage` on. */
  cut(node: Node, firstPage: number): void {
    for (const page of node.reserved) {
      if (page < firstPage) continue;
      node.reserved.delete(page);
      this.usedPages -= 1;
    }
  }

  /** An inode that exists. */
  at(inode: InodeNumber): Node {
    const node = this.#nodes.get(inode);
    assert(node !== undefined, 'a tmpfs is asked for an inode that it does not have');
    return node;
  }

  /** Names of a directory. */
  directoryOf(node: Node): Directory {
    assert(node.directory !== null, 'names are asked of what is no directory');
    return node.directory;
  }
}
