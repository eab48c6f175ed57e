import { ArgumentError, checkInteger, EBUSY, NIL, OK } from '@hotpath/hw-x86';
import { FILE_BYTES_MAX } from './file-columns.js';
import { DIRTY, LOCKED, WRITEBACK } from './flags.js';
import { ADVICE_SEQUENTIAL, type HandleColumns } from './handle-columns.js';
import { TAG_PRESENT } from './index-nodes.js';
import type { ResidentPages } from './resident-pages.js';

const LAST_PAGE = 2 ** 32 - 1;

/** Files and handles as callers see them: registered, sized, advised, forgotten. */
export class FileTable {
  private readonly residents: ResidentPages;
  private readonly handles: HandleColumns;

  constructor(residents: ResidentPages, handles: HandleColumns) {
    this.residents = residents;
    this.handles = handles;
  }

  openFile(size: number, kept: boolean): number {
    checkInteger('ERR_FILE_SIZE', 'size', size, 0, FILE_BYTES_MAX);
    const { files, index } = this.residents;
    const limit = files.fileLimit;
    const file = files.take(size, kept);
    if (files.fileLimit !== limit) index.growFiles(files.fileLimit);
    return file;
  }

  closeFile(file: number): number {
    this.checkFile(file);
    const { files, index, columns } = this.residents;
    if (files.handleCount[file] > 0 || files.dirtyCount[file] > 0) return EBUSY;
    if (files.writebackCount[file] > 0 || files.filling[file] > 0) return EBUSY;
    if (files.writing[file] !== 0 || files.invalidator[file] !== 0) return EBUSY;
    let page = index.nextTagged(file, 0, TAG_PRESENT);
    for (; page !== NIL; page = index.nextTagged(file, page + 1, TAG_PRESENT)) {
      if (columns.pins[this.residents.lookup(file, page)] > 0) return EBUSY;
    }
    this.invalidate(file, 0, LAST_PAGE);
    if (files.pageCount[file] > 0) return EBUSY;
    index.drop(file);
    files.give(file);
    return OK;
  }

  setSize(file: number, size: number): void {
    this.checkFile(file);
    const { files } = this.residents;
    checkInteger('ERR_FILE_SIZE', 'size', size, files.size[file], FILE_BYTES_MAX);
    this.residents.zeroTail(file, files.size[file]);
    files.size[file] = size;
  }

  openHandle(file: number): number {
    this.checkFile(file);
    return this.handles.take(this.residents.files, file);
  }

  closeHandle(handle: number): void {
    this.checkHandle(handle);
    this.handles.give(this.residents.files, handle);
  }

  advise(handle: number, advice: number): void {
    this.checkHandle(handle);
    checkInteger('ERR_ADVICE', 'advice', advice, 0, ADVICE_SEQUENTIAL);
    this.handles.advice[handle] = advice;
  }

  /** Drops what is clean, unpinned and idle in a range; how many pages stay. */
  invalidate(file: number, first: number, last: number): number {
    this.checkFile(file);
    const { residents } = this;
    const { columns, index } = residents;
    let kept = 0;
    let page = index.nextTagged(file, first, TAG_PRESENT);
    for (; page !== NIL && page <= last; page = index.nextTagged(file, page + 1, TAG_PRESENT)) {
      const slot = residents.lookup(file, page);
      const busy = (columns.flags[slot] & (DIRTY | LOCKED | WRITEBACK)) !== 0;
      if (busy || columns.pins[slot] > 0) {
        kept++;
        continue;
      }
      // A mapping may hold the only sign that the page was stored to.
      residents.unmap(slot);
      if ((columns.flags[slot] & DIRTY) !== 0) kept++;
      else residents.remove(slot);
    }
    return kept;
  }

  checkFile(file: number): void {
    const { files } = this.residents;
    if (file >= 0 && file < files.fileLimit && files.used[file] === 1) return;
    throw new ArgumentError('ERR_FILE', `file is ${file}; allowed: a number from openFile`);
  }

  checkHandle(handle: number): void {
    const { handles } = this;
    if (handle >= 0 && handle < handles.handleLimit && handles.file[handle] !== NIL) return;
    throw new ArgumentError('ERR_HANDLE', `handle is ${handle}; allowed: one from openHandle`);
  }
}
