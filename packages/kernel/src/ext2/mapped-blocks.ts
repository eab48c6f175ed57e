/**
 * What is known of where a file's blocks lie: the block number, a hole, or a hole for which room is
 * set aside. In the manner of Linux's extent status tree; a page of cached data costs no look at
 * blocks of pointers.
 */

/** Not known: the pointers tell. */
export const UNKNOWN = 0;
/** No block. */
export const HOLE = 0xffff_ffff;
/** No block yet, but room for one. */
export const RESERVED = 0xffff_fffe;

/** Blocks of a piece: a power of two. */
const PIECE = 256;

/** Known places, in pieces of 256 blocks; 4 bytes a block. */
export class MappedBlocks {
  readonly #pieces = new Map<number, Uint32Array>();
  #lastNumber = -1;
  #last: Uint32Array | null = null;
  /** Entries that are RESERVED. */
  reserved = 0;

  #find(index: number): Uint32Array | null {
    const number = Math.floor(index / PIECE);
    if (number === this.#lastNumber) return this.#last;
    const piece = this.#pieces.get(number) ?? null;
    if (piece !== null) {
      this.#lastNumber = number;
      this.#last = piece;
    }
    return piece;
  }

  /** A block number, or UNKNOWN, HOLE, RESERVED. */
  get(index: number): number {
    const piece = this.#find(index);
    return piece === null ? UNKNOWN : piece[index % PIECE];
  }

  set(index: number, value: number): void {
    let piece = this.#find(index);
    if (piece === null) {
      piece = new Uint32Array(PIECE);
      this.#pieces.set(Math.floor(index / PIECE), piece);
    }
    const before = piece[index % PIECE];
    if (before === RESERVED) this.reserved -= 1;
    if (value === RESERVED) this.reserved += 1;
    piece[index % PIECE] = value;
  }

  /** As `set`, where nothing is known yet. */
  learn(index: number, value: number): void {
    if (this.get(index) === UNKNOWN) this.set(index, value);
  }

  /** Forgets everything from `index` on; how many RESERVED entries were there. */
  cut(index: number): number {
    let given = 0;
    const first = Math.floor(index / PIECE);
    for (const [number, piece] of this.#pieces) {
      if (number < first) continue;
      const from = number === first ? index % PIECE : 0;
      for (let i = from; i < PIECE; i++) if (piece[i] === RESERVED) given += 1;
      if (from === 0) this.#pieces.delete(number);
      else piece.fill(UNKNOWN, from);
    }
    this.#lastNumber = -1;
    this.#last = null;
    this.reserved -= given;
    return given;
  }
}
