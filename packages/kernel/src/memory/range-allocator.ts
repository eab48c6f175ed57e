import { ArgumentError, assert, NIL } from '@hotpath/hw-x86';

/**
 * Free ranges of an address window, first fit in address order, merged on free. Two sorted columns:
 *
 *   freeStart[i] + freeBytes[i] < freeStart[i + 1]      (never adjacent: they would be one)
 *   sum(freeBytes) + sum(used) === window bytes
 *
 * Finding is O(free ranges), freeing O(log n) and a move of the columns' tail.
 */
export class RangeAllocator {
  readonly #start: number;
  readonly #bytes: number;
  #freeStart: Float64Array;
  #freeBytes: Float64Array;
  #freeCount = 1;
  readonly #used = new Map<number, number>();

  /** A window of `bytes` bytes at `start`, all free. */
  constructor(start: number, bytes: number) {
    this.#start = start;
    this.#bytes = bytes;
    this.#freeStart = new Float64Array(64);
    this.#freeBytes = new Float64Array(64);
    this.#freeStart[0] = start;
    this.#freeBytes[0] = bytes;
  }

  /** Number of ranges handed out. */
  get usedCount(): number {
    return this.#used.size;
  }

  /** Start of a range of `bytes` bytes aligned to `align`, or NIL. */
  allocate(bytes: number, align: number): number {
    for (let i = 0; i < this.#freeCount; i++) {
      const low = this.#freeStart[i];
      const start = Math.ceil(low / align) * align;
      const end = low + this.#freeBytes[i];
      if (start + bytes > end) continue;
      this.#take(i, low, start, start + bytes, end);
      this.#used.set(start, bytes);
      return start;
    }
    return NIL;
  }

  /** Bytes of the range that starts at `start`, or NIL if none does. */
  sizeOf(start: number): number {
    return this.#used.get(start) ?? NIL;
  }

  /**
   * Gives a range back.
   * @throws ArgumentError `ERR_RANGE_START` if no range starts there
   */
  free(start: number): void {
    const bytes = this.#used.get(start);
    if (bytes === undefined) {
      throw new ArgumentError(
        'ERR_RANGE_START',
        `address is ${start}; allowed: the start of a range`,
      );
    }
    this.#used.delete(start);
    const at = this.#firstAfter(start);
    const joinsLow = at > 0 && this.#endOf(at - 1) === start;
    const joinsHigh = at < this.#freeCount && this.#freeStart[at] === start + bytes;
    if (joinsLow && joinsHigh) {
      this.#freeBytes[at - 1] = this.#freeBytes[at - 1] + bytes + this.#freeBytes[at];
      this.#remove(at);
    } else if (joinsLow) {
      this.#freeBytes[at - 1] = this.#freeBytes[at - 1] + bytes;
    } else if (joinsHigh) {
      this.#freeStart[at] = start;
      this.#freeBytes[at] = this.#freeBytes[at] + bytes;
    } else {
      this.#insert(at, start, bytes);
    }
  }

  /** Asserts the two equations above. */
  checkInvariants(): void {
    let total = 0;
    for (let i = 0; i < this.#freeCount; i++) {
      total += this.#freeBytes[i];
      assert(this.#freeBytes[i] > 0, 'an empty free range');
      assert(
        i === 0 || this.#endOf(i - 1) < this.#freeStart[i],
        'free ranges touch or are out of order',
      );
    }
    for (const bytes of this.#used.values()) total += bytes;
    assert(total === this.#bytes, 'free and used ranges do not add up to the window');
    assert(this.#freeCount === 0 || this.#freeStart[0] >= this.#start, 'range below window');
  }

  #take(i: number, low: number, start: number, end: number, high: number): void {
    if (start > low && end < high) {
      this.#freeBytes[i] = start - low;
      this.#insert(i + 1, end, high - end);
    } else if (start > low) {
      this.#freeBytes[i] = start - low;
    } else if (end < high) {
      this.#freeStart[i] = end;
      this.#freeBytes[i] = high - end;
    } else {
      this.#remove(i);
    }
  }

  #endOf(i: number): number {
    return this.#freeStart[i] + this.#freeBytes[i];
  }

  #firstAfter(start: number): number {
    let low = 0;
    let high = this.#freeCount;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#freeStart[middle] < start) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #insert(at: number, start: number, bytes: number): void {
    if (this.#freeCount === this.#freeStart.length) this.#grow();
    this.#freeStart.copyWithin(at + 1, at, this.#freeCount);
    this.#freeBytes.copyWithin(at + 1, at, this.#freeCount);
    this.#freeStart[at] = start;
    this.#freeBytes[at] = bytes;
    this.#freeCount += 1;
  }

  #remove(at: number): void {
    this.#freeStart.copyWithin(at, at + 1, this.#freeCount);
    this.#freeBytes.copyWithin(at, at + 1, this.#freeCount);
    this.#freeCount -= 1;
  }

  #grow(): void {
    const start = new Float64Array(this.#freeStart.length * 2);
    const bytes = new Float64Array(this.#freeStart.length * 2);
    start.set(this.#freeStart);
    bytes.set(this.#freeBytes);
    this.#freeStart = start;
    this.#freeBytes = bytes;
  }
}
