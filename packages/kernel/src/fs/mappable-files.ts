import { assert, type Completion, EACCES, EBADF, isErrno, NIL, OK } from '@hotpath/hw-x86';
import type { PageCache } from '@hotpath/pagecache';
import type { MappableFiles } from '../memory/mapped-files.js';
import { O_RDWR, O_WRONLY } from '../syscall/flags.js';
import type { Tasks } from '../task/tasks.js';
import type { Files } from './files.js';
import type { OpenFiles } from './open-files.js';

const ACCESS_MODE = 3;

/** The open files of the extent layer as areas see them. */
export class ExtentMappableFiles implements MappableFiles {
  readonly #tasks: Tasks;
  readonly #open: OpenFiles;
  readonly #files: Files;
  readonly #pages: PageCache;

  constructor(tasks: Tasks, open: OpenFiles, files: Files, pages: PageCache) {
    this.#tasks = tasks;
    this.#open = open;
    this.#files = files;
    this.#pages = pages;
  }

  openFile(task: number, fd: number, write: boolean): number {
    const row = this.#tasks.openFile(task, fd);
    if (row === NIL) return EBADF;
    const mode = this.#open.flags[row] & ACCESS_MODE;
    // Every mapping reads, even one that is only to be written.
    if (mode === O_WRONLY || (write && mode !== O_RDWR)) return EACCES;
    return row;
  }

  mayWrite(open: number): boolean {
    return (this.#open.flags[open] & ACCESS_MODE) === O_RDWR;
  }

  fileOf(open: number): number {
    return this.#files.fileOf(this.#open.inode[open]);
  }

  handleOf(open: number): number {
    return this.#open.handle[open];
  }

  share(open: number): void {
    this.#open.share(open);
  }

  release(open: number): void {
    const handle = this.#open.release(open);
    if (handle !== NIL) this.#pages.closeHandle(handle);
  }

  reserve(open: number, page: number, _sink: Completion, _tag: number): number {
    const status = this.#files.reserve(this.#open.inode[open], page);
    assert(status >= OK || isErrno(status), 'the extent layer never waits for a block');
    return status;
  }
}
