import { ArgumentError, assert, LINE_BYTES, type Meter, NIL, type VirtAddr } from '@hotpath/hw-x86';
import { OPEN_FILE_LIMIT } from '../params.js';

/**
 * The system's open files (POSIX: open file descriptions), struct of arrays. A descriptor of a task
 * names one; the offset lives here.
 */
export class OpenFiles {
  /** Handle of the page cache, or NIL for a free row. */
  readonly handle = new Int32Array(OPEN_FILE_LIMIT).fill(NIL);
  /** Inode. */
  readonly inode = new Int32Array(OPEN_FILE_LIMIT).fill(NIL);
  /** Byte at which the next read or write begins. */
  readonly offset = new Float64Array(OPEN_FILE_LIMIT);
  /** Flags of open. */
  readonly flags = new Int32Array(OPEN_FILE_LIMIT);
  /** Descriptors that name a row. */
  readonly references = new Int32Array(OPEN_FILE_LIMIT);
  #liveCount = 0;
  readonly #meter: Meter;
  readonly #base: VirtAddr;

  /** @param meter - takes the accesses to the rows, a cache line each */
  constructor(meter: Meter) {
    this.#meter = meter;
    this.#base = meter.region('kernel.open-files', OPEN_FILE_LIMIT * LINE_BYTES);
  }

  /** Rows in use. */
  get liveCount(): number {
    return this.#liveCount;
  }

  /** A row for an open file, or NIL if OPEN_FILE_LIMIT are open. */
  take(inode: number, handle: number, flags: number): number {
    const row = this.handle.indexOf(NIL);
    if (row < 0) return NIL;
    this.handle[row] = handle;
    this.inode[row] = inode;
    this.flags[row] = flags;
    this.offset[row] = 0;
    this.references[row] = 1;
    this.#liveCount += 1;
    return row;
  }

  /** A call works on a row: reads it, and later stores the new offset. */
  charge(row: number): void {
    this.#meter.load(this.#base + row * LINE_BYTES);
    this.#meter.store(this.#base + row * LINE_BYTES);
  }

  /** One more descriptor names the row (fork). */
  share(row: number): void {
    assert(this.references[row] > 0, 'a free row of the open files is shared');
    this.references[row] += 1;
  }

  /**
   * One descriptor less. The last frees the row: its page-cache handle, for the caller to close, or
   * NIL while others remain.
   */
  release(row: number): number {
    if (!(row >= 0 && row < OPEN_FILE_LIMIT)) {
      throw new ArgumentError('ERR_OPEN_FILE', `row is ${row}; allowed: 0..${OPEN_FILE_LIMIT - 1}`);
    }
    const handle = this.handle[row];
    assert(handle !== NIL, 'a free row of the open files is released');
    this.references[row] -= 1;
    if (this.references[row] > 0) return NIL;
    this.handle[row] = NIL;
    this.inode[row] = NIL;
    this.#liveCount -= 1;
    return handle;
  }
}
