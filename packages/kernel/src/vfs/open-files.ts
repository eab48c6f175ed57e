import { ArgumentError, assert, LINE_BYTES, type Meter, NIL, type VirtAddr } from '@hotpath/hw-x86';
import { OPEN_FILE_LIMIT } from '../params.js';
import type { ObjectSource } from '../task/lifecycle.js';

/** A regular file: pages of the page cache. */
export const KIND_FILE = 0;
/** A directory. */
export const KIND_DIRECTORY = 1;
/** A character device. */
export const KIND_DEVICE = 2;
/** An end of a pipe, or a FIFO. */
export const KIND_PIPE = 3;
/** A text that the kernel wrote when it was opened (procfs). */
export const KIND_TEXT = 4;

/**
 * The system's open files (POSIX: open file descriptions), struct of arrays. A descriptor of a task
 * names one; the offset lives here.
 */
export class OpenFiles {
  /** KIND_FILE .. KIND_TEXT. */
  readonly kind = new Uint8Array(OPEN_FILE_LIMIT);
  /** Dentry by which it was opened, held; NIL of a pipe without a name. */
  readonly dentry = new Int32Array(OPEN_FILE_LIMIT).fill(NIL);
  /** Inode; NIL of a pipe without a name. */
  readonly inode = new Int32Array(OPEN_FILE_LIMIT).fill(NIL);
  /** Handle of the page cache; device number; pipe. */
  readonly handle = new Int32Array(OPEN_FILE_LIMIT).fill(NIL);
  /** Byte at which the next read or write begins; of a directory, the next entry's cookie. */
  readonly offset = new Float64Array(OPEN_FILE_LIMIT);
  /** Flags of open. */
  readonly flags = new Int32Array(OPEN_FILE_LIMIT);
  /** Descriptors and calls under way that name a row; 0 for a free one. */
  readonly references = new Int32Array(OPEN_FILE_LIMIT);
  /** Contents of a KIND_TEXT row. */
  readonly text: (Uint8Array | null)[] = new Array<Uint8Array | null>(OPEN_FILE_LIMIT).fill(null);
  readonly #object = new Float64Array(OPEN_FILE_LIMIT);
  readonly #objects: ObjectSource;
  #liveCount = 0;
  readonly #meter: Meter;
  readonly #base: VirtAddr;

  /** @param meter - takes the accesses to the rows, a cache line each */
  constructor(objects: ObjectSource, meter: Meter) {
    this.#objects = objects;
    this.#meter = meter;
    this.#base = meter.region('kernel.open-files', OPEN_FILE_LIMIT * LINE_BYTES);
  }

  /** Rows in use. */
  get liveCount(): number {
    return this.#liveCount;
  }

  /** A row for an open file, or NIL if OPEN_FILE_LIMIT are open or memory is used up. */
  take(kind: number, dentry: number, inode: number, handle: number, flags: number): number {
    const row = this.references.indexOf(0);
    if (row < 0) return NIL;
    const object = this.#objects.allocate();
    if (object === NIL) return NIL;
    this.#object[row] = object;
    this.kind[row] = kind;
    this.dentry[row] = dentry;
    this.inode[row] = inode;
    this.handle[row] = handle;
    this.flags[row] = flags;
    this.offset[row] = 0;
    this.references[row] = 1;
    this.text[row] = null;
    this.#liveCount += 1;
    return row;
  }

  /** A call works on a row: reads it, and later stores the new offset. */
  charge(row: number): void {
    this.#meter.load(this.#base + row * LINE_BYTES);
    this.#meter.store(this.#base + row * LINE_BYTES);
  }

  /** One more name of the row: a descriptor, or a call that waits. */
  share(row: number): void {
    assert(this.references[row] > 0, 'a free row of the open files is shared');
    this.references[row] += 1;
  }

  /** One name less: true when it was the last. The caller then closes what the row names. */
  release(row: number): boolean {
    if (!(row >= 0 && row < OPEN_FILE_LIMIT)) {
      throw new ArgumentError('ERR_OPEN_FILE', `row is ${row}; allowed: 0..${OPEN_FILE_LIMIT - 1}`);
    }
    assert(this.references[row] > 0, 'a free row of the open files is released');
    this.references[row] -= 1;
    if (this.references[row] > 0) return false;
    this.#objects.free(this.#object[row]);
    this.text[row] = null;
    this.handle[row] = NIL;
    this.inode[row] = NIL;
    this.dentry[row] = NIL;
    this.#liveCount -= 1;
    return true;
  }
}
