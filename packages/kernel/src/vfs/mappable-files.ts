import { type Completion, EACCES, EBADF, ENODEV, NIL, OK } from '@hotpath/hw-x86';
import type { MappableFiles } from '../memory/mapped-files.js';
import type { Tasks } from '../task/tasks.js';
import { KIND_FILE } from './open-files.js';
import { mayRead, mayWrite } from './opening.js';
import type { Vfs } from './vfs.js';

/** Open files as areas of address spaces see them. */
export class VfsMappableFiles implements MappableFiles {
  readonly #tasks: Tasks;
  readonly #vfs: Vfs;

  constructor(tasks: Tasks, vfs: Vfs) {
    this.#tasks = tasks;
    this.#vfs = vfs;
  }

  openFile(task: number, fd: number, write: boolean): number {
    const { open } = this.#vfs;
    const row = this.#tasks.openFile(task, fd);
    if (row === NIL) return EBADF;
    const flags = open.flags[row];
    // Every mapping reads, even one that is only to be written.
    if (!mayRead(flags) || (write && !mayWrite(flags))) return EACCES;
    return open.kind[row] === KIND_FILE ? row : ENODEV;
  }

  mayWrite(row: number): boolean {
    const flags = this.#vfs.open.flags[row];
    return mayRead(flags) && mayWrite(flags);
  }

  fileOf(row: number): number {
    return this.#vfs.inodes.fileOf(this.#vfs.open.inode[row]);
  }

  handleOf(row: number): number {
    return this.#vfs.open.handle[row];
  }

  share(row: number): void {
    this.#vfs.open.share(row);
  }

  /** The last mapping of a file without names and descriptors takes the file along. */
  release(row: number): void {
    this.#vfs.opening.release(row);
    this.#vfs.retireInBackground();
  }

  reserve(row: number, page: number, sink: Completion, tag: number): number {
    const { background, inodes, mounts, open } = this.#vfs;
    const inode = open.inode[row];
    const fileSystem = mounts.at(inodes.mount[inode]);
    if (fileSystem.isReserved(inodes.number[inode], page)) return OK;
    const runner = background.take();
    const wait = background.waitOf(runner);
    const operation = fileSystem.reserve(wait, inodes.number[inode], page, 1);
    return background.start(runner, operation, sink, tag);
  }
}
