import { assert, type Completion, NIL } from '@hotpath/hw-x86';
import type { AreaFiles } from './area-list.js';
import type { SharedMemory } from './shared-memory.js';

/** Port: the open files that descriptors name, as areas see them. */
export interface MappableFiles {
  /**
   * The open file behind a descriptor, if it can be mapped so: EBADF, EACCES, ENODEV.
   * @param write - stores through the mapping are to reach the file
   */
  openFile(task: number, fd: number, write: boolean): number;
  /** True if the open file may be written through a shared mapping. */
  mayWrite(open: number): boolean;
  /** Its file in the page cache. */
  fileOf(open: number): number;
  /** Its handle in the page cache: read-ahead state, and who hears of write errors. */
  handleOf(open: number): number;
  /** One reference more, and one less, which may be the last. */
  share(open: number): void;
  release(open: number): void;
  /** A block for a page about to be dirtied: OK, PENDING (the sink hears), or ENOSPC, EFBIG. */
  reserve(open: number, page: number, sink: Completion, tag: number): number;
}

/**
 * Who keeps what areas show: open files, and objects of shared memory. Knows which address spaces have
 * areas of a file, so that a truncate finds private copies.
 */
export class MappedFiles {
  readonly #shared: SharedMemory;
  #files!: MappableFiles;
  /** PCID of each area's space, by page-cache file. */
  readonly #spaces = new Map<number, number[]>();

  constructor(shared: SharedMemory) {
    this.#shared = shared;
  }

  /** Wires the files; once, at boot, when there are any. */
  connect(files: MappableFiles): void {
    this.#files = files;
  }

  /** What the areas of one space tell their changes to. */
  forSpace(pcid: number): AreaFiles {
    return {
      share: (open, file) => {
        if (file === NIL) return this.#shared.share(open);
        this.#files.share(open);
        const spaces = this.#spaces.get(file);
        if (spaces === undefined) this.#spaces.set(file, [pcid]);
        else spaces.push(pcid);
      },
      release: (open, file) => {
        if (file === NIL) return this.#shared.release(open);
        const spaces = this.#spaces.get(file);
        assert(spaces !== undefined, 'an area of a file that nobody maps is released');
        spaces.splice(spaces.indexOf(pcid), 1);
        if (spaces.length === 0) this.#spaces.delete(file);
        this.#files.release(open);
      },
    };
  }

  /** PCIDs of the spaces with areas of a file, one for each area; null if there are none. */
  spacesOf(file: number): readonly number[] | null {
    return this.#spaces.get(file) ?? null;
  }

  /** Files that some area shows. */
  get count(): number {
    return this.#spaces.size;
  }
}
