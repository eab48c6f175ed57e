/**
 * Read-ahead of one sequential reader, with Linux's window sizes: a sequential miss opens a window, the
 * use of a marker block inside it starts the next, larger one before the reader gets there. A random
 * access leaves the state alone.
 */
import { assert, checkPowerOfTwo, NIL } from '@hotpath/hw-x86';

// windowStart <= marker < windowStart + windowSize while a window is open; windowSize <= maximum.

/** Smallest power of two that is at least `count`. */
function roundUp(count: number): number {
  return 2 ** Math.ceil(Math.log2(count));
}

/** Blocks of the first window for a request of `count` blocks, where at most `maximum` are allowed. */
export function initialWindow(count: number, maximum: number): number {
  const rounded = roundUp(count);
  if (rounded <= maximum / 32) return rounded * 4;
  if (rounded <= maximum / 4) return rounded * 2;
  return maximum;
}

/** Blocks of the window that follows one of `size` blocks. */
export function nextWindow(size: number, maximum: number): number {
  return Math.min(maximum, size < maximum / 16 ? size * 4 : size * 2);
}

/** The state of one reader (an open file, a connection). One object for each, kept by the reader. */
export class ReadAhead {
  /** Most blocks of a window. */
  readonly maximum: number;
  /** First block of the open window, or NIL. */
  windowStart = NIL;
  /** Blocks of the open window. */
  windowSize = 0;
  /** The block whose use starts the next window, or NIL. */
  marker = NIL;
  #previousEnd = 0;
  /** First block to read now, if {@link ReadAhead.access} answered a count. */
  from = 0;

  /** @param maximum - most blocks of a window: a power of two, 1 to 65,536 */
  constructor(maximum: number) {
    this.maximum = checkPowerOfTwo('ERR_READ_AHEAD', 'maximum', maximum, 1, 65_536);
  }

  /**
   * The reader uses blocks `block .. block + count - 1`; `missing` says that the first is not cached.
   * How many blocks to read ahead now, starting at {@link ReadAhead.from}; 0 for none.
   */
  access(block: number, count: number, missing: boolean): number {
    const sequential = block === this.#previousEnd || block + count === this.#previousEnd;
    const usesMarker = this.marker !== NIL && block <= this.marker && this.marker < block + count;
    if (usesMarker) {
      this.#previousEnd = block + count;
      this.#open(this.windowStart + this.windowSize, nextWindow(this.windowSize, this.maximum));
      // The whole of the next window lies ahead of the reader: its first block is the marker.
      this.marker = this.windowStart;
      return this.windowSize;
    }
    if (!sequential) {
      // Somebody may begin to read sequentially here; one random access says nothing yet.
      this.#previousEnd = block + count;
      return 0;
    }
    this.#previousEnd = block + count;
    if (!missing) return 0;
    const size = initialWindow(count, this.maximum);
    this.#open(block, size);
    this.marker = size > count ? block + count : NIL;
    return size;
  }

  #open(start: number, size: number): void {
    assert(size >= 1 && size <= this.maximum, 'read-ahead: a window out of bounds');
    this.windowStart = start;
    this.windowSize = size;
    this.from = start;
  }
}
