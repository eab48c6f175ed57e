import { NIL } from '@hotpath/hw-x86';
import type { DirectoryEntry, InodeNumber } from '../vfs/file-system.js';

interface Entry {
  readonly name: string;
  readonly cookie: number;
  inode: InodeNumber;
  removed: boolean;
}

/**
 * Names of one directory in memory. Each has a cookie, its place in the order of arrival, so that a
 * reader who stands between two entries is not moved by what comes and goes.
 *
 * order = entries by rising cookie, removed ones among them until there are more of them than live ones
 */
export class Directory {
  readonly #entries = new Map<string, Entry>();
  #order: Entry[] = [];
  #nextCookie = 1;

  /** Names, `.` and `..` included. */
  get count(): number {
    return this.#entries.size;
  }

  /** Inode of a name, or undefined. */
  get(name: string): InodeNumber | undefined {
    return this.#entries.get(name)?.inode;
  }

  /** Every inode that a name leads to. */
  *inodes(): Generator<InodeNumber> {
    for (const { inode } of this.#entries.values()) yield inode;
  }

  /** A new name. */
  add(name: string, inode: InodeNumber): void {
    const entry = { name, cookie: this.#nextCookie, inode, removed: false };
    this.#nextCookie += 1;
    this.#order.push(entry);
    this.#entries.set(name, entry);
  }

  /** The inode that a name led to, or NIL. */
  remove(name: string): number {
    const entry = this.#entries.get(name);
    if (entry === undefined) return NIL;
    this.#entries.delete(name);
    entry.removed = true;
    if (this.#order.length > 2 * this.#entries.size + 16) {
      this.#order = this.#order.filter((each) => !each.removed);
    }
    return entry.inode;
  }

  /** Another inode for a name that is there. */
  replace(name: string, inode: InodeNumber): void {
    const entry = this.#entries.get(name);
    if (entry !== undefined) entry.inode = inode;
  }

  /** The first entry behind `cookie`, and its own cookie; 0 behind the last. */
  read(cookie: number, into: DirectoryEntry): number {
    let low = 0;
    let high = this.#order.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#order[middle].cookie <= cookie) low = middle + 1;
      else high = middle;
    }
    while (low < this.#order.length && this.#order[low].removed) low += 1;
    if (low === this.#order.length) return 0;
    const entry = this.#order[low];
    into.name = entry.name;
    into.inode = entry.inode;
    return entry.cookie;
  }
}
