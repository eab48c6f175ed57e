import { ArgumentError, assert } from '../../errors.js';

/**
 * Bytes of a piece, or one block if that is more. Larger pieces waste memory on scattered blocks,
 * smaller ones need more of them.
 */
const PIECE_BYTES = 16_384;

/** What {@link SparseBlocks.save} answers. */
export interface SavedBlocks {
  readonly blockBytes: number;
  readonly blockCount: number;
  /** Pieces by number; all of one length, a power of two of blocks; what is absent is zeros. */
  readonly pieces: ReadonlyMap<number, Uint8Array>;
}

/**
 * Contents of a medium: blocks that were never written read as zeros and take no memory.
 *
 * A piece is shared with copies of this object until either side writes to it (copy on write), so
 * that a snapshot costs one map entry per 16 KiB ever written.
 */
export class SparseBlocks {
  readonly blockBytes: number;
  readonly blockCount: number;
  readonly #pieceBytes: number;
  readonly #blocksPerPiece: number;
  readonly #pieces: Map<number, Uint8Array>;
  /** Pieces that a copy may hold as well. */
  readonly #shared = new Set<number>();

  constructor(blockBytes: number, blockCount: number, pieces?: Map<number, Uint8Array>) {
    this.blockBytes = blockBytes;
    this.blockCount = blockCount;
    this.#pieceBytes = Math.max(PIECE_BYTES, blockBytes);
    this.#blocksPerPiece = this.#pieceBytes / blockBytes;
    assert(Number.isInteger(this.#blocksPerPiece), 'a piece holds whole blocks');
    this.#pieces = pieces ?? new Map();
    for (const piece of this.#pieces.keys()) this.#shared.add(piece);
  }

  /** Copies a block to `target[offset ..]`. */
  read(block: number, target: Uint8Array, offset: number): void {
    const piece = this.#pieces.get(Math.floor(block / this.#blocksPerPiece));
    const size = this.blockBytes;
    if (piece === undefined) {
      target.fill(0, offset, offset + size);
      return;
    }
    const start = (block % this.#blocksPerPiece) * size;
    // A loop-free copy inside one buffer needs a view; short blocks are cheaper by hand.
    target.set(piece.subarray(start, start + size), offset);
  }

  /** Stores a block, or from byte `from` of it `byteCount` bytes, from `source[offset ..]`. */
  write(
    block: number,
    source: Uint8Array,
    offset: number,
    from = 0,
    byteCount = this.blockBytes,
  ): void {
    assert(block >= 0 && block < this.blockCount, 'a block of this medium');
    assert(from + byteCount <= this.blockBytes, 'a part of one block');
    const piece = this.#own(Math.floor(block / this.#blocksPerPiece));
    const start = (block % this.#blocksPerPiece) * this.blockBytes + from;
    piece.set(source.subarray(offset, offset + byteCount), start);
  }

  /** Sets blocks to zeros, letting go of whole pieces. Costs time for written pieces only. */
  erase(block: number, blockCount: number): void {
    const perPiece = this.#blocksPerPiece;
    const end = block + blockCount;
    const first = Math.floor(block / perPiece);
    const last = Math.floor((end - 1) / perPiece);
    if (last - first > this.#pieces.size) {
      for (const piece of [...this.#pieces.keys()]) {
        if (piece >= first && piece <= last) this.#erasePiece(piece, block, end);
      }
      return;
    }
    for (let piece = first; piece <= last; piece++) {
      if (this.#pieces.has(piece)) this.#erasePiece(piece, block, end);
    }
  }

  #erasePiece(piece: number, block: number, end: number): void {
    const perPiece = this.#blocksPerPiece;
    const from = Math.max(block - piece * perPiece, 0);
    const to = Math.min(end - piece * perPiece, perPiece);
    if (from === 0 && to === perPiece) {
      this.#pieces.delete(piece);
      this.#shared.delete(piece);
      return;
    }
    this.#own(piece).fill(0, from * this.blockBytes, to * this.blockBytes);
  }

  #own(piece: number): Uint8Array {
    const bytes = this.#pieces.get(piece);
    if (bytes !== undefined && !this.#shared.has(piece)) return bytes;
    const own = bytes === undefined ? new Uint8Array(this.#pieceBytes) : bytes.slice();
    this.#pieces.set(piece, own);
    this.#shared.delete(piece);
    return own;
  }

  /** A copy that shares all pieces until one side writes. */
  copy(): SparseBlocks {
    return SparseBlocks.from(this.save());
  }

  /** The contents as plain data, sharing the pieces until either side writes. */
  save(): SavedBlocks {
    for (const piece of this.#pieces.keys()) this.#shared.add(piece);
    return {
      blockBytes: this.blockBytes,
      blockCount: this.blockCount,
      pieces: new Map(this.#pieces),
    };
  }

  /** Blocks with saved contents. */
  static from(saved: SavedBlocks): SparseBlocks {
    return new SparseBlocks(saved.blockBytes, saved.blockCount, new Map(saved.pieces));
  }

  /**
   * A medium with the given bytes from block 0 on, such as a file-system image; the rest is zeros.
   * @param blockCount - at least what the bytes fill; default: just that
   * @throws ArgumentError ERR_IMAGE_SIZE
   */
  static fromBytes(bytes: Uint8Array, blockBytes: number, blockCount?: number): SparseBlocks {
    const filled = bytes.length / blockBytes;
    const count = blockCount ?? filled;
    if (!Number.isInteger(filled) || count < Math.max(filled, 1)) {
      throw new ArgumentError(
        'ERR_IMAGE_SIZE',
        `image has ${bytes.length} bytes; allowed: whole blocks of ${blockBytes}, at most ${count}`,
      );
    }
    const blocks = new SparseBlocks(blockBytes, count);
    for (let b = 0; b < filled; b++) {
      const at = b * blockBytes;
      if (!isZeroRange(bytes, at, at + blockBytes)) blocks.write(b, bytes, at);
    }
    return blocks;
  }

  /** All bytes from block 0 on, for other programs to read. Costs memory for the whole disk. */
  toBytes(): Uint8Array {
    const bytes = new Uint8Array(this.blockBytes * this.blockCount);
    for (const [piece, data] of this.#pieces) {
      const at = piece * this.#pieceBytes;
      bytes.set(data.subarray(0, Math.min(this.#pieceBytes, bytes.length - at)), at);
    }
    return bytes;
  }

  /** First and last block of a range that may hold anything but zeros; null when none does. */
  writtenWithin(block: number, blockCount: number): { first: number; last: number } | null {
    let first = Infinity;
    let last = -1;
    for (const piece of this.#pieces.keys()) {
      const from = Math.max(piece * this.#blocksPerPiece, block);
      const to = Math.min((piece + 1) * this.#blocksPerPiece, block + blockCount) - 1;
      if (from > to) continue;
      first = Math.min(first, from);
      last = Math.max(last, to);
    }
    return last < 0 ? null : { first, last };
  }

  /** Bytes of memory that the contents take. */
  get storedBytes(): number {
    return this.#pieces.size * this.#pieceBytes;
  }

  /** Numbers of the first blocks of written pieces, ascending, and how many blocks a piece has. */
  written(): { first: number[]; blocksPerPiece: number } {
    const first = [...this.#pieces.keys()].sort((a, b) => a - b);
    return {
      first: first.map((piece) => piece * this.#blocksPerPiece),
      blocksPerPiece: this.#blocksPerPiece,
    };
  }

  /**
   * FNV-1a over the contents, 32 bits, unsigned. Blocks of zeros count as never written, so equal
   * contents have equal hashes however they came about.
   */
  hash(): number {
    const { first, blocksPerPiece } = this.written();
    const words = this.blockBytes / 4;
    let hash = 0x811c9dc5;
    for (const start of first) {
      const piece = this.#pieces.get(start / blocksPerPiece)!;
      const view = new Int32Array(piece.buffer, piece.byteOffset, this.#pieceBytes / 4);
      for (let i = 0; i < blocksPerPiece; i++) {
        const block = view.subarray(i * words, (i + 1) * words);
        if (block.every(isZero)) continue;
        hash = Math.imul(hash ^ ((start + i) | 0), 0x01000193);
        for (let w = 0; w < words; w++) hash = Math.imul(hash ^ block[w], 0x01000193);
      }
    }
    return hash >>> 0;
  }
}

function isZero(word: number): boolean {
  return word === 0;
}

function isZeroRange(bytes: Uint8Array, from: number, to: number): boolean {
  for (let i = from; i < to; i++) if (bytes[i] !== 0) return false;
  return true;
}
