import { NIL, OK } from '@hotpath/hw-x86';
import { WaitQueue } from './wait-pool.js';

/** Pages of a file: page numbers are below 2**32, so a file has at most 16 TiB. */
export const FILE_BYTES_MAX = 2 ** 44;

/**
 * Columns of the registered files.
 *
 * For every file f: dirtyCount[f] = pages of f with DIRTY;  pageCount[f] = pages of f in the index
 *                   filling[f] = reads of f under way that hold the invalidate lock shared
 *                   invalidator[f] !== 0 => filling[f] === 0 once the truncation has begun
 */
export class FileColumns {
  fileLimit = 0;
  used: Uint8Array = new Uint8Array(0);
  size: Float64Array = new Float64Array(0);
  pageCount: Int32Array = new Int32Array(0);
  dirtyCount: Int32Array = new Int32Array(0);
  writebackCount: Int32Array = new Int32Array(0);
  handleCount: Int32Array = new Int32Array(0);
  /** When the oldest dirty page got dirty. */
  dirtiedAt: Float64Array = new Float64Array(0);
  /** Write-back errors so far; a handle remembers up to which it has been told. */
  errorCount: Int32Array = new Int32Array(0);
  /** The last write-back error. */
  error: Int32Array = new Int32Array(0);
  /** 1 when somebody has been told of the last error: a later opener is then not told. */
  errorSeen: Uint8Array = new Uint8Array(0);
  /** Wait that truncates or punches (id + 1): fills, and writers of pages, must wait. */
  invalidator: Int32Array = new Int32Array(0);
  /** Reads under way. */
  filling: Int32Array = new Int32Array(0);
  /** Waits for the invalidate lock, first come first served. */
  readonly lockQueue: WaitQueue[] = [];
  /** 1 while a write holds the file's write lock, so that appends and writes do not interleave. */
  writing: Uint8Array = new Uint8Array(0);
  /** 1 for a file whose pages no store can give back once they are written (tmpfs). */
  kept: Uint8Array = new Uint8Array(0);
  readonly writeQueue: WaitQueue[] = [];
  /** Neighbours in the list of files with dirty pages, oldest first. */
  dirtyNext: Int32Array = new Int32Array(0);
  dirtyPrevious: Int32Array = new Int32Array(0);
  /** Where background write-back goes on in this file. */
  writeCursor: Float64Array = new Float64Array(0);
  /** Ends of the list of dirty files. */
  dirtyHead = NIL;
  dirtyTail = NIL;

  private free: number[] = [];

  constructor(fileLimit: number) {
    this.grow(fileLimit);
  }

  /** Takes a number for a file of `size` bytes. Grows when none is free. */
  take(size: number, kept: boolean): number {
    if (this.free.length === 0) this.grow(this.fileLimit * 2);
    const file = this.free.pop()!;
    this.used[file] = 1;
    this.size[file] = size;
    this.kept[file] = kept ? 1 : 0;
    this.errorCount[file] = 0;
    this.error[file] = OK;
    this.errorSeen[file] = 1;
    this.writeCursor[file] = 0;
    this.dirtiedAt[file] = 0;
    return file;
  }

  give(file: number): void {
    this.used[file] = 0;
    this.free.push(file);
  }

  /** Puts a file with its first dirty page at the young end of the list. */
  enterDirty(file: number): void {
    this.dirtyPrevious[file] = this.dirtyTail;
    this.dirtyNext[file] = NIL;
    if (this.dirtyTail === NIL) this.dirtyHead = file;
    else this.dirtyNext[this.dirtyTail] = file;
    this.dirtyTail = file;
  }

  leaveDirty(file: number): void {
    const previous = this.dirtyPrevious[file];
    const next = this.dirtyNext[file];
    if (previous === NIL) this.dirtyHead = next;
    else this.dirtyNext[previous] = next;
    if (next === NIL) this.dirtyTail = previous;
    else this.dirtyPrevious[next] = previous;
  }

  private grow(fileLimit: number): void {
    const before = this.fileLimit;
    this.used = widen(this.used, new Uint8Array(fileLimit));
    this.size = widen(this.size, new Float64Array(fileLimit));
    this.pageCount = widen(this.pageCount, new Int32Array(fileLimit));
    this.dirtyCount = widen(this.dirtyCount, new Int32Array(fileLimit));
    this.writebackCount = widen(this.writebackCount, new Int32Array(fileLimit));
    this.handleCount = widen(this.handleCount, new Int32Array(fileLimit));
    this.dirtiedAt = widen(this.dirtiedAt, new Float64Array(fileLimit));
    this.errorCount = widen(this.errorCount, new Int32Array(fileLimit));
    this.error = widen(this.error, new Int32Array(fileLimit));
    this.errorSeen = widen(this.errorSeen, new Uint8Array(fileLimit));
    this.invalidator = widen(this.invalidator, new Int32Array(fileLimit));
    this.filling = widen(this.filling, new Int32Array(fileLimit));
    this.writing = widen(this.writing, new Uint8Array(fileLimit));
    this.kept = widen(this.kept, new Uint8Array(fileLimit));
    this.dirtyNext = widen(this.dirtyNext, new Int32Array(fileLimit));
    this.dirtyPrevious = widen(this.dirtyPrevious, new Int32Array(fileLimit));
    this.writeCursor = widen(this.writeCursor, new Float64Array(fileLimit));
    for (let file = before; file < fileLimit; file++) {
      this.lockQueue.push(new WaitQueue());
      this.writeQueue.push(new WaitQueue());
    }
    for (let file = fileLimit - 1; file >= before; file--) this.free.push(file);
    this.fileLimit = fileLimit;
  }
}

function widen<T extends Int32Array | Uint8Array | Float64Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
