import { DISCARD, FLUSH, WRITE } from '../../block-device.js';
import { assert } from '../../errors.js';

/** Entry of a {@link WriteLog}: the program noted something; see `text`. */
export const LOG_MARK = 16;
/** Entry of a {@link WriteLog}: the request of entry `request` finished with `status`. */
export const LOG_DONE = 17;

/** One line of a write log, in the order in which things happened. */
export interface LogEntry {
  /** WRITE, DISCARD, FLUSH (submitted), LOG_DONE or LOG_MARK. */
  readonly kind: number;
  readonly block: number;
  readonly blockCount: number;
  readonly fua: boolean;
  /** WRITE: the data at submit; else empty. */
  readonly data: Uint8Array;
  /** LOG_DONE: index of the entry that finished; else NIL. */
  readonly request: number;
  /** LOG_DONE: OK or an errno. */
  readonly status: number;
  /** LOG_MARK: what the program said. */
  readonly text: string;
}

const EMPTY = new Uint8Array(0);
const BLANK: LogEntry = {
  kind: LOG_MARK,
  block: 0,
  blockCount: 0,
  fua: false,
  data: EMPTY,
  request: -1,
  status: 0,
  text: '',
};

/**
 * Everything that changes a disk, as submitted and as completed, with marks of the program's own
 * ("transaction 5 acknowledged") between: in the manner of Linux's dm-log-writes. From it every
 * state that a power cut could have left can be built, see {@link exploreCrashes}.
 */
export class WriteLog {
  readonly blockBytes: number;
  readonly entries: LogEntry[] = [];

  constructor(blockBytes: number) {
    this.blockBytes = blockBytes;
  }

  /**
   * Notes a request as it is submitted; the data is copied. Answers the entry's index, which
   * {@link WriteLog.done} needs.
   */
  submitted(op: number, block: number, blockCount: number, fua: boolean, data: Uint8Array): number {
    assert(op === WRITE || op === FLUSH || op === DISCARD, 'a log holds what changes a disk');
    const byteCount = op === WRITE ? blockCount * this.blockBytes : 0;
    const copy = op === WRITE ? data.slice(0, byteCount) : EMPTY;
    assert(copy.length === byteCount, 'the data covers the blocks');
    this.entries.push({ ...BLANK, kind: op, block, blockCount, fua, data: copy });
    return this.entries.length - 1;
  }

  /** Notes that the request of an entry has finished. */
  done(request: number, status: number): void {
    assert(request >= 0 && request < this.entries.length, 'an entry of this log');
    this.entries.push({ ...BLANK, kind: LOG_DONE, request, status });
  }

  /** Notes something that the program has promised or done by now. */
  mark(text: string): void {
    this.entries.push({ ...BLANK, kind: LOG_MARK, text });
  }
}
