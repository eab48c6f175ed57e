/**
 * Files by name: the flat directory of the extent layer, tied to the page cache. Every file that was
 * ever opened keeps its number there; its pages come and go.
 */
import { EEXIST, ENAMETOOLONG, ENOENT, isErrno, NIL } from '@hotpath/hw-x86';
import type { PageCache } from '@hotpath/pagecache';
import { O_CREAT, O_EXCL } from '../syscall/flags.js';
import { INODE_COUNT } from './extent-layout.js';
import { type ExtentMap, isFileName } from './extent-map.js';
import type { FileStore } from './file-store.js';

/** Looks files up, creates them, and knows their page-cache numbers. */
export class Files {
  readonly #map: ExtentMap;
  readonly #pages: PageCache;
  readonly #store: FileStore;
  readonly #fileOf = new Int32Array(INODE_COUNT).fill(NIL);

  constructor(map: ExtentMap, pages: PageCache, store: FileStore) {
    this.#map = map;
    this.#pages = pages;
    this.#store = store;
  }

  /** Inode of a name by the flags of open: or ENOENT, EEXIST, ENOSPC, ENAMETOOLONG. */
  find(name: string, flags: number): number {
    if (!isFileName(name)) return name === '' ? ENOENT : ENAMETOOLONG;
    const inode = this.#map.lookup(name);
    if (inode !== NIL) return (flags & O_CREAT) !== 0 && (flags & O_EXCL) !== 0 ? EEXIST : inode;
    if ((flags & O_CREAT) === 0) return ENOENT;
    const created = this.#map.create(name);
    if (!isErrno(created)) this.#store.inodeChanged(created);
    return created;
  }

  /** The page cache's number of an inode. */
  fileOf(inode: number): number {
    if (this.#fileOf[inode] === NIL) {
      const file = this.#pages.openFile(this.#map.size[inode]);
      this.#fileOf[inode] = file;
      this.#store.bind(file, inode);
    }
    return this.#fileOf[inode];
  }

  /** A block for a page about to be written: >= 0, or ENOSPC, EFBIG. */
  reserve(inode: number, page: number): number {
    if (this.#map.blockOf(inode, page) !== NIL) return 0;
    const block = this.#map.allocate(inode, page);
    if (!isErrno(block)) this.#store.inodeChanged(inode);
    return block;
  }

  /** Names of all files, sorted. */
  list(): string[] {
    return this.#map.list();
  }

  /** Numbers of every file that the page cache knows. */
  openFiles(): number[] {
    return [...this.#fileOf].filter((file) => file !== NIL);
  }
}
