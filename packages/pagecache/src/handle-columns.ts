import { NIL, OK } from '@hotpath/hw-x86';
import type { FileColumns } from './file-columns.js';

/** Read-ahead as usual. */
export const ADVICE_NORMAL = 0;
/** No read-ahead. */
export const ADVICE_RANDOM = 1;
/** Twice the window. */
export const ADVICE_SEQUENTIAL = 2;

/**
 * Columns of the open files: what Linux keeps in `struct file`. Two openers of a file each have
 * their own read-ahead state and each are told of a write-back error once (errseq).
 */
export class HandleColumns {
  handleLimit = 0;
  file: Int32Array = new Int32Array(0);
  /** Write-back errors of the file that this handle has been told of. */
  seen: Int32Array = new Int32Array(0);
  advice: Uint8Array = new Uint8Array(0);
  /** Read-ahead window: first page, pages, and how many of the last are read ahead of need. */
  start: Float64Array = new Float64Array(0);
  size: Int32Array = new Int32Array(0);
  asyncSize: Int32Array = new Int32Array(0);
  /** Page of the last read, NIL if none. */
  previousPage: Float64Array = new Float64Array(0);
  private free: number[] = [];

  constructor() {
    this.grow(16);
  }

  /** A new handle: it is told of the file's last error if nobody has been. */
  take(files: FileColumns, file: number): number {
    if (this.free.length === 0) this.grow(this.handleLimit * 2);
    const handle = this.free.pop()!;
    this.file[handle] = file;
    this.seen[handle] = files.errorCount[file] - (files.errorSeen[file] === 1 ? 0 : 1);
    this.advice[handle] = ADVICE_NORMAL;
    this.start[handle] = 0;
    this.size[handle] = 0;
    this.asyncSize[handle] = 0;
    this.previousPage[handle] = NIL;
    files.handleCount[file]++;
    return handle;
  }

  give(files: FileColumns, handle: number): void {
    files.handleCount[this.file[handle]]--;
    this.file[handle] = NIL;
    this.free.push(handle);
  }

  /** The file's error if this handle has not been told of it, else OK. Then it has been told. */
  checkError(files: FileColumns, handle: number): number {
    const file = this.file[handle];
    if (this.seen[handle] === files.errorCount[file]) return OK;
    this.seen[handle] = files.errorCount[file];
    files.errorSeen[file] = 1;
    return files.error[file];
  }

  private grow(handleLimit: number): void {
    const before = this.handleLimit;
    this.file = widen(this.file, new Int32Array(handleLimit));
    this.file.fill(NIL, before);
    this.seen = widen(this.seen, new Int32Array(handleLimit));
    this.advice = widen(this.advice, new Uint8Array(handleLimit));
    this.start = widen(this.start, new Float64Array(handleLimit));
    this.size = widen(this.size, new Int32Array(handleLimit));
    this.asyncSize = widen(this.asyncSize, new Int32Array(handleLimit));
    this.previousPage = widen(this.previousPage, new Float64Array(handleLimit));
    for (let handle = handleLimit - 1; handle >= before; handle--) this.free.push(handle);
    this.handleLimit = handleLimit;
  }
}

function widen<T extends Int32Array | Uint8Array | Float64Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
