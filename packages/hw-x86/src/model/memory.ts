import { assert, checkInteger, checkPowerOfTwo } from '../errors.js';
import type { PhysicalMemory } from '../memory.js';
import { type ByteCount, GIB, type PhysAddr } from '../units.js';

/** Largest memory of a machine: page numbers below 2**31 fit a signed 32-bit column. */
export const MEMORY_BYTES_MAX = 8 * 1024 * GIB;

const ABSENT = new DataView(new ArrayBuffer(0));

/** The next power of two at or above `value`. */
function roundUpToPowerOfTwo(value: number): number {
  let power = 1;
  while (power < value) power *= 2;
  return power;
}

/**
 * Sparse RAM: chunks come into being when they are first touched, filled with zeros. A chunk is
 * one ArrayBuffer, which the host commits page by page, so chunks may be as large as 1 GiB and a
 * machine of 8 TiB costs what it touches.
 *
 * views[c], byteViews[c] and wordViews[c] show the same buffer, or none of them does.
 */
export class ModelMemory implements PhysicalMemory {
  declare readonly byteCount: ByteCount;
  declare readonly chunkBytes: ByteCount;
  /** 4 KiB pages in one chunk, as a shift. */
  declare readonly chunkPageShift: number;
  /** One view a chunk; unaligned, little-endian access. Zero length until the chunk is touched. */
  declare readonly views: DataView[];
  /** The same chunks as 32-bit words, for the page walker. */
  declare readonly wordViews: Int32Array[];
  declare private readonly byteViews: Uint8Array[];
  declare private readonly chunkInverse: number;

  /**
   * @param byteCount - a multiple of 4,096, at most 8 TiB
   * @param chunkBytes - a power of two, 2 MiB to 1 GiB; by default the smaller of 1 GiB and the
   *   whole memory
   * @throws ArgumentError ERR_MEMORY_BYTES, ERR_CHUNK_BYTES
   */
  constructor(byteCount: ByteCount, chunkBytes?: ByteCount) {
    checkInteger('ERR_MEMORY_BYTES', 'memoryBytes', byteCount, 4096, MEMORY_BYTES_MAX);
    checkInteger('ERR_MEMORY_BYTES', 'memoryBytes / 4096', byteCount / 4096, 1, 2 ** 31);
    const wanted =
      chunkBytes ?? Math.max(2 * 2 ** 20, Math.min(GIB, roundUpToPowerOfTwo(byteCount)));
    this.chunkBytes = checkPowerOfTwo('ERR_CHUNK_BYTES', 'chunkBytes', wanted, 2 ** 21, GIB);
    this.byteCount = byteCount;
    this.chunkPageShift = Math.round(Math.log2(this.chunkBytes)) - 12;
    this.chunkInverse = 1 / this.chunkBytes;
    const chunkCount = Math.ceil(byteCount / this.chunkBytes);
    this.views = new Array<DataView>(chunkCount).fill(ABSENT);
    this.byteViews = new Array<Uint8Array>(chunkCount).fill(new Uint8Array(0));
    this.wordViews = new Array<Int32Array>(chunkCount).fill(new Int32Array(0));
  }

  /** Chunks the address space has. */
  get chunkCount(): number {
    return this.views.length;
  }

  /** True when the chunk has been touched; reading it through `views` before that is a defect. */
  isPresent(chunk: number): boolean {
    return this.views[chunk] !== ABSENT;
  }

  /** Makes the chunk exist. Allocates on the first touch only. */
  touch(chunk: number): void {
    assert(chunk >= 0 && chunk < this.views.length, 'physical address outside memory');
    if (this.views[chunk] !== ABSENT) return;
    const buffer = new ArrayBuffer(this.chunkBytes);
    this.views[chunk] = new DataView(buffer);
    this.byteViews[chunk] = new Uint8Array(buffer);
    this.wordViews[chunk] = new Int32Array(buffer);
  }

  /** Gives a chunk back: it reads as zeros again. */
  drop(chunk: number): void {
    assert(chunk >= 0 && chunk < this.views.length, 'physical address outside memory');
    this.views[chunk] = ABSENT;
    this.byteViews[chunk] = new Uint8Array(0);
    this.wordViews[chunk] = new Int32Array(0);
  }

  bytes(address: PhysAddr): Uint8Array {
    return this.byteViews[this.#chunkOf(address)];
  }

  words(address: PhysAddr): Int32Array {
    return this.wordViews[this.#chunkOf(address)];
  }

  load8(address: PhysAddr): number {
    const chunk = this.#chunkOf(address);
    return this.byteViews[chunk][address - chunk * this.chunkBytes];
  }

  load32(address: PhysAddr): number {
    const chunk = this.#chunkOf(address);
    const offset = address - chunk * this.chunkBytes;
    assert((offset & 3) === 0, 'physical word access is not aligned');
    return this.views[chunk].getUint32(offset, true);
  }

  store8(address: PhysAddr, value: number): void {
    const chunk = this.#chunkOf(address);
    this.byteViews[chunk][address - chunk * this.chunkBytes] = value;
  }

  store32(address: PhysAddr, value: number): void {
    const chunk = this.#chunkOf(address);
    const offset = address - chunk * this.chunkBytes;
    assert((offset & 3) === 0, 'physical word access is not aligned');
    this.views[chunk].setInt32(offset, value, true);
  }

  copy(to: PhysAddr, from: PhysAddr, byteCount: ByteCount): void {
    this.#checkRange(to, byteCount);
    this.#checkRange(from, byteCount);
    if (to <= from || to >= from + byteCount) this.#copyUpwards(to, from, byteCount);
    else this.#copyDownwards(to, from, byteCount);
  }

  fill(address: PhysAddr, byteCount: ByteCount, value: number): void {
    this.#checkRange(address, byteCount);
    let done = 0;
    while (done < byteCount) {
      const at = address + done;
      const chunk = this.#chunkOf(at);
      const offset = at - chunk * this.chunkBytes;
      const piece = Math.min(byteCount - done, this.chunkBytes - offset);
      this.byteViews[chunk].fill(value, offset, offset + piece);
      done += piece;
    }
  }

  read(from: PhysAddr, target: Uint8Array, offset: number, byteCount: ByteCount): void {
    this.#checkRange(from, byteCount);
    assert(offset >= 0 && offset + byteCount <= target.length, 'host buffer is too short');
    let done = 0;
    while (done < byteCount) {
      const chunk = this.#chunkOf(from + done);
      const at = from + done - chunk * this.chunkBytes;
      const piece = Math.min(byteCount - done, this.chunkBytes - at);
      target.set(this.byteViews[chunk].subarray(at, at + piece), offset + done);
      done += piece;
    }
  }

  write(to: PhysAddr, source: Uint8Array, offset: number, byteCount: ByteCount): void {
    this.#checkRange(to, byteCount);
    assert(offset >= 0 && offset + byteCount <= source.length, 'host buffer is too short');
    let done = 0;
    while (done < byteCount) {
      const chunk = this.#chunkOf(to + done);
      const at = to + done - chunk * this.chunkBytes;
      const piece = Math.min(byteCount - done, this.chunkBytes - at);
      this.byteViews[chunk].set(source.subarray(offset + done, offset + done + piece), at);
      done += piece;
    }
  }

  /** Checks the invariant above; for tests. */
  checkInvariants(): void {
    for (let chunk = 0; chunk < this.views.length; chunk++) {
      const present = this.isPresent(chunk) ? this.chunkBytes : 0;
      assert(this.views[chunk].byteLength === present, 'memory: view length');
      assert(this.byteViews[chunk].length === present, 'memory: byte view length');
      assert(this.wordViews[chunk].length * 4 === present, 'memory: word view length');
      assert(
        present === 0 || this.byteViews[chunk].buffer === this.wordViews[chunk].buffer,
        'memory: views of one chunk show two buffers',
      );
    }
  }

  // Multiplication by an exact power of two, not `>>`: addresses pass 2**32.
  #chunkOf(address: PhysAddr): number {
    assert(address >= 0 && address < this.byteCount, 'physical address outside memory');
    const chunk = Math.floor(address * this.chunkInverse);
    if (this.views[chunk] === ABSENT) this.touch(chunk);
    return chunk;
  }

  #checkRange(address: PhysAddr, byteCount: ByteCount): void {
    assert(
      address >= 0 && byteCount >= 0 && address + byteCount <= this.byteCount,
      'physical range outside memory',
    );
  }

  #copyUpwards(to: PhysAddr, from: PhysAddr, byteCount: ByteCount): void {
    let done = 0;
    while (done < byteCount) {
      const toChunk = this.#chunkOf(to + done);
      const fromChunk = this.#chunkOf(from + done);
      const toOffset = to + done - toChunk * this.chunkBytes;
      const fromOffset = from + done - fromChunk * this.chunkBytes;
      const room = this.chunkBytes - Math.max(toOffset, fromOffset);
      const piece = Math.min(byteCount - done, room);
      this.#copyPiece(toChunk, toOffset, fromChunk, fromOffset, piece);
      done += piece;
    }
  }

  #copyDownwards(to: PhysAddr, from: PhysAddr, byteCount: ByteCount): void {
    let left = byteCount;
    while (left > 0) {
      const toChunk = this.#chunkOf(to + left - 1);
      const fromChunk = this.#chunkOf(from + left - 1);
      const toEnd = to + left - toChunk * this.chunkBytes;
      const fromEnd = from + left - fromChunk * this.chunkBytes;
      const piece = Math.min(left, toEnd, fromEnd);
      this.#copyPiece(toChunk, toEnd - piece, fromChunk, fromEnd - piece, piece);
      left -= piece;
    }
  }

  // A loop between two chunks, because `subarray` would allocate on every copy.
  #copyPiece(
    toChunk: number,
    toOffset: number,
    fromChunk: number,
    fromOffset: number,
    byteCount: number,
  ): void {
    if (toChunk === fromChunk) {
      this.byteViews[toChunk].copyWithin(toOffset, fromOffset, fromOffset + byteCount);
      return;
    }
    const target = this.byteViews[toChunk];
    const source = this.byteViews[fromChunk];
    if (((toOffset | fromOffset | byteCount) & 3) === 0) {
      const targetWords = this.wordViews[toChunk];
      const sourceWords = this.wordViews[fromChunk];
      const toWord = toOffset >>> 2;
      const fromWord = fromOffset >>> 2;
      for (let i = 0; i < byteCount >>> 2; i++) targetWords[toWord + i] = sourceWords[fromWord + i];
      return;
    }
    for (let i = 0; i < byteCount; i++) target[toOffset + i] = source[fromOffset + i];
  }
}
